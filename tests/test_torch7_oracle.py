"""Modules and criterions against numbers printed by the original Torch7, in double precision."""

import json
from numbers import Real
from pathlib import Path

import numpy as np
import pytest

import fnn.torch7 as torch
from fnn.torch7 import nn

HERE = Path(__file__).parent / "oracle"
MODULES = [json.loads(line) for line in (HERE / "modules.jsonl").read_text().splitlines()]
CRITERIONS = [json.loads(line) for line in (HERE / "criterions.jsonl").read_text().splitlines()]


def value(x):
    """A tensor, a storage, a table or a number."""
    if isinstance(x, list):
        return [value(y) for y in x]
    if not isinstance(x, dict):
        return x
    if "name" in x:
        return build(x)
    if "__storage__" in x:
        return torch.LongStorage(x["data"])
    kind = getattr(torch, x["t"] + "Tensor")
    return kind(x["data"]).view(*x["size"]) if x["size"] else kind()


def build(spec):
    """The module or the criterion of a case, or of a child in it."""
    module = getattr(nn, spec["name"][3:])(*map(value, spec.get("ctor_args", [])))
    weights = spec.get("child_weights", {})
    if isinstance(weights, list):
        weights = dict(zip("123", weights, strict=False))
    for i, child in enumerate(spec.get("children", []), 1):
        module.add(build(child), *[weights[str(i)]] if str(i) in weights else [])
    for name, field in spec.get("set", {}).items():
        setattr(module, name, field)
    for name, *args in spec.get("calls", []):
        getattr(module, name)(*args)
    return module


def parameters(module):
    """All parameters with their gradients, in order."""
    found = module.parameters()
    return [] if found[0] is None else list(zip(*found, strict=True))


def assert_equal(ours, theirs):
    if isinstance(theirs, list):
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs, strict=True):
            assert_equal(a, b)
        return
    theirs = np.array(theirs["data"]).reshape(theirs["size"] or (0,))
    assert tuple(ours.size()) == theirs.shape
    np.testing.assert_allclose(np.asarray(ours), theirs, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("case", MODULES, ids=lambda case: case["id"])
def test_module(case):
    module = build(case)
    if case.get("mode") == "evaluate":
        module.evaluate()
    names = case.get("param_order", [])
    pairs = parameters(module)
    assert len(pairs) == len(names)
    for name, (p, _) in zip(names, pairs, strict=True):
        p.copy(value(case["params"][name]))
    assert str(module) == case["tostring"]
    x, g = value(case["input"]), value(case["gradOutput"])
    module.zeroGradParameters()
    output = module.forward(x)
    assert_equal(output, case["output"])
    assert module.output is output
    if "input_after_forward" in case:
        assert_equal(x, case["input_after_forward"])
    assert_equal(module.backward(x, g), case["gradInput"])
    if "gradOutput_after" in case:
        assert_equal(g, case["gradOutput_after"])
    for name, (_, d) in zip(names, pairs, strict=True):
        assert_equal(d, case["gradParams"][name])
    if names:
        module.backward(x, g, 0.5)
        for name, (_, d) in zip(names, pairs, strict=True):
            assert_equal(d, case["gradParams_acc_half"][name])
        module.updateParameters(0.1)
        for name, (p, _) in zip(names, pairs, strict=True):
            assert_equal(p, case["params_updated"][name])


@pytest.mark.parametrize("case", MODULES, ids=lambda case: case["id"])
def test_module_in_a_container_of_hand_written_modules(case):
    """The same numbers when nothing can run as one program."""
    if "input_after_forward" in case or "gradOutput_after" in case:
        pytest.skip("an in-place module changes what its neighbours hold")
    module = build(case)
    for name, (p, _) in zip(case.get("param_order", []), parameters(module), strict=True):
        p.copy(value(case["params"][name]))
    if case.get("mode") == "evaluate":
        module.evaluate()
    net = nn.Sequential().add(Same()).add(module).add(Same())
    assert net.layer is None
    net.zeroGradParameters()
    x = value(case["input"])
    assert_equal(net.forward(x), case["output"])
    assert_equal(net.backward(x, value(case["gradOutput"])), case["gradInput"])
    for name, (_, d) in zip(case.get("param_order", []), parameters(module), strict=True):
        assert_equal(d, case["gradParams"][name])


class Same(nn.Module):
    """Passes everything on, in its own words."""

    def updateOutput(self, input):
        self.output = input
        return self.output

    def updateGradInput(self, input, gradOutput):
        self.gradInput = gradOutput
        return self.gradInput


@pytest.mark.parametrize("case", CRITERIONS, ids=lambda case: case["id"])
def test_criterion(case):
    criterion = build(case)
    assert str(criterion) == case["tostring"]
    x, target = value(case["input"]), value(case.get("target"))
    given = [x] if isinstance(criterion, nn.Module) else [x, target]
    loss = criterion.forward(*given)
    assert isinstance(loss, Real)  # computed when it is looked at
    assert loss == pytest.approx(case["output"], rel=1e-12)
    assert criterion.output == loss
    if "output2" in case:
        assert criterion.total_weight_tensor.tolist() == pytest.approx([case["output2"]])
        assert criterion.output_tensor.tolist() == [loss]
    if "backward_target" in case:
        target = value(case["backward_target"])
    found = criterion.backward(*given[:1], target)
    assert_equal(found, case["gradInput"])
    assert criterion.gradInput is found

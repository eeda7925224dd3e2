"""Modules and criterions against numbers printed by the original Torch7, in double precision."""

from numbers import Real

import pytest

from fnn.torch7 import nn
from tests.torch7_cases import assert_equal, build, cases, parameters, value

pytestmark = pytest.mark.unoptimised

MODULES = cases("modules", "simple")
CRITERIONS = cases("criterions")

# Where the original is not right, and this library is.
DEVIATIONS = {
    "nn.Bilinear/1": "scale",  # is ignored in the gradient of the weight
    "nn.Bilinear/2": "scale",
    "nn.Cosine/1": "scale",  # is ignored in one of two terms, for one example
    "nn.WeightedEuclidean/1": "scale",  # is ignored for diagCov, for one example
    "nn.LinearWeightNorm/1": "scale",  # applies to what was there before too
    "nn.LinearWeightNorm/3": "scale",
    "nn.LinearWeightNorm/4": "scale",
    "nn.Normalize/3": "gradInput",  # has eps in the derivative of |x|
    "nn.PairwiseDistance/6": "gradInput",  # lacks a factor for 1 < p < 2
    "nn.FeatureLPPooling/1": "tostring",  # raises
    "nn.SparseLinear/1": "gradOutput_after",  # backward resizes it
    "nn.IndexLinear/1": "gradParams",  # no backward of one example
    "nn.IndexLinear/3": "gradParams",  # those of the weight are in tables of their own
}


def differs(case, what):
    return DEVIATIONS.get(case["id"]) == what


def prepared(case):
    """The module of a case, with its parameters and its noise."""
    module = build(case)
    names, pairs = case.get("param_order", []), parameters(module)
    assert len(pairs) == len(names)
    for name, (p, _) in zip(names, pairs, strict=True):
        p.copy(value(case["params"][name]))
    if "noise" in case.get("state_after", {}):
        noise = value(case["state_after"]["noise"])
        module._draw = lambda x: module.noise.resizeAs(noise).copy(noise)
    return module, dict(zip(names, pairs, strict=True))


def printed(case, when):
    return "".join(text + "\n" for text in case.get(when, []))


def scaled(theirs, factor):
    return {**theirs, "data": [factor * x for x in theirs["data"]]}


@pytest.mark.parametrize("case", MODULES, ids=lambda case: case["id"])
def test_module(case, capsys):
    module, named = prepared(case)
    if not differs(case, "tostring"):
        assert str(module) == case["tostring"]
    x = value(case["input"])
    module.zeroGradParameters()
    output = module.forward(x)
    assert_equal(output, case["output"])
    assert module.output is output
    assert capsys.readouterr().out == printed(case, "printed_forward")
    for name, theirs in case.get("extra", {}).items():
        assert getattr(module, name) == pytest.approx(theirs, rel=1e-12)
    for name, theirs in case.get("params_after_forward", {}).items():
        assert_equal(named[name][0], theirs)
    if "input_after_forward" in case:
        assert_equal(x, case["input_after_forward"])
    if "backward_error" in case:
        return
    g = value(case["gradOutput"])
    gradInput = module.backward(x, g)
    assert capsys.readouterr().out == printed(case, "printed_backward")
    if not differs(case, "gradInput"):
        assert_equal(gradInput, case["gradInput"])
    if "gradOutput_after" in case and not differs(case, "gradOutput_after"):
        assert_equal(g, case["gradOutput_after"])
    if "input_after_backward" in case:
        assert_equal(x, case["input_after_backward"])
    if differs(case, "gradParams"):
        return
    for name, (_, d) in named.items():
        assert_equal(d, case["gradParams"][name])
    if "params_updated" not in case:
        return
    module.backward(x, g, 0.5)
    for name, (_, d) in named.items():
        again = case["gradParams_acc_half"][name]
        right = scaled(case["gradParams"][name], 1.5) if differs(case, "scale") else again
        assert_equal(d, right)
    module.updateParameters(0.1)
    for name, (p, _) in named.items():
        if not differs(case, "scale"):
            assert_equal(p, case["params_updated"][name])


# Not what works in place or has no backward; one case of a module is enough.
ALONE = {"input_after_forward", "gradOutput_after", "backward_error"}
INSIDE = {case["name"]: case for case in MODULES if not ALONE & set(case)}


@pytest.mark.parametrize("case", INSIDE.values(), ids=INSIDE)
def test_module_in_a_container_of_hand_written_modules(case):
    """The same numbers when nothing can run as one program."""
    module, named = prepared(case)
    net = nn.Sequential().add(Same()).add(module).add(Same())
    assert net.layer is None
    net.zeroGradParameters()
    x = value(case["input"])
    assert_equal(net.forward(x), case["output"])
    gradInput = net.backward(x, value(case["gradOutput"]))
    if not differs(case, "gradInput"):
        assert_equal(gradInput, case["gradInput"])
    for name, (_, d) in named.items():
        if not differs(case, "gradParams"):
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

"""Modules over time and space against numbers printed by the original Torch7, double precision."""

import json
from pathlib import Path

import numpy as np
import pytest

import fnn.torch7 as torch
from fnn.torch7 import nn
from tests.test_torch7_oracle import assert_equal, parameters, value

pytestmark = pytest.mark.unoptimised

FILE = Path(__file__).parent / "oracle" / "spatial.jsonl"
CASES = [json.loads(line) for line in FILE.read_text().splitlines()]


def build(spec, known=None):
    """The module of a case, or of a child in it, which may refer to one before it."""
    known = {} if known is None else known

    def argument(x):
        if isinstance(x, dict) and not {"t", "__storage__"} & x.keys():
            return known[x["ref"]] if "ref" in x else x
        return value(x)

    module = getattr(nn, spec["name"][3:])(*map(argument, spec.get("ctor_args", [])))
    known[spec.get("id")] = module
    for child in spec.get("children", []):
        module.add(build(child, known))
    for name, *args in spec.get("calls", []):
        getattr(module, name)(*args)
    for name, x in spec.get("set", {}).items():
        setattr(module, name, value(x))
    if spec.get("mode") == "evaluate":
        module.evaluate()
    return module


def put(module, tensors):
    """Set parameters or state of a case."""
    for name, x in tensors.items():
        getattr(module, name).copy(value(x))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_module(case):
    module = build(case)
    names, pairs = case.get("param_order", []), parameters(module)
    assert len(pairs) == len(names)
    put(module, case.get("params", {}) | case.get("state", {}))
    assert str(module) == case["tostring"]
    x, g = value(case["input"]), value(case["gradOutput"])
    module.zeroGradParameters()
    assert module.forward(x) is module.output
    assert_equal(module.output, case["output"])
    assert_equal(module.backward(x, g), case["gradInput"])
    for name, wanted in case.get("state_after", {}).items():
        assert_equal(getattr(module, name), wanted)
    for name, (_, d) in zip(names, pairs, strict=True):
        assert_equal(d, case["gradParams"][name])
    if names:
        before = [np.asarray(p).copy() for p, _ in pairs]
        module.backward(x, g, 0.5)
        module.updateParameters(0.1)
        for name, old, (p, d) in zip(names, before, pairs, strict=True):
            once = np.array(case["gradParams"][name]["data"]).reshape(old.shape)
            np.testing.assert_allclose(np.asarray(d), 1.5 * once, 1e-10, 1e-12)
            np.testing.assert_allclose(np.asarray(p), old - 0.15 * once, 1e-10, 1e-12)

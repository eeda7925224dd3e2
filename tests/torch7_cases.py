"""What the original Torch7 printed, in double precision: cases of `oracle/` as live objects."""

import json
from pathlib import Path

import numpy as np

import fnn.torch7 as torch
from fnn.torch7 import nn

ORACLE = Path(__file__).parent / "oracle"


def cases(*names):
    """The cases of files, as they stand there."""
    return [
        json.loads(line)
        for name in names
        for line in (ORACLE / f"{name}.jsonl").read_text().splitlines()
    ]


def value(x, known=None):
    """A tensor, a storage, a module, a plain value, or a list or a dict of such."""
    if isinstance(x, list):
        return [value(y, known) for y in x]
    if not isinstance(x, dict):
        return x
    if "ref" in x:
        return known[x["ref"]]
    if "name" in x:
        return build(x, known)
    if "__storage__" in x:
        return torch.LongStorage(x["data"])
    if "data" not in x:
        return {key: value(y, known) for key, y in x.items()}
    kind = getattr(torch, x.get("t", "Double") + "Tensor")
    return kind(x["data"]).view(*x["size"]) if x["size"] else kind()


def build(case, known=None):
    """The module or criterion of a case, or of a part of it, which may name one before it."""
    known = {} if known is None else known
    made = getattr(nn, case["name"][3:])(*value(case.get("ctor_args", []), known))
    known[case.get("id")] = made
    weights = case.get("child_weights", {})
    if isinstance(weights, list):
        weights = dict(zip("123", weights, strict=False))
    for i, child in enumerate(case.get("children", []), 1):
        made.add(value(child, known), *[weights[str(i)]] if str(i) in weights else [])
    for name, *args in case.get("calls", []):
        getattr(made, name)(*value(args))
    for name, x in case.get("set", {}).items():
        setattr(made, name, value(x))
    if case.get("mode") == "evaluate":
        made.evaluate()
    return made


def parameters(module):
    """All parameters with their gradients, in order."""
    found = module.parameters()
    return [] if found[0] is None else list(zip(*found, strict=True))


def assert_equal(ours, theirs):
    """Equal sizes, and numbers that differ by rounding."""
    if isinstance(theirs, list):
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs, strict=True):
            assert_equal(a, b)
        return
    theirs = np.array(theirs["data"]).reshape(theirs["size"] or (0,))
    assert tuple(ours.size()) == theirs.shape
    np.testing.assert_allclose(np.asarray(ours), theirs, rtol=1e-10, atol=1e-12)

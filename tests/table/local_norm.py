"""Rows of fnn.local_norm."""

import math

from fnn.local_norm import (
    contrastive_norm,
    divisive_norm,
    divisor,
    local_response_norm,
    normalize,
    subtractive_norm,
)
from tests.table.example import Example
from tests.table.original import F

POSITIVE = {"kernel": (0.2, 1)}
EXAMPLES = [
    Example(local_response_norm, {"size": 3}),
    Example(
        local_response_norm,
        {"size": 4, "alpha": 1.5, "beta": 0.5, "k": 2.0},
        {"features": 6, "*space": (2,)},
    ),
    Example(subtractive_norm, sizes={"*window": (3, 5)}, ranges=POSITIVE),
    Example(subtractive_norm, sizes={"*window": (3,)}, ranges=POSITIVE),
    Example(divisive_norm, sizes={"*window": (3, 5)}, ranges=POSITIVE),
    Example(
        divisive_norm,
        {"threshold": 0.55, "below": 0.7},
        {"*space": (6,), "*window": (3,)},
        POSITIVE,
    ),
    Example(contrastive_norm, sizes={"*window": (3, 3)}, ranges=POSITIVE),
    Example(divisor, {"p": 2.0, "axis": 1, "eps": 1e-12, "inside": False}, {"...": (3, 4)}),
    Example(divisor, {"p": 3.0, "axis": 0, "eps": 0.1, "inside": True}, {"...": (3, 4)}),
    Example(normalize, sizes={"...": (3, 4)}),
    Example(normalize, {"p": 3, "axis": 0, "eps": 0.9}, {"...": (3, 4)}),
    Example(normalize, {"p": math.inf, "axis": -1}, {"...": (3, 4)}),
    Example(normalize, {"p": 1, "eps": 0.1, "inside": True}, {"...": (3, 4)}),
    Example(normalize, {"p": 3.5, "eps": 0.1, "inside": True}, {"...": (3, 4)}),
    Example(normalize, {"p": math.inf, "eps": 0.1, "inside": True}, {"...": (3, 4)}),
]


def torch_normalize(x, p=2.0, axis=1, eps=1e-12, inside=False):
    if not inside:
        return F.normalize(x, p, axis, eps)
    size = x.norm(p, axis, keepdim=True)
    return x / (size + eps if math.isinf(p) else (size**p + eps) ** (1 / p))


TORCH = {
    local_response_norm: F.local_response_norm,
    normalize: torch_normalize,
}

"""Rows of fnn.distribution."""

from functools import partial

from fnn import distribution
from tests.table.example import Example
from tests.table.original import F

WIDE = {"x": (-4, 4)}
EXAMPLES = [
    Example(distribution.softmax, ranges=WIDE),
    Example(distribution.softmax, {"axis": 0}, {"...": (2, 3)}, WIDE),
    Example(distribution.softmin, ranges=WIDE),
    Example(distribution.log_softmax, ranges=WIDE),
    Example(distribution.log_softmax, {"axis": -2}, {"...": (2, 3)}, WIDE),
    Example(distribution.softmax, {"axis": None}),
    Example(distribution.gumbel_softmax, {"temperature": 0.7}, ranges=WIDE),
    Example(distribution.gumbel_softmax, {"hard": True}, ranges=WIDE, differentiable=False),
]


def torch_softmax(function, x, axis=-1):
    by_rank = 0 if x.ndim in (1, 3) else 1
    return function(x, by_rank if axis is None else axis)


TORCH = {
    distribution.softmax: partial(torch_softmax, F.softmax),
    distribution.softmin: partial(torch_softmax, F.softmin),
    distribution.log_softmax: partial(torch_softmax, F.log_softmax),
}

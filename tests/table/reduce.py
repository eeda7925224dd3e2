"""Rows of fnn.reduce."""

from fnn import reduce
from tests.table.example import Example
from tests.table.original import torch

SIZES = {"...": (2, 3, 4)}
EXAMPLES = [
    Example(reduce.sum_over, {"axis": 1, "keepdims": True}, SIZES),
    Example(reduce.mean_over, {"dimensions": 2}, SIZES),
    Example(reduce.max_over, {"axis": -1}, SIZES),
    Example(reduce.min_over, {"axis": 0, "keepdims": True}, SIZES),
]


def along(function):
    def apply(x, axis=0, dimensions=None, keepdims=False):
        return function(x, axis + (dimensions is not None), keepdims)

    return apply


TORCH = {
    reduce.sum_over: along(torch.sum),
    reduce.mean_over: along(torch.mean),
    reduce.max_over: along(lambda x, axis, keepdims: torch.max(x, axis, keepdims).values),
    reduce.min_over: along(lambda x, axis, keepdims: torch.min(x, axis, keepdims).values),
}

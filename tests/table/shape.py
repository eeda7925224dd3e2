"""Rows of fnn.shape."""

from fnn.shape import flatten, reshape, view
from tests.table.example import Example
from tests.table.original import torch

EXAMPLES = [
    Example(flatten, sizes={"...": (2, 3, 4)}),
    Example(flatten, {"start": 0, "end": 1}, {"...": (2, 3, 4)}),
    Example(reshape, {"shape": (-1, 6)}, {"...": (2, 3, 4)}),
    Example(reshape, {"shape": (4, 3, 2)}, {"...": (2, 3, 4)}),
    Example(view, {"shape": (2, 3)}, {"...": (5, 3, 2)}),
    Example(view, {"shape": (-1, 3), "dimensions": 2}, {"...": (5, 3, 2)}),
]

TORCH = {
    flatten: lambda x, start=1, end=-1: torch.flatten(x, start, end),
    reshape: torch.reshape,
}

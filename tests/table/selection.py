"""Rows of fnn.selection."""

from fnn import selection
from tests.table.example import Example
from tests.table.original import torch

SIZES = {"...": (2, 3, 4)}
EXAMPLES = [
    Example(selection.narrow, {"start": 1, "length": -2, "axis": 2}, SIZES),
    Example(selection.narrow, {"start": 1, "length": 2, "axis": 0, "dimensions": 2}, SIZES),
    Example(selection.select, {"index": -1, "axis": 1}, SIZES),
    Example(selection.index_select, sizes={"length": 5, "...": (2,)}, ranges={"indices": (0, 5)}),
    Example(selection.masked_select, {"count": 4}, {"*shape": (3, 5)}),
    Example(selection.one_hot, {"count": 4}, differentiable=False),
]

TORCH = {
    selection.select: lambda x, index, axis: torch.select(x, axis, index),
    selection.index_select: lambda x, indices: torch.index_select(x, 0, indices),
}

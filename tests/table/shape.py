"""Rows of fnn.shape."""

from fnn import shape
from tests.table.example import Example
from tests.table.original import torch

SIZES = {"...": (2, 3, 4)}
EXAMPLES = [
    Example(shape.flatten, sizes=SIZES),
    Example(shape.flatten, {"start": 0, "end": 1}, SIZES),
    Example(shape.reshape, {"shape": (-1, 6)}, SIZES),
    Example(shape.reshape, {"shape": (4, 3, 2)}, SIZES),
    Example(shape.view, {"shape": (2, 3)}, {"...": (5, 3, 2)}),
    Example(shape.view, {"shape": (-1, 3), "dimensions": 2}, {"...": (5, 3, 2)}),
    Example(shape.unflatten, {"axis": 2, "shape": (2, -1)}, SIZES),
    Example(shape.transpose, {"swaps": ((0, 1), (1, 2))}, SIZES),
    Example(shape.transpose, {"dimensions": 2}, SIZES),
    Example(shape.squeeze, sizes={"...": (2, 1, 1)}),
    Example(shape.squeeze, {"axis": 0, "dimensions": 2}, {"...": (1, 1, 3)}),
    Example(shape.unsqueeze, {"axis": -2}, SIZES),
    Example(shape.replicate, {"count": 3, "axis": 1, "dimensions": 2}, SIZES),
    Example(shape.pad_axis, {"count": 2, "axis": 1, "value": 7.0, "skip": 1}, SIZES),
    Example(shape.pad_axis, {"count": -2}, SIZES),
    Example(shape.convert, {"source": "cbt", "target": "bf"}, SIZES),
]

TORCH = {
    shape.flatten: lambda x, start=1, end=-1: torch.flatten(x, start, end),
    shape.reshape: torch.reshape,
    shape.unflatten: lambda x, axis, shape: torch.unflatten(x, axis, shape),
    shape.unsqueeze: lambda x, axis: torch.unsqueeze(x, axis),
}

"""Rows of fnn.table."""

from fnn import table
from tests.table.example import Example
from tests.table.original import torch

EXAMPLES = [
    Example(table.add),
    Example(table.subtract),
    Example(table.multiply),
    Example(table.divide, ranges={"y": (0.5, 2)}),
    Example(table.maximum),
    Example(table.minimum),
    Example(table.extreme_places, {"largest": True}),
    Example(table.extreme_places, {"largest": False}),
    Example(table.add_to_each),
    Example(table.join, {"axis": 0, "dimensions": 1}, {"...": (2, 3)}),
    Example(table.join_centred, {"axis": 0}, {"...": (2, 3)}),
    Example(table.split),
    Example(table.mixture),
]

TORCH = {
    table.divide: lambda x, y: x / y,
    table.join: lambda *xs, axis, dimensions: torch.cat(xs, axis + 1),
    table.split: torch.unbind,
}

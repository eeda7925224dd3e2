"""Rows of fnn.pointwise."""

from fnn import pointwise
from tests.table.example import Example
from tests.table.original import torch

POSITIVE = {"x": (0.2, 2)}
NUMBERS = (0.5, -1.0, 2.0)
EXAMPLES = [
    Example(pointwise.absolute),
    Example(pointwise.absolute, {"at_zero": 1.0}),
    Example(pointwise.exp),
    Example(pointwise.log, ranges=POSITIVE),
    Example(pointwise.square),
    Example(pointwise.sqrt, ranges=POSITIVE),
    Example(pointwise.sqrt, {"flat": True}, ranges=POSITIVE),
    Example(pointwise.power, {"exponent": 3.0}),
    Example(pointwise.power, {"exponent": 0.5}, ranges=POSITIVE),
    Example(pointwise.add_constant, {"constant": NUMBERS}, {"...": (2, 3)}),
    Example(pointwise.multiply_constant, {"constant": 2.5}),
    Example(pointwise.constant, {"dimensions": 1}, {"...": (2, 3)}),
]

TORCH = {
    pointwise.absolute: lambda x, at_zero=0.0: torch.abs(x),
    pointwise.exp: torch.exp,
    pointwise.log: torch.log,
    pointwise.square: torch.square,
    pointwise.sqrt: lambda x, flat=False: torch.sqrt(x),
    pointwise.power: torch.pow,
}

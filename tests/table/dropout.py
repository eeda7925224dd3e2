"""Rows of fnn.dropout."""

from fnn.dropout import alpha_dropout, dropout, white_noise
from tests.table.example import Example

EXAMPLES = [
    Example(dropout, {"train": True, "p": 0.3}),
    Example(dropout, {"train": True, "p": 1}),
    Example(dropout, {"train": False}),
    Example(dropout, {"train": True, "shared": 2, "rescale": False}, {"...": (5, 3, 2)}),
    Example(dropout, {"train": False, "rescale": False}),
    Example(alpha_dropout, {"train": True, "shared": 1}, {"...": (3, 2)}),
    Example(alpha_dropout, {"train": False}),
    Example(white_noise, {"train": True, "mean": 0.5}),
    Example(white_noise, {"train": False, "mean": 0.5}),
]

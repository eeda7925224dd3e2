"""Rows of fnn.linear."""

from fnn.linear import linear
from tests.table.example import Example
from tests.table.original import F

EXAMPLES = [
    Example(linear),
]

TORCH = {
    linear: lambda params, x: F.linear(x, **params),
}

"""Rows of fnn.linear."""

from fnn.linear import bilinear, linear, partial_linear
from tests.table.example import Example
from tests.table.original import F

CHOSEN = {"outputs": (0, 6)}
EXAMPLES = [
    Example(linear),
    Example(bilinear),
    Example(partial_linear, sizes={"all": 6}, ranges=CHOSEN),
]


def torch_partial_linear(params, x, outputs):
    return F.linear(x, **{name: array[outputs] for name, array in params.items()})


TORCH = {
    linear: lambda params, x: F.linear(x, **params),
    bilinear: lambda params, x, y: F.bilinear(x, y, **params),
    partial_linear: torch_partial_linear,
}

"""Rows of fnn.affine."""

from fnn.affine import scale, shift
from tests.table.example import Example

EXAMPLES = [
    Example(scale, sizes={"*shape": (3, 2)}),
    Example(scale, sizes={"*shape": (1,)}),
    Example(shift, sizes={"*shape": (3, 2)}),
]

TORCH = {
    scale: lambda params, x: params["weight"] * x,
    shift: lambda params, x: params["bias"] + x,
}

"""Rows of fnn.gates."""

from fnn import gates
from tests.table.example import Example
from tests.table.original import F

EXAMPLES = [
    Example(gates.glu, sizes={"features": 6}),
    Example(gates.prelu),
    Example(gates.prelu, sizes={"features": 1}),
    Example(gates.rrelu, {"train": True}),
    Example(gates.rrelu, {"train": False}),
    Example(gates.crelu),
    Example(gates.maxout, {"pieces": 2}, {"features": 6}),
    Example(gates.srelu, ranges={"left": (-0.6, -0.3), "right": (0.3, 0.6)}),
]

TORCH = {
    gates.glu: F.glu,
    gates.prelu: lambda params, x: F.prelu(x, **params),
}

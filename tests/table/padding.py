"""Rows of fnn.padding."""

from fnn.padding import insert, pad
from tests.table.example import Example
from tests.table.original import F

IMAGE = {"*space": (4, 3)}
EXAMPLES = [
    Example(pad, {"widths": ((1, 0), (-1, 2)), "value": 1.5}, IMAGE),
    Example(pad, {"widths": ((2, -1), (1, 2)), "mode": "reflect"}, IMAGE),
    Example(pad, {"widths": ((1, 2),), "mode": "replicate"}, {"*space": (3,)}),
    Example(pad, {"widths": ((2, 3), (1, -1)), "mode": "circular"}, IMAGE),
    Example(insert, {"count": 2, "axis": 1, "position": -2, "value": 3.0}, {"...": (2, 3, 2)}),
]


def torch_pad(x, widths, **options):
    return F.pad(x, [width for pair in widths[::-1] for width in pair], **options)


TORCH = {
    pad: torch_pad,
}

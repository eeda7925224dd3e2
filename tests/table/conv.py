"""Rows of fnn.conv."""

from itertools import chain

from fnn.conv import conv
from tests.table.example import Example
from tests.table.original import F

IMAGE = {"*kernel": (3, 2), "*space": (7, 6)}
EXAMPLES = [
    Example(conv, sizes=IMAGE),
    Example(conv, {"stride": 2, "padding": 1}, IMAGE),
    Example(conv, {"stride": (2, 1), "padding": (0, 2), "dilation": (1, 2)}, IMAGE),
    Example(conv, {"padding": ((1, 2), (0, 3))}, IMAGE),
    Example(conv, {"padding": "same", "dilation": (1, 3)}, IMAGE),
    Example(conv, {"padding": "valid", "groups": 2}, {**IMAGE, "inputs": 4, "outputs": 6}),
    Example(conv, {"groups": 4}, {**IMAGE, "inputs": 4, "outputs": 4}),
    Example(conv, {"stride": 2}, {"*kernel": (3,), "*space": (8,)}),
    Example(conv, {"padding": 1}, {"*kernel": (2, 3, 2), "*space": (4, 3, 5)}),
]


def torch_conv(params, x, padding=0, **options):
    space = params["weight"].ndim - 2
    if isinstance(padding, tuple) and isinstance(padding[0], tuple):
        x, padding = F.pad(x, [*chain(*padding[::-1])]), 0
    function = getattr(F, f"conv{space}d")
    return function(x, params["weight"], params.get("bias"), padding=padding, **options)


TORCH = {
    conv: torch_conv,
}

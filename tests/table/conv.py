"""Rows of fnn.conv, fnn.partial_conv and fnn.temporal."""

from itertools import chain

from fnn import connections
from fnn.conv import conv, conv_transpose, depthwise_conv
from fnn.partial_conv import local_conv, map_conv, map_conv_transpose
from fnn.temporal import row_conv, temporal_conv
from tests.table.example import Example
from tests.table.original import F, torch

IMAGE = {"*kernel": (3, 2), "*space": (7, 6)}
SMALL = {"*kernel": (3, 2), "*space": (4, 3)}
TABLE = ((0, 0), (2, 1), (1, 0), (2, 2))
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
    Example(conv, {"padding": (2, 1), "padding_mode": "reflect"}, SMALL),
    Example(conv, {"padding": "same", "padding_mode": "replicate"}, SMALL),
    Example(conv, {"padding": 1, "padding_mode": "circular"}, SMALL),
    Example(conv_transpose, {"padding": (1, 0), "dilation": (1, 2)}, SMALL),
    Example(
        conv_transpose,
        {"stride": 2, "output_padding": (1, 0), "groups": 2},
        {**SMALL, "inputs": 4, "outputs": 6},
    ),
    Example(conv_transpose, {"stride": 3}, {"*kernel": (2,), "*space": (5,)}),
    Example(depthwise_conv, {"padding": 1}, {**SMALL, "multiplier": 2, "inputs": 3}),
    Example(
        local_conv, {"stride": (2, 1), "padding": (1, 0)}, {**IMAGE, "*places": (4, 5), "inputs": 2}
    ),
    Example(
        map_conv,
        {"connections": TABLE, "stride": (1, 2)},
        {**IMAGE, "pairs": 4, "inputs": 3, "outputs": 3},
    ),
    Example(
        map_conv,
        {"connections": connections.full(2, 3)},
        {**IMAGE, "pairs": 6, "inputs": 2, "outputs": 3},
    ),
    Example(
        map_conv_transpose,
        {"connections": TABLE, "stride": 2},
        {**SMALL, "pairs": 4, "inputs": 3, "outputs": 3},
    ),
    Example(temporal_conv, {"stride": 2}, {"kernel": 3, "inputs": 2, "time": 8}),
    Example(row_conv, sizes={"kernel": 3, "time": 6}),
    Example(row_conv, {"stride": 2}, {"kernel": 2, "time": 6}),
]


def torch_conv(params, x, padding=0, padding_mode="zeros", **options):
    space = params["weight"].ndim - 2
    if padding_mode != "zeros":
        outputs, inputs, *kernel = params["weight"].shape
        layer = getattr(torch.nn, f"Conv{space}d")(
            inputs, outputs, kernel, padding=padding, padding_mode=padding_mode, **options
        )
        return layer._conv_forward(x, params["weight"], params.get("bias"))
    if isinstance(padding, tuple) and isinstance(padding[0], tuple):
        x, padding = F.pad(x, [*chain(*padding[::-1])]), 0
    function = getattr(F, f"conv{space}d")
    return function(x, params["weight"], params.get("bias"), padding=padding, **options)


def torch_conv_transpose(params, x, **options):
    function = getattr(F, f"conv_transpose{params['weight'].ndim - 2}d")
    return function(x, params["weight"], params.get("bias"), **options)


TORCH = {
    conv: torch_conv,
    conv_transpose: torch_conv_transpose,
}

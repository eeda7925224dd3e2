"""Convolution over any number of space dimensions, and its transpose."""

from functools import partial
from math import prod

import jax
from jax import Array, lax

from fnn import kernels
from fnn.errors import describe, require
from fnn.initializers import uniform_fan_in
from fnn.padding import pad
from fnn.space import each, require_sizes

__all__ = [
    "conv",
    "conv_init",
    "conv_transpose",
    "conv_transpose_init",
    "depthwise_conv",
    "depthwise_conv_init",
]

Each = int | tuple[int, ...]
Padding = str | int | tuple[int | tuple[int, int], ...]


def conv(
    params: dict[str, Array],
    x: Array,
    *,
    stride: Each = 1,
    padding: Padding = 0,
    dilation: Each = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
) -> Array:
    """Cross-correlation with a bank of kernels; one example may come without its batch axis.

    params: weight (outputs, inputs / groups, *kernel); bias (outputs,), optional
    x:      (batch, inputs, *space)
    ->      (batch, outputs, *space')

    Every option is one number, or one for each space dimension. `padding` may also be "valid"
    (none), "same" (the output is as large as the input) or a pair (low, high) for each dimension.
    What is put there `padding_mode` says: "zeros", or a mode of `pad`.
    Source: Torch7 `nn.SpatialConvolution`, PyTorch `nn.Conv2d`.
    """
    weight = params["weight"]
    outputs, inputs, *kernel = weight.shape
    features = x.ndim - len(kernel) - 1  # the axis of features
    require(
        features in (0, 1)
        and x.shape[features] == inputs * groups
        and groups > 0
        and outputs % groups == 0,
        "conv",
        f"x {describe(x)} for weight {describe(weight)} in groups of {groups}",
        f"(batch, {inputs * groups}, *space) of {len(kernel)} space dimensions",
        "the features are not the axis before space, or the layer was made for another width",
    )
    strides = each(stride, len(kernel), "conv", "stride", least=1)
    dilations = each(dilation, len(kernel), "conv", "dilation", least=1)
    reach = tuple(d * (k - 1) + 1 for d, k in zip(dilations, kernel, strict=True))
    padded = _pairs(padding, reach, strides)
    require(
        all(
            n + sum(p) >= r for n, p, r in zip(x.shape[features + 1 :], padded, reach, strict=True)
        ),
        "conv",
        f"x {describe(x)} padded by {padded}",
        f"at least {reach} in space",
        "output size is too small: the kernel is larger than the image, perhaps after pooling",
    )
    if padding_mode != "zeros":
        x, padded = pad(x, widths=padded, mode=padding_mode), ((0, 0),) * len(kernel)
    y = kernels.correlate(
        x if features else lax.expand_dims(x, (0,)), weight, strides, padded, dilations, groups
    )
    y = kernels.stored(y)
    return _biased("conv", params, y if features else lax.squeeze(y, (0,)), features)


def conv_transpose(
    params: dict[str, Array],
    x: Array,
    *,
    stride: Each = 1,
    padding: Each = 0,
    output_padding: Each = 0,
    dilation: Each = 1,
    groups: int = 1,
) -> Array:
    """The transpose of `conv` as a linear map: what its gradient does to the output's.

    params: weight (inputs, outputs / groups, *kernel); bias (outputs,), optional
    x:      (batch, inputs, *space)
    ->      (batch, outputs, *space')

    `(size - 1) * stride - 2 * padding + dilation * (kernel - 1) + output_padding + 1` is the size
    of the output; one example may come without its batch axis.
    Source: Torch7 `nn.SpatialFullConvolution`, PyTorch `nn.ConvTranspose2d`.
    """
    weight = params["weight"]
    inputs, outputs, *kernel = weight.shape
    features = x.ndim - len(kernel) - 1
    require(
        features in (0, 1) and x.shape[features] == inputs and groups > 0 and inputs % groups == 0,
        "conv_transpose",
        f"x {describe(x)} for weight {describe(weight)} in groups of {groups}",
        f"(batch, {inputs}, *space) of {len(kernel)} space dimensions",
        "the features are not the axis before space, or the layer was made for another width",
    )
    options = (
        each(value, len(kernel), "conv_transpose", name, least=least)
        for name, value, least in (
            ("stride", stride, 1),
            ("padding", padding, None),
            ("output_padding", output_padding, 0),
            ("dilation", dilation, 1),
        )
    )
    strides, paddings, extras, dilations = options
    require(
        all(0 <= e < max(s, d) for e, s, d in zip(extras, strides, dilations, strict=True)),
        "conv_transpose",
        f"output_padding {extras} for stride {strides} and dilation {dilations}",
        "less than one of them",
        "the output's size is larger than any that the convolution makes of this input",
    )
    y = x if features else lax.expand_dims(x, (0,))
    space = [
        (n - 1) * s - 2 * p + d * (k - 1) + e + 1
        for n, s, p, d, k, e in zip(
            y.shape[2:], strides, paddings, dilations, kernel, extras, strict=True
        )
    ]
    require(
        min(space) > 0,
        "conv_transpose",
        f"x {describe(x)} with padding {paddings}",
        "an output that is not empty",
        "the padding takes all of it away",
    )
    forward = partial(
        kernels.correlate,
        weight=weight,
        strides=strides,
        padding=tuple((p, p - e) for p, e in zip(paddings, extras, strict=True)),
        dilation=dilations,
        groups=groups,
    )
    shape = (len(y), outputs * groups, *space)
    (y,) = jax.linear_transpose(forward, jax.ShapeDtypeStruct(shape, y.dtype))(y)
    return _biased("conv_transpose", params, y if features else lax.squeeze(y, (0,)), features)


def depthwise_conv(
    params: dict[str, Array],
    x: Array,
    *,
    stride: Each = 1,
    padding: Padding = 0,
    dilation: Each = 1,
) -> Array:
    """Each input plane with kernels of its own, whose outputs lie together.

    params: weight (multiplier, inputs, *kernel); bias (multiplier, inputs), optional
    x:      (batch, inputs, *space)
    ->      (batch, inputs * multiplier, *space')

    Source: Torch7 `nn.SpatialDepthWiseConvolution`; in PyTorch a `Conv2d` with as many groups as
    inputs.
    """
    weight = params["weight"]
    multiplier, inputs, *kernel = weight.shape
    found = {"weight": weight.swapaxes(0, 1).reshape(inputs * multiplier, 1, *kernel)}
    if "bias" in params:
        found["bias"] = params["bias"].T.reshape(-1)
    return conv(found, x, stride=stride, padding=padding, dilation=dilation, groups=inputs)


def _biased(layer: str, params: dict[str, Array], y: Array, features: int) -> Array:
    """`y` with the bias, if there is one, added along the axis of features."""
    if "bias" not in params:
        return y
    bias = params["bias"]
    require(
        bias.shape == (y.shape[features],),
        layer,
        f"bias {describe(bias)}",
        f"({y.shape[features]},), one for each output",
        "weight and bias belong to different layers",
    )
    return y + lax.broadcast_in_dim(bias, y.shape, (features,))


def _pairs(
    padding: Padding, reach: tuple[int, ...], strides: tuple[int, ...]
) -> tuple[tuple[int, int], ...]:
    """Widths before and after each space dimension."""
    if padding == "same":
        require(
            set(strides) == {1},
            "conv",
            f'padding "same" with stride {strides}',
            "stride 1",
            "a strided output is smaller than the input: give the padding as numbers",
        )
        return tuple(((r - 1) // 2, r // 2) for r in reach)  # the odd one goes after
    require(
        padding == "valid" or not isinstance(padding, str),
        "conv",
        f"padding {padding!r}",
        '"same", "valid" or numbers',
        "a typo",
    )
    found = each(0 if isinstance(padding, str) else padding, len(reach), "conv", "padding")
    pairs = tuple(p if isinstance(p, tuple) else (p, p) for p in found)
    require(
        all(len(p) == 2 for p in pairs),
        "conv",
        f"padding {padding}",
        "a number or a pair (low, high) for each space dimension",
        "a typo",
    )
    return pairs


def conv_init(
    key: Array,
    inputs: int,
    outputs: int,
    kernel: tuple[int, ...],
    *,
    groups: int = 1,
    bias: bool = True,
) -> dict[str, Array]:
    """Weight and bias uniform in +-1/sqrt(fan_in), as Torch draws them."""
    _require_groups("conv_init", inputs, outputs, groups)
    require_sizes("conv_init", "kernel", kernel)
    inputs //= groups
    return uniform_fan_in(
        key,
        inputs * prod(kernel),
        weight=(outputs, inputs, *kernel),
        bias=(outputs,) if bias else None,
    )


def conv_transpose_init(
    key: Array,
    inputs: int,
    outputs: int,
    kernel: tuple[int, ...],
    *,
    groups: int = 1,
    bias: bool = True,
    fan: str = "outputs",
) -> dict[str, Array]:
    """Weight and bias uniform in +-1/sqrt(fan * kernel).

    The fan counts the "outputs" of a group, as PyTorch has it, or all "inputs", as Torch7 does.
    """
    _require_groups("conv_transpose_init", inputs, outputs, groups)
    require_sizes("conv_transpose_init", "kernel", kernel)
    fans = {"outputs": outputs // groups, "inputs": inputs}
    require(fan in fans, "conv_transpose_init", f"fan {fan!r}", '"outputs" or "inputs"', "a typo")
    return uniform_fan_in(
        key,
        fans[fan] * prod(kernel),
        weight=(inputs, outputs // groups, *kernel),
        bias=(outputs,) if bias else None,
    )


def depthwise_conv_init(
    key: Array, inputs: int, multiplier: int, kernel: tuple[int, ...], *, bias: bool = True
) -> dict[str, Array]:
    """Weight and bias uniform in +-1/sqrt(inputs * kernel), as Torch7 draws them."""
    require_sizes("depthwise_conv_init", "kernel", kernel)
    return uniform_fan_in(
        key,
        inputs * prod(kernel),
        weight=(multiplier, inputs, *kernel),
        bias=(multiplier, inputs) if bias else None,
    )


def _require_groups(layer: str, inputs: int, outputs: int, groups: int) -> None:
    require(
        groups > 0 and inputs % groups == 0 and outputs % groups == 0,
        layer,
        f"{inputs} inputs, {outputs} outputs in {groups} groups",
        "both divisible by the number of groups",
        "each group has its own share of inputs and outputs",
    )

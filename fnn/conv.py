"""Convolution over any number of space dimensions."""

from math import prod

from jax import Array, lax

from fnn.errors import describe, require
from fnn.initializers import uniform_fan_in
from fnn.space import each

__all__ = ["conv", "conv_init"]

Padding = str | int | tuple[int | tuple[int, int], ...]


def conv(
    params: dict[str, Array],
    x: Array,
    *,
    stride: int | tuple[int, ...] = 1,
    padding: Padding = 0,
    dilation: int | tuple[int, ...] = 1,
    groups: int = 1,
) -> Array:
    """Cross-correlation with a bank of kernels; one example may come without its batch axis.

    params: weight (outputs, inputs / groups, *kernel); bias (outputs,), optional
    x:      (batch, inputs, *space)
    ->      (batch, outputs, *space')

    Every option is one number, or one for each space dimension. `padding` may also be "valid"
    (none), "same" (the output is as large as the input) or a pair (low, high) for each dimension.
    Source: Torch7 `nn.SpatialConvolution`, PyTorch `nn.Conv2d`.
    """
    weight = params["weight"]
    outputs, inputs, *kernel = weight.shape
    features = x.ndim - len(kernel) - 1  # the axis of features
    require(
        features in (0, 1) and x.shape[features] == inputs * groups and outputs % groups == 0,
        "conv",
        f"x {describe(x)} for weight {describe(weight)} in groups of {groups}",
        f"(batch, {inputs * groups}, *space) of {len(kernel)} space dimensions",
        "the features are not the axis before space, or the layer was made for another width",
    )
    strides = each(stride, len(kernel), "conv", "stride")
    dilations = each(dilation, len(kernel), "conv", "dilation")
    reach = tuple(d * (k - 1) + 1 for d, k in zip(dilations, kernel, strict=True))
    padded = _pairs(padding, reach, strides)
    require(
        all(
            n + sum(p) >= r for n, p, r in zip(x.shape[features + 1 :], padded, reach, strict=True)
        ),
        "conv",
        f"x {describe(x)} padded by {padded}",
        f"at least {reach} in space",
        "the kernel is larger than the image, perhaps after too much pooling",
    )
    y = lax.conv_general_dilated(
        x if features else lax.expand_dims(x, (0,)),
        weight,
        strides,
        padded,
        rhs_dilation=dilations,
        feature_group_count=groups,
    )
    y = y if features else lax.squeeze(y, (0,))
    if "bias" not in params:
        return y
    return y + lax.broadcast_in_dim(params["bias"], y.shape, (features,))


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
    return tuple(p if isinstance(p, tuple) else (p, p) for p in found)


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
    require(
        inputs % groups == 0 and outputs % groups == 0,
        "conv_init",
        f"{inputs} inputs, {outputs} outputs in {groups} groups",
        "both divisible by the number of groups",
        "each group has its own share of inputs and outputs",
    )
    inputs //= groups
    return uniform_fan_in(
        key,
        inputs * prod(kernel),
        weight=(outputs, inputs, *kernel),
        bias=(outputs,) if bias else None,
    )

"""Convolution over sequences whose features are the last axis, as Torch7 lays them out."""

from jax import Array

from fnn.conv import conv
from fnn.errors import describe, require
from fnn.initializers import uniform_fan_in

__all__ = ["row_conv", "row_conv_init", "temporal_conv", "temporal_conv_init"]


def temporal_conv(params: dict[str, Array], x: Array, *, stride: int = 1) -> Array:
    """A linear map of each window of frames, which are joined one after the other.

    params: weight (outputs, kernel * inputs); bias (outputs,), optional
    x:      (batch, time, inputs)
    ->      (batch, time', outputs)

    One sequence may come without its batch axis. Source: Torch7 `nn.TemporalConvolution`.
    """
    weight = params["weight"]
    require(
        x.ndim in (2, 3) and weight.shape[1] % x.shape[-1] == 0,
        "temporal_conv",
        f"x {describe(x)} for weight {describe(weight)}",
        f"(batch, time, inputs) with a number of inputs that divides {weight.shape[1]}",
        "the features are not the last axis, or the layer was made for another width",
    )
    kernel = weight.reshape(len(weight), -1, x.shape[-1]).swapaxes(1, 2)
    return conv({**params, "weight": kernel}, x.swapaxes(-1, -2), stride=stride).swapaxes(-1, -2)


def temporal_conv_init(
    key: Array, inputs: int, outputs: int, kernel: int, *, bias: bool = True
) -> dict[str, Array]:
    """Weight and bias uniform in +-1/sqrt(fan_in), as Torch draws them."""
    fan = kernel * inputs
    return uniform_fan_in(key, fan, weight=(outputs, fan), bias=(outputs,) if bias else None)


def row_conv(params: dict[str, Array], x: Array, *, stride: int = 1) -> Array:
    """Each feature over time with a kernel of its own.

    params: weight (features, 1, kernel); bias (features,), optional
    x:      (batch, time, features)
    ->      (batch, time', features)

    One sequence may come without its batch axis; if features are first it is `conv` with as many
    groups as features.
    Source: Torch7 `nn.TemporalRowConvolution`; the lookahead of Deep Speech 2.
    """
    groups = len(params["weight"])
    return conv(params, x.swapaxes(-1, -2), stride=stride, groups=groups).swapaxes(-1, -2)


def row_conv_init(key: Array, features: int, kernel: int, *, bias: bool = True) -> dict[str, Array]:
    """Weight and bias uniform in +-1/sqrt(features * kernel), as Torch7 draws them."""
    return uniform_fan_in(
        key,
        features * kernel,
        weight=(features, 1, kernel),
        bias=(features,) if bias else None,
    )

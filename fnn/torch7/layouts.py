"""Pure layers whose parameters or inputs are laid out as Torch7 has them."""

from jax import Array

from fnn.conv import (
    conv,
    conv_init,
    conv_transpose,
    conv_transpose_init,
    depthwise_conv,
    depthwise_conv_init,
)
from fnn.pool import subsample, subsample_init

Params = dict[str, Array]
Sizes = tuple[int, ...]


def unfolded(params: Params, kernel: Sizes) -> Params:
    """Parameters whose weight, a matrix, has its axes of kernels again."""
    weight = params["weight"]
    return {**params, "weight": weight.reshape(len(weight), -1, *kernel)}


def folded(params: Params) -> Params:
    """Parameters whose weight is a matrix."""
    weight = params["weight"]
    return {**params, "weight": weight.reshape(len(weight), -1)}


def matrix_conv(params: Params, x: Array, *, kernel: Sizes, stride: Sizes, padding: Sizes) -> Array:
    """`conv` with a weight that is a matrix."""
    return conv(unfolded(params, kernel), x, stride=stride, padding=padding)


def matrix_conv_init(key: Array, inputs: int, outputs: int, kernel: Sizes) -> Params:
    """Parameters of `conv`, the weight as a matrix."""
    return folded(conv_init(key, inputs, outputs, kernel))


def matrix_depthwise_conv(
    params: Params, x: Array, *, kernel: Sizes, stride: Sizes, padding: Sizes
) -> Array:
    """`depthwise_conv` with a weight that is a matrix."""
    return depthwise_conv(unfolded(params, kernel), x, stride=stride, padding=padding)


def matrix_depthwise_conv_init(key: Array, inputs: int, outputs: int, kernel: Sizes) -> Params:
    """Parameters of `depthwise_conv`, the weight as a matrix."""
    return folded(depthwise_conv_init(key, inputs, outputs, kernel))


def full_conv(
    params: Params,
    x: Array,
    like: Array | None = None,
    *,
    stride: Sizes,
    padding: Sizes,
    output_padding: Sizes,
) -> Array:
    """`conv_transpose`, with an output of the size of `like` if that is given."""
    if like is not None:
        space = len(stride)
        sizes = zip(like.shape[-space:], padding, params["weight"].shape[2:], stride, strict=True)
        output_padding = tuple((n + 2 * p - k) % s for n, p, k, s in sizes)
    return conv_transpose(params, x, stride=stride, padding=padding, output_padding=output_padding)


def full_conv_init(key: Array, inputs: int, outputs: int, kernel: Sizes) -> Params:
    """Weight and bias as Torch7 draws them."""
    return conv_transpose_init(key, inputs, outputs, kernel, fan="inputs")


def temporal_subsample(params: Params, x: Array, *, window: Sizes, stride: Sizes) -> Array:
    """`subsample` of frames."""
    return subsample(params, x.swapaxes(-1, -2), window=window, stride=stride).swapaxes(-1, -2)


temporal_subsample_init = subsample_init

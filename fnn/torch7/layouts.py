"""Pure layers whose parameters or inputs are laid out as Torch7 has them."""

from math import prod

from jax import Array

from fnn.conv import (
    conv,
    conv_init,
    conv_transpose,
    conv_transpose_init,
    depthwise_conv,
    depthwise_conv_init,
)
from fnn.fold import unfold
from fnn.layer import Given
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


def columns(
    given: Given,
    x: Array,
    *,
    window: Sizes,
    stride: Sizes,
    padding: Sizes,
    dilation: Sizes | int = 1,
) -> Array:
    """The windows of the image, or of each image of a batch, as the columns of a matrix."""
    return unfold(x, window=window, stride=stride, padding=padding, dilation=dilation)


def last_columns(given: Given, x: Array, **options: Sizes) -> Array:
    """The windows of the image, or of the last image of a batch."""
    return columns(given, x if x.ndim == len(options["window"]) + 1 else x[-1], **options)


def columns_by_plane(given: Given, x: Array, **options: Sizes) -> Array:
    """The windows of each plane of each image as the columns of a matrix; for one image too."""
    y = columns(given, x if x.ndim > 3 else x[None], **options)
    return y.reshape(*y.shape[:1], -1, prod(options["window"]), y.shape[-1])


def row_columns(given: Given, x: Array, *, window: Sizes, stride: Sizes, first: bool) -> Array:
    """The windows of each feature over time as the columns of a matrix."""
    y = unfold(x if first else x.swapaxes(-1, -2), window=window, stride=stride)
    return y.reshape(*y.shape[:-2], -1, *window, y.shape[-1])


def temporal_subsample(params: Params, x: Array, *, window: Sizes, stride: Sizes) -> Array:
    """`subsample` of frames."""
    return subsample(params, x.swapaxes(-1, -2), window=window, stride=stride).swapaxes(-1, -2)


temporal_subsample_init = subsample_init

"""Pooling over any number of space dimensions, which are the last axes.

All fold shifted slices along one axis after the other. Compared with `lax.reduce_window` that has
derivatives of any order and direction, with dilation too, and on a CPU much faster ones.

An axis that isn't pooled has a window of 1: `window=(2, 1)` pools (batch, time, features) along
time, and (batch, features, time) along features.
"""

from collections.abc import Callable
from functools import reduce
from math import prod
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from fnn import kernels
from fnn.errors import describe, require, require_indices
from fnn.initializers import uniform_fan_in
from fnn.space import each, require_sizes

__all__ = [
    "avg_pool",
    "lp_pool",
    "max_pool",
    "max_pool_indices",
    "max_unpool",
    "subsample",
    "subsample_init",
]


class _Axis(NamedTuple):
    """How windows lie along an axis of `size`."""

    axis: int
    size: int
    window: int
    stride: int
    padding: int
    dilation: int
    windows: int


def max_pool(
    x: Array,
    *,
    window: tuple[int, ...],
    stride: int | tuple[int, ...] | None = None,
    padding: int | tuple[int, ...] = 0,
    dilation: int | tuple[int, ...] = 1,
    ceil_mode: bool = False,
    ignore_nan: bool = False,
) -> Array:
    """Maximum of each window; the first of equal ones gets the whole gradient, and NaN wins.

    x:      (..., *space)
    ->      (..., *space')

    Without a `stride` windows are disjoint. With `ceil_mode` a last window may reach beyond the
    padding, if it starts before that. With `ignore_nan`, as in Torch7, NaN counts as -infinity.
    Source: PyTorch `nn.MaxPool2d`, Torch7 `nn.SpatialMaxPooling` and `nn.TemporalMaxPooling`.
    """
    axes = _axes("max_pool", x, window, stride, padding, dilation, ceil_mode)
    x = jnp.where(x != x, -np.inf, x) if ignore_nan else x
    return _fold(x, axes, _lowest(x), _first_maximum)


def max_pool_indices(
    x: Array,
    *,
    window: tuple[int, ...],
    stride: int | tuple[int, ...] | None = None,
    padding: int | tuple[int, ...] = 0,
    dilation: int | tuple[int, ...] = 1,
    ceil_mode: bool = False,
    ignore_nan: bool = False,
) -> tuple[Array, Array]:
    """As `max_pool`, and where each maximum was: its place in space, counted row by row.

    x:      (..., *space)
    ->      (..., *space'); (..., *space') int

    A window that lies in the padding alone has the place -1.
    Source: PyTorch `nn.MaxPool2d(return_indices=True)`.
    """
    axes = _axes("max_pool_indices", x, window, stride, padding, dilation, ceil_mode)
    x = jnp.where(x != x, -np.inf, x) if ignore_nan else x
    space = x.shape[x.ndim - len(window) :]
    places = jnp.arange(prod(space), dtype=jnp.int32).reshape((1,) * (x.ndim - len(space)) + space)
    lowest = _lowest(x)
    for axis in reversed(axes):
        pairs = zip(_slices(x, axis, lowest), _slices(places, axis, -1), strict=True)
        x, places = reduce(_first_maximum_and_place, pairs)
    return x, jnp.broadcast_to(places, x.shape)


def max_unpool(x: Array, indices: Array, *, size: tuple[int, ...]) -> Array:
    """Put each element back at its place in a space of the given `size`, and zero elsewhere.

    x:       (..., *space)
    indices: (..., *space) int
    ->       (..., *space')

    Places are those of `max_pool_indices`. Of elements for the same place one is kept, but each
    gets the gradient. In compiled code what has no place in that space is left out.
    Source: PyTorch `nn.MaxUnpool2d`, Torch7 `nn.SpatialMaxUnpooling`.
    """
    require_sizes("max_unpool", "size", size)
    count = prod(size)
    require(
        x.shape == indices.shape and x.ndim >= len(size),
        "max_unpool",
        f"x {describe(x)}, indices {describe(indices)}",
        f"equal shapes of at least {len(size)} axes",
        "the indices are those of another pooling",
    )
    require_indices(indices, count, "max_unpool", "the pooled space was larger than this size")
    leading = x.shape[: x.ndim - len(size)]
    rows = np.arange(prod(leading), dtype=np.int32)[:, None]
    places = jnp.where(indices < 0, count, indices).reshape(rows.size, -1)
    flat = jnp.zeros((rows.size, count), x.dtype)
    flat = flat.at[rows, places].set(x.reshape(places.shape), mode="drop", unique_indices=True)
    return flat.reshape(*leading, *size)


def avg_pool(
    x: Array,
    *,
    window: tuple[int, ...],
    stride: int | tuple[int, ...] | None = None,
    padding: int | tuple[int, ...] = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor: float | None = None,
    divide: bool = True,
) -> Array:
    """Mean of each window; the zeros of the padding count unless `count_include_pad` says no.

    x:      (..., *space)
    ->      (..., *space')

    What `ceil_mode` adds beyond the padding never counts. A `divisor` stands for all counts.
    Unless told to `divide`, as in Torch7, the means are multiplied by the size of a window: these
    are sums, in which elements that don't count are worth the mean of the others.
    Source: PyTorch `nn.AvgPool2d`, Torch7 `nn.SpatialAveragePooling`.
    """
    axes = _axes("avg_pool", x, window, stride, padding, 1, ceil_mode)
    total = _fold(x, axes, 0, lambda places, axis: reduce(lax.add, places))
    if divisor is None:
        counts = reduce(np.multiply.outer, (_counted(a, count_include_pad) for a in axes))
    else:
        counts = np.array(divisor)
    counts = counts if divide else counts / prod(window)
    if counts.min() == counts.max():
        return total / counts.max().item()
    return total / counts.reshape((1,) * (x.ndim - len(axes)) + counts.shape).astype(x.dtype)


def lp_pool(
    x: Array,
    *,
    p: float,
    window: tuple[int, ...],
    stride: int | tuple[int, ...] | None = None,
    ceil_mode: bool = False,
) -> Array:
    """The p-th root of the sum of p-th powers in each window: `(sum x^p)^(1/p)`.

    x:      (..., *space)
    ->      (..., *space')

    Signs are kept, so that a negative sum of odd powers makes NaN. Where the sum is 0 the gradient
    is 0. What a window has beyond the border, with `ceil_mode`, counts as the mean of the rest.
    Source: PyTorch `nn.LPPool2d`, Torch7 `nn.SpatialLPPooling` and `nn.FeatureLPPooling`.
    """
    powers = x ** (int(p) if p == int(p) else p)  # those of negative numbers exist if p is whole
    total = avg_pool(powers, window=window, stride=stride, ceil_mode=ceil_mode, divide=False)
    if p == 1:
        return total
    zero = total == 0
    safe = jnp.where(zero, 1, total)
    return jnp.where(zero, 0, jnp.sqrt(safe) if p == 2 else safe ** (1 / p))


def subsample(
    params: dict[str, Array],
    x: Array,
    *,
    window: tuple[int, ...],
    stride: int | tuple[int, ...] = 1,
) -> Array:
    """Sum of each window, scaled and shifted for each feature: `weight sum(x) + bias`.

    params: weight, bias (features,)
    x:      (..., features, *space)
    ->      (..., features, *space')

    Source: LeCun et al. 1998; Torch7 `nn.SpatialSubSampling` and `nn.TemporalSubSampling`.
    """
    total = avg_pool(x, window=window, stride=stride, divisor=1)
    axis = x.ndim - len(window) - 1
    require(
        axis >= 0 and x.shape[axis : axis + 1] == params["weight"].shape,
        "subsample",
        f"x {describe(x)}",
        f"(..., {params['weight'].size}, *space) of {len(window)} space dimensions",
        "the features are not the axis before space, or the layer was made for another width",
    )
    weight, bias = (
        lax.broadcast_in_dim(params[name], total.shape, (axis,)) for name in ("weight", "bias")
    )
    return total * weight + bias


def subsample_init(key: Array, features: int, window: tuple[int, ...]) -> dict[str, Array]:
    """Weight and bias uniform in +-1/sqrt(elements of a window), as Torch7 draws them."""
    return uniform_fan_in(key, prod(window), weight=(features,), bias=(features,))


def _axes(
    layer: str,
    x: Array,
    window: tuple[int, ...],
    stride: int | tuple[int, ...] | None,
    padding: int | tuple[int, ...],
    dilation: int | tuple[int, ...],
    ceil_mode: bool,
) -> list[_Axis]:
    """How the windows lie along each axis of space."""
    require_sizes(layer, "window", window)
    space = len(window)
    require(
        x.ndim >= space,
        layer,
        f"x {describe(x)}",
        f"at least {space} axes",
        "the window has more dimensions than the input",
    )
    options = [
        each(value, space, layer, name, least=least)
        for name, value, least in (
            ("stride", window if stride is None else stride, 1),
            ("padding", padding, 0),
            ("dilation", dilation, 1),
        )
    ]
    axes = []
    first = x.ndim - space
    for i, (size, w, s, p, d) in enumerate(
        zip(x.shape[first:], window, *options, strict=True), first
    ):
        reach = d * (w - 1) + 1
        require(
            2 * p <= reach,
            layer,
            f"padding {p} for a window that reaches over {reach}",
            "at most half of that",
            "a window could lie in the padding alone",
        )
        room = size + 2 * p - reach
        count = (room + (s - 1 if ceil_mode else 0)) // s + 1
        count -= ceil_mode and (count - 1) * s >= size + p
        require(
            count > 0,
            layer,
            f"x {describe(x)} padded by {p}",
            f"at least {reach} along axis {i}",
            "output size is too small: the window is larger than the image, after much pooling",
        )
        axes.append(_Axis(i, size, w, s, p, d, count))
    return axes


def _fold(
    x: Array, axes: list[_Axis], outside: float, combine: Callable[[list[Array], _Axis], Array]
) -> Array:
    """`combine` the places of each window, along one axis and another; `outside` is around `x`."""
    for axis in reversed(axes):
        x = combine(_slices(x, axis, outside), axis)
    return x


def _slices(x: Array, along: _Axis, outside: float) -> list[Array]:
    """The first element of each window along an axis, the second of each, and so on."""
    axis, size, window, stride, padding, dilation, windows = along
    span = (windows - 1) * stride + 1
    after = max(0, span + dilation * (window - 1) - padding - size)
    if padding or after:
        widths = [(0, 0, 0)] * x.ndim
        widths[axis] = padding, after, 0
        x = lax.pad(x, x.dtype.type(outside), widths)
    return kernels.windows(x, axis, window, stride, dilation, windows)


def _lowest(x: Array) -> float:
    """What is never the maximum, unless all are equal."""
    return -np.inf if jnp.issubdtype(x.dtype, jnp.inexact) else jnp.iinfo(x.dtype).min


def _first_maximum(places: list[Array], along: _Axis) -> Array:
    """The largest of each window; where all are -infinity, that is none of the padding."""
    starts = range(-along.padding, along.windows * along.stride - along.padding, along.stride)
    first = tuple(max(-(start // along.dilation), 0) for start in starts)
    return kernels.first_maximum(places, along.axis, first, along.window > along.stride)


def _first_maximum_and_place(a: tuple[Array, Array], b: tuple[Array, Array]) -> Any:
    """Larger of two values, with its place: `a` if they are equal, `b` if it is NaN.

    A place of -1 is outside.
    """
    later = (b[0] > a[0]) | (b[0] != b[0]) | (a[1] < 0)
    return jnp.where(later, b[0], a[0]), jnp.where(later, b[1], a[1])


def _counted(a: _Axis, count_include_pad: bool) -> np.ndarray:
    """How many elements each window along an axis is the mean of."""
    start = np.arange(a.windows) * a.stride - a.padding
    end = start + a.window
    if count_include_pad:
        return np.minimum(end, a.size + a.padding) - start
    return np.minimum(end, a.size) - np.maximum(start, 0)

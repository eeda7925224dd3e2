"""Pooling over any number of space dimensions, which are the last axes.

Both fold shifted slices along one axis after the other. Compared with `lax.reduce_window` that has
derivatives of any order and direction, with dilation too, and on a CPU much faster ones.
"""

from collections.abc import Callable
from functools import reduce
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from fnn.errors import describe, require
from fnn.space import each

__all__ = ["avg_pool", "max_pool"]


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
) -> Array:
    """Maximum of each window; the first of equal ones gets the whole gradient, and NaN wins.

    x:      (..., *space)
    ->      (..., *space')

    Without a `stride` windows are disjoint. With `ceil_mode` a last window may reach beyond the
    padding, if it starts before that.
    Source: PyTorch `nn.MaxPool2d`, Torch7 `nn.SpatialMaxPooling`.
    """
    axes = _axes("max_pool", x, window, stride, padding, dilation, ceil_mode)
    lowest = -np.inf if jnp.issubdtype(x.dtype, jnp.inexact) else jnp.iinfo(x.dtype).min
    return _fold(x, axes, lowest, _first_maximum)


def avg_pool(
    x: Array,
    *,
    window: tuple[int, ...],
    stride: int | tuple[int, ...] | None = None,
    padding: int | tuple[int, ...] = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Array:
    """Mean of each window; the zeros of the padding count unless `count_include_pad` says no.

    x:      (..., *space)
    ->      (..., *space')

    What `ceil_mode` adds beyond the padding never counts.
    Source: PyTorch `nn.AvgPool2d`, Torch7 `nn.SpatialAveragePooling`.
    """
    axes = _axes("avg_pool", x, window, stride, padding, 1, ceil_mode)
    counts = reduce(np.multiply.outer, (_counted(a, count_include_pad) for a in axes))
    total = _fold(x, axes, 0, lax.add)
    if counts.min() == counts.max():
        return total / counts.max().item()
    return total / counts.reshape((1,) * (x.ndim - len(axes)) + counts.shape).astype(x.dtype)


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
    space = len(window)
    require(
        x.ndim >= space,
        layer,
        f"x {describe(x)}",
        f"at least {space} axes",
        "the window has more dimensions than the input",
    )
    options = [
        each(value, space, layer, name)
        for name, value in (
            ("stride", window if stride is None else stride),
            ("padding", padding),
            ("dilation", dilation),
        )
    ]
    axes = []
    first = x.ndim - space
    for i, (size, w, s, p, d) in enumerate(
        zip(x.shape[first:], window, *options, strict=True), first
    ):
        reach = d * (w - 1) + 1
        require(
            0 <= 2 * p <= reach,
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
            "the window is larger than the image, perhaps after too much pooling",
        )
        axes.append(_Axis(i, size, w, s, p, d, count))
    return axes


def _fold(x: Array, axes: list[_Axis], outside: float, combine: Callable) -> Array:
    """Combine what lies in each window, from the first element on; `outside` is around `x`."""
    for axis, size, window, stride, padding, dilation, windows in reversed(axes):
        span = (windows - 1) * stride + 1
        after = max(0, span + dilation * (window - 1) - padding - size)
        if padding or after:
            widths = [(0, 0, 0)] * x.ndim
            widths[axis] = padding, after, 0
            x = lax.pad(x, x.dtype.type(outside), widths)
        starts = range(0, dilation * window, dilation)
        x = reduce(combine, (lax.slice_in_dim(x, i, i + span, stride, axis) for i in starts))
    return x


def _first_maximum(a: Array, b: Array) -> Array:
    """Larger one; `a` if they are equal, `b` if it is NaN."""
    return jnp.where((b > a) | (b != b), b, a)


def _counted(a: _Axis, count_include_pad: bool) -> np.ndarray:
    """How many elements each window along an axis is the mean of."""
    start = np.arange(a.windows) * a.stride - a.padding
    end = start + a.window
    if count_include_pad:
        return np.minimum(end, a.size + a.padding) - start
    return np.minimum(end, a.size) - np.maximum(start, 0)

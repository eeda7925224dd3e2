"""Images at other points than their pixels: those of another size, or of any grid."""

from collections.abc import Callable
from itertools import product
from math import prod
from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from fnn.adaptive import adaptive_avg_pool
from fnn.errors import describe, require
from fnn.space import require_sizes

__all__ = ["affine_grid", "grid_sample", "resize"]

Mode = Literal["nearest", "nearest-exact", "linear", "cubic", "area"]
Between = Literal["linear", "nearest", "cubic"]
Outside = Literal["zeros", "border", "reflection"]


def resize(
    x: Array,
    *,
    size: tuple[int, ...] | None = None,
    scale: tuple[float, ...] | None = None,
    mode: Mode = "nearest",
    align_corners: bool = False,
    recompute_scale: bool = False,
    antialias: bool = False,
    single: bool = False,
) -> Array:
    """An image in another size, or `scale` times as large; the last axes are those of space.

    x:      (..., *space)
    ->      (..., *space')

    The mode is `nearest` (the pixel before; `nearest-exact`: the one whose centre is nearest),
    `linear` (bilinear, trilinear), `cubic` or `area` (means). Images end at the outer edges of
    their pixels or, with `align_corners`, at the centres of the outermost ones.

    A `scale` is the inverse of the distance between points, unless `recompute_scale` asks for that
    of the sizes, which are whole; that is so, too, along an axis that keeps its size, other than
    for `cubic` and `nearest-exact`, and along one of two axes that doubles its size for `nearest`.
    With `antialias` linear and cubic filters are as wide as the new pixels. Points are computed in
    the precision of `x` or, as in Torch7, in `single` precision.
    Source: PyTorch `F.interpolate`; Torch7 `nn.SpatialUpSamplingNearest`, and
    `nn.SpatialUpSamplingBilinear` and `nn.UpSampling`, which align corners.
    """
    numbers = size if scale is None else scale
    axes = len(numbers) if isinstance(numbers, tuple | list) else 0
    require(
        (size is None) != (scale is None) and 0 < axes <= x.ndim,
        "resize",
        f"x {describe(x)}, size={size}, scale={scale}",
        "one of them, a tuple with a number for each axis of space",
        "an option left over, or a single number",
    )
    require(
        mode in get_args(Mode) and (not antialias or mode in ("linear", "cubic")),
        "resize",
        f"mode={mode!r}, antialias={antialias}",
        f"one of {', '.join(get_args(Mode))}; antialias for linear and cubic",
        "a typo",
    )
    space = x.shape[x.ndim - axes :]
    sizes = size or tuple(int(n * s) for n, s in zip(space, scale or (), strict=True))
    require(
        min(sizes) > 0 and min(space) > 0,
        "resize",
        f"x {describe(x)} to {sizes}",
        "sizes of 1 or more",
        "the image is too small for this scale",
    )
    if mode == "area":
        return adaptive_avg_pool(x, size=sizes)
    exact = (None,) * axes if scale is None or recompute_scale else scale
    weigh = _antialiased if antialias else _interpolated
    wide = x.dtype == np.float64
    number = np.float64 if wide and not single else np.float32
    for axis in reversed(range(axes)):
        old, new, s = space[axis], sizes[axis], exact[axis]
        if align_corners and mode in ("linear", "cubic"):
            step = number(old - 1) / number(max(new - 1, 1)) * (new > 1)
        elif s is None or (mode == "nearest" and axes == 2 and new == 2 * old):
            step = number(old) / number(new)
        else:
            step = number(1 / s)
        if new != old or (step != 1 and mode in ("cubic", "nearest-exact") and not antialias):
            places, weights = weigh(mode, old, new, number(step), align_corners, wide)
            x = _weighted(x, places, weights, x.ndim - axes + axis)
    return x


def grid_sample(
    x: Array,
    grid: Array,
    *,
    mode: Between = "linear",
    outside: Outside = "zeros",
    align_corners: bool = False,
) -> Array:
    """The values of an image at the points of a grid.

    x:      (batch, features, *space)
    grid:   (batch, *points, dimensions)
    ->      (batch, features, *points)

    A point has a coordinate for each axis of space, the last axis first; -1 and 1 are the outer
    edges of the image or, with `align_corners`, the centres of the outermost pixels. A point
    outside gets zero, the nearest pixel of the border, or that of the image reflected there; of
    these two NaN counts as the first place.
    Source: Jaderberg et al. 2015; PyTorch `F.grid_sample`.
    """
    space = x.shape[2:]
    require(
        x.ndim > 2 and grid.shape[:1] == x.shape[:1] and grid.shape[1:][-1:] == (len(space),),
        "grid_sample",
        f"x {describe(x)}, grid {describe(grid)}",
        f"grid ({x.shape[0] if x.ndim else 'batch'}, *points, {len(space)})",
        "the batch axis is missing, or the points have another number of coordinates",
    )
    require(
        mode in get_args(Between) and outside in get_args(Outside),
        "grid_sample",
        f"mode={mode!r}, outside={outside!r}",
        f"one of {', '.join(get_args(Between))}; one of {', '.join(get_args(Outside))}",
        "a typo",
    )
    points = grid.reshape(len(grid), prod(grid.shape[1:-1]), len(space))
    neighbours = []
    for axis, n in enumerate(space):
        at = (points[:, :, len(space) - 1 - axis] + 1) / 2
        at = at * (n - 1) if align_corners else at * n - 0.5
        inside = _INSIDE[outside]
        if mode != "cubic":
            at = inside(at, n, align_corners)
        near = _neighbours(mode, at, jnp)
        if mode == "cubic":  # whose neighbours are brought inside one by one
            near = [(inside(place, n, align_corners), weight) for place, weight in near]
        neighbours.append(near)
    flat = x.reshape(*x.shape[:2], prod(space))
    total = jnp.zeros((*x.shape[:2], points.shape[1]), x.dtype)
    for corner in product(*neighbours):
        index, weight, known = jnp.int32(0), x.dtype.type(1), jnp.bool(True)
        for n, (place, share) in zip(space, corner, strict=True):
            known &= (place >= 0) & (place < n)
            index = index * n + jnp.clip(place, 0, n - 1).astype(jnp.int32)
            weight = weight * share
        index = jnp.where(known, index, flat.shape[-1])
        values = jax.vmap(lambda image, i: jnp.take(image, i, 1, mode="fill", fill_value=0))
        total += values(flat, index) * jnp.broadcast_to(weight, index.shape)[:, None]
    return total.reshape(*x.shape[:2], *grid.shape[1:-1])


def affine_grid(theta: Array, *, size: tuple[int, ...], align_corners: bool = False) -> Array:
    """The points of a regular grid of the given size, moved by an affine map: `theta [point; 1]`.

    theta:  (batch, dimensions, 1 + dimensions)
    ->      (batch, *points', dimensions)

    Points are those that `grid_sample` takes.
    Source: Jaderberg et al. 2015; PyTorch `F.affine_grid`.
    """
    require_sizes("affine_grid", "size", size)
    axes = len(size)
    require(
        theta.shape[1:] == (axes, axes + 1),
        "affine_grid",
        f"theta {describe(theta)}, size={size}",
        f"theta (batch, {axes}, {axes + 1})",
        "the batch axis is missing, or size has more than the axes of space",
    )
    shift = lax.expand_dims(theta[:, :, -1], range(1, axes + 1))
    total = jnp.broadcast_to(shift, (len(theta), *size, axes))
    for axis, n in enumerate(size):
        ends = 1 if align_corners else (n - 1) / n
        along = jnp.asarray(np.linspace(-ends, ends, n) if n > 1 else np.zeros(1), theta.dtype)
        column = lax.expand_dims(theta[:, :, axes - 1 - axis], range(1, axes + 1))
        total += column * lax.broadcast_in_dim(along, total.shape, (axis + 1,))
    return total


def _weighted(x: Array, places: np.ndarray, weights: np.ndarray, axis: int) -> Array:
    """Sums of elements along an axis: (weights, sums) of them at places."""
    total = None
    for place, weight in zip(places, weights, strict=True):
        part = jnp.take(x, place, axis, mode="clip")
        if not (weight == 1).all():
            part = part * lax.broadcast_in_dim(jnp.asarray(weight, x.dtype), part.shape, (axis,))
        total = part if total is None else total + part
    assert total is not None
    return total


def _interpolated(
    mode: str, old: int, new: int, step: Any, align_corners: bool, wide: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Where along an axis the elements are that make each new one, and their (wide) weights."""
    i = np.arange(new).astype(step.dtype)
    half = step.dtype.type(0.5)
    if mode == "nearest":
        at = np.floor((i * step).astype(np.float32))
    elif mode == "nearest-exact":
        at = np.floor((step * (i + half) - half).clip(0).astype(np.float32) + np.float32(0.5))
    else:
        at = step * i if align_corners else step * (i + half) - half
        at = at if mode == "cubic" else at.clip(0, old - 1)
    at = at.astype(np.float64 if wide else np.float32)
    near = _neighbours(mode.split("-")[0], at, np)
    places = np.stack([place for place, _ in near]).clip(0, old - 1).astype(np.int32)
    return places, np.stack([np.broadcast_to(weight, at.shape) for _, weight in near])


def _antialiased(
    mode: str, old: int, new: int, step: Any, align_corners: bool, wide: bool
) -> tuple[np.ndarray, np.ndarray]:
    """The same of filters that are as wide as the new pixels, where these are the larger ones."""
    number = step.dtype.type
    width = max(step, number(1))
    support = (1 if mode == "linear" else 2) * width
    centre = step * (np.arange(new) + number(0.5)).astype(number)
    start = (centre - support + number(0.5)).astype(np.int32).clip(0)
    stop = (centre + support + number(0.5)).astype(np.int32).clip(None, old)
    places = start + np.arange((stop - start).max(), dtype=np.int32)[:, None]
    distance = np.abs(((places - centre).astype(number) + number(0.5)) / width)
    if mode == "linear":
        weights = (1 - distance).clip(0)
    else:
        weights = np.where(
            distance < 1, _cubic_near(distance, -0.5), _cubic_far(distance.clip(None, 2), -0.5)
        )
    weights = np.where(places < stop, weights, 0)
    return places.clip(None, old - 1), (weights / weights.sum(0)).astype(number)


def _neighbours(mode: str, at: Any, library: Any) -> list[tuple[Any, Any]]:
    """The elements around places between them, and their weights; of NumPy or of jax arrays."""
    if mode == "nearest":
        return [(library.round(at), library.ones_like(at))]
    first = library.floor(at)
    t = at - first
    if mode == "linear":
        return [(first, 1 - t), (first + 1, t)]
    near, far = (lambda d: _cubic_near(d, -0.75)), (lambda d: _cubic_far(d, -0.75))
    weights = far(t + 1), near(t), near(1 - t), far(2 - t)
    return [(first + i, weight) for i, weight in enumerate(weights, -1)]


def _cubic_near(d: Any, a: float) -> Any:
    """Keys's cubic filter at distances up to 1."""
    return ((a + 2) * d - (a + 3)) * d * d + 1


def _cubic_far(d: Any, a: float) -> Any:
    """The same from 1 to 2."""
    return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a


def _as_it_is(at: Array, n: int, align_corners: bool) -> Array:
    """A place that may be outside."""
    return at


def _clipped(at: Array, n: int, align_corners: bool) -> Array:
    """The nearest place inside; the first one for NaN."""
    return jnp.where(at > 0, jnp.where(at >= n - 1, n - 1, at), 0)


def _reflected(at: Array, n: int, align_corners: bool) -> Array:
    """The place inside that mirrors show at the image's edges."""
    low, span = (0, n - 1) if align_corners else (-0.5, n)
    if span == 0:
        return jnp.zeros_like(at)
    distance = jnp.where(at < low, low - at, at - low)
    turns = jnp.floor(distance / span)
    rest = distance - turns * span
    return _clipped(jnp.where(turns % 2 == 0, rest, span - rest) + low, n, align_corners)


_INSIDE: dict[str, Callable] = {
    "zeros": _as_it_is,
    "border": _clipped,
    "reflection": _reflected,
}

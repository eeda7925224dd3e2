"""Pooling into a given number of windows, which need not be equally long or far apart.

Along each axis of space, which are the last ones, the windows' elements are first laid out one
window after the other; what is left is pooling of disjoint windows.
"""

from math import ceil
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from fnn.errors import describe, require
from fnn.pool import avg_pool, max_pool, max_pool_indices
from fnn.space import each, require_sizes

__all__ = [
    "adaptive_avg_pool",
    "adaptive_max_pool",
    "adaptive_max_pool_indices",
    "fractional_max_pool",
    "fractional_max_pool_indices",
    "k_max_pool",
    "k_max_pool_indices",
]

Size = tuple[int | None, ...]


def adaptive_avg_pool(x: Array, *, size: Size) -> Array:
    """Mean of each of `size` windows: the i-th has the elements from i n/size to (i+1) n/size.

    x:      (..., *space)
    ->      (..., *space')

    Both bounds are rounded outwards, so that windows may overlap. None keeps an axis as it is.
    Source: PyTorch `nn.AdaptiveAvgPool2d`, Torch7 `nn.SpatialAdaptiveAveragePooling`.
    """
    tables = _tables("adaptive_avg_pool", x, size)
    window = tuple(table.shape[1] for table in tables)
    for axis, table in enumerate(tables, x.ndim - len(size)):
        x = _lay_out(x, table, axis)
        again = np.diff(table, axis=1, prepend=-1).reshape(-1) == 0
        if again.any():
            weights = np.where(again, 0, table.shape[1] / _distinct(table).repeat(table.shape[1]))
            along = lax.broadcast_in_dim(jnp.asarray(weights, x.dtype), x.shape, (axis,))
            x = jnp.where(along == 0, 0, x * along)
    return avg_pool(x, window=window)


def adaptive_max_pool(x: Array, *, size: Size, ignore_nan: bool = False) -> Array:
    """Maximum of each of `size` windows, which are those of `adaptive_avg_pool`.

    x:      (..., *space)
    ->      (..., *space')

    Source: PyTorch `nn.AdaptiveMaxPool2d`, Torch7 `nn.SpatialAdaptiveMaxPooling`.
    """
    tables = _tables("adaptive_max_pool", x, size)
    window = tuple(table.shape[1] for table in tables)
    for axis, table in enumerate(tables, x.ndim - len(size)):
        x = _lay_out(x, table, axis)
    return max_pool(x, window=window, ignore_nan=ignore_nan)


def adaptive_max_pool_indices(
    x: Array, *, size: Size, ignore_nan: bool = False
) -> tuple[Array, Array]:
    """As `adaptive_max_pool`, and where each maximum was: its place in space, row by row.

    x:      (..., *space)
    ->      (..., *space'); (..., *space') int

    Source: PyTorch `nn.AdaptiveMaxPool2d(return_indices=True)`.
    """
    tables = _tables("adaptive_max_pool_indices", x, size)
    return _max_pool_of(x, list(map(jnp.asarray, tables)), ignore_nan)


def fractional_max_pool(
    x: Array,
    key: Array,
    *,
    window: int | tuple[int, ...],
    size: tuple[int, ...] | None = None,
    ratio: tuple[float, ...] | None = None,
    ignore_nan: bool = False,
) -> Array:
    """Maximum of each of `size` windows, which begin at random steps as equal as they can be.

    x:      (..., *space)
    ->      (..., *space')

    `size` may be given as a `ratio` of the size of `x`. Each image of space is drawn its own steps.
    Source: Graham 2014; PyTorch `nn.FractionalMaxPool2d`, Torch7 `nn.SpatialFractionalMaxPooling`.
    """
    axes = _dimensions(size, ratio)
    samples = jax.random.uniform(key, (*x.shape[: x.ndim - axes], axes), x.dtype)
    return fractional_max_pool_indices(
        x, samples, window=window, size=size, ratio=ratio, ignore_nan=ignore_nan
    )[0]


def fractional_max_pool_indices(
    x: Array,
    samples: Array,
    *,
    window: int | tuple[int, ...],
    size: tuple[int, ...] | None = None,
    ratio: tuple[float, ...] | None = None,
    ignore_nan: bool = False,
) -> tuple[Array, Array]:
    """As `fractional_max_pool` with `samples` drawn from 0..1, and where each maximum was.

    x:       (..., *space)
    samples: (..., dimensions)
    ->       (..., *space'); (..., *space') int

    Windows begin at `floor((i + sample) a) - floor(sample a)`, where `a = (n - window)/(size - 1)`,
    the last one at `n - window`. Samples are in the order of the axes, which is that of PyTorch in
    three dimensions; in two PyTorch and Torch7 have the last axis first.
    Source: PyTorch `nn.FractionalMaxPool2d(return_indices=True)`.
    """
    name = "fractional_max_pool"
    axes = _dimensions(size, ratio)
    space = x.shape[x.ndim - axes :]
    windows = each(window, axes, name, "window")
    sizes = size or tuple(int(n * r) for n, r in zip(space, ratio or (), strict=True))
    require(
        x.ndim >= axes
        and all(s > 0 and s + w - 1 <= n for s, w, n in zip(sizes, windows, space, strict=True)),
        name,
        f"x {describe(x)}",
        f"room for {sizes} windows of {windows} in space",
        "the output is as large as the input, or there is no batch axis",
    )
    require(
        samples.shape == (*x.shape[: x.ndim - axes], axes),
        name,
        f"samples {describe(samples)} for x {describe(x)}",
        f"{axes} for each image of space",
        "the samples were drawn for another shape",
    )

    def of_one(image: Array, drawn: Array) -> tuple[Array, Array]:
        tables = [
            _intervals(drawn[i], *sizes_of)
            for i, sizes_of in enumerate(zip(space, sizes, windows, strict=True))
        ]
        return _max_pool_of(image, tables, ignore_nan)

    found = jax.vmap(of_one)(x.reshape(-1, *space), samples.reshape(-1, axes))
    leading = x.shape[: x.ndim - axes]
    return found[0].reshape(*leading, *sizes), found[1].reshape(*leading, *sizes)


def _dimensions(size: Any, ratio: Any) -> int:
    """How many dimensions of space are pooled to a size or to a ratio of it."""
    numbers = size if ratio is None else ratio
    require(
        (size is None) != (ratio is None) and isinstance(numbers, tuple | list),
        "fractional_max_pool",
        f"size={size}, ratio={ratio}",
        "one of them, a tuple with a number for each dimension of space",
        "an option left over, or a single number",
    )
    return len(numbers)


def k_max_pool(x: Array, *, minimum: int, factor: float = 0.0, axis: int = -2) -> Array:
    """The k largest elements along an axis, in their order there; `k = max(minimum, factor n)`.

    x:      (...)
    ->      (...')

    The product is rounded up. By default the axis is that of time, before that of features.
    Source: Kalchbrenner, Grefenstette and Blunsom 2014; Torch7 `nn.TemporalDynamicKMaxPooling`.
    """
    return k_max_pool_indices(x, minimum=minimum, factor=factor, axis=axis)[0]


def k_max_pool_indices(
    x: Array, *, minimum: int, factor: float = 0.0, axis: int = -2
) -> tuple[Array, Array]:
    """The elements of `k_max_pool`, and their places along the axis.

    x:      (...)
    ->      (...'); (...') int
    """
    require(
        -x.ndim <= axis < x.ndim,
        "k_max_pool",
        f"x {describe(x)}, axis={axis}",
        "an axis that exists",
        "the axis of time or that of features is missing",
    )
    size = x.shape[axis]
    count = max(minimum, ceil(factor * size))
    require(
        0 < count <= size,
        "k_max_pool",
        f"x {describe(x)}, minimum={minimum}, factor={factor}",
        f"at least {count} elements along axis {axis}",
        "the sequence is too short",
    )
    last = jnp.moveaxis(x, axis, -1)
    places = jnp.moveaxis(jnp.sort(lax.top_k(last, count)[1], -1), -1, axis)
    return jnp.take_along_axis(x, places, axis), places


def _tables(layer: str, x: Array, size: Size) -> list[np.ndarray]:
    """For each axis the places of the windows' elements, a row for each window.

    Rows end with the last place again where a window is shorter than others.
    """
    known = size if isinstance(size, int) else tuple(s for s in size if s is not None)
    require_sizes(layer, "size", known)
    first = x.ndim - len(size)
    require(
        first >= 0 and 0 not in x.shape[first:],
        layer,
        f"x {describe(x)} for size {size}",
        f"{len(size)} axes of space, none of them empty",
        "the size has more dimensions than the input",
    )
    tables = []
    for n, s in zip(x.shape[first:], size, strict=True):
        windows = np.arange(s or n)
        start = windows * n // len(windows)
        end = -((windows + 1) * n // -len(windows))
        places = start[:, None] + np.arange((end - start).max())
        tables.append(np.minimum(places, end[:, None] - 1).astype(np.int32))
    return tables


def _distinct(table: np.ndarray) -> np.ndarray:
    """How many elements each window has."""
    return table[:, -1] - table[:, 0] + 1


def _lay_out(x: Array, table: np.ndarray | Array, axis: int) -> Array:
    """The windows' elements along an axis, one window after the other."""
    if isinstance(table, np.ndarray) and np.array_equal(table.ravel(), np.arange(x.shape[axis])):
        return x
    return jnp.take(x, table.reshape(-1), axis, mode="clip")


def _max_pool_of(x: Array, tables: list[Array], ignore_nan: bool) -> tuple[Array, Array]:
    """Maxima of windows, and their places in the original space."""
    first = x.ndim - len(tables)
    space = x.shape[first:]
    window = tuple(table.shape[1] for table in tables)
    for axis, table in enumerate(tables, first):
        x = _lay_out(x, table, axis)
    y, laid_out = max_pool_indices(x, window=window, ignore_nan=ignore_nan)
    places = jnp.zeros_like(laid_out)
    at = jnp.unravel_index(laid_out, x.shape[first:])
    for size, table, i in zip(space, tables, at, strict=True):
        places = places * size + table.reshape(-1)[i]
    return y, places


def _intervals(sample: Array, size: int, windows: int, window: int) -> Array:
    """The places of the windows' elements along an axis, a row for each window."""
    room = jnp.asarray(size - window, sample.dtype)
    i = jnp.arange(windows - 1, dtype=sample.dtype)
    step = room / max(windows - 1, 1)
    starts = jnp.trunc((i + sample) * step) - jnp.trunc(sample * step)
    starts = jnp.append(starts, room).astype(jnp.int32)
    return starts[:, None] + jnp.arange(window, dtype=jnp.int32)[None, :]

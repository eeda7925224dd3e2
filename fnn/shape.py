"""Layers that only rearrange axes.

Where one takes `dimensions`, its axis is that of one example with so many axes: it is shifted by
one if `x` has an axis of examples in front. Negative axes count from the end.
"""

from math import prod

import jax.numpy as jnp
from jax import Array, lax

from fnn.axes import axis_of
from fnn.errors import describe, require

__all__ = [
    "convert",
    "flatten",
    "pad_axis",
    "replicate",
    "reshape",
    "squeeze",
    "transpose",
    "unflatten",
    "unsqueeze",
    "view",
]


def flatten(x: Array, *, start: int = 1, end: int = -1) -> Array:
    """Join the axes from `start` to `end`, both included, into one; by default all but the batch.

    x:      (...)
    ->      (...')

    Source: PyTorch `nn.Flatten`; Torch7 `nn.Collapse`, with `start` the axes less `nInputDim`.
    """
    first, last = (axis + x.ndim if axis < 0 else axis for axis in (start, end))
    require(
        0 <= first <= last < x.ndim,
        "flatten",
        f"x {describe(x)}, start={start}, end={end}",
        "axes that exist, start not after end",
        "the batch axis is missing",
    )
    joined = prod(x.shape[first : last + 1])
    return lax.reshape(x, (*x.shape[:first], joined, *x.shape[last + 1 :]))


def reshape(x: Array, *, shape: tuple[int, ...]) -> Array:
    """Give the same elements, in order, another shape; one size may be -1: what is left.

    x:      (...)
    ->      (...')

    Source: PyTorch `reshape`, Torch7 `nn.Reshape` with `batchMode` false.
    """
    _require_several("reshape", shape)
    known = prod(n for n in shape if n >= 0)
    free = [n for n in shape if n < 0]
    require(
        known == x.size if not free else free == [-1] and known > 0 and x.size % known == 0,
        "reshape",
        f"x {describe(x)}, shape={shape}",
        f"{x.size} elements in all, and -1 at most once",
        "the batch axis was left out of the shape: give -1 for it",
    )
    return lax.reshape(x, tuple(x.size // known if n < 0 else n for n in shape))


def view(x: Array, *, shape: tuple[int, ...], dimensions: int | None = None) -> Array:
    """Give each example another shape: as `reshape`, but an axis of examples in front is kept.

    x:      (...)
    ->      (...')

    There is one if the elements are several times as many as `shape` has; with `dimensions`, also
    if `x` has more axes than that.

    Source: Torch7 `nn.View`.
    """
    _require_several("view", shape)
    if dimensions is not None and x.ndim > dimensions:
        return reshape(x, shape=(prod(x.shape[: x.ndim - dimensions]), *shape))
    wanted = prod(n for n in shape if n >= 0)
    whole = -1 in shape or x.size == wanted
    return reshape(x, shape=shape if whole else (x.size // max(wanted, 1), *shape))


def unflatten(x: Array, *, axis: int, shape: tuple[int, ...]) -> Array:
    """Split an axis into several; one size may be -1: what is left.

    x:      (...)
    ->      (...')

    Source: PyTorch `nn.Unflatten`.
    """
    _require_several("unflatten", shape)
    axis = axis_of("unflatten", x, axis)
    known, free = prod(n for n in shape if n >= 0), shape.count(-1)
    length = x.shape[axis]
    require(
        known == length if not free else free == 1 and known > 0 and length % known == 0,
        "unflatten",
        f"x {describe(x)}, axis={axis}, shape={shape}",
        f"{length} in all, and -1 at most once",
        "another axis was meant",
    )
    filled = (length // known if n < 0 else n for n in shape)
    return lax.reshape(x, (*x.shape[:axis], *filled, *x.shape[axis + 1 :]))


def transpose(
    x: Array, *, swaps: tuple[tuple[int, int], ...] = ((0, 1),), dimensions: int | None = None
) -> Array:
    """Exchange pairs of axes, one pair after the other.

    x:      (...)
    ->      (...')

    Source: Torch7 `nn.Transpose`, PyTorch `transpose`.
    """
    require(
        not any(isinstance(pair, int) for pair in swaps),
        "transpose",
        f"swaps={swaps}",
        "a tuple of pairs of axes",
        "a single pair stands in a tuple, too: ((0, 1),)",
    )
    order = list(range(x.ndim))
    for pair in swaps:
        i, j = (axis_of("transpose", x, axis, dimensions) for axis in pair)
        order[i], order[j] = order[j], order[i]
    return lax.transpose(x, order)


def squeeze(
    x: Array, *, axis: int | tuple[int, ...] | None = None, dimensions: int | None = None
) -> Array:
    """Drop axes of length 1: those given, where they have it, or all but the axis of examples.

    x:      (...)
    ->      (...')

    Source: PyTorch `squeeze`, Torch7 `nn.Squeeze`.
    """
    if axis is None:
        axes = range(dimensions is not None and x.ndim == dimensions + 1, x.ndim)
    else:
        given = axis if isinstance(axis, tuple) else (axis,)
        axes = [axis_of("squeeze", x, i, dimensions) for i in given]
    return lax.squeeze(x, [i for i in axes if x.shape[i] == 1])


def unsqueeze(x: Array, *, axis: int, dimensions: int | None = None) -> Array:
    """Put in an axis of length 1; with `dimensions`, within the last so many axes.

    x:      (...)
    ->      (...')

    Source: PyTorch `unsqueeze`, Torch7 `nn.Unsqueeze`.
    """
    return replicate(x, count=1, axis=axis, dimensions=dimensions)


def replicate(x: Array, *, count: int, axis: int = 0, dimensions: int | None = None) -> Array:
    """Put in an axis along which `x` is repeated; with `dimensions`, within the last so many axes.

    x:      (...)
    ->      (...')

    Source: Torch7 `nn.Replicate`.
    """
    leading = 0 if dimensions is None or axis < 0 else max(x.ndim - dimensions, 0)
    found = axis + leading if axis >= 0 else axis + x.ndim + 1
    require(
        0 <= found <= x.ndim,
        "replicate",
        f"x {describe(x)}, axis={axis}",
        f"at most {x.ndim}",
        "the batch axis is missing, or axes were counted from 1",
    )
    shape = (*x.shape[:found], count, *x.shape[found:])
    return lax.broadcast_in_dim(x, shape, [i + (i >= found) for i in range(x.ndim)])


def pad_axis(
    x: Array,
    *,
    count: int,
    axis: int = 0,
    dimensions: int | None = None,
    value: float = 0.0,
    skip: int = 0,
) -> Array:
    """Put in `value` so many times along an axis: after the elements, or if negative before them.

    x:      (...)
    ->      (...')

    `skip` elements of that side stay outside the padding.

    Source: Torch7 `nn.Padding`.
    """
    axis = axis_of("pad_axis", x, axis, dimensions)
    length = x.shape[axis]
    at = skip if count < 0 else length - skip
    require(
        0 <= at <= length,
        "pad_axis",
        f"x {describe(x)}, axis={axis}, skip={skip}",
        f"at most {length} elements to skip",
        "another axis was meant",
    )
    shape = (*x.shape[:axis], abs(count), *x.shape[axis + 1 :])
    before, after = (lax.slice_in_dim(x, i, j, axis=axis) for i, j in ((0, at), (at, length)))
    return lax.concatenate([before, jnp.full(shape, value, x.dtype), after], axis)


def convert(x: Array, *, source: str, target: str) -> Array:
    """Axes named by letters in another order, or as batch and features: b, bf, bt.

    x:      (...)
    ->      (...')

    The letters are b (batch), f, c (features), d, h, w (space) and t (time). To "bf" the batch
    comes first, in exchange with what was there, and the rest is joined; to "b" goes the first
    element of the other axis. A missing batch axis is put in.

    Source: Torch7 `nn.Convert`.
    """
    if x.ndim == len(source) - 1:
        x = lax.expand_dims(x, [source.index("b")])
    require(
        x.ndim == len(source) and "b" in source,
        "convert",
        f"x {describe(x)} as {source!r}",
        "a letter for each axis, one of them b",
        "an axis is missing",
    )
    if sorted(source) == sorted(target):
        return lax.transpose(x, [source.index(letter) for letter in target])
    if target == "b" and x.ndim == 2:
        return lax.index_in_dim(x, 0, 1 - source.index("b"), keepdims=False)
    require(
        target == "bf" or (target, source) == ("bt", "b"),
        "convert",
        f"{source!r} to {target!r}",
        "the same letters, b, bf or bt",
        "a letter is misspelt",
    )
    return flatten(transpose(x, swaps=((0, source.index("b")),)) if x.ndim > 1 else x[:, None])


def _require_several(layer: str, shape: object) -> None:
    """Raise a `LayerError` if sizes are a single number."""
    require(
        not isinstance(shape, int),
        layer,
        f"shape={shape}",
        "a tuple of sizes",
        "a single size stands in a tuple, too: (4,)",
    )

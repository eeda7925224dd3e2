"""Layers that take some of the elements."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.typing import DTypeLike

from fnn.axes import axis_of, require_alike
from fnn.errors import LayerError, describe, known, require, require_indices

__all__ = ["index_select", "masked_select", "narrow", "one_hot", "select"]


def narrow(
    x: Array, *, start: int, length: int = 1, axis: int = 0, dimensions: int | None = None
) -> Array:
    """A stretch of an axis. A negative length counts from the end: -1 is all that is left.

    x:      (...)
    ->      (...')

    Source: PyTorch `narrow`, Torch7 `nn.Narrow`.
    """
    axis = axis_of("narrow", x, axis, dimensions)
    whole = x.shape[axis]
    first = start + whole if start < 0 else start
    end = first + length if length >= 0 else whole + length + 1
    require(
        0 <= first <= end <= whole,
        "narrow",
        f"x {describe(x)}, axis={axis}, start={start}, length={length}",
        f"a stretch of 0..{whole - 1}",
        "another axis was meant",
    )
    return lax.slice_in_dim(x, first, end, axis=axis)


def select(x: Array, *, index: int, axis: int = 0, dimensions: int | None = None) -> Array:
    """One slice along an axis, which is dropped. A negative index counts from the end.

    x:      (...)
    ->      (...')

    Source: PyTorch `select`, Torch7 `nn.Select`.
    """
    axis = axis_of("select", x, axis, dimensions)
    require(
        -x.shape[axis] <= index < x.shape[axis],
        "select",
        f"x {describe(x)}, axis={axis}, index={index}",
        f"-{x.shape[axis]}..{x.shape[axis] - 1}",
        "another axis was meant",
    )
    return lax.index_in_dim(x, index, axis, keepdims=False)


def index_select(x: Array, indices: Array, *, axis: int = 0) -> Array:
    """The slices along an axis at some indices; inside compiled code, NaN for one outside it.

    x:       (length, ...)
    indices: (chosen,) int
    ->       (chosen, ...)

    Source: PyTorch `index_select`, Torch7 `nn.Index`.
    """
    axis = axis_of("index_select", x, axis)
    require_indices(indices, x.shape[axis], "index_select", "the indices count from 1")
    places = x.at[(slice(None),) * axis + (indices,)]
    return places.get(mode="fill", wrap_negative_indices=False)


def masked_select(x: Array, mask: Array, *, count: int | None = None) -> Array:
    """The elements where a mask is true, in order.

    x:      (*shape)
    mask:   (*shape) bool
    ->      (count',)

    Compiled code must be told how many there are: a `LayerError` says so. If there are fewer, zeros
    follow; if there are more, they are left out.

    Source: PyTorch `masked_select`, Torch7 `nn.MaskedSelect`.
    """
    require_alike("masked_select", x, mask)
    if count is None:
        values = known(mask)
        if values is None:
            raise LayerError(
                "masked_select: given a mask inside compiled code, wanted count: how many elements"
                "\nlikely cause: the shape of an array can't depend on values not known yet"
            )
        count = int(np.sum(values))
    (places,) = jnp.nonzero(mask.reshape(-1), size=count, fill_value=x.size)
    return x.reshape(-1).at[places].get(mode="fill", fill_value=0)


def one_hot(indices: Array, *, count: int, dtype: DTypeLike = float) -> Array:
    """1 in the place of each index, 0 elsewhere along a new last axis.

    indices: (...) int
    ->       (..., count')

    Source: Torch7 `nn.OneHot`; PyTorch `one_hot`, whose `dtype` is an integer.
    """
    require_indices(indices, count, "one_hot", "the labels count from 1")
    return jax.nn.one_hot(indices, count, dtype=dtype)

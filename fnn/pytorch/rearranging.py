"""Tensors joined, repeated, turned and rolled: other arrangements of elements, as copies."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from fnn.pytorch.autograd import record
from fnn.pytorch.tensor import Tensor, axis_of, method
from fnn.pytorch.types import result_type, shape_of
from fnn.pytorch.views import expand, unsqueeze

__all__ = [
    "atleast_1d",
    "atleast_2d",
    "block_diag",
    "broadcast_tensors",
    "cat",
    "concat",
    "concatenate",
    "diag",
    "dstack",
    "flip",
    "fliplr",
    "flipud",
    "hstack",
    "meshgrid",
    "repeat_interleave",
    "roll",
    "stack",
    "tile",
    "tril",
    "triu",
    "vstack",
]


def joined(*arrays: Array, axis: int) -> Array:
    """Arrays one after the other."""
    return jnp.concatenate(arrays, axis)


def stacked(*arrays: Array, axis: int) -> Array:
    """Arrays along a new axis."""
    return jnp.stack(arrays, axis)


def alike(tensors: Sequence[Tensor]) -> list[Tensor]:
    """The tensors as their common type."""
    kind = result_type(*tensors)
    return [x.to(kind) for x in tensors]


def cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Tensors one after the other along an axis."""
    given = [x for x in tensors if x.shape != (0,)] or list(tensors)
    if not given:
        raise ValueError("expected a non-empty list of Tensors")
    axis, first = axis_of(given[0], dim), given[0].shape
    for i, x in enumerate(given):
        if x.ndim != len(first) or not x.ndim:
            if not x.ndim:
                raise RuntimeError(
                    f"zero-dimensional tensor (at position {i}) cannot be concatenated"
                )
            raise RuntimeError(
                f"Tensors must have same number of dimensions: got {len(first)} and {x.ndim}"
            )
        for j, (n, m) in enumerate(zip(first, x.shape, strict=True)):
            if n != m and j != axis:
                raise RuntimeError(
                    f"Sizes of tensors must match except in dimension {axis}. Expected size {n} "
                    f"but got size {m} for tensor number {i} in the list."
                )
    return record(joined, *alike(given), axis=axis)


concat = concatenate = cat


def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Tensors of one shape along a new axis."""
    first = tensors[0]
    for i, x in enumerate(tensors):
        if x.shape != first.shape:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(first.shape)} at "
                f"entry 0 and {list(x.shape)} at entry {i}"
            )
    return record(stacked, *alike(tensors), axis=axis_of(first, dim, new=1))


@method
def atleast_1d(input: Tensor) -> Tensor:
    """The tensor with one axis, if it has none."""
    return input if input.ndim else unsqueeze(input, 0)


@method
def atleast_2d(input: Tensor) -> Tensor:
    """The tensor with axes in front, if it has less than two."""
    return input if input.ndim > 1 else unsqueeze(atleast_1d(input), 0)


def hstack(tensors: Sequence[Tensor]) -> Tensor:
    """Tensors side by side: along the second axis, or the only one."""
    given = [atleast_1d(x) for x in tensors]
    return cat(given, 0 if given[0].ndim == 1 else 1)


def vstack(tensors: Sequence[Tensor]) -> Tensor:
    """Tensors one below the other."""
    return cat([atleast_2d(x) for x in tensors])


def dstack(tensors: Sequence[Tensor]) -> Tensor:
    """Tensors one behind the other: along the third axis."""
    given = [atleast_2d(x) for x in tensors]
    return cat([x if x.ndim > 2 else unsqueeze(x, 2) for x in given], 2)


def block_diag(*tensors: Tensor) -> Tensor:
    """Matrices along the diagonal of one."""
    given = [atleast_2d(x) for x in tensors]
    width = builtins.sum(x.shape[1] for x in given)
    rows, before = [], 0
    for x in given:
        after = width - before - x.shape[1]
        rows.append(cat([x.new_zeros(x.shape[0], before), x, x.new_zeros(x.shape[0], after)], 1))
        before += x.shape[1]
    return cat(rows)


def broadcast_tensors(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Views of one shape."""
    shape = np.broadcast_shapes(*(x.shape for x in tensors))
    return tuple(expand(x, *shape) for x in tensors)


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Tensor, ...]:
    """The coordinates of all points of a grid."""
    given = list(tensors[0] if isinstance(tensors[0], list | tuple) else tensors)
    if indexing == "xy":
        x, y, *others = given
        b, a, *rest = meshgrid(y, x, *others)
        return (a, b, *rest)
    rank = len(given)
    views = [x.reshape((1,) * i + (-1,) + (1,) * (rank - 1 - i)) for i, x in enumerate(given)]
    return broadcast_tensors(*views)


@method
def repeat(self: Tensor, *sizes: Any) -> Tensor:
    """So many copies along each axis; new axes come in front."""
    times = shape_of(sizes)
    if len(times) < self.ndim:
        raise RuntimeError(
            "Number of dimensions of repeat dims can not be smaller than number of dimensions of "
            "tensor"
        )
    return record(repeated, self, times=times)


def repeated(x: Array, *, times: tuple[int, ...]) -> Array:
    """Copies along each axis."""
    return jnp.tile(x.reshape((1,) * (len(times) - x.ndim) + x.shape), times)


@method
def tile(input: Tensor, *dims: Any) -> Tensor:
    """So many copies along each of the last axes."""
    times = shape_of(dims)
    return repeat(input, (1,) * (input.ndim - len(times)) + times)


@method
def repeat_interleave(input: Tensor, repeats: Any, dim: int | None = None) -> Tensor:
    """Each element several times in a row."""
    x = input.reshape(-1) if dim is None else input
    axis = 0 if dim is None else axis_of(input, dim)
    times = tuple(repeats.tolist()) if isinstance(repeats, Tensor) else repeats
    return record(interleaved, x, times=times, axis=axis)


def interleaved(x: Array, *, times: int | tuple[int, ...], axis: int) -> Array:
    """Each element several times in a row."""
    return jnp.repeat(x, np.asarray(times), axis, total_repeat_length=length_of(x, times, axis))


def length_of(x: Array, times: int | tuple[int, ...], axis: int) -> int:
    """How long an axis is after its elements were repeated."""
    return x.shape[axis] * times if isinstance(times, int) else builtins.sum(times)


@method
def flip(input: Tensor, *dims: Any) -> Tensor:
    """The elements in the opposite order along axes."""
    return record(jnp.flip, input, axis=tuple(axis_of(input, d) for d in shape_of(dims)))


@method
def fliplr(input: Tensor) -> Tensor:
    """The columns in the opposite order."""
    return flip(input, 1)


@method
def flipud(input: Tensor) -> Tensor:
    """The rows in the opposite order."""
    return flip(input, 0)


@method
def roll(input: Tensor, shifts: Any, dims: Any = None) -> Tensor:
    """The elements moved along axes; what leaves at one end enters at the other."""
    if dims is None:
        return roll(input.reshape(-1), shifts, 0).reshape(input.shape)
    axes = [dims] if isinstance(dims, int) else dims
    by = (shifts,) if isinstance(shifts, int) else tuple(shifts)
    return record(jnp.roll, input, shift=by, axis=tuple(axis_of(input, d) for d in axes))


@method
def tril(input: Tensor, diagonal: int = 0) -> Tensor:
    """The matrix with zeros above a diagonal."""
    return record(jnp.tril, input, k=diagonal)


@method
def triu(input: Tensor, diagonal: int = 0) -> Tensor:
    """The matrix with zeros below a diagonal."""
    return record(jnp.triu, input, k=diagonal)


@method
def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """A vector as a matrix's diagonal, or a matrix's diagonal as a vector."""
    return record(jnp.diag, input, k=diagonal)

"""Strided views of flat memory, as pure functions: where the elements of a tensor lie.

Element (i, j, ...) of a view lies at `offset + i * stride[0] + j * stride[1] + ...` of its storage,
everything counting from 0.
"""

from functools import cached_property, lru_cache
from math import prod
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array, lax


class View:
    """Where a view's elements lie, from its first element on; known by its identity."""

    __slots__ = ("size", "stride")

    def __init__(self, size: tuple[int, ...], stride: tuple[int, ...]):
        self.size, self.stride = size, stride


class _Lie(NamedTuple):
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


class Geometry(_Lie):
    """Where a view's elements lie."""

    @cached_property
    def view(self) -> View:
        """The view without its offset; equal ones are one object."""
        return view(self.size, self.stride)

    @cached_property
    def dense(self) -> int:
        """How many elements lie in row-major order from the beginning; -1 if they don't."""
        return prod(self.size) if self.offset == 0 and is_contiguous(self) else -1


@lru_cache(10_000)
def view(size: tuple[int, ...], stride: tuple[int, ...]) -> View:
    """The view of this size and these strides."""
    return View(size, stride)


@lru_cache(10_000)
def whole(size: tuple[int, ...]) -> Geometry:
    """Where row-major elements lie that fill a storage."""
    return Geometry(0, size, contiguous_stride(size))


def contiguous_stride(size: tuple[int, ...]) -> tuple[int, ...]:
    """The strides of row-major elements without gaps."""
    strides = [1]
    for length in reversed(size[1:]):
        strides.append(strides[-1] * length)
    return tuple(reversed(strides[: len(size)]))


def is_contiguous(geometry: Geometry) -> bool:
    """Whether the elements follow each other in row-major order; axes of length 1 don't matter."""
    dense = contiguous_stride(geometry.size)
    pairs = zip(geometry.size, geometry.stride, dense, strict=True)
    return 0 in geometry.size or all(length == 1 or s == d for length, s, d in pairs)


def extent(geometry: Geometry) -> int:
    """How many elements a storage must have at least."""
    if 0 in geometry.size:
        return geometry.offset
    last = sum((n - 1) * s for n, s in zip(geometry.size, geometry.stride, strict=True))
    return geometry.offset + last + 1


def addresses(offset: Any, size: tuple[int, ...], stride: tuple[int, ...]) -> Array:
    """The place of every element, in the view's shape."""
    at = jnp.full(size, offset, dtype=jnp.int32)
    for axis, (length, step) in enumerate(zip(size, stride, strict=True)):
        if step and length > 1:
            at += step * lax.broadcasted_iota(jnp.int32, size, axis)
    return at


def order(size: tuple[int, ...], stride: tuple[int, ...]) -> tuple[int, ...] | None:
    """The axes in the order in which a view is contiguous, if there is one: a transpose has one."""
    axes = sorted(range(len(size)), key=lambda i: -stride[i])
    permuted = Geometry(0, tuple(size[i] for i in axes), tuple(stride[i] for i in axes))
    return tuple(axes) if is_contiguous(permuted) else None


def read(memory: Array, offset: Any, *, size: tuple[int, ...], stride: tuple[int, ...]) -> Array:
    """The elements of a view. The offset may be traced: it is no part of the program."""
    flat = memory.reshape(-1)
    if (axes := order(size, stride)) is None:
        return flat.at[addresses(offset, size, stride)].get(mode="promise_in_bounds")
    block = lax.dynamic_slice(flat, (offset,), (prod(size),))
    block = block.reshape([size[i] for i in axes])
    return block.transpose([axes.index(i) for i in range(len(axes))])


def write(
    memory: Array, value: Array, offset: Any, *, size: tuple[int, ...], stride: tuple[int, ...]
) -> Array:
    """The memory after `value` has been written through a view."""
    flat = memory.reshape(-1)
    if (axes := order(size, stride)) is None:
        at = addresses(offset, size, stride)
        flat = flat.at[at].set(value, mode="promise_in_bounds")
    elif prod(size) == flat.size:
        flat = value.transpose(axes).reshape(-1)
    else:
        flat = lax.dynamic_update_slice(flat, value.transpose(axes).reshape(-1), (offset,))
    return flat.reshape(memory.shape)

"""Views of parts: some elements of a tensor, which share memory and pass on gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jax import lax

from fnn import elements
from fnn.pytorch.aliasing import as_view
from fnn.pytorch.tensor import Tensor, axis_of, method
from fnn.tensor.views import Geometry, extent

__all__ = [
    "as_strided",
    "chunk",
    "diagonal",
    "narrow",
    "select",
    "split",
    "tensor_split",
    "unbind",
]


@method
def select(input: Tensor, dim: int, index: int) -> Tensor:
    """The elements at one index of an axis, without the axis."""
    offset, size, stride = input.geometry
    if not size:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    axis = axis_of(input, dim)
    length = size[axis]
    if not -length <= index < length:
        raise IndexError(
            f"select(): index {index} out of range for tensor of size {list(input.shape)} at "
            f"dimension {axis}"
        )
    at = index % length
    found = input._view(
        offset + at * stride[axis],
        size[:axis] + size[axis + 1 :],
        stride[:axis] + stride[axis + 1 :],
    )
    return as_view(found, input, lax.index_in_dim, index=at, axis=axis, keepdims=False)


def slice_along(input: Tensor, axis: int, start: int, stop: int, step: int) -> Tensor:
    """Every `step`-th element of an axis, from `start` on, before `stop`."""
    offset, size, stride = input.geometry
    length = len(range(start, stop, step))
    found = input._view(
        offset + start * stride[axis] if length else offset,
        (*size[:axis], length, *size[axis + 1 :]),
        (*stride[:axis], step * stride[axis], *stride[axis + 1 :]),
    )
    hyper = {"start_index": start, "limit_index": max(stop, start), "stride": step, "axis": axis}
    return as_view(found, input, lax.slice_in_dim, **hyper)


@method
def narrow(input: Tensor, dim: int, start: int, length: int) -> Tensor:
    """A run of elements along an axis."""
    axis = axis_of(input, dim)
    size = input.geometry.size[axis]
    first = start + size if start < 0 else start
    if not 0 <= first <= first + length <= size:
        raise RuntimeError(f"start ({first}) + length ({length}) exceeds dimension size ({size}).")
    return slice_along(input, axis, first, first + length, 1)


@method
def split(tensor: Tensor, split_size_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Parts along an axis: of one size, of which the last may be smaller; or of given sizes."""
    axis, sizes = axis_of(tensor, dim), split_size_or_sections
    length = tensor.geometry.size[axis]
    if isinstance(sizes, int):
        if sizes <= 0 < length:
            raise RuntimeError(
                "split_size can only be 0 if dimension size is 0, but got dimension size of "
                f"{length}"
            )
        sizes = [min(sizes, length - i) for i in range(0, length, sizes)] or [0]
    elif sum(sizes) != length:
        raise RuntimeError(
            f"split_with_sizes expects split_sizes to sum exactly to {length} (input tensor's "
            f"size at dimension {axis}), but got split_sizes={list(sizes)}"
        )
    starts = [sum(sizes[:i]) for i in range(len(sizes))]
    return tuple(narrow(tensor, axis, i, n) for i, n in zip(starts, sizes, strict=True))


@method
def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """At most so many equal parts along an axis; the last may be smaller."""
    length = input.geometry.size[axis_of(input, dim)]
    return split(input, -(-length // chunks), dim)


@method
def tensor_split(input: Tensor, sections: int, dim: int = 0) -> tuple[Tensor, ...]:
    """So many parts along an axis, whose sizes differ by 1 at most."""
    length = input.geometry.size[axis_of(input, dim)]
    more = length % sections
    return split(input, [length // sections + (i < more) for i in range(sections)], dim)


@method
def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """All parts along an axis, without the axis."""
    axis = axis_of(input, dim)
    return tuple(select(input, axis, i) for i in range(input.geometry.size[axis]))


@method
def unfold(self: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """Windows along an axis, `step` apart, with their elements along a new last axis."""
    axis = axis_of(self, dimension)
    offset, sizes, strides = self.geometry
    if size > sizes[axis]:
        raise RuntimeError(
            f"maximum size for tensor at dimension {axis} is {sizes[axis]} but size is {size}"
        )
    count = (sizes[axis] - size) // step + 1
    found = self._view(
        offset,
        (*sizes[:axis], count, *sizes[axis + 1 :], size),
        (*strides[:axis], step * strides[axis], *strides[axis + 1 :], strides[axis]),
    )
    return as_view(found, self, elements.unfold, axis=axis, size=size, step=step)


@method
def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """The diagonal of two axes, along a new last axis."""
    a, b = axis_of(input, dim1), axis_of(input, dim2)
    start, size, stride = input.geometry
    down, right = max(-offset, 0), max(offset, 0)
    length = max(min(size[a] - down, size[b] - right), 0)
    keep = [i for i in range(len(size)) if i not in (a, b)]
    found = input._view(
        start + (down * stride[a] + right * stride[b] if length else 0),
        [*(size[i] for i in keep), length],
        [*(stride[i] for i in keep), stride[a] + stride[b]],
    )
    return as_view(found, input, jnp.diagonal, offset=offset, axis1=a, axis2=b)


@method
def as_strided(
    input: Tensor, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None
) -> Tensor:
    """Any view of the tensor's storage; the tape doesn't know of it."""
    offset = input.geometry.offset if storage_offset is None else storage_offset
    found = Geometry(offset, tuple(size), tuple(stride))
    if extent(found) > len(input.storage):
        raise RuntimeError(
            f"setStorage: sizes {list(size)}, strides {list(stride)}, storage offset {offset} are "
            f"out of bounds for storage of {len(input.storage)} elements"
        )
    if input.requires_grad:  # the view may reach outside of the tensor, where the tape has nothing
        raise NotImplementedError("as_strided has no gradient; use narrow, select, unfold")
    return input._view(*found)

"""Views: other shapes and parts of the same elements, which share memory and pass on gradients."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import jax.numpy as jnp
from jax import lax

from fnn import elements
from fnn.pytorch.aliasing import as_view, refuse_leaf
from fnn.pytorch.autograd import record
from fnn.pytorch.tensor import Tensor, axis_of, method
from fnn.pytorch.types import shape_of
from fnn.tensor.views import Geometry, extent

__all__ = [
    "adjoint",
    "as_strided",
    "broadcast_to",
    "chunk",
    "diagonal",
    "flatten",
    "moveaxis",
    "movedim",
    "narrow",
    "permute",
    "ravel",
    "reshape",
    "select",
    "split",
    "squeeze",
    "swapaxes",
    "swapdims",
    "t",
    "tensor_split",
    "transpose",
    "unbind",
    "unflatten",
    "unsqueeze",
]


def sized(input: Tensor, shape: Sequence[int]) -> tuple[int, ...]:
    """A shape with its -1, if it has one, replaced by what is left."""
    given = list(shape)
    if given.count(-1) > 1:
        raise RuntimeError("only one dimension can be inferred")
    known = prod(n for n in given if n != -1)
    if -1 in given and known and input.length % known == 0:
        given[given.index(-1)] = input.length // known
    if -1 in given or prod(given) != input.length:
        raise RuntimeError(f"shape '{list(shape)}' is invalid for input of size {input.length}")
    return tuple(given)


@method
def view(self: Tensor, *shape: Any) -> Tensor:
    """The same elements in another shape, if that can be had without copying them."""
    size = sized(self, shape_of(shape))
    found = self._split(size)
    if found is None:
        raise RuntimeError(
            "view size is not compatible with input tensor's size and stride (at least one "
            "dimension spans across two contiguous subspaces). Use .reshape(...) instead."
        )
    return as_view(found, self, jnp.reshape, shape=size)


@method
def reshape(input: Tensor, *shape: Any) -> Tensor:
    """The same elements in another shape: a view if that can be, else a copy."""
    size = sized(input, shape_of(shape))
    found = input._split(size)
    if found is None:
        return record(jnp.reshape, input, shape=size)
    return as_view(found, input, jnp.reshape, shape=size)


@method
def view_as(self: Tensor, other: Tensor) -> Tensor:
    """The tensor in the shape of another."""
    return view(self, other.shape)


@method
def reshape_as(self: Tensor, other: Tensor) -> Tensor:
    """The tensor in the shape of another; a copy if need be."""
    return reshape(self, other.shape)


@method
def ravel(input: Tensor) -> Tensor:
    """All elements along one axis."""
    return reshape(input, -1)


@method
def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """The axes from `start_dim` to `end_dim` as one."""
    first, last = axis_of(input, start_dim), axis_of(input, end_dim)
    if first > last:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    size = input.geometry.size
    if first == last and size:
        return input
    return reshape(input, *size[:first], prod(size[first : last + 1]), *size[last + 1 :])


@method
def unflatten(input: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    """One axis as several."""
    axis, size = axis_of(input, dim), input.geometry.size
    inner, wanted = list(sizes), size[axis]
    if -1 in inner:
        inner[inner.index(-1)] = wanted // max(prod(n for n in inner if n != -1), 1)
    if prod(inner) != wanted:
        raise RuntimeError(
            f"unflatten: Provided sizes {list(sizes)} don't multiply up to the size of dim {axis} "
            f"({wanted}) in the input tensor"
        )
    return reshape(input, *size[:axis], *inner, *size[axis + 1 :])


@method
def permute(input: Tensor, *dims: Any) -> Tensor:
    """The axes in another order."""
    given = shape_of(dims)
    if len(given) != input.ndim:
        raise RuntimeError(
            "permute(sparse_coo): number of dimensions in the tensor input does not match the "
            f"length of the desired ordering of dimensions i.e. input.dim() = {input.ndim} is not "
            f"equal to len(dims) = {len(given)}"
        )
    axes = tuple(axis_of(input, dim) for dim in given)
    if len(set(axes)) != len(axes):
        raise RuntimeError("permute(): duplicate dims are not allowed.")
    return as_view(input._permute(axes), input, jnp.transpose, axes=axes)


@method
def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Two axes exchanged."""
    a, b = axis_of(input, dim0), axis_of(input, dim1)
    axes = list(range(input.ndim))
    if axes:
        axes[a], axes[b] = b, a
    return as_view(input._permute(axes), input, jnp.swapaxes, axis1=a, axis2=b)


@method
def t(input: Tensor) -> Tensor:
    """A matrix transposed; a vector as it is."""
    if input.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {input.ndim}D")
    if input.ndim < 2:
        return as_view(input._permute(range(input.ndim)), input, jnp.transpose)
    return as_view(input._permute((1, 0)), input, jnp.matrix_transpose)


@method
def adjoint(input: Tensor) -> Tensor:
    """The last two axes exchanged."""
    return transpose(input, -2, -1)


@method
def movedim(input: Tensor, source: int, destination: int) -> Tensor:
    """One axis in another place."""
    start, end = axis_of(input, source), axis_of(input, destination)
    axes = [i for i in range(input.ndim) if i != start]
    return permute(input, *axes[:end], start, *axes[end:])


@method
def squeeze(input: Tensor, dim: Any = None) -> Tensor:
    """Without the axes of length 1, or without some of them."""
    size, stride = input.geometry[1:]
    dims = range(input.ndim) if dim is None else [dim] if isinstance(dim, int) else dim
    axes = {axis_of(input, d) for d in dims} if dim is not None or size else set()
    gone = tuple(sorted(i for i in axes if i < len(size) and size[i] == 1))
    keep = [i for i in range(len(size)) if i not in gone]
    found = input._view(input.geometry.offset, [size[i] for i in keep], [stride[i] for i in keep])
    return as_view(found, input, jnp.squeeze, axis=gone)


@method
def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """With a new axis of length 1 in a place."""
    axis = axis_of(input, dim, new=1)
    offset, size, stride = input.geometry
    step = size[axis] * stride[axis] if axis < len(size) else 1
    found = input._view(
        offset, (*size[:axis], 1, *size[axis:]), (*stride[:axis], step, *stride[axis:])
    )
    return as_view(found, input, jnp.expand_dims, axis=axis)


@method
def expand(self: Tensor, *sizes: Any) -> Tensor:
    """Axes of length 1, and new ones in front, repeated without copying; -1 keeps a length."""
    wanted, size = shape_of(sizes), self.geometry.size
    new = len(wanted) - len(size)
    if new < 0:
        raise RuntimeError(
            f"expand({self.type()}{{{list(size)}}}, size={list(wanted)}): the number of sizes "
            f"provided ({len(wanted)}) must be greater or equal to the number of dimensions in "
            f"the tensor ({len(size)})"
        )
    for i, (n, w) in enumerate(zip(size, wanted[new:], strict=True)):
        if w != -1 and n not in (1, w):
            raise RuntimeError(
                f"The expanded size of the tensor ({w}) must match the existing size ({n}) at "
                f"non-singleton dimension {i + new}.  Target sizes: {list(wanted)}.  "
                f"Tensor sizes: {list(size)}"
            )
    found = self._expand(wanted)
    return as_view(found, self, jnp.broadcast_to, shape=found.geometry.size)


@method
def expand_as(self: Tensor, other: Tensor) -> Tensor:
    """The tensor repeated to the shape of another."""
    return expand(self, other.shape)


@method
def broadcast_to(input: Tensor, size: Sequence[int]) -> Tensor:
    """The tensor repeated to a shape."""
    return expand(input, *size)


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
    if input.requires_grad:
        raise NotImplementedError("as_strided has no gradient; use narrow, select, unfold")
    return input._view(*found)


@method
def swapaxes(input: Tensor, axis0: int, axis1: int) -> Tensor:
    """Two axes exchanged."""
    return transpose(input, axis0, axis1)


def _in_place(function: Any) -> Any:
    def change(self: Tensor, *arguments: Any) -> Tensor:
        refuse_leaf(self)
        found = function(self, *arguments)
        self.geometry = found.geometry
        self.grad_fn, self._output = found.grad_fn, found._output
        return self

    change.__doc__ = f"Be what `{function.__name__}` gives."
    return change


for _function in (t, transpose, squeeze, unsqueeze):
    setattr(Tensor, f"{_function.__name__}_", _in_place(_function))
Tensor.T = property(
    lambda self: permute(self, *reversed(range(self.ndim))), doc="All axes reversed."
)
Tensor.mT = property(adjoint, doc="The last two axes exchanged.")
Tensor.swapdims = swapdims = swapaxes
Tensor.moveaxis = moveaxis = movedim

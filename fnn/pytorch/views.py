"""Views of other shapes: the same elements, which share memory and pass on gradients."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import jax.numpy as jnp

from fnn.pytorch.aliasing import as_view, refuse_leaf
from fnn.pytorch.autograd import record
from fnn.pytorch.tensor import Tensor, axis_of, method
from fnn.pytorch.types import shape_of

__all__ = [
    "adjoint",
    "broadcast_to",
    "flatten",
    "moveaxis",
    "movedim",
    "permute",
    "ravel",
    "reshape",
    "squeeze",
    "swapaxes",
    "swapdims",
    "t",
    "transpose",
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

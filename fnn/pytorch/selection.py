"""Elements that other tensors point to: gathered, scattered, chosen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from fnn import elements
from fnn.pytorch import dtypes
from fnn.pytorch.aliasing import rewrite
from fnn.pytorch.autograd import record
from fnn.pytorch.creation import tensor
from fnn.pytorch.indexing import as_value, check_bounds, looked_at
from fnn.pytorch.tensor import Tensor, axis_of, method
from fnn.pytorch.types import result_type
from fnn.tensor.run import known
from fnn.tensor.types import cast

__all__ = [
    "argwhere",
    "bincount",
    "gather",
    "index_add",
    "index_copy",
    "index_fill",
    "index_select",
    "masked_select",
    "nonzero",
    "scatter",
    "scatter_add",
    "take",
    "take_along_dim",
    "unique",
    "where",
]


def where(condition: Tensor, input: Any = None, other: Any = None) -> Any:
    """`input` where the condition holds, `other` elsewhere; alone, the places where it holds."""
    if input is None:
        return nonzero(condition, as_tuple=True)
    kind = result_type(input, other)
    return record(chosen, condition, input, other, dtype=kind.numpy)


def chosen(condition: Array, x: Any, y: Any, *, dtype: Any) -> Array:
    """x or y, as one type and in one shape."""
    arrays = [cast(x, dtype), cast(y, dtype)]
    shape = jnp.broadcast_shapes(condition.shape, *(a.shape for a in arrays))
    return jnp.where(*(jnp.broadcast_to(a, shape) for a in (condition.astype(bool), *arrays)))


Tensor.where = lambda self, condition, other: where(condition, self, other)


@method
def nonzero(input: Tensor, *, as_tuple: bool = False) -> Any:
    """The places of the elements that aren't 0: a row for each, or a tensor for each axis."""
    found = np.argwhere(looked_at(input, "nonzero"))
    if not as_tuple:
        return tensor(found)
    return tuple(
        tensor(places) for places in (found if input.ndim else np.zeros((len(found), 1), int)).T
    )


@method
def argwhere(input: Tensor) -> Tensor:
    """The places of the elements that aren't 0, a row for each."""
    return nonzero(input)


@method
def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """The elements where a mask is true, along one axis."""
    if mask.dtype is not dtypes.bool:
        raise RuntimeError("masked_select: expected BoolTensor for mask")
    shape = np.broadcast_shapes(input.shape, mask.shape)
    return input.expand(shape)[mask.expand(shape)]


@method
def unique(
    input: Tensor, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False
) -> Any:
    """The different elements in order; with where they are, and how many there are of each."""
    found = np.unique(
        looked_at(input, "unique"), return_inverse=True, return_counts=True, equal_nan=False
    )
    wanted = (True, return_inverse, return_counts)
    results = [tensor(x) for x, w in zip(found, wanted, strict=True) if w]
    return tuple(results) if len(results) > 1 else results[0]


@method
def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """How often each number occurs, or the sum of its weights."""
    values = looked_at(input, "bincount")
    if weights is None:
        return tensor(np.bincount(values, minlength=minlength))
    kind = weights.dtype if weights.dtype is dtypes.float32 else dtypes.float64
    return tensor(np.bincount(values, weights._peek(), minlength), dtype=kind)


def check_indices(index: Tensor, length: int) -> None:
    """Raise unless a vector of indices points into an axis."""
    if index.dtype not in (dtypes.int32, dtypes.int64):
        raise RuntimeError("index_select(): Expected dtype int32 or int64 for index")
    if known(index.storage) and index.length:
        values = index._peek()
        if values.min() < 0 or values.max() >= length:
            raise IndexError("index out of range in self")


@method
def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """The elements at indices of an axis."""
    axis = axis_of(input, dim)
    check_indices(index, input.shape[axis])
    return record(elements.take_at, input, index, axes=(axis,))


def indexed(name: str, doc: str, add: bool) -> Callable:
    """Writing, or adding, at indices of an axis."""

    def prepare(x: Tensor, dim: int, index: Tensor, source: Any, alpha: Any) -> tuple[Any, ...]:
        axis = axis_of(x, dim)
        check_indices(index, x.shape[axis])
        value = as_value(x, source)
        return (value if alpha == 1 else value * alpha, index), {"axes": (axis,), "add": add}

    def operation(input: Tensor, dim: int, index: Tensor, source: Any, alpha: Any = 1) -> Tensor:
        operands, hyper = prepare(input, dim, index, source, alpha)
        return record(elements.placed, input, *operands, **hyper)

    def in_place(self: Tensor, dim: int, index: Tensor, source: Any, alpha: Any = 1) -> Tensor:
        operands, hyper = prepare(self, dim, index, source, alpha)
        return rewrite(self, elements.placed, *operands, **hyper)

    return twins(name, doc, operation, in_place)


def twins(name: str, doc: str, operation: Callable, in_place: Callable) -> Callable:
    """Name a function and its twin in place, and make them methods."""
    operation.__name__, operation.__doc__ = name, doc
    in_place.__name__, in_place.__doc__ = f"{name}_", f"{doc[:-1]}; in place."
    method(in_place)
    return method(operation)


index_add = indexed("index_add", "The tensor with a source added at indices of an axis.", True)
index_copy = indexed("index_copy", "The tensor with a source at indices of an axis.", False)
index_fill = indexed("index_fill", "The tensor with a number at indices of an axis.", False)


def check_pointers(x: Tensor, axis: int, index: Tensor) -> None:
    """Raise unless every element of `index` points into an axis."""
    if index.dtype is not dtypes.int64:
        raise RuntimeError("gather(): Expected dtype int64 for index")
    if index.ndim != x.ndim:
        raise RuntimeError("Index tensor must have the same number of dimensions as input tensor")
    check_bounds(index, x.shape[axis], axis, RuntimeError)


@method
def gather(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """For each place of `index`, the element that it points to along an axis."""
    axis = axis_of(input, dim)
    check_pointers(input, axis, index)
    return record(elements.gather, input, index, axis=axis)


@method
def take_along_dim(input: Tensor, indices: Tensor, dim: int) -> Tensor:
    """For each place of `indices`, the element that it points to along an axis."""
    return gather(input, dim, indices)


@method
def take(input: Tensor, index: Tensor) -> Tensor:
    """The elements at places that are counted over all axes."""
    return input.reshape(-1)[index]


def scattered(name: str, doc: str, function: Callable) -> Callable:
    """Writing, or adding, where an index points to along an axis."""

    def prepare(x: Tensor, dim: int, index: Tensor, src: Any) -> tuple[Any, int]:
        axis = axis_of(x, dim)
        check_pointers(x, axis, index)
        return as_value(x, src), axis

    def operation(input: Tensor, dim: int, index: Tensor, src: Any) -> Tensor:
        value, axis = prepare(input, dim, index, src)
        return record(function, input, index, value, axis=axis)

    def in_place(self: Tensor, dim: int, index: Tensor, src: Any) -> Tensor:
        value, axis = prepare(self, dim, index, src)
        return rewrite(self, function, index, value, axis=axis)

    return twins(name, doc, operation, in_place)


scatter = scattered(
    "scatter", "The tensor with elements where an index points to.", elements.scatter
)
scatter_add = scattered(
    "scatter_add", "The tensor with elements added where an index points to.", elements.scatter_add
)

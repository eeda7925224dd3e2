"""Parts of tensors: x[...], read and written."""

from __future__ import annotations

import numbers
import operator
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from fnn import elements
from fnn.pytorch import dtypes
from fnn.pytorch.aliasing import as_view, assigned, rewrite
from fnn.pytorch.autograd import is_grad_enabled, record
from fnn.pytorch.combining import masked
from fnn.pytorch.creation import as_tensor, tensor
from fnn.pytorch.parts import select, slice_along
from fnn.pytorch.tensor import Tensor
from fnn.pytorch.views import expand, unsqueeze
from fnn.tensor.number import Number
from fnn.tensor.run import known


class Place(NamedTuple):
    """A view of a tensor, how it was come by, and indices of some of its axes."""

    view: Tensor
    path: tuple[Any, ...]
    indices: list[Tensor]
    axes: tuple[int, ...]


def find(x: Tensor, index: Any) -> Place:
    """The place that `x[index]` names."""
    entries = [as_entry(e) for e in (index if isinstance(index, tuple) else (index,))]
    named = sum(e.ndim if is_mask(e) else e is not None and e is not ... for e in entries)
    if named > x.ndim:
        if not x.ndim:
            raise IndexError(
                "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or "
                "`tensor.item<T>()` in C++ to convert a 0-dim tensor to a number"
            )
        raise IndexError(f"too many indices for tensor of dimension {x.ndim}")
    if ... in [e for e in entries if not isinstance(e, Tensor)]:
        at = next(i for i, e in enumerate(entries) if e is ...)
        entries[at : at + 1] = [slice(None)] * (x.ndim - named)
    view, path, indices, axes, axis, given = x, [], [], [], 0, 0
    for entry in entries:
        if entry is None:
            view, axis = unsqueeze(view, axis), axis + 1
            path.append(None)
        elif isinstance(entry, int):
            view = selected(view, axis, entry, given)
            path.append(entry)
            given += 1
        elif isinstance(entry, slice):
            view, step = sliced(view, axis, entry)
            path.append(step)
            axis, given = axis + 1, given + 1
        else:
            found = [entry]
            if is_mask(entry):
                found = true_places(entry, view.shape[axis : axis + entry.ndim], given)
            for tensor in found:
                check_bounds(tensor, view.shape[axis], given)
                indices.append(tensor)
                axes.append(axis)
                path.append((None,))
                axis, given = axis + 1, given + 1
    return Place(view, tuple(path), indices, tuple(axes))


def as_entry(entry: Any) -> Any:
    """An entry of an index as None, `...`, an integer, a slice or a tensor."""
    if entry is None or entry is ... or isinstance(entry, slice) or type(entry) is int:
        return entry
    if isinstance(entry, bool | np.bool_):
        raise IndexError("True and False are no indices; use unsqueeze, or a mask")
    if isinstance(entry, list | tuple | range | np.ndarray):
        entry = tensor(list(entry) if isinstance(entry, range) else entry)
        entry = entry if entry.length else entry.long()
    if isinstance(entry, Tensor):
        if entry.is_floating_point():
            raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
        if entry.ndim or is_mask(entry) or not known(entry.storage):
            return entry
    return operator.index(entry)


def is_mask(entry: Any) -> bool:
    """Whether an index says for each element whether it is meant."""
    return isinstance(entry, Tensor) and entry.dtype in (dtypes.bool, dtypes.uint8)


def selected(view: Tensor, axis: int, index: int, given: int) -> Tensor:
    """The elements at one index of an axis."""
    length = view.geometry.size[axis]
    if not -length <= index < length:
        raise IndexError(f"index {index} is out of bounds for dimension {given} with size {length}")
    return select(view, axis, index)


def sliced(view: Tensor, axis: int, entry: slice) -> tuple[Tensor, tuple[int, int, int]]:
    """The elements of a slice of an axis, and the slice in numbers."""
    if entry.step is not None and operator.index(entry.step) <= 0:
        raise ValueError("step must be greater than zero")
    length = view.geometry.size[axis]
    step = entry.indices(length)
    if step == (0, length, 1):
        return view, step
    return slice_along(view, axis, *step), step


def true_places(mask: Tensor, shape: tuple[int, ...], given: int) -> list[Tensor]:
    """Indices of the elements that a mask means."""
    check_shape(mask, shape, given)
    return [tensor(places) for places in looked_at(mask, "an index that is a mask").nonzero()]


def check_shape(mask: Tensor, shape: tuple[int, ...], given: int = 0) -> None:
    """Raise unless a mask has the shape of what it is to choose from."""
    for i, n in enumerate(mask.shape):
        if shape[i : i + 1] != (n,):
            raise IndexError(
                f"The shape of the mask {list(mask.shape)} at index {i} does not match the shape "
                f"of the indexed tensor {list(shape)} at index {given + i}"
            )


def looked_at(x: Tensor, what: str) -> np.ndarray:
    """The values of a tensor on which the shape of a result depends."""
    if not known(x.storage):
        raise RuntimeError(
            f"{what}: how many elements the result has depends on values that are computed inside "
            "this compiled program\nlikely cause: a mask; use torch.where(mask, x, y), or leave "
            "this operation out of what is compiled"
        )
    return x._peek()


def check_bounds(
    index: Tensor, length: int, dimension: int, error: type[Exception] = IndexError
) -> None:
    """Raise if an index, whose values can be looked at, points past an end."""
    if known(index.storage) and index.length:
        values = index._peek()
        for bad in (int(values.min()), int(values.max())):
            if not -length <= bad < length:
                raise error(
                    f"index {bad} is out of bounds for dimension {dimension} with size {length}"
                )


def get(self: Tensor, index: Any) -> Tensor:
    """`x[index]`: a view, or a copy if tensors are among the indices."""
    if type(index) is int and self.geometry.size:
        return selected(self, 0, index, 0)
    view, _, indices, axes = find(self, index)
    if indices:
        result_shape(view, indices, axes)
        return record(elements.take_at, view, *indices, axes=axes)
    if view is self:
        return as_view(self._view(*self.geometry), self, jnp.reshape, shape=self.geometry.size)
    return view


def put(self: Tensor, index: Any, value: Any) -> None:
    """`x[index] = value`."""
    value = as_value(self, value)
    index = index.bool() if is_mask(index) else index
    if is_mask(index) and not getattr(value, "ndim", 0):
        check_shape(index, self.shape)
        rewrite(self, masked, index.reshape(*index.shape, *(1,) * (self.ndim - index.ndim)), value)
        return
    view, path, indices, axes = find(self, index)
    value = fitting(value, view, indices, axes)
    if is_grad_enabled() and (self.requires_grad or getattr(value, "requires_grad", False)):
        rewrite(self, elements.placed, value, *indices, axes=axes, path=path)
    elif indices:
        rewrite(view, elements.placed, value, *indices, axes=axes)
    else:
        rewrite(view, assigned, value)


def as_value(x: Tensor, value: Any) -> Any:
    """What is to be written, as a number or a tensor of the type of x."""
    if isinstance(value, Number):
        value = Tensor._around(value.storage)
    if isinstance(value, Tensor):
        return value.to(x.dtype).to(x.device)
    if isinstance(value, numbers.Number | np.generic):
        return x.element_type.type(0).item().__class__(value)
    return as_tensor(value, dtype=x.dtype, device=x.device)


def result_shape(view: Tensor, indices: list[Tensor], axes: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of what indices of some axes choose."""
    try:
        inner = np.broadcast_shapes(*(index.shape for index in indices))
    except ValueError:
        shapes = ", ".join(str(list(index.shape)) for index in indices)
        raise IndexError(
            f"shape mismatch: indexing tensors could not be broadcast together with shapes {shapes}"
        ) from None
    others = [n for i, n in enumerate(view.shape) if i not in axes]
    front = axes[0] if axes[-1] - axes[0] == len(axes) - 1 else 0
    return (*others[:front], *inner, *others[front:])


def fitting(value: Any, view: Tensor, indices: list[Tensor], axes: tuple[int, ...]) -> Any:
    """A value that can be broadcast to a place; raise if it can't."""
    if not isinstance(value, Tensor):
        return value
    while value.ndim > view.ndim and value.shape[0] == 1 and not indices:
        value = value.squeeze(0)
    if not indices:
        return value if value.shape == view.shape else expand(value, view.shape)
    wanted, given = result_shape(view, indices, axes), value.shape
    while len(given) > len(wanted) and given[0] == 1:
        given = given[1:]
    if len(given) > len(wanted) or any(
        n not in (1, m) for n, m in zip(given[::-1], wanted[::-1], strict=False)
    ):
        raise RuntimeError(
            f"shape mismatch: value tensor of shape {list(value.shape)} cannot be broadcast to "
            f"indexing result of shape {list(wanted)}"
        )
    return value


Tensor.__getitem__, Tensor.__setitem__ = get, put

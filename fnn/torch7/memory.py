"""A tensor's memory: its size, its storage, the type of its elements."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from math import prod
from numbers import Real
from typing import Any, Self

import numpy as np
from jax import Array

from fnn.errors import require
from fnn.tensor import storage as engine
from fnn.tensor.run import run
from fnn.tensor.tensor import TensorBase
from fnn.tensor.types import cast, from_data
from fnn.tensor.views import Geometry, extent, is_contiguous
from fnn.torch7.counting import axis, position, sizes
from fnn.torch7.storage import Storage, filled, resized, size_storage
from fnn.torch7.table import Table
from fnn.torch7.types import default_type, dtype_of, name_of


class Memory(TensorBase):
    """The part of `Tensor` that holds elements. An empty tensor has no dimensions."""

    storage: Storage  # type: ignore[assignment]  # always Torch7's kind of storage, see _hold

    def _hold(self, storage: engine.Storage, geometry: Geometry | None = None) -> Self:
        if not isinstance(storage, Storage):  # a fresh result, which nothing else refers to
            storage.__class__ = Storage
        super()._hold(storage, geometry)
        if geometry is None and not self.geometry.size:  # there are no tensors without a dimension
            vars(self)["geometry"] = Geometry(0, (1,), (1,))
        return self

    # Questions.

    @property
    def _size(self) -> tuple[int, ...]:
        return self.geometry.size if self.length else ()

    def dim(self) -> int:
        """How many dimensions there are."""
        return len(self._size)

    nDimension = dim

    def size(self, dim: Any = None) -> Any:
        """The size as a LongStorage, or that of one dimension."""
        size = self._size
        return size_storage(size) if dim is None else size[axis(dim, len(size))]

    def stride(self, dim: Any = None) -> Any:
        """The strides as a LongStorage, or that of one dimension."""
        stride = self.geometry.stride[: self.dim()]
        return size_storage(stride) if dim is None else stride[axis(dim, len(stride))]

    def nElement(self) -> int:
        """How many elements there are."""
        return self.length

    numel = nElement

    def storageOffset(self) -> int:
        """The place of the first element in the storage, counted from 1."""
        return self.geometry.offset + 1

    def elementSize(self) -> int:
        """Bytes of an element."""
        return np.dtype(self.element_type).itemsize

    def isContiguous(self) -> bool:
        """Whether the elements follow each other in memory, row by row."""
        return is_contiguous(self.geometry)

    def isSize(self, size: Any) -> bool:
        """Whether the size is that of a LongStorage."""
        return self._size == tuple(size)

    def isSameSizeAs(self, other: Memory) -> bool:
        """Whether the sizes are equal."""
        return self._size == other._size

    def isSetTo(self, other: Memory) -> bool:
        """Whether both are the same elements of the same storage."""
        return self.storage is other.storage and self.geometry == other.geometry

    def totable(self) -> Table:
        """Nested tables of Python numbers."""
        return tabulated(self.tolist() if self.length else [])

    def contiguous(self) -> Self:
        """The tensor itself if it is contiguous, else a copy that is."""
        return self if self.isContiguous() else self.clone()

    def set(self, source: Any = None, offset: Any = 1, *size: Any) -> Self:
        """Be a view of a tensor's or a storage's elements; of nothing, without arguments.

        A storage may be followed by an offset, and by sizes and strides: two LongStorages, or a
        size and a stride for each dimension. Strides that are missing, or negative, are those of
        contiguous elements.
        """
        if source is None:
            return self._hold(Storage(from_data(np.zeros(0), self.element_type)))
        require_type("set", source, self.element_type)
        if isinstance(source, Memory):
            return self._hold(source.storage, source.geometry)
        start = position(offset, max(len(source), 1))
        if not size:
            return self._lay(source, start, (len(source) - start,))
        if np.iterable(size[0]):
            return self._lay(source, start, *map(tuple, size))
        return self._lay(source, start, size[::2], size[1::2])

    def _lay(
        self, storage: Storage, offset: int, size: tuple[int, ...], stride: tuple[int, ...] = ()
    ) -> Self:
        """Be a view of a storage, which grows if it has to; new elements are zero."""
        size = size if prod(size) and size else (0,)
        geometry = Geometry(offset, size, completed(size, stride))
        needed = extent(geometry)
        if needed > len(storage):
            shape = size if geometry.dense == needed else (needed,)
            storage.array = run(resized, storage, shape=shape).array
        return self._hold(storage, geometry)

    # Memory.

    def resize(self, *size: Any) -> Self:
        """Another size over the same storage, which grows if it has to; new elements are zero.

        The size is numbers or a LongStorage, which one of strides may follow.
        """
        if len(size) == 2 and np.iterable(size[0]):
            return self._lay(self.storage, self.geometry.offset, *map(tuple, size))
        wanted = sizes(size)
        require(
            min(wanted, default=0) >= 0,
            "resize",
            f"size {list(wanted)}",
            "lengths from 0 on",
            "-1 for the rest is for view and reshape",
        )
        return self._resize(wanted)

    def _resize(self, size: tuple[int, ...]) -> Self:
        size = size if prod(size) and size else (0,)
        if size == self.geometry.size:
            return self
        return self._lay(self.storage, self.geometry.offset, size)

    def resizeAs(self, other: Memory) -> Self:
        """The size of another tensor."""
        return self._resize(other._size)

    def _receive(self, storage: engine.Storage) -> Self:
        """Become a result: resize to its size and take its elements, in this tensor's type."""
        if storage.dtype != self.element_type:
            storage = run(cast, storage, dtype=self.element_type)
        whole = self.isContiguous() and self.length == len(self.storage)
        if whole and self.length <= len(storage):
            return self.hold(storage)
        # A storage never shrinks: other views may need what lies behind.
        return self._resize(storage.form.shape).copy(self._around(storage))

    def _become(self, made: Memory) -> Self:
        """Hold a result of the same type, in its size."""
        require_type("a result", self, made.element_type)
        return self._receive(made._result())

    def clone(self) -> Self:
        """A copy in a storage of its own."""
        return self._around(self._result())

    def copy(self, source: Any) -> Self:
        """Take the elements of a tensor or an array of any type; only their number has to fit."""
        size, dtype = size_of(source), element_type(source)
        require(
            prod(size) == self.length if size else not self.length,
            "copy",
            f"{prod(size)} elements of size {list(size)}",
            f"{self.length} elements for size {list(self._size)}",
            "the tensors have different numbers of elements",
        )
        if (size, dtype) == (self.geometry.size, self.element_type):
            return self.hold(source._result() if isinstance(source, Memory) else source)
        return self._update(assigned, source)

    def fill(self, value: Any) -> Self:
        """Set all elements to a number."""
        return self._update(filled, value)

    def zero(self) -> Self:
        """Set all elements to zero."""
        return self._update(filled, 0)

    def apply(self, function: Callable[[Any], Any]) -> Self:
        """Replace each element by what a function gives for it, if that is not None."""
        return self._map(function, self)

    def map(self, other: Any, function: Callable[[Any, Any], Any]) -> Self:
        """As `apply`, with the elements of another tensor beside."""
        return self._map(function, self, other)

    def map2(self, first: Any, second: Any, function: Callable[[Any, Any, Any], Any]) -> Self:
        """As `apply`, with the elements of two other tensors beside."""
        return self._map(function, self, first, second)

    def _map(self, function: Callable, *tensors: Any) -> Self:
        columns = [np.asarray(x).reshape(-1).tolist() for x in tensors]
        found = [function(*row) for row in zip(*columns, strict=True)]
        kept = [old if new is None else new for old, new in zip(columns[0], found, strict=True)]
        return self.copy(np.asarray(kept, self.element_type).reshape(self._size))

    # Types.

    def type(self, name: str | None = None) -> Any:
        """The name of the type; with a name, the elements in that type."""
        if name is None:
            return name_of(self.element_type, "Tensor")
        return self._as(dtype_of(name, "Tensor"))

    def _as(self, dtype: Any) -> Self:
        """The tensor itself if it has this type, else a converted copy."""
        if dtype == self.element_type:
            return self
        return self._around(run(cast, self, dtype=dtype))

    def real(self) -> Self:
        """The elements in the type that `torch.Tensor` makes."""
        return self._as(default_type())

    def typeAs(self, other: Memory) -> Self:
        """The elements in the type of another tensor."""
        return self._as(other.element_type)

    def brief(self) -> str:
        """Type and size, as a table shows them."""
        size = f"size: {'x'.join(map(str, self._size))}" if self.length else "empty"
        return f"{self.type().removeprefix('torch.')} - {size}"


def element_type(x: Any) -> Any:
    """The type of the elements of a tensor or an array."""
    if isinstance(x, TensorBase):
        return x.element_type
    if not hasattr(x, "dtype"):
        raise TypeError(f"given {'nil' if x is None else repr(x)}, wanted a tensor or an array")
    return x.dtype


def require_type(name: str, x: Any, dtype: Any) -> None:
    """Torch7 converts nothing that it is not told to."""
    if element_type(x) != dtype:
        raise TypeError(
            f"{name}: given a {x.type()} for a {name_of(dtype, 'Tensor')}\n"
            "likely cause: Torch7 converts only when it is told to: use typeAs, or double"
        )


def into(take: str, tensors: int = 0) -> Callable[[Callable], Callable]:
    """A decorator: `x.f(source, ...)` gives `x` what `source.f(...)` makes.

    `take` is how: `set` has x be a view of it, `_become` has x hold it. `tensors` is how many
    tensors `source.f` itself takes first.
    """

    def decorated(method: Callable) -> Callable:
        @wraps(method)
        def call(self: Memory, *arguments: Any) -> Any:
            first = arguments[: tensors + 1]
            if len(first) > tensors and all(isinstance(x, Memory) for x in first):
                return getattr(self, take)(method(*arguments))
            return method(self, *arguments)

        return call

    return decorated


def completed(size: tuple[int, ...], stride: tuple[int, ...]) -> tuple[int, ...]:
    """A stride for each dimension: that of contiguous elements where none is given."""
    found: list[int] = []
    for a in reversed(range(len(size))):
        dense = found[0] * size[a + 1] if found else 1
        found.insert(0, stride[a] if a < len(stride) and stride[a] >= 0 else dense)
    return tuple(found)


def is_number(x: Any) -> bool:
    """Whether this is a number: an array without axes is one too."""
    return isinstance(x, Real) or getattr(x, "shape", None) == ()


def size_of(x: Any) -> tuple[int, ...]:
    """The size of a tensor or an array; a number has none."""
    return x._size if isinstance(x, Memory) else getattr(x, "shape", ())


def assigned(x: Array, y: Array) -> Array:
    """The elements of `y` in the size and the type of `x`."""
    return cast(y.reshape(x.shape), x.dtype)


def tabulated(x: Any) -> Any:
    """Nested lists as nested tables."""
    return Table(map(tabulated, x)) if isinstance(x, list) else x

"""The strided view of a storage that both facades' tensors are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any, Self

import jax.numpy as jnp
import numpy as np
from jax import Array

from fnn.errors import require
from fnn.tensor.run import look, run
from fnn.tensor.storage import Storage
from fnn.tensor.types import from_data
from fnn.tensor.views import Geometry, contiguous_stride, extent, is_contiguous, whole
from transforms.changes import Stateful, changed


class TensorBase(Stateful):
    """Elements of a storage at `geometry`. Views share the storage; everything counts from 0.

    The subclasses add a dialect: names, base of indices, operators, what a slice means.
    """

    exchangeable = True
    __array_priority__ = 1000
    __array_ufunc__ = None

    storage: Storage
    geometry: Geometry

    def _hold(self, storage: Storage, geometry: Geometry | None = None) -> Self:
        """Be a view of `storage`; without a geometry, of all of it in the shape of its array."""
        fields = vars(self)
        if "storage" in fields:
            changed.structure += 1
        geometry = whole(storage.form.shape) if geometry is None else geometry
        fields.update(storage=storage, geometry=geometry)  # at once, whatever interrupts
        return self

    def hold(self, result: Any) -> Self:
        """Have these elements, as the result that this tensor stands for.

        A tensor that is the whole of its storage takes the result itself, and its shape; a view of
        a longer storage has the elements written there, and keeps its size.
        """
        if not isinstance(result, Storage):
            result = Storage(from_data(result, result.dtype))
        geometry, size = self.geometry, result.form.shape
        if geometry.dense == len(self.storage):
            if len(result) < len(self.storage):  # other views may need what lies behind
                return self._hold(result)
            try:
                self.storage.take(result)
            finally:  # an interrupt must not leave a view of what is no longer there
                if geometry.size != size and self.storage.form is result.form:
                    self._hold(self.storage)
            return self
        require(
            size == geometry.size,
            "hold",
            f"elements of size {list(size)}",
            f"size {list(geometry.size)}, that of this view of a longer storage",
            "a view keeps its size; only a tensor with a storage of its own can change it",
        )
        return self._update(second, result)

    @classmethod
    def _around(cls, storage: Storage, geometry: Geometry | None = None) -> Self:
        """A tensor of this class, past its constructor."""
        return object.__new__(cls)._hold(storage, geometry)

    @classmethod
    def holding(cls, array: Array) -> Self:
        """A tensor of this dialect with these elements, in a storage of its own."""
        return cls._around(Storage(array))

    @property
    def is_storage(self) -> bool:
        """Whether the elements are the storage's array, in its shape."""
        return (
            self.geometry.dense == len(self.storage)
            and self.geometry.size == self.storage.form.shape
        )

    @property
    def array(self) -> Array:
        """The elements as a jax array."""
        return (self.storage if self.is_storage else run(read_through, self)).array

    @property
    def element_type(self) -> Any:
        """The elements' numpy type."""
        return self.storage.dtype

    @property
    def length(self) -> int:
        """How many elements there are."""
        return prod(self.geometry.size)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = np.asarray(look(self))
        return np.array(array, dtype) if copy or dtype not in (None, array.dtype) else array

    def __dlpack__(self, **keywords: Any) -> Any:
        return self.array.__dlpack__(**keywords)

    def __dlpack_device__(self) -> Any:
        return self.array.__dlpack_device__()  # type: ignore[attr-defined]  # at run time

    def tolist(self) -> Any:
        """Nested lists of Python numbers."""
        return np.asarray(look(self)).tolist()

    def item(self) -> Any:
        """The only element."""
        require(
            self.length == 1,
            "item",
            f"a tensor of {self.length} elements",
            "exactly one",
            "a reduction is missing, or an index",
        )
        return look(self).item()

    def _view(self, offset: int, size: Sequence[int], stride: Sequence[int]) -> Self:
        """Other elements of the same storage."""
        geometry = Geometry(int(offset), tuple(map(int, size)), tuple(map(int, stride)))
        require(
            offset >= 0 and extent(geometry) <= len(self.storage),
            "view",
            f"size {list(size)}, stride {list(stride)}, offset {offset}",
            f"elements within a storage of {len(self.storage)}",
            "the view reaches past the end of the storage",
        )
        return self._around(self.storage, geometry)

    def _narrow(self, axis: int, start: int, length: int) -> Self:
        """Elements `start` to `start + length` along an axis."""
        offset, size, stride = self.geometry
        require(
            start >= 0 and length >= 0 and start + length <= size[axis],
            "narrow",
            f"start {start} and length {length} along axis {axis}",
            f"a range within 0..{size[axis]}",
            "the range reaches past the end",
        )
        new = (*size[:axis], length, *size[axis + 1 :])
        return self._view(offset + start * stride[axis] if length else offset, new, stride)

    def _select(self, axis: int, index: int) -> Self:
        """The elements at one index of an axis, without the axis."""
        offset, size, stride = self.geometry
        start = offset + index * stride[axis]
        keep = [i for i in range(len(size)) if i != axis]
        return self._view(start, [size[i] for i in keep], [stride[i] for i in keep])

    def _permute(self, axes: Sequence[int]) -> Self:
        """The axes in another order."""
        offset, size, stride = self.geometry
        return self._view(offset, [size[i] for i in axes], [stride[i] for i in axes])

    def _expand(self, size: Sequence[int]) -> Self:
        """Axes of length 1, and new ones in front, repeated without copying; -1 keeps a length."""
        offset, old, stride = self.geometry
        new = len(size) - len(old)
        lengths, strides = [1] * new + list(old), [0] * new + list(stride)
        wanted = [n if w == -1 else w for n, w in zip(lengths, size, strict=True)]
        require(
            all(n in (1, w) for n, w in zip(lengths, wanted, strict=True)),
            "expand",
            f"a tensor of size {list(old)} for {list(size)}",
            "equal lengths, or length 1 where it is to be repeated",
            "only axes of length 1 can be expanded; repeat copies any",
        )
        steps = [s if n == w else 0 for n, w, s in zip(lengths, wanted, strides, strict=True)]
        return self._view(offset, wanted, steps)

    def _split(self, size: Sequence[int]) -> Self | None:
        """The same elements in another shape, if that can be had without copying them."""
        offset, old, stride = self.geometry
        size = infer(size, self.length)
        if is_contiguous(self.geometry):
            return self._view(offset, size, contiguous_stride(size))
        # Runs of axes that lie dense in memory can be cut anew; every run has to fill new axes.
        axes = [(n, s) for n, s in zip(old, stride, strict=True) if n != 1]
        strides: list[int] = []
        rest = list(reversed(size))
        while axes:
            run_length, step = axes.pop()
            while axes and axes[-1][1] == run_length * step:
                run_length *= axes.pop()[0]
            filled = 1
            while rest and (filled < run_length or rest[0] == 1):
                strides.append(step * filled)
                filled *= rest.pop(0)
            if filled != run_length:
                return None
        strides += [1] * len(rest)
        return self._view(offset, size, list(reversed(strides)))

    @property
    def secluded(self) -> Self:
        """Itself, or a copy in a storage of its own if it is a part of a storage.

        It stands for an argument of a compiled function, where the place of a part is data.
        """
        if self.geometry.dense == self.storage.form.size or not self._is_plain:
            return self
        return self._copy()

    @property
    def _is_plain(self) -> bool:
        """Whether there is nothing to it but elements."""
        return len(vars(self)) == 2

    def _result(self) -> Storage:
        """The elements as a fresh result."""
        return run(read_through, self)

    def _copy(self) -> Self:
        """The elements in a storage of their own."""
        return self._around(run(copied, self))

    def _update(self, function: Callable, *operands: Any, **hyper: Any) -> Self:
        """Write `function(self, *operands)` through this view."""
        run(Into(function), self, *operands, into=[self], **hyper)
        return self


def infer(size: Sequence[int], length: int) -> tuple[int, ...]:
    """A size with its one -1, if it has one, replaced by what is left of `length`."""
    given = list(map(int, size))
    unknown = given.count(-1)
    rest = prod(n for n in given if n != -1)
    if unknown == 1 and rest and length % rest == 0:
        given[given.index(-1)] = length // rest
    require(
        prod(given) == length and unknown < 2,
        "view",
        f"size {list(size)} for {length} elements",
        "a size with as many elements, and one -1 at most",
        "the input has another size than the code was written for",
    )
    return tuple(given)


def read_through(x: Array) -> Array:
    """The elements of a view, which `run` has read already."""
    return x


def second(_: Array, x: Array) -> Array:
    """The values that are to be written."""
    return x


def copied(x: Array) -> Array:
    """The elements, in memory of their own."""
    return jnp.copy(x)


class Into:
    """A function whose only value is written into a tensor; equal for equal functions."""

    def __init__(self, function: Callable):
        self.function = function
        self.__name__ = getattr(function, "__name__", type(function).__name__)

    def __call__(self, *operands: Any, **hyper: Any) -> tuple[tuple[Array], None]:
        """The value in the shape of the first operand, to be written; nothing else."""
        value = self.function(*operands, **hyper)
        return (jnp.broadcast_to(value, operands[0].shape),), None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Into) and self.function == other.function

    def __hash__(self) -> int:
        return hash((Into, self.function))

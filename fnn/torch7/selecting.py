"""nn's layers that take some of the elements, or are told places."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Real
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from fnn import selection
from fnn.tensor.run import look, run
from fnn.tensor.types import cast
from fnn.torch7 import working
from fnn.torch7.counting import from_1
from fnn.torch7.deriving import Derived, at_least_one
from fnn.torch7.found import Working
from fnn.torch7.passing import two_tensors
from fnn.torch7.tensor import Tensor, fromarray
from fnn.torch7.types import dtype_of

__all__ = ["Index", "MaskedSelect", "Narrow", "OneHot", "Select"]


class Narrow(Derived):
    """`length` elements of an axis from `index` on; a negative length counts from the end.

    From a negative index on, they are the first elements but `length`.
    """

    function = selection.narrow

    def __init__(self, dimension: int, index: int, length: int = 1):
        self.dimension, self.index, self.length = dimension, index, length
        super().__init__()

    def _hyper(self) -> dict[str, Any]:
        start, length = from_1(self.index), self.length
        if start < 0:
            start, length = 0, -length - 1
        return {"axis": from_1(self.dimension, "dimension"), "start": start, "length": length}


class Select(Derived):
    """One slice along an axis, which is dropped."""

    function = at_least_one(selection.select)

    def __init__(self, dimension: int, index: int):
        self.dimension, self.index = dimension, index
        super().__init__()

    def _hyper(self) -> dict[str, Any]:
        return {"axis": from_1(self.dimension, "dimension"), "index": from_1(self.index)}


def index_select(x: Array, indices: Array, *, axis: int) -> Array:
    """`index_select` for indices from 1."""
    return selection.index_select(x, indices.astype(int) - 1, axis=axis)


class _Places(Derived):
    """A module that is given indices. The gradient by them is 0, in its own type."""

    def _hold_gradient(self, value: Any) -> Any:
        dtype = dtype_of(self.type(), "Tensor")
        return super()._hold_gradient(
            jax.tree.map(lambda x: x if x.dtype == dtype else run(cast, x, dtype=dtype), value)
        )


class Index(_Places):
    """The slices along an axis of {x, indices}."""

    function = index_select
    first_gradient = staticmethod(two_tensors)

    def __init__(self, dimension: int):
        self.dimension = dimension
        super().__init__()

    def _hyper(self) -> dict[str, Any]:
        return {"axis": from_1(self.dimension, "dimension")}

    def _lookups(self, x: Array, indices: Array) -> Iterable[tuple[Array, int]]:
        axis = from_1(self.dimension, "dimension")
        return [(indices, x.shape[axis])] if axis < x.ndim else ()


def masked_select(x: Array, mask: Array, *, count: int) -> Array:
    """`masked_select` by a mask of numbers."""
    return selection.masked_select(x, mask != 0, count=count)


class MaskedSelect(Derived):
    """The elements of {x, mask} where a ByteTensor is not zero, in order."""

    function = masked_select
    _count = 0
    _maskIndices = Working(working.LONGS, working.places_in_mask, live=True)
    _maskIndexBuffer = Working(working.LONGS, working.places_of_mask, live=True)
    _maskIndexBufferCPU = Working(working.buffer(kind="Float"))
    _gradBuffer = working.part_of_gradient(1, working.EMPTY)
    _gradMask = working.part_of_gradient(2, working.buffer(kind="Byte"))

    @property
    def _acts(self) -> bool:
        return True

    def _operands(self, input: Any) -> tuple:
        x, mask = super()._operands(input)
        count = int(np.count_nonzero(look(mask)))
        if count != self._count:
            self._count = count
        return x, mask

    def _hyper(self) -> dict[str, Any]:
        return {"count": self._count}


def one_hot(indices: Array, *, count: int, dtype: str) -> Array:
    """`one_hot` for indices from 1."""
    return selection.one_hot(indices.astype(int) - 1, count=count, dtype=jnp.dtype(dtype))


class OneHot(_Places):
    """1 in the place of each index, 0 elsewhere along a new last axis; of a number too."""

    function = one_hot

    def __init__(self, outputSize: int):
        self.outputSize = outputSize
        self._example = Tensor()
        super().__init__()

    def _operands(self, input: Any) -> tuple:
        number = isinstance(input, Real)
        (indices,) = (fromarray(np.asarray([input])),) if number else super()._operands(input)
        return (indices,)

    def _lookups(self, indices: Array) -> Iterable[tuple[Array, int]]:
        return [(indices, self.outputSize)]

    def _hyper(self) -> dict[str, Any]:
        return {"count": self.outputSize, "dtype": self._example.element_type.name}

    def updateOutput(self, input: Any) -> Any:
        """Compute `output`."""
        output = super().updateOutput(input)
        return output.resize(self.outputSize) if isinstance(input, Real) else output

    def updateGradInput(self, input: Any, gradOutput: Any) -> Any:
        """Zeros; of a number 0, which `gradInput` has nothing of."""
        return 0 if isinstance(input, Real) else super().updateGradInput(input, gradOutput)

    def _go_back(self, input: Any, gradOutput: Any, scale: float) -> Any:
        self.updateGradInput(input, gradOutput)
        return self.gradInput

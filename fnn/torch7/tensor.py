"""torch.Tensor: a view of a storage that counts from 1."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fnn.errors import require
from fnn.tensor.tensor import TensorBase
from fnn.tensor.types import from_data
from fnn.torch7.counting import sizes
from fnn.torch7.memory import size_of
from fnn.torch7.operations import Maths
from fnn.torch7.printing import tensor_text
from fnn.torch7.random import Draws
from fnn.torch7.storage import Storage
from fnn.torch7.table import Table
from fnn.torch7.types import NAMES, TYPES, ElementType, default_type


class Tensor(Draws, Maths, metaclass=ElementType):
    """Numbers of one type along any number of dimensions.

    `Tensor(2, 3)` has this size, and zeros in it; `Tensor([[1, 2], [3, 4]])` has these elements;
    `Tensor(tensor)` and `Tensor(storage, offset, size)` are views of what is there.
    """

    def __init__(self, *arguments: Any):
        self._construct(default_type(), arguments)

    def _construct(self, dtype: Any, arguments: tuple[Any, ...]) -> None:
        """Be what a constructor is given."""
        first = arguments[0] if arguments else 0
        is_size = isinstance(first, Storage) and first.dtype == np.int64 != dtype
        if is_size and len(arguments) == 2:  # sizes and strides
            self._hold(filled_storage((), dtype)).resize(*arguments)
            return
        if isinstance(first, Storage | TensorBase) and not is_size:
            self._hold(filled_storage((), dtype)).set(*arguments)
        elif isinstance(first, list | tuple | Table):
            self._hold(data_storage(numbers(first), dtype))
        elif size_of(first):
            self._hold(data_storage(first, dtype))
        else:
            self._hold(filled_storage(sizes(arguments), dtype))

    def new(self, *arguments: Any) -> Tensor:
        """What a constructor makes of the arguments, in the type of this tensor."""
        made = object.__new__(Tensor)
        made._construct(self.element_type, arguments)
        return made

    def __str__(self) -> str:
        return tensor_text(np.asarray(self.array), self.type())

    def __repr__(self) -> str:
        return str(self).rstrip("\n")


class ByteTensor(Tensor, element="Byte"):
    """Elements from 0 to 255: masks and images."""


class CharTensor(Tensor, element="Char"):
    """Elements from -128 to 127."""


class ShortTensor(Tensor, element="Short"):
    """Integers of 16 bits."""


class IntTensor(Tensor, element="Int"):
    """Integers of 32 bits."""


class LongTensor(Tensor, element="Long"):
    """Integers of 64 bits: indices."""


class HalfTensor(Tensor, element="Half"):
    """Floating-point numbers of 16 bits."""


class FloatTensor(Tensor, element="Float"):
    """Floating-point numbers of 32 bits."""


class DoubleTensor(Tensor, element="Double"):
    """Floating-point numbers of 64 bits."""


def filled_storage(size: tuple[int, ...], dtype: Any) -> Storage:
    """Zeros for a tensor of a size."""
    return data_storage(np.zeros(size if size else 0, dtype), dtype)


def data_storage(data: Any, dtype: Any) -> Storage:
    """Numbers for a tensor, which has no dimensions if it has no elements."""
    array = from_data(data, dtype)
    return Storage(array if array.size else array.reshape(0))


def numbers(table: Any) -> Any:
    """The numbers of nested tables, which are equally long."""
    given = plain(table)
    try:
        found = np.array(given)
    except ValueError:  # rows of different lengths
        found = np.array(None)
    if found.dtype.kind not in "biuf":  # only then, because a table may be long to print
        require(
            False,
            "Tensor",
            str(given),
            "numbers, or tables of them that are equally long",
            "a row lacks a number, or there is a nil or a string among them",
        )
    return found


def plain(x: Any) -> Any:
    """Nested tables as nested lists."""
    return [plain(y) for y in x] if isinstance(x, list | tuple | Table) else x


def fromarray(array: Any) -> Tensor:
    """A tensor of a NumPy or jax array's type and elements."""
    if isinstance(array, Tensor):
        return array
    dtype = np.dtype("uint8" if array.dtype == np.bool_ else array.dtype)
    if dtype not in NAMES:
        raise TypeError(f"fromarray: given {dtype}, wanted one of {', '.join(map(str, NAMES))}")
    return Tensor._around(data_storage(array, dtype))


def conversion(name: str) -> Callable[[Tensor], Tensor]:
    """A method such as `x.double()`."""

    def converted(self: Tensor) -> Tensor:
        return self._as(TYPES[name])

    converted.__name__ = name[0].lower() + name[1:]
    converted.__doc__ = f"The elements as a {name}Tensor: the tensor itself if it is one."
    return converted


for _name in TYPES:
    setattr(Tensor, _name[0].lower() + _name[1:], conversion(_name))
setattr(Tensor, "__tostring", Tensor.__str__)  # as x.__tostring() outside of a class
Tensor.__tostring__ = Tensor.__str__  # type: ignore[attr-defined]

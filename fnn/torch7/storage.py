"""torch.Storage: elements in a row, counted from 1."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from fnn.errors import require
from fnn.tensor import storage as engine
from fnn.tensor.number import number
from fnn.tensor.run import run
from fnn.tensor.types import cast, from_data
from fnn.torch7.counting import cut, position
from fnn.torch7.printing import storage_text
from fnn.torch7.table import Table
from fnn.torch7.types import ElementType, name_of


class Storage(engine.Storage, metaclass=ElementType):
    """The memory under tensors; `storage[1]` is its first element."""

    __slots__ = ()

    def _construct(self, dtype: Any, arguments: tuple[Any, ...]) -> None:
        """Hold what `DoubleStorage(...)` is given: a length, values, or a file's name."""
        given = arguments[0] if arguments else 0
        if isinstance(given, Storage):
            raise TypeError(
                "Storage: given a storage, wanted a length or values\n"
                "likely cause: memory is shared by tensors: torch.Tensor(storage, offset, size); "
                "a copy is DoubleStorage(len(storage)).copy(storage)"
            )
        if isinstance(given, str):
            values = of_file(dtype, *arguments)
        elif np.iterable(given):
            values = list(given)
        else:
            values = np.zeros(cut(given), dtype)
        # Sizes are LongStorages. They stay on the host, known even where a function is compiled.
        array: Any = np.asarray(values, dtype) if dtype == np.int64 else from_data(values, dtype)
        engine.Storage.__init__(self, array)

    def __call__(self) -> Storage | None:
        """`x.storage` itself, which Torch7 writes as a call; None for an empty one, of nothing."""
        return self if len(self) else None

    def __deepcopy__(self, memo: dict[int, Any]) -> Storage:
        """Another storage of the same array, which never changes itself."""
        return memo.setdefault(id(self), type(self)(self.array))

    @property
    def element_type(self) -> Any:
        """The elements' numpy type."""
        return self.dtype

    def type(self) -> str:
        """The name of its type."""
        return name_of(self.dtype, "Storage")

    def size(self) -> int:
        """How many elements there are."""
        return len(self)

    def elementSize(self) -> int:
        """Bytes of an element."""
        return np.dtype(self.dtype).itemsize

    def __getitem__(self, index: Any) -> Any:
        i = position(index, len(self))
        if isinstance(self.array, np.ndarray):
            return self.array[i].item()
        return number(run(element, self, i))

    def __setitem__(self, index: Any, value: Any) -> None:
        i, array = position(index, len(self)), self.array
        if isinstance(array, np.ndarray):
            array = array.copy()
            array[i] = value
        self.array = (
            array if isinstance(array, np.ndarray) else run(with_element, self, i, value).array
        )

    def __iter__(self) -> Iterator[Any]:
        return iter(self.tolist())

    def tolist(self) -> list[Any]:
        """A list of Python numbers."""
        return np.asarray(self.array).reshape(-1).tolist()

    def totable(self) -> Table:
        """A table of Python numbers."""
        return Table(self.tolist())

    def fill(self, value: Any) -> Storage:
        """Set all elements to a number."""
        self.array = run(filled, self, value).array
        return self

    def copy(self, other: Storage) -> Storage:
        """Take the elements of a storage of any type."""
        require(
            len(other) == len(self),
            "copy",
            f"a storage of {len(other)} elements",
            f"one of {len(self)}",
            "the storages have different sizes",
        )
        self.array = run(cast, other, dtype=self.dtype).array
        return self

    def resize(self, size: int) -> Storage:
        """Keep the first elements; new ones are zero."""
        self.array = run(resized, self, shape=(cut(size),)).array
        return self

    def string(self, text: str | bytes | None = None) -> Any:
        """The bytes of a Byte or CharStorage as text; with a text, become its bytes."""
        require(
            self.elementSize() == 1,
            "string",
            f"a {self.type()}",
            "a ByteStorage or a CharStorage",
            "other numbers are no characters",
        )
        if text is None:
            found = np.asarray(self.array).tobytes()
            try:
                return found.decode()
            except UnicodeDecodeError:
                return found
        data = text.encode() if isinstance(text, str) else text
        self.array = from_data(np.frombuffer(data, self.dtype), self.dtype)
        return self

    def brief(self) -> str:
        """Type and size, as a table shows them."""
        return f"{self.type().removeprefix('torch.')} - size: {len(self)}"

    def __str__(self) -> str:
        return storage_text(np.asarray(self.array), self.type())

    def __repr__(self) -> str:
        return str(self).rstrip("\n")


class ByteStorage(Storage, element="Byte"):
    """Elements from 0 to 255."""

    __slots__ = ()


class CharStorage(Storage, element="Char"):
    """Elements from -128 to 127."""

    __slots__ = ()


class ShortStorage(Storage, element="Short"):
    """Integers of 16 bits."""

    __slots__ = ()


class IntStorage(Storage, element="Int"):
    """Integers of 32 bits."""

    __slots__ = ()


class LongStorage(Storage, element="Long"):
    """Integers of 64 bits, such as sizes."""

    __slots__ = ()


class HalfStorage(Storage, element="Half"):
    """Floating-point numbers of 16 bits."""

    __slots__ = ()


class FloatStorage(Storage, element="Float"):
    """Floating-point numbers of 32 bits."""

    __slots__ = ()


class DoubleStorage(Storage, element="Double"):
    """Floating-point numbers of 64 bits."""

    __slots__ = ()


def of_file(dtype: Any, name: str, shared: bool = False, size: int = 0) -> NDArray:
    """The numbers that a file holds; of a given size, its first ones."""
    require(
        not shared,
        "Storage",
        f"the file {name!r} to be shared",
        "a file to be read",
        "what is written here does not get into the file: use torch.save",
    )
    values = np.fromfile(name, dtype)
    require(
        size <= len(values),
        "Storage",
        f"size {size}",
        f"{len(values)} at most, which the file holds",
        "the file has another type of numbers",
    )
    return values[: size or None]


def size_storage(size: Sequence[int]) -> Storage:
    """A LongStorage that holds a size."""
    return Storage(np.array(size, np.int64))  # type: ignore[arg-type]


def element(memory: Array, index: Any) -> Array:
    """One element."""
    return memory.reshape(-1)[index]


def with_element(memory: Array, index: Any, value: Any) -> Array:
    """The memory with another value at one place."""
    flat = memory.reshape(-1).at[index].set(cast(value, memory.dtype))
    return flat.reshape(memory.shape)


def filled(memory: Array, value: Any) -> Array:
    """Memory of one value."""
    return jnp.full_like(memory, cast(value, memory.dtype))


def resized(memory: Array, *, shape: tuple[int, ...]) -> Array:
    """The first elements in another shape; zeros where there were none."""
    flat = memory.reshape(-1)[: prod(shape)]
    return jnp.pad(flat, (0, prod(shape) - flat.size)).reshape(shape)

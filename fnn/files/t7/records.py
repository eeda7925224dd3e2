"""What a file of Torch7's holds, as plain data.

Nothing, booleans, numbers and strings are Python's. An object that is met twice in a file is one
object here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

from fnn.files.errors import FileError

ELEMENTS = {
    "Byte": np.dtype("u1"),
    "Char": np.dtype("i1"),
    "Short": np.dtype("<i2"),
    "Int": np.dtype("<i4"),
    "Long": np.dtype("<i8"),
    "Half": np.dtype("<f2"),
    "Float": np.dtype("<f4"),
    "Double": np.dtype("<f8"),
}
WITHOUT_CONTENT = ("torch.Timer",)
WITH_HEADER = ("nn.GPU",)
AS_BYTES = {"torch.Generator": 5048}
"""Classes that write plain bytes, and how many."""
_CLASS = re.compile(rf"torch\.(Cuda)?({'|'.join(ELEMENTS)})?(Tensor|Storage)")


def kind_of(name: str) -> tuple[str, np.dtype, bool] | None:
    """The kind, the elements' type, and whether it is a tensor, of a class of numbers.

    Tensors of a GPU are tensors here; `torch.CudaTensor` has floats.
    """
    match = _CLASS.fullmatch(name)
    if match is None or not (match[1] or match[2]):
        return None
    kind = (match[1] or "") + (match[2] or "")
    return kind, ELEMENTS[match[2] or "Float"], match[3] == "Tensor"


@dataclass(eq=False, slots=True)
class Table:
    """A table of Lua: keys of any kind, and their values, in the order of the file."""

    entries: list[tuple[Any, Any]] = field(default_factory=list)

    @classmethod
    def of(cls, *values: Any, **fields: Any) -> Table:
        """A table with values at 1, 2, ... and under names."""
        return cls([*enumerate(values, 1), *fields.items()])

    def fields(self) -> dict[str, Any]:
        """The values under names."""
        return {key: value for key, value in self.entries if isinstance(key, str)}

    def values(self) -> list[Any]:
        """The values at 1, 2, ... up to the first that is missing."""
        found = {key: value for key, value in self.entries if type(key) is int}
        return [found[i] for i in range(1, len(found) + 1) if i in found]


@dataclass(eq=False, slots=True)
class TorchObject:
    """An object of a class: its name, the version of its format, and the table of its fields.

    Some classes write a table of their own before it, others bytes in its place, or nothing at all.
    """

    name: str
    version: int = 1
    content: Any = None
    header: Any = None

    def fields(self) -> dict[str, Any]:
        """The fields by name."""
        return self.content.fields() if isinstance(self.content, Table) else {}


@dataclass(eq=False, slots=True)
class Storage:
    """Elements in a row. The kind is the middle of its name: `Float` of `torch.FloatStorage`."""

    kind: str
    array: np.ndarray


@dataclass(eq=False, slots=True)
class Tensor:
    """A view of a storage, which begins at its element `offset`, counted from 0."""

    kind: str
    size: tuple[int, ...] = ()
    stride: tuple[int, ...] = ()
    offset: int = 0
    storage: Storage | None = None

    def require_room(self) -> None:
        """Raise unless all elements lie in the storage."""
        length = 0 if self.storage is None else len(self.storage.array)
        bad = len(self.size) != len(self.stride) or min((*self.size, self.offset), default=0) < 0
        steps = [(n - 1) * s for n, s in zip(self.size, self.stride, strict=False)]
        if self.size and prod(self.size) and not bad:
            first, last = (self.offset + sum(f(s, 0) for s in steps) for f in (min, max))
            bad = first < 0 or last >= length
        if bad:
            raise FileError(
                f"a tensor of size {list(self.size)}, stride {list(self.stride)} and offset "
                f"{self.offset} does not fit into a storage of {length} elements"
            )

    def array(self) -> np.ndarray:
        """The elements in the tensor's shape; a view of the storage's."""
        self.require_room()
        if not self.size or not prod(self.size) or self.storage is None:
            return np.zeros(self.size or 0, ELEMENTS[self.kind.removeprefix("Cuda") or "Float"])
        flat = self.storage.array
        steps = [s * flat.itemsize for s in self.stride]
        return np.lib.stride_tricks.as_strided(
            flat[self.offset :], self.size, steps, writeable=False
        )


@dataclass(eq=False, slots=True)
class Function:
    """A function of Lua, of which nothing is read but how long it was: it is never run."""

    size: int
    upvalues: Any = None

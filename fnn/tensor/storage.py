"""Storage: the one thing that is ever changed with numbers in it."""

from __future__ import annotations

from typing import Any

from transforms.cells import Cell


class Storage(Cell):
    """A cell of elements in row-major order. The shape of its array carries no meaning."""

    __slots__ = ()

    @property
    def dtype(self) -> Any:
        """The type of the elements."""
        return self.array.dtype

    def __len__(self) -> int:
        return self.array.size

    def __deepcopy__(self, memo: dict[int, Any]) -> Storage:
        """Another storage of the same array, which never changes itself."""
        return memo.setdefault(id(self), Storage(self.array))

    def __repr__(self) -> str:
        return f"Storage({self.dtype}, {len(self)})"

"""Storage: the one thing that is ever changed with numbers in it."""

from __future__ import annotations

from typing import Any

import numpy as np

from fnn.tensor.types import from_data
from transforms.cells import PENDING, Cell
from transforms.changes import changed


class Storage(Cell):
    """A cell of elements in row-major order. The shape of its array carries no meaning."""

    __slots__ = ()
    geometry = None
    """A storage is looked at as a whole, as an operand like any other."""

    @property
    def storage(self) -> Storage:
        """Itself."""
        return self

    @property
    def dtype(self) -> Any:
        """The type of the elements."""
        return self.form.dtype

    @property
    def waiting(self) -> bool:
        """Whether the elements have yet to be computed."""
        return self._array is PENDING

    def __len__(self) -> int:
        return self.form.size

    def __deepcopy__(self, memo: dict[int, Any]) -> Storage:
        """Another storage of the same array, which never changes itself."""
        return memo.setdefault(id(self), type(self)(self.array))

    def __reduce__(self) -> tuple:
        return restored, (type(self), np.asarray(self.array))

    def __repr__(self) -> str:
        return f"Storage({self.dtype}, {len(self)})"

    def take(self, result: Storage) -> None:
        """Have the value of a fresh result, which nothing else refers to, computed or not."""
        if result._array is not PENDING:
            self.array = result.array
            self.late = result.late
            return
        if self.record is not None:
            self.record.release(self)
        if self.pack is not None:
            self.pack.leave()
        if self.form is not result.form:
            changed.structure += 1
        assert result.record is not None
        try:
            self._share(result)
        except BaseException:  # an interrupt
            self._share(result)
            raise

    def _share(self, result: Storage) -> None:
        """Wait for what a result waits for; doing it twice is doing it once."""
        self.record, self.slot, self.late = result.record, result.slot, result.late
        self._array, self.form, self.pack = PENDING, result.form, None
        self.version += 1
        self.record.hand_over(self)


def restored(kind: type[Storage], array: np.ndarray) -> Storage:
    """A storage of elements that were saved."""
    made = kind.blank()
    made.array = from_data(array, array.dtype)
    return made


class Parcel(Storage):
    """A pytree that is one value, such as a pullback."""

    __slots__ = ()

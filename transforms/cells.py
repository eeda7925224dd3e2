"""The mutable cell: what compiled imperative code reads and writes.

An object that changes keeps its arrays in cells. A `Trace` watches cells while a function is being
traced: which are read or written, and which are made. Purely functional code has no cells, and
pays nothing for them.
"""

from __future__ import annotations

import threading
import weakref
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.core import Tracer


class _Local(threading.local):
    """The traces under way in this thread, innermost last."""

    def __init__(self) -> None:
        self.traces: list[Trace] = []


_local = _Local()


class Stateful:
    """An object with cells among its attributes, which `transforms.jit` looks into.

    Its other attributes are settings, which select a program. `exchangeable` objects stand for
    data: a call may be given another one of the same form where one was before. `transient`
    attributes do not outlive a trace, and are no settings.
    """

    exchangeable: ClassVar[bool] = False
    transient: ClassVar[tuple[str, ...]] = ()


class Cell:
    """A box with one array in it. `version` counts the writes."""

    __slots__ = ("__weakref__", "_array", "version")

    def __init__(self, array: Array):
        self._array: Any = array
        self.version = 0
        if _local.traces:
            _local.traces[-1].bear(self)

    @property
    def array(self) -> Array:
        """The array in the cell."""
        if _local.traces:
            _local.traces[-1].touch(self)
        return self._array

    @array.setter
    def array(self, value: Array) -> None:
        if _local.traces:
            _local.traces[-1].touch(self)
        self._array = value
        self.version += 1


class Lost:
    """What is left in a cell that was made inside a compiled function and not returned from it."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(
            "this value was made inside a compiled function, and has no value outside of it\n"
            "likely cause: it was stored in a global variable; return it, or store it in an "
            "attribute of an object that the function uses"
        )


class Trace:
    """What happens to cells while a function is traced; leaving it gives back what they held."""

    def __init__(self) -> None:
        self.before: dict[int, Touched] = {}
        self.born: dict[int, weakref.ref[Cell]] = {}

    def __enter__(self) -> Trace:
        _local.traces.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        _local.traces.remove(self)
        for touched in self.before.values():
            touched.cell._array = touched.array
        for cell in self.made():
            cell._array = Lost()

    def bear(self, cell: Cell) -> None:
        """Remember a cell that is being made."""
        self.born[id(cell)] = weakref.ref(cell)

    def touch(self, cell: Cell) -> None:
        """Remember what an older cell held, and give it a stand-in that is in no other place."""
        born = self.born.get(id(cell))
        if id(cell) in self.before or (born is not None and born() is cell):
            return
        array = stand_in = cell._array
        if not isinstance(array, Tracer):
            with jax.ensure_compile_time_eval():
                cell._array = stand_in = jnp.copy(array)
        self.before[id(cell)] = Touched(cell, array, stand_in)

    def written(self) -> list[Cell]:
        """Older cells that hold another array than before."""
        return [t.cell for t in self.before.values() if t.cell._array is not t.stand_in]

    def made(self) -> list[Cell]:
        """Cells made during the trace that are still there."""
        return [cell for ref in self.born.values() if (cell := ref()) is not None]


class CellTouched(BaseException):
    """Raised when a cell is met where there should be none."""


class Purity(Trace):
    """A trace that ends at the first cell, before anything has changed."""

    def bear(self, cell: Cell) -> None:
        """Refuse."""
        raise CellTouched

    touch = bear


class Touched(NamedTuple):
    """A cell, what it held before the trace, and the array that it was first read as."""

    cell: Cell
    array: Array
    stand_in: Array


def known(cell: Cell) -> bool:
    """Whether the numbers in a cell may be looked at.

    While a function is traced, those of older cells may not, although they are there: they would
    become constants of the program. Those of cells that the function made of constants may.
    """
    if not _local.traces:
        return True
    born = _local.traces[-1].born.get(id(cell))
    return born is not None and born() is cell and not isinstance(cell._array, Tracer)


def tracing() -> bool:
    """Whether cells are being watched, so that their values may be unknown."""
    return bool(_local.traces)

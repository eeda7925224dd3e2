"""The mutable cell: what compiled imperative code reads and writes.

An object that changes keeps its arrays in cells. The value of a cell may lie elsewhere: in a `Pack`
with other small ones, or in a record of operations that have not run yet; whoever asks for the
array gets it. A `Trace` watches cells while a function is being traced: which are read or written,
and which are made. Purely functional code has no cells, and pays nothing for them.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from transforms.changes import changed
from transforms.forms import Form, form_of


class _Local(threading.local):
    """The traces under way in this thread, innermost last."""

    def __init__(self) -> None:
        self.traces: list[Trace] = []


_local = _Local()
settlers: list[Callable[[], None]] = []
"""Functions that run what this thread has put off; called before a function is traced or lifted."""
running = threading.RLock()
"""Held while cells are recorded, computed or traced: one thread at a time."""


class Pending:
    """Stands in a cell whose value has not been computed yet."""

    def __repr__(self) -> str:
        return "pending"


PENDING = Pending()


class Cell:
    """A box with one array in it, or with what says where the array is to be had.

    `_array` is None while the array lies in `pack`, at `place`; it is `PENDING` while it is to be
    computed by `record`. A record knows what it computes and what it reads by `slot`. A `late` cell
    is one that is seldom looked at: its array is computed only if somebody asks for it. `version`
    counts the arrays that it was given.
    """

    __slots__ = (
        "__weakref__",
        "_array",
        "form",
        "late",
        "pack",
        "place",
        "record",
        "slot",
        "version",
    )

    def __init__(self, array: Any):
        self._begin(array, form_of(array))

    def _begin(self, array: Any, form: Form) -> None:
        self._array: Any = array
        self.form = form
        self.pack: Any = None
        self.place: int = 0
        self.record: Any = None
        self.slot: int = 0
        self.version = 0
        self.late = False
        if _local.traces:
            _local.traces[-1].bear(self)

    @property
    def array(self) -> Any:
        """The array in the cell."""
        if _local.traces:
            _local.traces[-1].touch(self)
        found = self._array
        if isinstance(found, Tracer) and not _local.traces:
            with running:  # another thread is tracing
                found = self._array
        return settled(self) if found is None or found is PENDING else found

    @array.setter
    def array(self, value: Any) -> None:
        if _local.traces:
            _local.traces[-1].touch(self)
        if self.record is not None:
            self.record.release(self)
        if self.pack is not None:
            self.pack.leave()
        form = form_of(value)
        if form is not self.form:
            changed.structure += 1
        self.version += 1
        # at once: after an interrupt a cell has what it held, or what it was to hold
        self._array, self.form, self.late, self.record, self.pack = value, form, False, None, None

    @classmethod
    def blank(cls) -> Any:
        """A cell that is about to be filled."""
        cell = object.__new__(cls)
        Cell._begin(cell, NOTHING, NO_FORM)
        return cell


NOTHING = np.zeros(0)
NO_FORM = form_of(NOTHING)


def settled(cell: Cell) -> Any:
    """The array of a cell, fetched from where it lies: a fact, even while something is traced."""
    with running, jax.ensure_compile_time_eval():
        traces, _local.traces = _local.traces, []
        try:
            if cell._array is PENDING:
                assert cell.record is not None
                cell.record.settle(cell)
            if cell._array is None:
                assert cell.pack is not None
                cell.pack.settle(cell)
            return cell._array
        finally:
            _local.traces = traces


class Lost:
    """What is left in a cell that was made inside a compiled function and not returned from it."""

    shape, dtype = (), np.dtype(bool)

    def __getattr__(self, name: str) -> Any:
        self.complain()

    def complain(self) -> None:
        """Say what happened."""
        raise RuntimeError(
            "this value was made inside a compiled function, and has no value outside of it\n"
            "likely cause: it was stored in a global variable; return it, or store it in an "
            "attribute of an object that the function uses"
        )


class Trace:
    """What happens to cells while a function is traced."""

    def __init__(self) -> None:
        self.before: dict[int, Touched] = {}
        self.born: dict[int, weakref.ref[Cell]] = {}

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Note what happens to cells; afterwards they have what they held before."""
        with running:
            for settle in settlers:
                settle()
            outer = _local.traces
            try:
                _local.traces = [*outer, self]
                yield
            finally:
                _local.traces = outer
                self.restore()

    def restore(self) -> None:
        """Give older cells what they held, and let those that were made say that they are lost."""
        for touched in self.before.values():
            cell = touched.cell
            cell._array, cell.form, cell.pack = touched.array, touched.form, touched.pack
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
        array = stand_in = settled(cell)
        if not isinstance(array, Tracer):
            with jax.ensure_compile_time_eval(), jax.enable_x64(True):
                stand_in = jnp.copy(array)
        self.before[id(cell)] = Touched(cell, array, stand_in, cell.form, cell.pack)
        cell._array, cell.pack = stand_in, None

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
    array: Any
    stand_in: Array
    form: Form
    pack: Any


def known(cell: Cell) -> bool:
    """Whether the numbers in a cell may be looked at.

    While a function is traced, those of older cells may not, although they are there: they would
    become constants of the program. Those of cells that the function made of constants may.
    """
    if not _local.traces:
        return True
    trace = _local.traces[-1]
    born = trace.born.get(id(cell))
    if born is None or born() is not cell or isinstance(cell._array, Tracer):
        return False
    return all(touched.stand_in is not cell._array for touched in trace.before.values())


def tracing() -> bool:
    """Whether cells are being watched, so that their values may be unknown."""
    return bool(_local.traces)

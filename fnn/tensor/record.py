"""Operations that have been recorded and have not run yet.

Code that repeats finds its program in the tree of steps. Whoever wants an array that waits has what
has been recorded so far compiled and run as one program, which computes what is still referred to.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from sys import getrefcount
from typing import Any

import jax
from jax.core import Tracer

from fnn.tensor.steps import NUMBERS, Call, Step
from fnn.tensor.storage import Parcel, Storage
from transforms import cells
from transforms.cells import PENDING, Lost
from transforms.explain import report
from transforms.forms import form_of, owned

LIMIT = 20_000
"""How many steps are remembered."""


class Memory:
    """Calls by what makes them, and the tree of steps."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Remember nothing."""
        self.calls: dict[tuple, Call] = {}
        self.root, self.steps = Step(), 0

    def call(self, function: Callable, structure: Any, hyper: dict[str, Any], writes: bool) -> Call:
        """The call of a function on operands of a structure; equal ones are one object."""
        key = (function, structure, tuple(hyper.items()) if hyper else (), writes)
        found = self.calls.get(key)
        if found is None:
            found = self.calls[key] = Call(*key)
        return found

    def step(self, before: Step, key: tuple) -> Step:
        """A new step after another; when there are too many, the tree begins anew."""
        if self.steps >= LIMIT:
            self.begin()
        self.steps += 1
        step = before.after[key] = Step.of(before, *key)
        return step


memory = Memory()
call_of = memory.call
_concrete: set[type] = {type(None)}
"""The types of arrays that can be read as they are; None stands for one in a pack."""


def fixed_in(call: Call, operands: Sequence[Any]) -> list[Storage]:
    """The storages of which several views are operands, if it is fixed where those begin."""
    views = [x for x in operands if getattr(x, "geometry", None) is not None]
    views = [x for x in views if x.geometry.dense != x.storage.form.size]
    if len(views) < 2:
        return []
    count = Counter(id(x.storage) for x in views)
    several = [x for x in views if count[id(x.storage)] > 1]
    starts = tuple(x.geometry.offset for x in several)
    return [x.storage for x in several] if several and call.fixed(starts) else []


LONELY = next(getrefcount(alone[0]) for alone in [[object()]])


class Foreign(Exception):
    """An operand is being traced by jax itself: nothing can be put off."""


class Recorder:
    """What a thread records into; `eager` says that each call is to be run at once."""

    def __init__(self) -> None:
        self.record = Record(self)
        self.eager = False


class Record:
    """Calls that have not run yet. What they read and make lies in slots.

    `cells` are the storages by slot, or numbers and arrays that are in no storage; `values` are
    the arrays that storages held when they were read or written, None where those lie in a pack.
    """

    __slots__ = ("cells", "recorder", "step", "values")

    def __init__(self, recorder: Recorder):
        self.recorder = recorder
        self.step = memory.root
        self.cells: list[Any] = []
        self.values: list[Any] = []

    def add(
        self, call: Call, leaves: Sequence[Any], into: Sequence[Any]
    ) -> tuple[Step, list[Any]] | None:
        """Record a call; its outputs are storages that wait. None if the record is full."""
        mark, entry = len(self.cells), None
        try:
            key = (call, *self.encode(call, leaves, into))
            step = self.step.after.get(key)
            if step is None:
                step = memory.step(self.step, key)
            if step.full:
                self.forget(mark)
                return None
            base = len(self.cells)
            results = [self.result(form, slot) for slot, form in enumerate(step.forms, base)]
            entry = step, base, results, into, [target.storage._array for target in into]
            self.commit(*entry)
        except BaseException:  # an interrupt, say, after which somebody may go on
            if entry is None:
                self.forget(mark)
            else:
                self.commit(*entry)
            raise
        return step, results

    def result(self, form: Any, slot: int) -> Storage:
        """A storage that waits for a result."""
        made: Any = object.__new__(Parcel if form is None else Storage)
        made._array, made.form, made.pack = PENDING, form, None
        made.late, made.version = False, 0
        made.record, made.slot = self, slot
        return made

    def commit(
        self, step: Step, base: int, results: list[Any], into: Sequence[Any], before: list[Any]
    ) -> None:
        """Add a step; doing it twice is doing it once."""
        targets = [target.storage for target in into]
        self.cells[base:] = results + targets
        self.values[base:] = [None] * len(results) + before
        self.step = step
        for slot, storage in enumerate(targets, base + len(results)):
            storage._array, storage.record, storage.slot, storage.late = PENDING, self, slot, False
            storage.version += 1

    def encode(
        self, call: Call, leaves: Sequence[Any], into: Sequence[Any]
    ) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """What selects the step: the slots and views of operands and targets, forms of new ones."""
        slots, values = self.cells, self.values
        fixed = fixed_in(call, (*leaves, *into))
        code: list[Any] = []
        for leaf in leaves:
            try:
                storage, geometry = leaf.storage, leaf.geometry
            except AttributeError:
                pass
            else:
                if storage.record is self:
                    code.append(storage.slot)
                else:
                    self.take(storage)
                    code.append(storage.form)
                if geometry is None:
                    code += (None, None)
                elif geometry.dense == storage.form.size:
                    code += (geometry.view, None)
                else:
                    code += (geometry.view, self.start(geometry.offset, storage in fixed))
                continue
            if type(leaf) in NUMBERS:
                code.append(type(leaf))
            elif isinstance(leaf, Tracer):
                raise Foreign
            elif hasattr(leaf, "dtype"):
                code.append((form_of(leaf),))
            else:
                raise TypeError(f"{call.name}: {leaf!r} is no tensor, array or number")
            slots.append(owned(leaf))
            values.append(None)
        targets: list[Any] = []
        for target in into:
            storage, geometry = target.storage, target.geometry
            targets.append(storage.form)
            filled = geometry is None or geometry.dense == storage.form.size
            if storage.record is self:
                targets.append(storage.slot)
            elif filled:
                targets.append(-1)
            else:
                self.take(storage)
                targets.append(storage.form)
            view = None if geometry is None else geometry.view
            start = None
            if geometry is not None and not filled:
                start = self.start(geometry.offset, storage in fixed)
            targets += (view, start)
        return tuple(code), tuple(targets)

    def take(self, storage: Storage) -> None:
        """Read a storage that no call of this record has touched."""
        array = storage._array
        if type(array) not in _concrete:
            if array is PENDING:  # in another thread
                array = cells.settled(storage)
            if isinstance(array, Tracer):
                raise Foreign
            if isinstance(array, Lost):
                array.complain()
            _concrete.add(type(array))
        slot = len(self.cells)
        self.cells.append(storage)
        self.values.append(array)
        storage.record, storage.slot = self, slot  # last: an interrupt must not leave it alone

    def start(self, offset: int, fixed: bool) -> Any:
        """Where a view begins: a part of the program, or a number that is given to it."""
        if fixed:
            return offset
        self.cells.append(offset)
        self.values.append(None)
        return int

    def forget(self, mark: int) -> None:
        """Undo what a call has taken that is not to be recorded."""
        for cell in self.cells[mark:]:
            if isinstance(cell, Storage) and cell.record is self:
                cell.record = None
        del self.cells[mark:], self.values[mark:]

    def flush(self) -> None:
        """Compute what is still referred to. Calls from now on go into another record."""
        if self.recorder.record is self:
            self.recorder.record = Record(self.recorder)
        step, slots = self.step, self.cells
        live = tuple(
            [
                slot
                for slot in step.made
                if getrefcount(slots[slot]) > LONELY
                and (cell := slots[slot]).slot == slot
                and cell.record is self
            ]
        )
        if live:
            late = tuple([slot for slot in live if slots[slot].late])
            program = step.programs.get((live, late))
            if program is None:
                program = step.program(live, late)
                report(program.name, f"recorded: {program.name.replace('_then_', ', ')}")
            try:
                with jax.ensure_compile_time_eval():
                    program(
                        [slots[slot] for slot in step.taken],
                        [self.values[slot] for slot in step.taken],
                        [slots[slot] for slot in live],
                        [slots[slot] for slot in step.raw],
                        references=3,  # `values` twice, as read and as written over, and the list
                    )
            except Exception:
                self.undo()
                raise
        self.step, self.cells, self.values = memory.root, [], []

    def hand_over(self, cell: Storage) -> None:
        """Compute a result for another cell than the one that was made for it."""
        self.cells[cell.slot] = cell

    def undo(self) -> None:
        """Give back what was there before the record, after its program has failed."""
        for slot, write in self.step.made.items():
            cell, before = self.cells[slot], self.values[slot]
            if write.kept and cell.record is self and before is not PENDING:
                cell._array, cell.record = before, None

    def settle(self, cell: Any) -> None:
        """Compute the array of a cell."""
        cell.late = False
        self.flush()

    def release(self, cell: Any) -> None:
        """Need no longer what a cell holds, because it is about to hold something else."""
        if self.cells and cell.pack is not None:
            for slot in self.step.taken:
                if self.cells[slot] is cell and self.values[slot] is None:
                    self.values[slot] = cell.pack.cut(cell)  # it is about to leave the pack

"""A step of a record: one call of a pure function, and where its operands lie.

The steps that have ever followed each other make a tree. A loop that repeats walks the same path
again, at the price of a dictionary look-up for each call; the step where its record ends has the
compiled program.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from fnn.tensor import views
from fnn.tensor.views import View
from transforms.equations import all_equations
from transforms.forms import Form, form
from transforms.program import Program, Write, calls_python

NUMBERS = (bool, int, float, complex)
LONG = 3000  # equations of a record
HEAVY = 500  # equations of a call that is a record alone: what stands around it often changes


class Call:
    """A function with its hyperparameters and the structure of its operands."""

    def __init__(self, function: Callable, structure: Any, hyper: tuple, writes: bool):
        self.function, self.structure, self.hyper = function, structure, dict(hyper)
        self.writes = writes
        self.starts: set[tuple[int, ...]] = set()
        self.name = getattr(function, "__name__", type(function).__name__)

    def fixed(self, starts: tuple[int, ...]) -> bool:
        """Whether views that begin there make a program of their own.

        Several views of one storage are parameters, say, and XLA does better when it knows where
        they lie; but code that goes through a tensor row by row must not compile a program for
        each row.
        """
        if len(self.starts) < 8:
            self.starts.add(starts)
        return starts in self.starts

    def __call__(self, operands: Sequence[Any]) -> tuple[Sequence[Any], list[Any], Any]:
        """Values to be written, outputs, and their structure; a function among them is one."""
        found = self.function(*jax.tree.unflatten(self.structure, operands), **self.hyper)
        written, outputs = found if self.writes else ((), found)
        leaves, structure = jax.tree.flatten(outputs, is_leaf=callable)
        return written, [leaf if callable(leaf) else strong(leaf) for leaf in leaves], structure


class Place(NamedTuple):
    """Where an operand lies: in which slot, and how to look at it; `start` is a slot or a number.

    Elements that fill their storage in order have no start.
    """

    slot: int
    view: View | None = None
    start: int | None = None
    fixed: bool = True

    def read(self, values: Sequence[Any]) -> Any:
        """The operand."""
        memory = values[self.slot]
        if self.view is None:
            return memory
        return look_at(memory, self.view, self.offset(values))

    def offset(self, values: Sequence[Any]) -> Any:
        """Where the view begins."""
        return self.start if self.fixed or self.start is None else values[self.start]


class Target(NamedTuple):
    """Where a value is written: the form of the storage, and the place of what it held before.

    A `kept` storage was there before the record began.
    """

    form: Form
    place: Place
    kept: bool


def look_at(memory: Array, view: View, start: Any) -> Array:
    """The elements of a view of a storage."""
    if start is None:
        return memory if memory.shape == view.size else memory.reshape(view.size)
    return views.read(memory, start, size=view.size, stride=view.stride)


def put(form: Form, memory: Any, value: Any, view: View | None, start: Any) -> Array:
    """The memory of a storage after a value has been written through a view."""
    value = value.astype(form.dtype)
    if start is None or view is None:
        return strong(value.reshape(form.shape))
    return views.write(memory, value, start, size=view.size, stride=view.stride)


def strong(x: Any) -> Any:
    """An array with a type of its own, rather than one that adapts to others."""
    if not isinstance(x, Array):
        x = jnp.asarray(x)
    return lax.convert_element_type(x, x.dtype) if getattr(x, "weak_type", False) else x


class Step:
    """A call after other calls. What can be known before anything is computed is known here.

    `values` are the shapes and types in all slots so far; `taken` are the slots of cells that are
    read, `raw` those of numbers and arrays in no cell, `made` those of results. A step that
    `closes` ends a record; one that is `full` may only begin one.
    """

    call: Call
    operands: list[Place]
    targets: list[Target]
    structure: Any
    forms: list[Form | None]
    first: int
    weight: int
    single: bool

    def __init__(self, before: Step | None = None):
        self.before = before
        self.after: dict[Any, Step] = {}
        self.programs: dict[tuple, Program] = {}
        self.values: list[Any] = [] if before is None else before.values.copy()
        self.taken: list[int] = [] if before is None else before.taken.copy()
        self.raw: list[int] = [] if before is None else before.raw.copy()
        self.made: dict[int, Write] = {} if before is None else before.made.copy()
        self.read: set[int] = set()
        self.closes = self.full = self.calls_python = False

    @classmethod
    def of(cls, before: Step, call: Call, code: Sequence[Any], targets: Sequence[Any]) -> Step:
        """The step after `before`, with its shapes and types inferred."""
        step = cls(before)
        step.call = call
        rest = iter(code)
        step.operands = [step.place(rest) for _ in range(call.structure.num_leaves)]
        step.read = {*before.read, *(place.slot for place in step.operands)}
        rest = iter(targets)
        step.targets = [step.target(form, rest) for form in rest]
        step.infer()
        return step

    def place(self, code: Iterator[Any]) -> Place:
        """The place that a code says; what is met for the first time gets the next slot."""
        slot = next(code)
        if isinstance(slot, type):
            self.raw.append(len(self.values))
            self.values.append(weak(slot))
            return Place(len(self.values) - 1)
        if isinstance(slot, tuple):  # an array that is in no cell
            self.raw.append(len(self.values))
            self.values.append(slot[0].abstract())
            return Place(len(self.values) - 1)
        if isinstance(slot, Form):
            self.taken.append(len(self.values))
            self.values.append(slot.abstract())
            slot = len(self.values) - 1
        view, start = next(code), next(code)
        if isinstance(start, type):
            self.raw.append(len(self.values))
            self.values.append(weak(int))
            return Place(slot, view, len(self.values) - 1, fixed=False)
        return Place(slot, view, start)

    def target(self, form: Form, code: Iterator[Any]) -> Target:
        """The target that a code says."""
        place = self.place(code)
        old = self.made.get(place.slot)
        kept = place.slot < 0 or place.slot in self.taken or (old is not None and old.kept)
        self.closes |= kept and self.before is not None and place.slot in self.before.read
        return Target(form, place, kept)

    def infer(self) -> None:
        """Find the shapes and types of what comes out."""
        slots = sorted({p.slot for p in (*self.operands, *(t.place for t in self.targets))} - {-1})
        starts = [
            p.start
            for p in (*self.operands, *(t.place for t in self.targets))
            if not p.fixed and p.start is not None
        ]
        needed = sorted({*slots, *starts})

        def run(given: list[Any]) -> tuple[list[Any], list[Any]]:
            values = dict(zip(needed, given, strict=True))
            written, outputs, self.structure = self.run(values)
            return outputs, written

        with jax.enable_x64(True):
            jaxpr, (outputs, written) = jax.make_jaxpr(run, return_shape=True)(
                [self.values[i] for i in needed]
            )
        self.weight = sum(1 for _ in all_equations(jaxpr.jaxpr))
        self.calls_python = calls_python(jaxpr.jaxpr) or (
            self.before is not None and self.before.calls_python
        )
        self.single = jax.tree.structure(0) == self.structure
        self.first = len(self.values)
        self.forms: list[Form | None] = []
        for output in outputs:
            found = None if callable(output) else form(output.shape, output.dtype)
            self.forms.append(found)
            self.made[len(self.values)] = Write(found, False)
            self.values.append(output)
        for target, value in zip(self.targets, written, strict=True):
            self.made[len(self.values)] = Write(target.form, target.kept, self.root(target.place))
            self.values.append(value)
        path = list(self.path())
        same = [step for step in path if step.call is self.call]
        weights = [step.weight for step in path]
        self.full = len(path) > 1 and (
            sum(weights) > LONG
            or max(weights) > HEAVY
            or len(same) > 32
            or (len(same) - 1) * self.weight > 100
        )

    def root(self, place: Place) -> int | None:
        """Which of the cells taken this was, if it was one."""
        if place.slot in self.taken:
            return self.taken.index(place.slot)
        return self.made[place.slot].read if place.slot in self.made else None

    def path(self) -> Iterator[Step]:
        """The steps up to this one, last first."""
        step = self
        while step.before is not None:
            yield step
            step = step.before

    def run(self, values: Any) -> tuple[list[Any], list[Any], Any]:
        """What is written, what comes out, and its structure."""
        written, outputs, structure = self.call([place.read(values) for place in self.operands])
        memories: dict[int, Any] = {}  # several targets may be views of one storage
        results = []
        for target, value in zip(self.targets, written, strict=True):
            slot, view, start, _ = target.place
            memory = (
                None if start is None else memories.get(slot, values[slot] if slot >= 0 else None)
            )
            memories[slot] = put(target.form, memory, value, view, target.place.offset(values))
            results.append(memories[slot])
        return results, outputs, structure

    def program(self, live: tuple[int, ...], late: tuple[int, ...]) -> Program:
        """The program of all steps up to this one, which computes what somebody still wants."""
        if (live, late) not in self.programs:
            steps = list(self.path())[::-1]

            def recorded(taken: Sequence[Any], others: Sequence[Any]) -> tuple[list[Any], tuple]:
                values: list[Any] = [None] * len(self.values)
                for slots, given in ((self.taken, taken), (self.raw, others)):
                    for slot, value in zip(slots, given, strict=True):
                        values[slot] = value
                for step in steps:
                    written, outputs, _ = step.run(values)
                    values[step.first : step.first + len(outputs) + len(written)] = (
                        outputs + written
                    )
                return [values[slot] for slot in live], ()

            names = dict.fromkeys(step.call.name for step in steps)
            recorded.__name__ = recorded.__qualname__ = "_then_".join(names)[:80]
            writes = [self.made[slot]._replace(late=slot in late) for slot in live]
            self.programs[live, late] = Program(
                recorded, len(self.taken), writes, donates=not self.calls_python
            )
        return self.programs[live, late]


def weak(kind: type) -> jax.ShapeDtypeStruct:
    """What stands for one of Python's numbers."""
    dtype = {int: np.int64, float: np.float64, complex: np.complex128}.get(kind, np.bool_)
    return jax.ShapeDtypeStruct((), dtype, weak_type=kind is not bool)

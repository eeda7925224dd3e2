"""What a traced function does to plain objects: undone after the trace, redone by each call.

While a function is traced, it stores new tensors in attributes, clears gradients, fills an
optimiser's state. A `Snapshot` taken before gives everything back, so that a failed trace leaves no
mark; `effects` says what changed, in a form to be applied again with each call's own results.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from jax import Array

from transforms.cells import Cell, Trace
from transforms.changes import Stateful, Watched, WatchedList, changed
from transforms.settings import number_of
from transforms.survey import Survey, attributes

ABSENT = object()


class Snapshot:
    """The contents of every dict, list and object that a survey met."""

    def __init__(self, survey: Survey):
        self.survey = survey
        self.contents = [(i, x, contents(x)) for i, x in enumerate(survey.objects)]

    def effects(self, recipes: Recipes) -> list[Effect]:
        """What changed since."""
        found = []
        for i, x, before in self.contents:
            after = contents(x)
            if before is None or after is None:
                continue
            for name in {**before, **after}:
                old, new = before.get(name, ABSENT), after.get(name, ABSENT)
                if new is not old and not (type(new) is type(old) is tuple and new == old):
                    passing = new is ABSENT or (isinstance(x, Stateful) and name in x.transient)
                    found.append(Effect(i, name, None if passing else recipes.of(new)))
        return found

    def restore(self) -> None:
        """Give everything back what it held."""
        for _, x, before in self.contents:
            after = contents(x)
            if before is None or after is None:
                continue
            for name in after:
                if name not in before:
                    delete(x, name)
            for name, value in before.items():
                if after.get(name, ABSENT) is not value:
                    assign(x, name, value)


class Effect(NamedTuple):
    """An entry of a container that a call changes, and how to make its new value, if it has one."""

    place: int
    name: Any
    value: Callable[[Call], Any] | None

    def apply(self, call: Call) -> None:
        """Make the change."""
        container = call.survey.objects[self.place]
        changed.structure += 1
        if self.value is None:
            delete(container, self.name)
        else:
            assign(container, self.name, self.value(call))


def contents(x: Any) -> dict[Any, Any] | None:
    """A copy of what a container holds, by name or by position."""
    if isinstance(x, list):
        return dict(enumerate(x))
    if isinstance(x, Stateful):
        return dict(vars(x))
    found = attributes(x)
    return None if found is None else dict(found)


def assign(x: Any, name: Any, value: Any) -> None:
    """Set an entry of a container, past whatever its class does on assignment."""
    if isinstance(x, list) and name == len(x):
        x.append(value)
    else:
        (x if isinstance(x, dict | list) else vars(x))[name] = value


def delete(x: Any, name: Any) -> None:
    """Remove an entry of a container; a list is shortened from its end."""
    if isinstance(x, list):
        del x[min(name, len(x)) :]
    else:
        (x if isinstance(x, dict) else vars(x)).pop(name, None)


class Call(NamedTuple):
    """One run of a program: its survey, what it computed, and what was made of that."""

    survey: Survey
    cells: list[Cell]
    arrays: list[Array]
    made: dict[int, Any]


class Recipes:
    """Says how to make a value again in each call.

    `cells` are those that each call makes, `arrays` what it computes outside of any cell.
    """

    def __init__(self, survey: Survey, trace: Trace):
        self.survey = survey
        self.born = {id(cell) for cell in trace.made()}
        self.cells: list[Cell] = []
        self.arrays: list[Array] = []
        self.known: dict[int, Callable[[Call], Any]] = {}
        self.keep: list[Any] = []

    def of(self, x: Any) -> Callable[[Call], Any]:
        """The recipe for `x`: met before, computed, built of other recipes, or fixed."""
        x = number_of(x)
        if id(x) in self.survey.number:
            place = self.survey.number[id(x)]
            return lambda call: call.survey.objects[place]
        if id(x) not in self.known:
            self.keep.append(x)
            recipe = self.fresh(x)
            self.known[id(x)] = memo(len(self.known), recipe) if recipe else lambda call: x
        return self.known[id(x)]

    def fresh(self, x: Any) -> Callable[[Call], Any] | None:
        """How to make an object anew that a call made; None if it is the same in every call."""
        if isinstance(x, Array):
            position = len(self.arrays)
            self.arrays.append(x)
            return lambda call: call.arrays[position]
        if isinstance(x, Cell) and id(x) in self.born:
            place = len(self.cells)
            self.cells.append(x)
            return lambda call: call.cells[place]
        if isinstance(x, list | tuple) and type(x) in (list, tuple, WatchedList):
            parts = [self.of(part) for part in x]
            return lambda call: type(x)(part(call) for part in parts)
        if type(x) in (dict, Watched) or (isinstance(x, Stateful) and x.exchangeable):
            entries = {name: self.of(value) for name, value in (attributes(x) or {}).items()}
            return lambda call: build(type(x), {n: part(call) for n, part in entries.items()})
        return None


def build(kind: type, entries: dict[Any, Any]) -> Any:
    """A dict, or an object with these attributes, which its constructor does not see."""
    if issubclass(kind, dict):
        return kind(entries)
    made = object.__new__(kind)
    vars(made).update(entries)
    return made


def memo(number: int, recipe: Callable[[Call], Any]) -> Callable[[Call], Any]:
    """A recipe followed once in a call: what was one object in the trace is one in every call."""

    def follow(call: Call) -> Any:
        if number not in call.made:
            call.made[number] = recipe(call)
        return call.made[number]

    return follow

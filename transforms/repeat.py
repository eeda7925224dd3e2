"""A call like the last one: nothing has to be surveyed again.

Settings around cells are attributes of `Stateful` objects and watched containers, whose changes are
counted; plain containers and variables are few, and are compared one by one. What each call makes
and leaves behind (gradients, say) is written in place again, if nobody else has taken hold of it.
"""

from __future__ import annotations

import types
from collections import deque
from collections.abc import Callable, Iterable
from sys import getrefcount
from typing import Any, NamedTuple

import jax
import numpy as np

from transforms.cells import Cell, Changes, Stateful, Watched, WatchedList, form_of
from transforms.effects import Call
from transforms.survey import (
    Again,
    Survey,
    ambient,
    data,
    free_variables,
    identity,
    inside,
    own,
    plain,
)

ALONE = next(map(getrefcount, [object()]))


class Guard(NamedTuple):
    """What a container or a function's variables held, and how to get it now."""

    read: Callable[[], Iterable[Any]]
    held: tuple[Any, ...]

    def holds(self) -> bool:
        """Whether it is still the same."""
        now = tuple(self.read())
        if len(now) != len(self.held):
            return False
        pairs = zip(now, self.held, strict=True)
        return all(a is b or (type(a) is type(b) is int and a == b) for a, b in pairs)


class Argument(NamedTuple):
    """An argument that may be another one in each call: an array, or an object around one cell."""

    kind: type
    form: Any = None
    settings: dict[str, Any] | None = None
    name: str = ""
    place: int = 0
    cell: int = 0

    def takes(self, leaf: Any, known: set[int]) -> bool:
        """Whether another value would be found like the one before."""
        if type(leaf) is not self.kind:
            return False
        if self.settings is None:
            return self.form is None or form_of(leaf) is self.form
        fields = vars(leaf)
        cell = fields.get(self.name)
        return (
            id(leaf) not in known
            and id(cell) not in known
            and getattr(cell, "form", None) is self.form
            and len(fields) == len(self.settings) + 1
            and all(fields.get(name, self) == value for name, value in self.settings.items())
        )


class Repeat:
    """What has to hold for the next call to be like the last, and how to make it then."""

    def __init__(self, survey: Survey, traced: Any, call: Call):
        self.survey, self.traced = survey, traced
        self.arguments = [argument(survey, leaf) for leaf in survey.leaves]
        swapped = [a for a in self.arguments if a is not None and a.settings is not None]
        passing = {i for a in swapped for i in (a.place, a.cell)}
        objects = survey.objects
        self.known = {id(x) for i, x in enumerate(objects) if i not in passing}
        self.passing = passing
        self.writes = any(place in passing for place in traced.written)
        self.guards = [g for i, x in enumerate(objects) if i not in passing for g in guards(x)]
        self.kept = [survey.number.get(id(cell)) for cell in call.cells]
        numbers = {i: survey.number.get(id(x)) for i, x in call.made.items()}
        self.left = {i: place for i, place in numbers.items() if place is not None}
        self.mode = [setting() for setting in ambient]
        self.remember()
        self.release()

    def remember(self) -> None:
        """Note what must not have changed until the next call."""
        self.changes = Changes.structure, Changes.results
        self.watched = [self.survey.objects[place] for place in self.left.values()]
        # Held by what it is an attribute of, by the survey, and perhaps by a pack.
        self.references = [
            ALONE + 2 + (isinstance(x, Cell) and x.pack is not None) for x in self.watched
        ]

    @classmethod
    def of(
        cls, function: Callable, args: tuple, keywords: dict[str, Any], traced: Any, call: Call
    ) -> Repeat | None:
        """What follows a call, if that has left everything such that the next can be like it."""
        before, after = call.survey, Survey(function, args, keywords)
        if after.key != before.key:
            return None
        made = {id(x) for x in call.made.values()}
        for old, new in zip(before.objects, after.objects, strict=True):
            if old is not new and id(new) not in made:
                return None
        return cls(after, traced, call)

    def fits(
        self, args: tuple, keywords: dict[str, Any], outside: frozenset[int] = frozenset()
    ) -> bool:
        """Whether a call is like the last one; takes its arguments, if so.

        `outside` are cells that it must not meet, by their identities.
        """
        if outside and (outside & self.known or self.writes):
            return False
        if (Changes.structure, Changes.results) != self.changes:
            return False
        leaves, structure = jax.tree.flatten((args, keywords))
        if structure != self.survey.structure:
            return False
        cells = set()
        for leaf, old, wanted in zip(leaves, self.survey.leaves, self.arguments, strict=True):
            if wanted is None:
                if leaf is not old:
                    return False
            elif not wanted.takes(leaf, self.known):
                return False
            elif wanted.settings is not None:
                cells.add(id(vars(leaf)[wanted.name]))
                cells.add(id(leaf))
        if len(cells) != len(self.passing) or [setting() for setting in ambient] != self.mode:
            return False
        if not all(guard.holds() for guard in self.guards):
            return False
        arrays, objects = [], self.survey.objects
        for leaf, wanted in zip(leaves, self.arguments, strict=True):
            if wanted is not None and wanted.settings is not None:
                objects[wanted.place], objects[wanted.cell] = leaf, vars(leaf)[wanted.name]
            elif wanted is not None:
                arrays.append(leaf)
        self.survey.arrays = arrays
        return True

    def __call__(self) -> Any:
        """Run with the arguments taken."""
        objects, traced = self.survey.objects, self.traced
        alone = self.alone
        made = [
            objects[place] if alone and place is not None else kind.blank()
            for place, kind in zip(self.kept, traced.made, strict=True)
        ]
        try:
            call = traced.compute(self.survey, made)
            if not alone:
                self.replace(call)
            return traced.output(call)
        finally:
            self.release()

    @property
    def alone(self) -> bool:
        """Whether nobody else has taken hold of what the last call left."""
        return list(map(getrefcount, self.watched)) == self.references

    def release(self) -> None:
        """Hold the arguments no longer."""
        for i in self.passing:
            self.survey.objects[i] = None
        self.survey.arrays = []

    def replace(self, call: Call) -> None:
        """Leave new objects in the place of those that somebody has taken hold of."""
        for effect in self.traced.effects:
            effect.apply(call)
        objects = self.survey.objects
        for i, place in self.left.items():
            self.known.discard(id(objects[place]))
            objects[place] = call.made[i]
            self.known.add(id(objects[place]))
        self.guards = [guard._replace(held=tuple(guard.read())) for guard in self.guards]
        self.remember()


def argument(survey: Survey, leaf: Any) -> Argument | None:
    """What may take the place of an argument; None if nothing else may."""
    if data(leaf):
        shaped = hasattr(leaf, "dtype")
        return Argument(type(leaf), form_of(leaf) if shaped else None)
    if not isinstance(leaf, Stateful) or not leaf.exchangeable:
        return None
    fields = {n: x for n, x in vars(leaf).items() if n not in leaf.transient}
    cells = [name for name, x in fields.items() if isinstance(x, Cell)]
    if len(cells) != 1 or len(fields) != len(vars(leaf)):
        return None
    cell = fields.pop(cells[0])
    if not plain(tuple(fields.values())):
        return None
    place, inner = survey.number[id(leaf)], survey.number[id(cell)]
    met_again = {int(x) for x in survey.key if isinstance(x, Again)}
    if {place, inner} & met_again:
        return None
    return Argument(type(leaf), cell.form, fields, cells[0], place, inner)


def guards(x: Any) -> list[Guard]:
    """What to compare of an object whose changes nobody counts."""
    if isinstance(x, Stateful | Watched | WatchedList | Cell | jax.Array):
        return []
    if isinstance(x, np.ndarray):
        return [guard(lambda: (identity(x),))]
    if isinstance(x, dict):
        return [guard(x.keys), guard(x.values)]
    if isinstance(x, list | tuple | set | frozenset | deque):
        return [guard(lambda: x)]
    if isinstance(x, types.FunctionType) and not own(x.__module__):
        return [guard(lambda: values(free_variables(x)))] if x.__closure__ else []
    found = values(inside(x))
    return [guard(lambda: values(inside(x)))] if found else []


def guard(read: Callable[[], Iterable[Any]]) -> Guard:
    """A guard of what is there now."""
    return Guard(read, tuple(read()))


def values(pairs: Iterable[tuple[Any, Any]]) -> list[Any]:
    """What an object leads to, without the names."""
    return [value for _, value in pairs]

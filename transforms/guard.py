"""What another call has to share with the last one: plain containers, and its arguments' forms."""

from __future__ import annotations

import types
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from operator import is_
from typing import Any, NamedTuple

import jax
import numpy as np

from transforms.cells import Cell
from transforms.changes import Stateful, Watched, WatchedList
from transforms.forms import form_of
from transforms.survey import (
    Again,
    Survey,
    codes,
    data,
    free_variables,
    identity,
    inside,
    own,
    plain,
)


class Guard:
    """What plain containers and functions' variables held, and how to get that now."""

    def __init__(self, readers: list[Callable[[], Iterable[Any]]]):
        self.readers = readers
        self.held = self.read()

    def read(self) -> list[Any]:
        """What they hold; `Guard` itself stands between one and the next."""
        found: list[Any] = []
        for read in self.readers:
            found += read()
            found.append(Guard)
        return found

    def holds(self) -> bool:
        """Whether it is still the same."""
        now, held = self.read(), self.held
        return len(now) == len(held) and (all(map(is_, now, held)) or all(map(same, now, held)))


def same(a: Any, b: Any) -> bool:
    """Whether two values are one object, or equal integers."""
    return a is b or (type(a) is type(b) is int and a == b)


def readers(x: Any) -> list[Callable[[], Iterable[Any]]]:
    """How to get what an object leads to, if nobody counts its changes."""
    counted = isinstance(x, Stateful | Watched | WatchedList | Cell | jax.Array)
    if counted or type(x) in (tuple, frozenset, types.MethodType):
        return []
    if isinstance(x, np.ndarray):
        return [lambda: (identity(x),)]
    if isinstance(x, dict):
        return [x.keys, lambda: [float if type(y) is float else y for y in x.values()]]
    if isinstance(x, list | set | deque):
        return [lambda: x]
    if isinstance(x, types.FunctionType):
        return variables(x)
    return [lambda: [value for _, value in inside(x)]] if [*inside(x)] else []


def variables(function: types.FunctionType) -> list[Callable[[], Iterable[Any]]]:
    """How to get what a function closes over, its defaults, and the globals that it names."""
    closure = function.__closure__
    found: list[Callable[[], Iterable[Any]]] = [
        lambda: (function.__code__, function.__defaults__, function.__kwdefaults__)
    ]
    if closure:
        found.append(lambda: closed_over(function))
    if not own(function.__module__):
        return found if closure else []
    names = [name for code in codes(function) for name in code.co_names]
    spaces = [function.__globals__]
    for name in names:
        module = function.__globals__.get(name)
        if isinstance(module, types.ModuleType) and own(module.__name__):
            spaces.append(vars(module))
    return found + [partial(map, space.get, names) for space in spaces]


def closed_over(function: types.FunctionType) -> list[Any]:
    """What a function closes over."""
    try:
        return [cell.cell_contents for cell in function.__closure__ or ()]
    except ValueError:  # something is not yet assigned
        return [value for _, value in free_variables(function)]


class Argument(NamedTuple):
    """An argument that may be another one in each call: an array, or an object around one cell."""

    kind: type
    form: Any = None
    settings: tuple[str, ...] | None = None
    name: str = ""
    values: tuple[Any, ...] = ()
    place: int = 0
    cell: int = 0

    def takes(self, leaf: Any) -> bool:
        """Whether another value would be found like the one before, if it is met nowhere else."""
        if type(leaf) is not self.kind:
            return False
        if self.settings is None:
            return self.form is None or form_of(leaf) is self.form
        fields = vars(leaf)
        return (
            getattr(fields.get(self.name), "form", None) is self.form
            and len(fields) == len(self.settings) + 1
            and tuple(map(fields.get, self.settings)) == self.values
        )


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
    names, held = tuple(fields), tuple(fields.values())
    return Argument(type(leaf), cell.form, names, cells[0], held, place, inner)

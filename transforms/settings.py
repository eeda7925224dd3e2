"""Numbers in dicts, such as learning rates: data of a program, as long as the code passes them on.

While a function is traced, a `Setting` stands in the place of every float in a dict. Passed on to a
computation it is an input of the program, and another number needs no other program. Code that
looks at it (branches on it, computes with it in Python) sees the number, and what it saw becomes a
condition: the program serves only numbers that look the same.
"""

from __future__ import annotations

import builtins
import math
import numbers
import operator
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from sys import getrefcount
from typing import Any, NamedTuple

from jax import Array


class Entry(NamedTuple):
    """A float in a dict: which of a survey's objects the dict is, the key, and the number."""

    owner: int
    name: Any
    number: float


class Setting:
    """Stands for a number while a function is traced."""

    def __init__(self, number: float):
        self._number = number
        self._seen: list[tuple[Callable, tuple, Any]] = []
        self._array: Array | None = None
        self.passed_on = False

    @property
    def number(self) -> float:
        """The number itself, which is a condition from now on."""
        self._look(repr)
        return self._number

    def admits(self, number: float) -> bool:
        """Whether another number looks as this one did."""
        return all(function(number, *others) == seen for function, others, seen in self._seen)

    def _look(self, function: Callable, *others: Any) -> Any:
        found = function(self._number, *others)
        self._seen.append((function, others, found))
        return found

    def __jax_array__(self) -> Any:
        self.passed_on = True
        return self._number if self._array is None else self._array

    def __reduce__(self) -> tuple:
        return float, (self.number,)


def number_of(x: Any) -> Any:
    """The number that a setting stands for; anything else as it is."""
    return x.number if isinstance(x, Setting) else x


def _tells(function: Callable) -> Callable:
    """A method that tells something of the number."""
    return lambda self, *others: self._look(function, *map(number_of, others))


def _needs(function: Callable) -> Callable:
    """A method that needs the number."""
    return lambda self, *others: function(self.number, *map(number_of, others))


def _swapped(function: Callable) -> Callable:
    return lambda x, y: function(y, x)


for _name in ("eq", "ne", "lt", "le", "gt", "ge"):
    setattr(Setting, f"__{_name}__", _tells(getattr(operator, _name)))
for _name in ("bool", "int"):
    setattr(Setting, f"__{_name}__", _tells(getattr(builtins, _name)))
for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow"):
    setattr(Setting, f"__{_name}__", _needs(getattr(operator, _name)))
    setattr(Setting, f"__r{_name}__", _needs(_swapped(getattr(operator, _name))))
for _name in ("neg", "pos", "abs"):
    setattr(Setting, f"__{_name}__", _needs(getattr(operator, _name)))
for _name in ("float", "complex", "repr", "str", "format", "hash", "round", "divmod"):
    setattr(Setting, f"__{_name}__", _needs(getattr(builtins, _name)))
for _name in ("trunc", "floor", "ceil"):
    setattr(Setting, f"__{_name}__", _tells(getattr(math, _name)))
for _name in ("as_integer_ratio", "is_integer", "conjugate", "hex"):
    setattr(Setting, _name, _needs(operator.methodcaller(_name)))
for _name in ("real", "imag"):
    setattr(Setting, _name, property(_needs(operator.attrgetter(_name))))
numbers.Real.register(Setting)


class Settings:
    """The stand-ins for a survey's numbers while one function is traced."""

    def __init__(self, objects: Sequence[Any], entries: Sequence[Entry]):
        self.objects, self.entries = objects, entries
        self.settings = [Setting(entry.number) for entry in entries]

    @contextmanager
    def standing_in(self, arrays: Sequence[Array]) -> Iterator[None]:
        """Have them stand in the dicts, for these arrays."""
        for entry, setting, array in zip(self.entries, self.settings, arrays, strict=True):
            setting._array = array
            dict.__setitem__(self.objects[entry.owner], entry.name, setting)
        try:
            yield
        finally:
            for entry, setting in zip(self.entries, self.settings, strict=True):
                setting._array = None
                owner = self.objects[entry.owner]
                if owner.get(entry.name) is setting:
                    dict.__setitem__(owner, entry.name, entry.number)

    @property
    def numbers(self) -> list[float]:
        """What they stand for."""
        return [entry.number for entry in self.entries]

    def close(self) -> list[Setting]:
        """The stand-ins. One that somebody still holds after the trace is a condition."""
        self.objects = ()
        for setting in self.settings:
            if getrefcount(setting) > HELD:
                setting._look(repr)
        return self.settings


HELD = 3  # by the list, by the variable, by the call

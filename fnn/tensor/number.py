"""Numbers whose value may not be known yet, because it is computed inside a compiled program."""

from __future__ import annotations

import math
import numbers
import operator
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from fnn.tensor.run import known, look, run
from fnn.tensor.storage import Storage
from transforms.cells import Stateful


class Number(Stateful):
    """One element of a storage, as a number: arithmetic gives numbers; a look needs the value.

    >>> count = Number.of(1, jnp.int32)
    >>> count + 1 == 2, f"{count + 2}"
    (True, '3')
    """

    exchangeable = True
    layout = None

    def __init__(self, storage: Storage):
        self.storage = storage

    @classmethod
    def of(cls, value: Any, dtype: Any) -> Number:
        """A number of a Python value."""
        return cls(Storage(jnp.asarray(value, dtype)))

    @property
    def value(self) -> int | float:
        """The Python number."""
        return look(self.storage).item()

    def __repr__(self) -> str:
        return repr(self.value)

    def __str__(self) -> str:
        return str(self.value)

    def __format__(self, form: str) -> str:
        return format(self.value, form)

    def __hash__(self) -> int:
        return hash(self.value)

    def __reduce__(self) -> tuple:
        return type(self.value), (self.value,)


def number(storage: Storage) -> int | float | Number:
    """A one-element storage as a plain number if its value is known, else as a `Number`."""
    return storage.array.item() if known(storage) else Number(storage)


def _looked_at(function: Callable) -> Callable:
    """A method that needs the value."""
    return lambda self, *others: function(self.value, *map(_plain, others))


def _computed(function: Callable) -> Callable:
    """A method that gives another number."""

    def method(self: Number, *others: Any) -> Any:
        if not all(isinstance(other, Number | int | float) for other in others):
            return NotImplemented
        return Number(run(function, self, *others))

    return method


def _swapped(function: Callable) -> Callable:
    """A binary function with its arguments exchanged."""
    return _SWAPPED.setdefault(function, lambda a, b: function(b, a))


def _plain(x: Any) -> Any:
    return x.value if isinstance(x, Number) else x


_SWAPPED: dict[Callable, Callable] = {}

for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow"):
    _function = getattr(operator, _name)
    setattr(Number, f"__{_name}__", _computed(_function))
    setattr(Number, f"__r{_name}__", _computed(_swapped(_function)))
for _name in ("neg", "pos", "abs"):
    setattr(Number, f"__{_name}__", _computed(getattr(operator, _name)))
for _name in ("eq", "ne", "lt", "le", "gt", "ge", "index"):
    setattr(Number, f"__{_name}__", _looked_at(getattr(operator, _name)))
for _name, _function in {"float": float, "int": int, "bool": bool, "round": round}.items():
    setattr(Number, f"__{_name}__", _looked_at(_function))
for _name in ("trunc", "floor", "ceil"):
    setattr(Number, f"__{_name}__", _looked_at(getattr(math, _name)))
numbers.Real.register(Number)

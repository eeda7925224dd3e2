"""Numbers whose value may not be known yet, because it is computed inside a compiled program."""

from __future__ import annotations

import copy
import math
import numbers
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from fnn.tensor.run import known, look, run
from fnn.tensor.storage import Storage
from fnn.tensor.types import from_data
from transforms.changes import Stateful


class Number(Stateful):
    """One element of a storage, as a number: arithmetic gives numbers; a look needs the value.

    It computes as Python's own numbers do, in doubles and in integers of 64 bits.

    >>> count = Number.of(1, jnp.int32)
    >>> count + 1 == 2, f"{count / 2}", max(count, 3)
    (True, '0.5', 3)
    """

    exchangeable = True
    geometry = None

    storage: Storage

    def __init__(self, storage: Any):
        # Python's `statistics` calls the class of its data with its result, a plain number.
        if not isinstance(storage, Storage):
            storage = Storage(from_data(float(storage), "float64"))
        vars(self)["storage"] = storage

    @classmethod
    def of(cls, value: Any, dtype: Any) -> Number:
        """A number of a Python value."""
        return cls(Storage(jnp.asarray(value, dtype)))

    @classmethod
    def holding(cls, array: Array) -> Number:
        """The number that is the only element of an array."""
        return cls(Storage(array))

    @property
    def array(self) -> Array:
        """The number as an array."""
        return self.storage.array

    @property
    def value(self) -> int | float:
        """The Python number."""
        return look(self.storage).item()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self.value, dtype)

    def __array_ufunc__(self, ufunc: Any, method: str, *operands: Any, **options: Any) -> Any:
        own = OPERATORS.get(getattr(ufunc, "__name__", ""))
        if own and not options and not any(isinstance(x, np.ndarray) for x in operands):
            return own(*map(_item, operands))
        return getattr(ufunc, method)(*map(_plain, operands), **options)

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

    def __deepcopy__(self, memo: dict[int, Any]) -> Number:
        return Number(copy.deepcopy(self.storage, memo))


def number(storage: Storage) -> int | float | Number:
    """A one-element storage as a plain number if its value is known, else as a `Number`."""
    return storage.array.item() if known(storage) else Number(storage)


@dataclass(frozen=True)
class Arithmetic:
    """An operator on numbers; `swapped` exchanges its two operands.

    `whole` says that it gives whole numbers of whole numbers.
    """

    function: Callable
    swapped: bool = False
    whole: bool = True

    def __call__(self, *operands: Any) -> Array:
        """Compute in the precision of Python's own numbers."""
        arrays = [jnp.asarray(x) for x in operands]
        whole = self.whole and not any(jnp.issubdtype(x.dtype, jnp.floating) for x in arrays)
        return self.plain(*(x.astype(jnp.int64 if whole else jnp.float64) for x in arrays))

    def plain(self, *operands: Any) -> Any:
        """Compute with what Python and NumPy have."""
        return self.function(*reversed(operands)) if self.swapped else self.function(*operands)


def _looked_at(function: Callable) -> Callable:
    """A method that needs the value."""
    return lambda self, *others: function(self.value, *map(_plain, others))


def _computed(function: Callable, swapped: bool = False) -> Callable:
    """A method that gives another number, except where the other operand is something else."""

    def method(self: Number, *others: Any) -> Any:
        others = tuple(map(_item, others))
        # Of a power it has to be known that the exponent is a natural number.
        natural = not swapped and all(isinstance(x, int) and x >= 0 for x in others)
        operation = Arithmetic(function, swapped, natural or function is not operator.pow)
        if all(isinstance(x, Number | int | float) for x in others):
            return Number(run(operation, self, *others))
        if any(isinstance(x, Stateful) for x in others):
            return NotImplemented
        return operation.plain(self.value, *others)

    return method


def _plain(x: Any) -> Any:
    return x.value if isinstance(x, Number) else x


def _item(x: Any) -> Any:
    return x.item() if isinstance(x, np.generic) else x


OPERATORS = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "floor_divide": operator.floordiv,
    "remainder": operator.mod,
    "power": operator.pow,
}
"""By the names that NumPy has for them."""

for _function in OPERATORS.values():
    setattr(Number, f"__{_function.__name__}__", _computed(_function))
    setattr(Number, f"__r{_function.__name__}__", _computed(_function, swapped=True))
for _name in ("neg", "pos", "abs"):
    setattr(Number, f"__{_name}__", _computed(getattr(operator, _name)))
for _name in ("eq", "ne", "lt", "le", "gt", "ge", "index"):
    setattr(Number, f"__{_name}__", _looked_at(getattr(operator, _name)))
for _function in (float, int, bool, complex, round, divmod):
    setattr(Number, f"__{_function.__name__}__", _looked_at(_function))
for _name in ("trunc", "floor", "ceil"):
    setattr(Number, f"__{_name}__", _looked_at(getattr(math, _name)))
for _name in ("as_integer_ratio", "is_integer", "conjugate"):
    setattr(Number, _name, _looked_at(operator.methodcaller(_name)))
for _name in ("real", "imag", "numerator", "denominator"):
    setattr(Number, _name, property(_looked_at(operator.attrgetter(_name))))
# Like those above, which a type checker does not see.
Number.__rdivmod__ = _looked_at(lambda own, other: divmod(other, own))  # type: ignore[attr-defined]
numbers.Real.register(Number)

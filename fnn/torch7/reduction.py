"""Operations of one tensor and numbers: reductions, triangles, elements in order."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

import numpy as np

from fnn import ordering
from fnn.tensor.number import number
from fnn.tensor.run import run
from fnn.tensor.types import from_data
from fnn.torch7.counting import axis
from fnn.torch7.maths import Operation, common_type, kinds, wrapped
from fnn.torch7.memory import require_type, size_of
from fnn.torch7.storage import Storage
from transforms.cells import tracing

LAST = -1
"""Stands for the last dimension, as a default."""


@dataclass(frozen=True)
class Reduction(Operation):
    """What one tensor has: a number, or tensors, such as one in which a dimension has size 1.

    `options` names the numbers that follow the tensor, and the flags, and gives their defaults.
    """

    options: dict[str, Any] = field(default_factory=lambda: {"axis": None}, hash=False)
    results: int = 1

    def compute(self, x: Any, *numbers: Any) -> Any:
        """Along a dimension if one is given."""
        self.check(x)
        return run(self.function, x, **self.named(x, numbers))

    def named(self, x: Any, numbers: Any) -> dict[str, Any]:
        """The numbers and flags by their names. Flags may follow any number, as Lua's may."""
        given, dimensions = dict(self.options), len(size_of(x))
        flags = [name for name, default in given.items() if isinstance(default, bool)]
        names = {True: iter(flags), False: iter([name for name in given if name not in flags])}
        if given.get("axis") == LAST:
            given["axis"] = dimensions
        for value in numbers:
            name = next(names[isinstance(value, bool)], None)
            if name is None:
                raise self.refusal((x, *numbers))
            given[name] = lua(value)
        if given.get("axis") is not None:
            given["axis"] = axis(given["axis"], dimensions)
        return given

    def method(self, x: Any, *arguments: Any) -> Any:
        """`x.f(...)`, `result.f(x, ...)`."""
        return self.call(x, *arguments)

    def call(self, *arguments: Any) -> Any:
        """`torch.f(x, ...)`, `torch.f(result, ..., x, ...)`."""
        form = kinds(arguments)
        count = len(form) - len(form.lstrip("t"))
        *results, x = arguments[: max(count, 1)]
        if not count or form[count:] not in self.forms or len(results) > self.results:
            raise self.refusal(arguments)
        common_type(self.name, x, *results[:1])
        found = self.compute(x, *arguments[count:])
        if not results:
            return wrapped(x, found)
        first, *others = found if isinstance(found, tuple) else (found,)
        if not first.form.shape:
            raise self.refusal(arguments)
        for result, storage in zip(results[1:], others, strict=False):
            require_type(self.name, result, storage.dtype)
        given = zip_longest(results, (first, *others))
        written = [x._around(s) if r is None else r._receive(s) for r, s in given]
        return tuple(written) if others else written[0]


@dataclass(frozen=True)
class Ordering(Reduction):
    """Elements in order along a dimension, and the places where they were.

    The order of equal elements is Torch7's, which takes longer to find, where there are some.
    """

    results: int = 2

    def compute(self, x: Any, *numbers: Any) -> Any:
        """Values and places."""
        given = self.named(x, numbers)
        if tracing():
            return run(self.function, x, **given, exact=True)
        if given.get("ordered", True) and not number(run(ordering.tied, x, axis=given["axis"])):
            return run(self.function, x, **given, exact=False)
        found = self.function(np.asarray(x), **given, exact=True)  # on the host nothing is compiled
        return tuple(Storage(from_data(array, array.dtype)) for array in found)


def lua(x: Any) -> Any:
    """A number as an integer if it is whole, as Lua's is."""
    return int(x) if not isinstance(x, bool) and float(x).is_integer() else x

"""Counting from 1: what Torch7 counts is converted here, where it comes in."""

from collections.abc import Iterable
from math import isfinite
from numbers import Real
from typing import Any

import numpy as np

from fnn.errors import LayerError
from fnn.tensor.run import known


class CountError(LayerError, IndexError):
    """An index or a dimension that does not exist."""


def whole(x: Any) -> int:
    """A number as an int, as Lua's numbers are ints where they are whole."""
    if cut(x) == x:
        return cut(x)
    raise TypeError(f"given {x!r}, wanted a whole number")


def cut(x: Any) -> int:
    """A length as an int, cut towards zero as in Torch7: Lua has no division of integers."""
    if isinstance(x, Real) and not isinstance(x, bool) and isfinite(float(x)):
        return int(float(x))
    raise TypeError(f"given {x!r}, wanted a whole number")


def position(index: Any, size: int, what: str = "index") -> int:
    """An index from 1, or from the end if it is negative, as one from 0."""
    i = whole(index)
    if not 1 <= abs(i) <= size:
        cause = "everything counts from 1 here" if i == 0 else "the index is too large"
        raise CountError(f"given {what} {i}, wanted 1..{size}\nlikely cause: {cause}")
    return i - 1 if i > 0 else size + i


def from_1(index: Any, what: str = "index") -> int:
    """An index from 1, or from the end if it is negative, as one of Python's."""
    i = whole(index)
    if i == 0:
        raise CountError(f"given {what} 0\nlikely cause: everything counts from 1 here")
    return i - 1 if i > 0 else i


def axis(dimension: Any, dimensions: int) -> int:
    """A dimension from 1 as an axis from 0."""
    d = whole(dimension)
    if d < 1:
        raise CountError(f"given dimension {d}, wanted 1..{dimensions}: dimensions count from 1")
    return position(d, dimensions, "dimension")


def span(first: Any, last: Any, size: int) -> tuple[int, int]:
    """An inclusive range, whose ends may count from the end, as a start from 0 and a length."""
    start, end = position(first, size), position(last, size)
    if end < start:
        raise CountError(f"given the range {first}..{last}, wanted one that does not go backwards")
    return start, end - start + 1


def sizes(arguments: tuple[Any, ...]) -> tuple[int, ...]:
    """A size given as numbers, or as one LongStorage, list or table."""
    if len(arguments) == 1 and isinstance(arguments[0], Iterable):
        arguments = tuple(arguments[0])
    return tuple(map(cut, arguments))


def check_positions(indices: Any, size: int, what: str) -> None:
    """Raise an error unless all of a tensor's elements lie in 1..size, if they can be looked at."""
    if known(indices.storage):
        require_positions(np.asarray(indices), size, what)


def require_positions(values: np.ndarray, size: int, what: str) -> None:
    """Raise an error unless all values lie in 1..size."""
    if values.size and not 1 <= values.min() <= values.max() <= size:
        bad = values.min() if values.min() < 1 else values.max()
        cause = "everything counts from 1 here" if bad == 0 else "there are fewer than was thought"
        raise CountError(f"{what}: given index {bad:g}, wanted 1..{size}\nlikely cause: {cause}")

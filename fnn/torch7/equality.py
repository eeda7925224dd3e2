"""Whether two values are equal all the way down, and what to say if that isn't what was wanted."""

from __future__ import annotations

from collections import deque
from numbers import Real
from typing import Any

import numpy as np

from fnn.tensor.storage import Storage
from fnn.torch7.printing import tostring
from fnn.torch7.table import Table, entries
from fnn.torch7.tensor import Tensor
from fnn.torch7.types import LUA

Verdict = tuple[bool, str]
"""Whether it is as wanted, and what it is if not."""


def kind(x: Any) -> str:
    """Lua's type of a value."""
    if is_table(x):
        return "table"
    if isinstance(x, Real) and not isinstance(x, bool):
        return "number"
    return LUA.get(type(x)) or ("function" if callable(x) else "userdata")


def is_table(x: Any) -> bool:
    """Whether this is a table, in Lua's sense."""
    return isinstance(x, dict | list | tuple | Table)


def compare(got: Any, expected: Any, tolerance: float, negate: bool = False) -> Verdict:
    """Whether two values are equal, numbers within a tolerance; `negate` asks if they differ."""
    types = kind(got), kind(expected)
    if types[0] != types[1]:
        ends = f"(first: {types[0]}, second: {types[1]})"
        return negate, f"EQ failed: values have different types {ends}"
    if is_table(got):
        return compare_tables(got, expected, tolerance, negate)
    if isinstance(got, Tensor) and isinstance(expected, Tensor):
        return compare_tensors(got, expected, tolerance, negate)
    if isinstance(got, Storage) and isinstance(expected, Storage):
        return compare_storages(got, expected, tolerance, negate)
    word, sign = ("NE", "==") if negate else ("EQ", "~=")
    if types[0] == "number":
        limit = f" with tolerance={tostring(tolerance)}" if tolerance > 0 else ""
        text = f"{word} failed: {tostring(got)} {sign} {tostring(expected)}{limit}"
        return (abs(got - expected) <= tolerance) is not negate, text
    ends = (f"{tostring(x)} ({t})" for x, t in zip((got, expected), types, strict=True))
    return (got == expected) is not negate, f"{word} failed: {f' {sign} '.join(ends)}"


def compare_tables(first: Any, second: Any, tolerance: float, negate: bool) -> Verdict:
    """Tables, whose differences are looked for at the top first."""
    todo = deque([(first, second, "")])
    while todo:
        a, b, where = todo.popleft()
        ours, theirs = dict(entries(a)), dict(entries(b))
        for key, value in ours.items():
            place = f"{where}{tostring(key)}"
            if theirs.get(key) is None:
                text = f"missing in second table (is {tostring(value)} in first)"
                return negate, f"Entry {place} {text}"
            if is_table(value) and is_table(theirs[key]):
                todo.append((value, theirs[key], f"{place}."))
                continue
            same, text = compare(value, theirs[key], tolerance)
            if not same:
                return negate, f"At table location {place}: {text}"
        for key, value in theirs.items():
            if ours.get(key) is None:
                text = f"missing in first table (is {tostring(value)} in second)"
                return negate, f"Entry {where}{tostring(key)} {text}"
    return not negate, "The tables are equal"


def compare_tensors(
    first: Tensor, second: Tensor, tolerance: float, negate: bool, flat: bool = False
) -> Verdict:
    """Tensors; `flat`, those with the same elements in other dimensions are equal."""
    if not flat and first.dim() != second.dim():
        return negate, "The tensors have different dimensions"
    if first.type() != second.type():
        return negate, "The tensors have different types"
    if first.dim() == second.dim() == 0:
        return not negate, "Both tensors are empty"
    if first.nElement() != second.nElement() or not (flat or first.isSameSizeAs(second)):
        return negate, "The tensors have different sizes"
    return compare_elements("Tensor", first, second, tolerance, negate)


def compare_storages(first: Any, second: Any, tolerance: float, negate: bool) -> Verdict:
    """Storages."""
    if len(first) != len(second):
        return negate, "The storages have different sizes"
    if first.dtype != second.dtype:
        return negate, "The storages have different types"
    return compare_elements("Storage", first, second, tolerance, negate)


def compare_elements(name: str, first: Any, second: Any, tolerance: float, negate: bool) -> Verdict:
    """Elements of one type, by their largest difference."""
    a, b = (np.asarray(x.array).reshape(-1) for x in (first, second))
    if not np.issubdtype(a.dtype, np.floating):
        a, b = a.astype(np.float64), b.astype(np.float64)
    gap = float(np.abs(a - b).max(initial=0))
    text = f"violation: max diff={tostring(gap)}, tolerance={tostring(tolerance)}"
    return (gap <= tolerance) is not negate, f"{name}{'NE' if negate else 'EQ'}(==) {text}"

"""What is where in a file: paths such as `modules.1.weight`, as Torch7 would write them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from fnn.files.t7.records import Function, Storage, Table, Tensor, TorchObject

OBJECTS = (Table, TorchObject, Tensor, Storage, Function)


class Place(NamedTuple):
    """A value, where it is, and where it was met first if that is elsewhere."""

    path: str
    value: Any
    before: str | None


def walk(value: Any) -> Iterator[Place]:
    """Every value in another, in the order of the file; what is inside an object, once."""
    known: dict[int, str] = {}
    stack = [("", value)]
    while stack:
        path, x = stack.pop()
        before = known.get(id(x)) if isinstance(x, OBJECTS) else None
        yield Place(path, x, before)
        if before is None and isinstance(x, OBJECTS):
            known[id(x)] = path or "the whole"
            table = x.content if isinstance(x, TorchObject) else x
            entries = table.entries if isinstance(table, Table) else []
            start = f"{path}." if path else ""
            stack += [(f"{start}{name_of(key)}", inner) for key, inner in reversed(entries)]


def name_of(key: Any) -> str:
    """A key in a path."""
    return str(key) if isinstance(key, str | int) else f"[{described(key)}]"


def described(x: Any) -> str:
    """A value in a few words."""
    if isinstance(x, TorchObject):
        return x.name
    if isinstance(x, Table):
        return f"table of {len(x.entries)}"
    if isinstance(x, Tensor):
        return f"{x.kind}Tensor {'x'.join(map(str, x.size)) or 'without elements'}"
    if isinstance(x, Storage):
        return f"{x.kind}Storage of {len(x.array)}"
    if isinstance(x, Function):
        return f"function of {x.size} bytes, not read"
    return repr(x) if len(repr(x)) < 60 else f"{repr(x)[:57]}..."


def listing(value: Any) -> Iterator[str]:
    """A line for each value."""
    for path, x, before in walk(value):
        text = described(x) if before is None else f"{described(x)}, the same as {before}"
        yield f"{path}: {text}" if path else text


def tensors(value: Any) -> dict[str, np.ndarray]:
    """The tensors by their paths, each where it is met first."""
    return {
        path: x.array() for path, x, before in walk(value) if isinstance(x, Tensor) and not before
    }

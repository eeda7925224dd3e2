"""torch.*: what things are, and settings that a Torch7 program may have."""

import os
import re
from collections.abc import Callable
from typing import Any

from fnn.torch7.storage import Storage
from fnn.torch7.table import Table
from fnn.torch7.tensor import Tensor
from fnn.torch7.types import LUA, ElementType, default_type, name_of, type_of


class _Settings:
    """What the program has asked for."""

    threads = os.cpu_count() or 1


def getnumcores() -> int:
    """How many processors there are."""
    return os.cpu_count() or 1


def isTensor(x: Any) -> bool:
    """Whether this is a tensor."""
    return isinstance(x, Tensor)


def isStorage(x: Any) -> bool:
    """Whether this is a storage."""
    return isinstance(x, Storage)


def typename(x: Any) -> str | None:
    """The name of the class of an object of Torch7's; None of anything that Lua itself has."""
    name = type_of(x)
    return None if name in {*LUA.values(), "table", "function"} else name


def isTypeOf(x: Any, kind: Any) -> bool:
    """Whether an object is of a class, or of one derived from it.

    `kind` is the class, its name, or a pattern of Lua's for names, such as `torch.*Tensor`.
    """
    wanted = kind if isinstance(kind, str) else class_name(kind)
    pattern = re.sub("(?<!^)-", "*?", wanted.replace("%", "\\"))
    for name in class_names(x):
        found = re.search(pattern, name)
        if found and (found[0] != wanted or name == wanted):  # a name has to be the whole name
            return True
    return False


def class_names(x: Any) -> list[str]:
    """The names of an object's class and of those that it is derived from."""
    if isinstance(x, Tensor | Storage):
        return [x.type()]
    return [class_name(cls) for cls in type(x).__mro__[:-1]] if typename(x) else []


def class_name(cls: Any) -> str:
    """The name of a class: of `torch.Tensor`, that of the type which it makes."""
    if isinstance(cls, ElementType):
        kind = "Storage" if issubclass(cls, Storage) else "Tensor"
        return name_of(default_type() if cls.element is None else cls.element, kind)
    return vars(cls).get("typename") or f"nn.{cls.__name__}"


def isequal(x: Any, y: Any) -> bool:
    """Whether two are one and the same object; numbers and texts are none."""
    return x is y and type_of(x) not in LUA.values()


def pointer(x: Any) -> int:
    """A number that no other object has."""
    return id(x)


def totable(x: Any) -> Table:
    """A tensor as nested tables of numbers, a storage as a table."""
    return x.totable()


def setnumthreads(count: int) -> None:
    """Remember how many threads are wished for; XLA decides by itself."""
    _Settings.threads = int(count)


def getnumthreads() -> int:
    """How many threads were wished for; at first, how many processors there are."""
    return _Settings.threads


def setheaptracking(_: bool) -> None:
    """Nothing: Python's own counts of references return memory at once."""


UTILITIES: tuple[Callable, ...] = (
    isTensor,
    isStorage,
    typename,
    isTypeOf,
    isequal,
    pointer,
    totable,
    setnumthreads,
    getnumthreads,
    getnumcores,
    setheaptracking,
)

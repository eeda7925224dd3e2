"""Calls as Lua makes them.

Nil is an argument left out, what nobody takes is dropped, and 4 / 2 is the same number as 2.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any

BY_PLACE = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def as_in_lua(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that takes None for its default, and more arguments than it has names for.

    >>> as_in_lua(lambda x, factor=2: x * factor)(6 / 2, None, True)
    6
    """
    found = inspect.signature(function).parameters.values()
    names = [p.name for p in found if p.kind in BY_PLACE]
    drops = all(p.kind is not p.VAR_POSITIONAL for p in found)
    defaults = {p.name: p.default for p in found if p.default is not p.empty}

    def given(name: str, x: Any) -> Any:
        if isinstance(x, float) and x.is_integer():
            return int(x)
        return defaults.get(name) if x is None else x

    @wraps(function)
    def called(*arguments: Any, **named: Any) -> Any:
        first = (given(name, x) for name, x in zip(names, arguments, strict=False))
        rest = () if drops else arguments[len(names) :]
        return function(*first, *rest, **{name: given(name, x) for name, x in named.items()})

    return called

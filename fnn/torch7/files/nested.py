"""Objects inside objects, however deep, without a recursion that Python's stack limits."""

from collections.abc import Callable, Generator
from types import GeneratorType
from typing import Any

Parts = Generator[tuple[str, Any], Any, Any]
"""Makes an object, and asks for each part of it with `yield where, part`."""


def made(make: Callable[[Any], Any], value: Any, root: str) -> Any:
    """What `make` makes of a value and of all parts inside; an error says where it happened.

    `make(part)` is what was made, or a generator that asks for more.
    """
    stack: list[Parts] = []
    path = [root]
    try:
        found = make(value)
        while True:
            if isinstance(found, GeneratorType):
                stack.append(found)
                found = None
            else:
                path.pop()
                if not stack:
                    return found
            try:
                where, part = stack[-1].send(found)
            except StopIteration as end:
                stack.pop()
                found = end.value
            else:
                path.append(where)
                found = make(part)
    except (ValueError, TypeError) as error:
        raise type(error)(f"{''.join(path)}: {error}") from error


def step(key: Any) -> str:
    """A key as a part of a path: `.weight`, `[2]`."""
    if isinstance(key, str) and key.isidentifier():
        return f".{key}"
    return (
        f"[{key!r:.40}]"
        if isinstance(key, str | bytes | int | float)
        else f"[{type(key).__name__}]"
    )

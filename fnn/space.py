"""Sizes along the axes of space: one number for all of them, or one for each."""

from typing import TypeVar

from fnn.errors import require

T = TypeVar("T")


def each(value: T | tuple[T, ...], count: int, layer: str, name: str) -> tuple[T, ...]:
    """`value` once for each of `count` axes of space.

    >>> each(2, 3, "conv", "stride")
    (2, 2, 2)
    """
    found = value if isinstance(value, tuple) else (value,) * count
    require(
        len(found) == count,
        layer,
        f"{name} {value}",
        f"{count} of them, or one number",
        "it was written for another number of space dimensions",
    )
    return found

"""Sizes along the axes of space: one number for all of them, or one for each."""

from typing import Any, TypeVar

import numpy as np

from fnn.errors import require

T = TypeVar("T")


def each(
    value: T | tuple[T, ...], count: int, layer: str, name: str, *, least: int | None = None
) -> tuple[T, ...]:
    """`value` once for each of `count` axes of space; whole numbers, if they have a `least`.

    >>> each(2, 3, "conv", "stride")
    (2, 2, 2)
    """
    found = value if isinstance(value, tuple) else (value,) * count
    require(
        len(found) == count and not isinstance(value, list),
        layer,
        f"{name} {value}",
        f"{count} of them in a tuple, or one number",
        "it was written for another number of space dimensions, or is a list",
    )
    require(
        least is None or all(isinstance(n, int | np.integer) and n >= least for n in found),
        layer,
        f"{name} {value}",
        f"whole numbers of {least} or more",
        "a typo, or another option's value",
    )
    return found


def require_sizes(layer: str, name: str, value: Any) -> None:
    """Raise a `LayerError` unless `value` is several whole numbers of 1 or more."""
    require(
        isinstance(value, tuple | list)
        and all(isinstance(n, int | np.integer) and n > 0 for n in value),
        layer,
        f"{name} {value}",
        "a tuple of whole numbers of 1 or more, one for each dimension",
        "a single number doesn't say how many dimensions there are: (2, 2), not 2",
    )

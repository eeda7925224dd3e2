"""What Torch7's shell shows of an object: its text, and below it all of its fields."""

from typing import Any

from fnn.torch7.files.saved import fields_of
from fnn.torch7.passing import Convertible
from fnn.torch7.table import Table, table_text


class Text(str):
    """A text that stands for itself in a table."""

    __slots__ = ()


def describe(x: Any) -> str:
    """An object's text, then its fields by name: tensors by type and size, objects in full.

    >>> from fnn.torch7 import nn
    >>> print(describe(nn.Sum(1)).splitlines()[0])
    nn.Sum
    """
    return described(x, frozenset())


def described(x: Any, around: frozenset[int]) -> str:
    """The description of an object inside others, which are not described again."""
    if not isinstance(x, Convertible):
        return str(x)
    inside = around | {id(x)}
    fields = sorted(fields_of(x).items())
    return f"{x}\n{table_text((name, shown(value, inside)) for name, value in fields)}"


def shown(x: Any, around: frozenset[int]) -> Any:
    """A value with texts in the place of objects."""
    if isinstance(x, Table | list | tuple):
        return Table(shown(y, around) for y in x)
    if isinstance(x, dict):
        return {key: shown(y, around) for key, y in x.items()}
    if isinstance(x, Convertible) and id(x) not in around:
        return Text(described(x, around))
    return x

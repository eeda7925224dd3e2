"""Lua's table as a list that counts from 1."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from keyword import iskeyword
from typing import Any

from fnn.torch7.counting import CountError, whole
from fnn.torch7.printing import tostring
from transforms.changes import Stateful, WatchedList

DEPTH = 4  # tables further inside are printed as {...}


class Table(Stateful):
    """A list whose first element is `t[1]`.

    >>> t = Table([5, 6])
    >>> t.insert(7)
    >>> t[1], t[3], len(t), t == [5, 6, 7]
    (5, 7, 3, True)
    """

    exchangeable = True
    typename = "table"

    def __init__(self, items: Iterable[Any] = ()):
        vars(self)["_items"] = WatchedList(items)

    def _place(self, index: Any, length: int) -> int:
        """An index from 1 as one from 0."""
        if isinstance(index, slice):
            raise TypeError("a table takes an index that counts from 1; for a part, use t.tolist()")
        i = whole(index)
        if not 1 <= i <= length:
            hint = "; a table counts from 1" if i == 0 else ""
            raise CountError(f"given index {i}, wanted 1..{length}{hint}")
        return i - 1

    def __getitem__(self, index: Any) -> Any:
        return self._items[self._place(index, len(self))]

    def __setitem__(self, index: Any, value: Any) -> None:
        place = self._place(index, len(self) + 1)
        self._items[place : place + 1] = [value]

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._items)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Table | list | tuple) and self._items == list(other)

    __hash__ = None  # type: ignore[assignment]

    def append(self, value: Any) -> None:
        """Add an element at the end."""
        self._items.append(value)

    def insert(self, *arguments: Any) -> None:
        """`insert(value)` at the end, or `insert(index, value)`, as Lua's table.insert."""
        *index, value = arguments
        place = self._place(index[0], len(self) + 1) if index else len(self)
        self._items.insert(place, value)

    def remove(self, index: Any = None) -> Any:
        """Take the last element, or the one at `index`, out and return it."""
        return self._items.pop(-1 if index is None else self._place(index, len(self)))

    def tolist(self) -> list[Any]:
        """The elements in a list of Python's."""
        return list(self._items)

    def __str__(self) -> str:
        return table_text(enumerate(self, 1))

    __repr__ = __str__


def entries(table: Any) -> list[tuple[Any, Any]]:
    """Keys and values of a dict, or of a list, whose keys are 1, 2, 3, ..., before any others."""
    if isinstance(table, dict):
        return list(table.items())
    return [*enumerate(table, 1), *(table.items() if isinstance(table, Undecided) else ())]


class Fields(dict):
    """A table with names, or anything else, as keys: `t["rate"]`, or `t.rate`.

    >>> t = Fields(rate=0.5)
    >>> t.lambda_ = 2
    >>> t.rate, t["lambda"]
    (0.5, 2)
    """

    def __getattr__(self, name: str) -> Any:
        if (key := lua_name(name)) in self:
            return self[key]
        raise AttributeError(f"the table has no {key!r}, but {', '.join(map(str, self))}")

    def __setattr__(self, name: str, value: Any) -> None:
        self[lua_name(name)] = value

    def __str__(self) -> str:
        return table_text(self.items())

    __repr__ = __str__


class Undecided(Table):
    """A table that a file had nothing in: it will be a list, or one of names, as optim's states.

    >>> t = Undecided()
    >>> t["rate"] = 5
    >>> t.get("rate"), t.rate, "rate" in t, len(t)
    (5, 5, True, 0)
    """

    def __init__(self, items: Iterable[Any] = ()):
        super().__init__(items)
        vars(self)["_places"] = Fields()

    def __getitem__(self, key: Any) -> Any:
        return self._places[key] if isinstance(key, str) else super().__getitem__(key)

    def __setitem__(self, key: Any, value: Any) -> None:
        if isinstance(key, str):
            self._places[key] = value
        else:
            super().__setitem__(key, value)

    def __contains__(self, key: Any) -> bool:
        return key in self._places or key in self._items

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._places, name)

    def __ior__(self, other: dict) -> Undecided:
        self._places.update(other)
        return self

    def __str__(self) -> str:
        return table_text(entries(self))

    __repr__ = __str__


def lua_name(name: str) -> str:
    """A name without the underscore that sets it apart from a word of Python's."""
    return name[:-1] if name.endswith("_") and iskeyword(name[:-1]) else name


def python_name(name: str) -> str:
    """A name with an underscore, if it is a word of Python's: `lambda_`."""
    return f"{name}_" if iskeyword(name) else name


class Key:
    """A table, which cannot be a key in Python, as a key: known by itself."""

    def __init__(self, value: Any):
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value)


def table_text(pairs: Iterable[tuple[Any, Any]], depth: int = 1) -> str:
    """Names and values as Torch7's shell prints them: one a line, tensors by type and size."""
    found = [f"  {name} : {value_text(value, depth)}" for name, value in pairs]
    return "\n".join(["{", *found, "}"]) if found else "{}"


def value_text(x: Any, depth: int) -> str:
    """A value in a table; one of several lines begins below its name."""
    if isinstance(x, Table | dict | list | tuple):
        found = entries(x)
        text = table_text(found, depth + 1) if found and depth < DEPTH else "{...}"
    else:
        text = x.brief() if hasattr(x, "brief") else tostring(x)
    return "\n    " + text.replace("\n", "\n    ") if "\n" in text else text

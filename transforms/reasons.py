"""What a survey met, by the names that a user would write, and why it leads to another program."""

import heapq
from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import count
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.tree_util import keystr, tree_flatten_with_path

from transforms.cells import Cell
from transforms.signature import names
from transforms.survey import PLAIN, Again, Fixed, Survey, data

CONTAINERS = (dict, list, tuple, set, frozenset)
CELL = ("storage", "_array")
MOST = 3  # changes that are named
ABSENT = object()
Way = tuple[Any, ...]


class Entry(NamedTuple):
    """What a survey found: a part of the object with the number `owner`, itself one, or a value."""

    owner: int | None
    part: Any
    number: int | None
    value: Any


class Reader:
    """Names for what the survey of a call met: `net.0.weight`, `x`, `batch['label']`."""

    def __init__(self, function: Callable, survey: Survey):
        self.function, self.survey = function, survey

    @cached_property
    def entries(self) -> list[Entry]:
        """All that the survey found. What follows an object, up to the next, are its parts."""
        paths = [*self.survey.paths, None]
        found: list[Entry] = []
        latest: dict[int, int] = {}  # by the identities of paths, which the survey shares
        objects = 0
        for path, value in self.survey.found:
            number = int(value) if isinstance(value, Again) else None
            owner = latest.get(id(path[0])) if isinstance(path, tuple) else None
            if path is paths[objects] and is_object(value):
                number = latest[id(path)] = objects
                objects += 1
            found.append(Entry(owner, self.part(path), number, value))
        return found

    def part(self, path: Any) -> Any:
        """The last part of a path: a name, a position, or the object that is a key, in a tuple."""
        if not isinstance(path, tuple):
            return f"_{path}"  # the root of the function, or of the ambient settings
        if path[0] == "argument":
            return self.arguments[path[1]]
        return path[1] if isinstance(path[1], str | int) else (path[1],)

    @cached_property
    def arguments(self) -> list[str]:
        """The names of the leaves of all arguments."""
        survey, found = self.survey, names(self.function)
        tree = jax.tree.unflatten(survey.structure, survey.leaves)
        return [argument(found, path) for path, _ in tree_flatten_with_path(tree)[0]]

    @property
    def data(self) -> list[str]:
        """The names of the leaves that are data."""
        pairs = zip(self.arguments, self.survey.leaves, strict=True)
        return [name for name, leaf in pairs if data(leaf)]

    @cached_property
    def ways(self) -> dict[Any, Way]:
        """The shortest way to each object, by its number, for what can be reached in several."""
        steps: dict[Any, list[Entry]] = {}
        for entry in self.entries:
            steps.setdefault(entry.owner, []).append(entry)
        best: dict[Any, Way] = {}
        waiting: list[Any] = [(0, 0, None, ())]
        order = count(1)
        while waiting:
            length, _, number, way = heapq.heappop(waiting)
            if number in best:
                continue
            best[number] = way
            for entry in steps.get(number, []):
                if entry.number is not None:
                    onward = (
                        length + far(entry.part),
                        next(order),
                        entry.number,
                        (*way, entry.part),
                    )
                    heapq.heappush(waiting, onward)
        return best

    def cell(self, place: Any) -> str:
        """The name of a cell by its place."""
        return "a tensor" if isinstance(place, Fixed) else self.name(self.ways[place])

    def number(self, entry: Any) -> str:
        """The name of a number in a dict."""
        return self.name((*self.ways[entry.owner], entry.name))

    def name(self, way: Way) -> str:
        """A way in words, without what only the implementation knows of."""
        parts, text = [part for part in way if part not in CELL], ""
        for part in [*(part for part in parts[:-1] if not hidden(part)), *parts[-1:]]:
            if isinstance(part, tuple):
                number = self.survey.number.get(id(part[0]))
                text += f"[{'...' if number is None else self.name(self.ways[number])}]"
            else:
                text += f".{str(part).lstrip('_')}" if text else str(part).lstrip("_")
        return text

    def settings(self) -> dict[Way, Any]:
        """What selects the program, by the way to it."""
        found: dict[Way, Any] = {}
        own = {e.number: e.value for e in self.entries if not isinstance(e.value, Again)}
        for number, x in enumerate(self.survey.objects):
            if isinstance(x, Cell):
                form = getattr(x, "form", None) or x.array
                found[*self.ways[number], "_array"] = (form.shape, form.dtype)
        for owner, part, number, value in self.entries:
            way = (*self.ways[owner], part)
            if part in ("key", "_arguments"):
                continue
            if number is None:
                found[way] = value
            elif way == self.ways[number]:
                found[way] = own[number]
            else:
                found[way] = f"the same as {self.name(self.ways[number])}"
        return found


def is_object(value: Any) -> bool:
    """Whether an entry of a survey is that of an object met for the first time."""
    kind = value[0] if type(value) is tuple and len(value) == 2 else None
    return isinstance(kind, type) and kind not in PLAIN


def argument(found: Any, path: tuple) -> str:
    """The name of an argument, or of something inside it, by its path in (args, keywords)."""
    first = path[1]
    if hasattr(first, "key"):
        return first.key + keystr(path[2:])
    beyond = first.idx - len(found.positional)
    owner = found.positional[first.idx] if beyond < 0 else f"{found.variadic}[{beyond}]"
    return owner + keystr(path[2:])


def far(part: Any) -> int:
    """How much longer a part makes a name. A dict's key, or what is under one, has no good one."""
    return 9 if part == "key" or isinstance(part, tuple) else not hidden(part)


def hidden(part: Any) -> bool:
    """Whether a part of a way is only the implementation's."""
    return isinstance(part, str) and (part.startswith("_") or part in CELL)


def difference(reader: Reader, earlier: Sequence[dict[Way, Any]]) -> str:
    """In words, what differs from the nearest of earlier settings."""
    now = reader.settings()
    nearest = min((changes(now, before) for before in reversed(earlier)), key=len, default=[])
    texts = [f"{reader.name(way)}: {text}" for way, text in nearest] or ["other objects are shared"]
    more = [f"and {len(texts) - MOST} more"] if len(texts) > MOST else []
    return "; ".join(texts[:MOST] + more)


def changes(now: dict[Way, Any], before: dict[Way, Any]) -> list[tuple[Way, str]]:
    """What differs between two settings; of what is new, gone or replaced, only the root."""
    pairs = {way: (now.get(way, ABSENT), before.get(way, ABSENT)) for way in now | before}
    different = [way for way, (new, old) in pairs.items() if new != old]
    roots = {way for way in different if not all(map(is_container, pairs[way]))}
    parents = {way[:-1] for way in different}
    return [
        (way, told(*pairs[way]))
        for way in different
        if way[:-1] not in roots and (way in roots or way not in parents)
    ]


def is_container(value: Any) -> bool:
    """Whether an entry of a survey is that of a container."""
    return is_object(value) and issubclass(value[0], CONTAINERS)


def told(now: Any, before: Any) -> str:
    """A change in words; of a named tuple only the fields that changed."""
    if type(now) is type(before) and hasattr(now, "_fields"):
        fields = zip(now._fields, now, before, strict=True)
        return ", ".join(f"{name} {a}, before {b}" for name, a, b in fields if a != b)
    if shown(now) == shown(before):
        return f"another one than before, {shown(now)}"
    return f"{shown(now)}, before {shown(before)}"


def shown(value: Any) -> str:
    """An entry of a survey: data by its type, a plain setting itself, anything else by its kind."""
    if value is ABSENT:
        return "absent"
    if not (isinstance(value, tuple) and len(value) == 2):
        return repr(value)
    first, second = value
    if isinstance(first, tuple):
        if isinstance(second, type):
            return f"a {second.__name__}"
        return f"{np.dtype(second)}[{','.join(map(str, first))}]"
    if first in PLAIN:
        return repr(second)
    if is_container(value):
        return f"a {first.__name__} of {second}"
    return f"a {first.__name__}" if isinstance(first, type) else repr(value)

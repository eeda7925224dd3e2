"""What selects the program of a lifted function: everything around its cells.

A `Survey` walks over a function's arguments, closure, globals and bound object, through containers,
functions and objects. It numbers what it meets, and writes down every plain value. Two calls with
equal keys may share a program, and then equal numbers mean corresponding objects.
"""

from __future__ import annotations

import functools
import sys
import types
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from transforms.cells import Cell
from transforms.changes import Stateful
from transforms.settings import Entry

ambient: list[Callable[[], Any]] = []
"""Functions that return settings which hold for a whole thread, such as whether a tape records."""

PLAIN = frozenset((bool, int, float, complex, str, bytes, type(None), type(Ellipsis)))
DATA = (Array, np.ndarray, np.generic, int, float, complex)
LIBRARIES = ("jax", "jaxlib", "numpy", "fnn", "transforms", "builtins")


class Survey:
    """One call of a function: its arrays, the objects that it can reach, the key of its program."""

    def __init__(self, function: Callable, args: tuple, keywords: dict[str, Any]):
        self.leaves, self.structure = jax.tree.flatten((args, keywords))
        self.arrays = [leaf for leaf in self.leaves if data(leaf)]
        self.objects: list[Any] = []
        self.number: dict[int, int] = {}
        self.paths: list[Any] = []
        self.numbers: list[Entry] = []
        self.found: list[tuple[Any, Any]] = [("arguments", self.structure)]
        for i, leaf in enumerate(self.leaves):
            if data(leaf):
                kind = leaf.dtype if hasattr(leaf, "dtype") else type(leaf)
                self.found.append((("argument", i), (np.shape(leaf), kind)))
            else:
                self.visit(("argument", i), leaf)
        self.visit("function", function)
        self.found.append(("mode", tuple(setting() for setting in ambient)))
        self.key = tuple(value for _, value in self.found)

    def refill(self, arrays: tuple[Array, ...]) -> tuple[tuple, dict[str, Any]]:
        """The arguments with other arrays in them."""
        rest = iter(arrays)
        leaves = [next(rest) if data(leaf) else leaf for leaf in self.leaves]
        return jax.tree.unflatten(self.structure, leaves)

    def place(self, x: Any) -> Any:
        """The number of an object, or a `Fixed` one that the survey did not meet."""
        found = self.number.get(id(x))
        return Fixed(x) if found is None else found

    def at(self, place: Any) -> Any:
        """The object at a place, in this call."""
        return place.value if isinstance(place, Fixed) else self.objects[place]

    def visit(self, path: Any, x: Any) -> None:
        """Write down `x` and what it leads to."""
        if type(x) in PLAIN:
            self.found.append((path, (type(x), value_of(x))))
        elif isinstance(x, tuple) and plain(x):
            self.found.append((path, x))
        elif id(x) in self.number:
            self.found.append((path, Again(self.number[id(x)])))
        else:
            place = self.number[id(x)] = len(self.objects)
            self.objects.append(x)
            self.paths.append(path)
            self.found.append((path, (type(x), identity(x))))
            entries = x if isinstance(x, dict) else {}
            for name, value in inside(x):
                if type(value) is float and entries.get(name) is value:
                    self.numbers.append(Entry(place, name, value))
                    self.found.append(((path, name), (float, Ellipsis)))
                else:
                    self.visit((path, name), value)


class Fixed:
    """An object known by itself, rather than by its number in a survey."""

    def __init__(self, value: Any):
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Fixed) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value)


class Again(int):
    """The number of an object that was met before."""


def value_of(x: Any) -> Any:
    """A plain value as a key: by its name, if it differs from itself or from an equal zero."""
    return repr(x) if x != x or (type(x) is float and x == 0) else x


def plain(x: Any) -> bool:
    """Whether a tuple holds nothing but plain values, at any depth."""
    return all(type(y) in PLAIN or (isinstance(y, tuple) and plain(y)) for y in x)


def data(leaf: Any) -> bool:
    """Whether an argument is data, rather than a setting."""
    return isinstance(leaf, DATA) and not isinstance(leaf, bool)


def identity(x: Any) -> Any:
    """What distinguishes an object from others of its type: nothing, if its contents tell all."""
    if isinstance(x, dict | list | tuple | set | frozenset | deque):
        return len(x)
    if isinstance(x, np.ndarray):  # it may be changed in place
        return hash((x.shape, x.dtype.str, x.tobytes()))
    return None if isinstance(x, Cell) or (isinstance(x, Stateful) and x.exchangeable) else id(x)


def inside(x: Any) -> Iterator[tuple[Any, Any]]:
    """What an object leads to: the contents of containers and objects, a function's variables."""
    if own(type(x).__module__) and not isinstance(x, types.FunctionType):
        yield "class", type(x)
    if (contents := attributes(x)) is not None:
        for name in contents:
            if not isinstance(name, str):
                yield "key", name
            yield name, contents[name]
    elif isinstance(x, list | tuple | set | frozenset | deque):
        yield from enumerate(x)
    elif isinstance(x, type) and own(x.__module__):
        yield from ((n, value) for n, value in vars(x).items() if not n.startswith("__"))
        yield from enumerate(base for base in x.__bases__ if own(base.__module__))
    elif isinstance(x, types.MethodType):
        yield "self", x.__self__
        yield "function", x.__func__
    elif isinstance(x, functools.partial):
        yield from (("function", x.func), ("arguments", x.args), ("keywords", x.keywords))
    elif isinstance(x, types.FunctionType) and not x.__module__.startswith("jax"):
        yield from free_variables(x)
        if own(x.__module__):
            yield from global_variables(x)
    elif (wrapped := getattr(x, "__wrapped__", None)) is not None:
        yield "wrapped", wrapped


def attributes(x: Any) -> dict[Any, Any] | None:
    """The changeable contents of a dict or of an object that may hold settings, cells apart."""
    if isinstance(x, dict):
        return x
    if isinstance(x, Stateful):
        return {name: value for name, value in vars(x).items() if name not in x.transient}
    if isinstance(x, type | types.ModuleType | types.FunctionType | Array | Cell):
        return None
    if isinstance(x, functools.partial) or library(type(x).__module__):
        return None
    slots = [n for kind in type(x).__mro__ for n in getattr(kind, "__slots__", ())]
    if not slots:
        return getattr(x, "__dict__", None)
    return getattr(x, "__dict__", {}) | {n: getattr(x, n) for n in slots if hasattr(x, n)}


def library(module: str | None) -> bool:
    """Whether code comes from a library, which keeps no settings of the user's."""
    return (module or "").partition(".")[0] in LIBRARIES


@functools.cache
def own(module: str | None) -> bool:
    """Whether code is the user's, not of the standard library or of an installed package."""
    name = module or ""
    if library(name) or name.partition(".")[0] in sys.stdlib_module_names:
        return False
    return "site-packages" not in (getattr(sys.modules.get(name), "__file__", None) or "")


def free_variables(function: types.FunctionType) -> Iterator[tuple[str, Any]]:
    """What a function closes over, and its defaults."""
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield name, cell.cell_contents
        except ValueError:  # not yet assigned
            yield name, None
    yield "defaults", function.__defaults__
    yield "keyword defaults", function.__kwdefaults__


def global_variables(function: types.FunctionType) -> Iterator[tuple[str, Any]]:
    """The global variables that a function, or a function inside it, names; also in modules."""
    for code in codes(function):
        for name in code.co_names:
            if name in function.__globals__:
                value = function.__globals__[name]
                yield name, value
                if isinstance(value, types.ModuleType) and own(value.__name__):
                    for inner in code.co_names:
                        if inner in vars(value):
                            yield f"{name}.{inner}", vars(value)[inner]


def codes(function: types.FunctionType) -> list[types.CodeType]:
    """The code of a function and of those inside it."""
    found = [function.__code__]
    for code in found:
        found += [c for c in code.co_consts if isinstance(c, types.CodeType)]
    return found


def separate(survey: Survey) -> None:
    """Inside another trace two cells may hold one tracer; here they have to be told apart."""
    seen: set[int] = set()
    for cell in survey.objects:
        if isinstance(cell, Cell) and isinstance(cell._array, Tracer):
            if id(cell.array) in seen:
                cell.array = jnp.copy(cell.array)
            seen.add(id(cell.array))

"""Objects with arrays in them as pytrees, and back.

What a library's `Stateful` objects may say about themselves:

    array, hold(array)    tensors: their elements, in a cell called `storage`, and taking others
    holding(array)        tensors and numbers, a class method: another one that holds an array
    learnable()           modules: the tensors that are learned, by path
    results               modules: the attributes that keep what the last call has computed

Objects with `holding` stand for arrays. Other exchangeable ones are containers, like lists.
"""

from __future__ import annotations

import inspect
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import MethodType
from typing import Any

import jax
import numpy as np
from jax import Array

from transforms.cells import Cell
from transforms.changes import Stateful
from transforms.effects import build
from transforms.forms import as_array
from transforms.signature import TransformError
from transforms.survey import attributes, data


def is_module(x: Any) -> bool:
    """Whether an object is one of its own, rather than data."""
    return isinstance(x, Stateful) and not x.exchangeable


def is_array(x: Any) -> bool:
    """Whether an object stands for an array."""
    return isinstance(x, Stateful) and hasattr(type(x), "holding")


def is_tensor(x: Any) -> bool:
    """Whether an object stands for an array of any shape, and can take another."""
    return is_array(x) and hasattr(type(x), "hold")


def owner(function: Callable) -> Any:
    """The module that a function is, or is a method of, or None; transforms are looked through."""
    function = inspect.unwrap(function)
    found = function.__self__ if isinstance(function, MethodType) else function
    return found if is_module(found) else None


@jax.tree_util.register_pytree_node_class
@dataclass(frozen=True, eq=False)
class Box:
    """A pytree node around an object's arrays, which knows how to make such an object of them."""

    content: Any
    make: Callable[[Any], Any]

    def tree_flatten(self) -> tuple[tuple[Any], Callable[[Any], Any]]:
        """The arrays inside."""
        return (self.content,), self.make

    @classmethod
    def tree_unflatten(cls, make: Callable[[Any], Any], content: tuple[Any]) -> Box:
        """A box around other arrays."""
        return cls(*content, make)

    def close(self) -> Any:
        """The object. A derivative is a box in a box: its array belongs into one of them."""
        content = closed(self.content)
        return self.make(content) if isinstance(content, Array) else content


class Container(Box):
    """A box around the contents of a container, or around nothing: for an object that stays."""

    def close(self) -> Any:
        """The container."""
        return self.make(closed(self.content))


jax.tree_util.register_pytree_node_class(Container)


@dataclass(frozen=True)
class Rebuilt:
    """Makes containers of one kind."""

    kind: type

    def __call__(self, contents: dict[str, Any]) -> Any:
        """A container with these contents."""
        return build(self.kind, contents)


@dataclass(frozen=True)
class Constant:
    """Makes always the same object."""

    value: Any

    def __call__(self, _: Any) -> Any:
        """The object."""
        return self.value


def same(x: Any) -> Any:
    """What arrays that are no object's are closed by."""
    return x


def boxed(tree: Any, scalar: Callable | None = None) -> Any:
    """A pytree of objects as one of arrays in boxes; numbers may be made by `scalar`."""

    def box(x: Any) -> Any:
        if is_array(x):
            return Box(x.array, (None if is_tensor(x) else scalar) or type(x).holding)
        if data(x):
            return Box(as_array(x), same)
        if isinstance(x, Stateful) and x.exchangeable:
            return Container(boxed(attributes(x), scalar), Rebuilt(type(x)))
        return Container((), Constant(x))

    return jax.tree.map(box, tree)


def closed(tree: Any) -> Any:
    """The objects that are in boxes."""

    def boxes(x: Any) -> bool:
        return isinstance(x, Box)

    return jax.tree.map(lambda x: x.close() if boxes(x) else x, tree, is_leaf=boxes)


def bare(tree: Any) -> Any:
    """The arrays in boxes, without the boxes."""

    def boxes(x: Any) -> bool:
        return isinstance(x, Box)

    return jax.tree.map(lambda x: bare(x.content) if boxes(x) else x, tree, is_leaf=boxes)


def variables(title: str, tree: Any) -> Any:
    """A pytree whose modules are dicts of what they learn, and whose containers are boxes."""

    def open_one(x: Any) -> Any:
        if not isinstance(x, Stateful) or is_array(x):
            return x
        if (learnable := getattr(x, "learnable", None)) is not None:
            return OrderedDict(learnable())  # whose order jax keeps
        if x.exchangeable and all(map(is_array, jax.tree.leaves(inside := attributes(x)))):
            return Container(inside, Rebuilt(type(x)))
        raise TransformError(f"{title}: a {type(x).__name__} has no parameters")

    return jax.tree.map(open_one, tree)


def leaves(tree: Any) -> Iterator[Any]:
    """What the arrays of `boxed(tree)` come from, in order."""
    for x in jax.tree.leaves(tree):
        if is_array(x) or data(x):
            yield x
        elif isinstance(x, Stateful) and x.exchangeable:
            yield from leaves(attributes(x))


def members(title: str, name: str, x: Any) -> list[Any] | None:
    """The modules in a list or a table of nothing else."""
    if is_module(x):
        raise TransformError(
            f"{title}: {name} is one {type(x).__name__}\nlikely cause: give a list of modules for"
            " an ensemble; or it is the same for all examples: say with over=... what differs"
        )
    found = []
    if isinstance(x, Iterable) and isinstance(x, list | tuple | Stateful) and not is_array(x):
        found = list(x)
    return found if found and all(map(is_module, found)) else None


def corresponding(title: str, name: str, modules: list[Any]) -> dict[int, list[Cell]]:
    """For each cell of the first of equal modules, by identity, those of all of them."""
    first, *others = ([*form(module)] for module in modules)
    found = {id(x): [x] for _, x in first if isinstance(x, Cell)}
    for number, other in enumerate(others, 1):
        if [path for path, _ in first] != [path for path, _ in other]:
            odd = {path for path, _ in first} ^ {path for path, _ in other}
            raise TransformError(
                f"{title}: {name}[{number}] is built in another way than {name}[0]"
                f"{f': {min(odd)} is in one of them only' if odd else ''}"
            )
        for (path, a), (_, b) in zip(first, other, strict=True):
            if isinstance(a, Cell) and isinstance(b, Cell) and alike(a.array, b.array):
                found[id(a)].append(b)
            elif not equal(a, b):
                raise TransformError(
                    f"{title}: {name}[{number}]{path} is {shown(b)}, that of {name}[0] is"
                    f" {shown(a)}\nlikely cause: the members of an ensemble differ in nothing but"
                    " numbers; another size or setting is another function"
                )
    # A cell that all have in common is no one's own.
    return {i: cells for i, cells in found.items() if len({*cells}) > 1}


def name_of(cell: Cell, objects: list[Any]) -> str:
    """What a cell's tensor is called where one of the objects has it."""
    for x in objects:
        contents = {} if is_array(x) else attributes(x) or {}
        for name, value in contents.items():
            if is_array(value) and value.storage is cell:
                return str(name)
    return "a tensor"


def form(x: Any, path: str = "", seen: dict[int, int] | None = None) -> Iterator[tuple[str, Any]]:
    """The cells and settings that an object leads to, by path."""
    seen = {} if seen is None else seen
    contents = attributes(x)
    if isinstance(x, list | tuple):
        contents = dict(enumerate(x))
    if contents is None and not isinstance(x, Cell):
        yield path, x
    elif id(x) in seen:
        yield path, seen[id(x)]
    else:
        seen[id(x)] = len(seen)
        if contents is None:
            yield path, x
            return
        yield path, type(x)
        for name, value in contents.items():
            left_out = name in getattr(type(x), "results", ()) or (
                is_array(x) and isinstance(value, Stateful | None)  # such as a gradient
            )
            if not left_out:
                step = f".{name}" if isinstance(name, str) else f"[{name}]"
                yield from form(value, path + step, seen)


def alike(a: Array, b: Array) -> bool:
    """Whether arrays have the same shape and type."""
    return a.shape == b.shape and a.dtype == b.dtype


def equal(a: Any, b: Any) -> bool:
    """Whether settings are equal."""
    if isinstance(a, Array | np.ndarray):
        return type(a) is type(b) and np.array_equal(a, b)
    return a is b or (type(a) is type(b) and bool(a == b))


def shown(x: Any) -> str:
    """A setting, or the shape of a cell, in a message."""
    if isinstance(x, Cell):
        return f"{x.array.dtype}{list(x.array.shape)}"
    return x.__name__ if isinstance(x, type) else repr(x)

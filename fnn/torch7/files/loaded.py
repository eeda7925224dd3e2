"""The records of a file as live objects."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import prod
from typing import Any

import numpy as np

from fnn.files import t7
from fnn.files.t7.walk import OBJECTS
from fnn.tensor.types import from_data
from fnn.tensor.views import Geometry
from fnn.torch7.files.classes import class_named, part
from fnn.torch7.files.construct import construction, settle
from fnn.torch7.files.formats import finish, upgrade
from fnn.torch7.files.nested import Parts, made, step
from fnn.torch7.files.unknown import LuaFunction, Unknown, blank
from fnn.torch7.module import Module
from fnn.torch7.random import Generator, untouched_stream
from fnn.torch7.storage import Storage
from fnn.torch7.table import Fields, Key, Table, Undecided, python_name
from fnn.torch7.tensor import Tensor
from fnn.torch7.types import TYPES, default_type, making

UNFINISHED = object()
PRIVATE = ("_type", "_derived", "_example", "_trees", "_output", "_gradInput", "network")
NOTHING = Geometry(0, (0,), (1,))


class Loader:
    """Makes objects of records; what is one record is one object, in all that it is asked for."""

    def __init__(self) -> None:
        self.known: dict[int, Any] = {}
        self.keep: list[Any] = []  # a record that is gone could lend its id to another one
        self.forms: dict[int, type] = {}  # of tables, where more is known than what is in them
        self.kinds: dict[type, Callable[[Any], Any]] = {
            t7.Storage: self._storage,
            t7.Tensor: self._tensor,
            t7.Table: self._table,
            t7.TorchObject: self._object,
            t7.Function: self._function,
        }

    def object(self, record: Any) -> Any:
        """The object of a record, with all that is in it."""
        with untouched_stream():
            return made(self._one, record, "object")

    def _one(self, x: Any) -> Any:
        if type(x) not in self.kinds:
            return x
        found = self.known.get(id(x))
        if found is UNFINISHED:
            raise t7.FileError("an object that is needed to make itself")
        if found is None:
            self.keep.append(x)
            found = self.kinds[type(x)](x)
        return found

    def _know(self, record: Any, found: Any) -> Any:
        self.known[id(record)] = found
        return found

    def _storage(self, x: t7.Storage) -> Storage:
        # Sizes are LongStorages, which stay on the host.
        array: Any = x.array if x.kind == "Long" else from_data(x.array, dtype_of(x.kind))
        return self._know(x, Storage(array))

    def _tensor(self, x: t7.Tensor) -> Parts:
        if min(x.stride, default=0) < 0:
            raise t7.FileError(f"a tensor of stride {list(x.stride)}, wanted none below 0")
        empty = Storage(from_data(np.zeros(0), dtype_of(x.kind)))
        found = self._know(x, Tensor._around(empty))
        if x.storage is not None:
            storage = yield ".storage", x.storage
            if isinstance(storage.array, np.ndarray):
                storage.array = from_data(storage.array, storage.dtype)
            some = x.size and prod(x.size)
            found._hold(storage, Geometry(x.offset, x.size, x.stride) if some else NOTHING)
        return found

    def _table(self, x: t7.Table) -> Parts:
        kind, values = form_of(x, self.forms.get(id(x)))
        table = self._know(x, kind())
        if issubclass(kind, Table):
            for i, value in enumerate(values, 1):
                table.append((yield step(i), value))
            return table
        for name, value in x.entries:
            self._expect(value, table.get(name) if isinstance(name, str) else None)
            key = yield "", name
            table[Key(key) if type(key).__hash__ is None else key] = yield step(name), value
        return table

    def _expect(self, record: Any, likeness: Any) -> None:
        """Have a table take the form of what its owner has made in its place."""
        if isinstance(record, t7.Table) and isinstance(likeness, Table | dict):
            self.forms[id(record)] = type(likeness)

    def _function(self, x: t7.Function) -> Parts:
        found = self._know(x, LuaFunction(x.size))
        found.upvalues = yield ".upvalues", x.upvalues
        return found

    def _object(self, x: t7.TorchObject) -> Any:
        if x.name == Generator.typename:
            return self._generator(x)
        if not isinstance(x.content, t7.Table | None):
            raise t7.FileError(f"{x.name} has no table of fields")
        cls = class_named(x.name)
        return self._unknown(x) if cls is None else self._known(x, cls)

    def _generator(self, x: t7.TorchObject) -> Generator:
        found = self._know(x, Generator(0))
        with explained(x.name):
            found.set_state(np.frombuffer(x.content, np.uint8))
        return found

    def _unknown(self, x: t7.TorchObject) -> Parts:
        with making(type_in(x.fields())):
            found = self._know(x, blank(x.name, x.version, x.fields().keys()))
        for name, value in [] if x.content is None else x.content.entries:
            key = yield "", name
            put(found, key, (yield step(name), value))
        leave_out_gradient(found, x.fields())
        return found

    def _known(self, x: t7.TorchObject, cls: Any) -> Parts:
        self.known[id(x)] = UNFINISHED
        fields = x.fields()
        with explained(x.name):
            upgrade(cls, fields)
            construct = construction(cls, fields)
        given = {}
        for name, value in construct.arguments.items():
            given[name] = yield step(name), value
        with explained(x.name), making(type_in(fields)):
            found, shapes = construct(given)
        self._know(x, found)
        for name, value in fields.items():
            self._expect(value, vars(found).get(name))
            put(found, name, (yield step(name), value))
        with explained(x.name):
            leave_out_gradient(found, fields)
            settle(found, shapes, fields)
            finish(found)
        return found


def form_of(x: t7.Table, wanted: type | None) -> tuple[type, list[Any]]:
    """The class for a table, and what it lists; `wanted` if what is in it leaves a choice."""
    values = x.values()
    others = {id(key): n for key, n in x.entries if isinstance(key, OBJECTS)}
    numbered = part("graph", "Numbered")
    if len(values) == len(x.entries):
        listed = not values or (wanted is not None and issubclass(wanted, Table))
        undecided = Table if values else Undecided
        return (wanted if wanted is not None and listed else undecided), values
    if numbered and others and others == {id(value): n for n, value in enumerate(values, 1)}:
        return numbered, values
    if wanted is not None and issubclass(wanted, dict):
        return wanted, []
    is_node = "mapindex" in x.fields()
    return (is_node and part("node", "Data")) or Fields, []


def dtype_of(kind: str) -> np.dtype:
    """The type of the elements of a `Float`, a `CudaHalf`, a `Cuda`."""
    return TYPES[kind.removeprefix("Cuda") or "Float"]


def type_in(fields: dict[str, Any]) -> np.dtype:
    """The type of the tensors that a module made itself, by its file."""
    name = fields.get("_type")
    kind = t7.records.kind_of(name) if isinstance(name, str) else None
    return default_type() if kind is None else dtype_of(kind[0])


def leave_out_gradient(x: Any, fields: dict[str, Any]) -> None:
    """Have a module compute no `gradInput` if it has none, as the first of a network may."""
    if isinstance(x, Module) and "gradInput" not in fields and finds_gradient(x):
        x.gradInput = None


def finds_gradient(x: Any) -> bool:
    """Whether a module's `gradInput` decides on whether it computes one; a graph finds its own."""
    return type(x).__name__ != "gModule"


def put(x: Any, key: Any, value: Any) -> None:
    """Set a field, unless its name means something else here, such as a method."""
    if not isinstance(key, str):
        if isinstance(x, Unknown):
            vars(x)[key] = value
        return
    name = python_name(key)
    here = getattr(type(x), name, None)
    fixed = isinstance(here, property) and here.fset is None
    if fixed or name in private(x) or name.startswith("__"):
        return
    if callable(here) and not isinstance(x, Unknown):
        return
    if isinstance(getattr(x, name, None), tuple) and isinstance(value, Storage | Table):
        value = tuple(value)
    setattr(x, name, value)


def private(x: Any) -> tuple[str, ...]:
    """The attributes that files have nothing of, or under another name."""
    return (*getattr(x, "transient", ()), *PRIVATE)


@contextmanager
def explained(name: str) -> Iterator[None]:
    """Say whose fields are not what its class needs."""
    try:
        yield
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
        raise t7.FileError(
            f"{name} cannot be made of its fields: {type(error).__name__}: {error}\n"
            "likely cause: the file is damaged, or of another version"
        ) from error

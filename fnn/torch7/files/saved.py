"""Live objects as the records of a file, in the form that Torch7 gives them."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np

from fnn.files import t7
from fnn.tensor.number import Number
from fnn.torch7.criterion import Criterion
from fnn.torch7.files.classes import class_named, name_of_class
from fnn.torch7.files.construct import maker
from fnn.torch7.files.expected import VERSIONS, expected
from fnn.torch7.files.loaded import finds_gradient, private
from fnn.torch7.files.nested import Parts, made, step
from fnn.torch7.files.unknown import LuaFunction, Unknown
from fnn.torch7.found import found_fields
from fnn.torch7.module import Module
from fnn.torch7.random import Generator
from fnn.torch7.storage import Storage
from fnn.torch7.table import Fields, Key, Table, lua_name
from fnn.torch7.tensor import Tensor, fromarray
from fnn.torch7.types import NAMES

PLAIN = (bool, int, float, str, bytes, type(None))


class Saver:
    """Makes records of objects; what is one object is one record, in all that it is asked for."""

    def __init__(self) -> None:
        self.known: dict[int, Any] = {}
        self.keep: list[Any] = []  # an object that is gone could lend its id to another one

    def record(self, x: Any) -> Any:
        """The record of an object, with all that is in it."""
        return made(self._one, x, "object")

    def _one(self, x: Any) -> Any:
        if isinstance(x, PLAIN):
            return x
        if isinstance(x, Number | np.generic):
            return x.item() if isinstance(x, np.generic) else x.value
        if (found := self.known.get(id(x))) is not None:
            return found
        self.keep.append(x)
        if isinstance(x, Tensor):
            return self._tensor(x)
        if isinstance(x, Storage):
            array = np.asarray(x.array).reshape(-1)
            return self._know(x, t7.Storage(NAMES[np.dtype(x.dtype)], array))
        if isinstance(x, Table | list | tuple):
            places = vars(x)["_places"] if hasattr(x, "_places") else {}
            return self._table(x, [*enumerate(x, 1), *places.items()])
        if isinstance(x, dict):
            return self._table(x, x.items())
        if isinstance(x, Generator):
            state = x.get_state()[: t7.records.AS_BYTES[x.typename]].tobytes()
            return self._know(x, t7.TorchObject(x.typename, 1, state))
        if class_named(name_of_class(type(x))) is type(x) or isinstance(x, Unknown):
            return self._object(x)
        if hasattr(x, "__array__") and not isinstance(x, type):
            return self._array(x)
        return refuse(x)

    def _know(self, x: Any, record: Any) -> Any:
        self.known[id(x)] = record
        return record

    def _array(self, x: Any) -> Any:
        if not np.shape(x):
            return np.asarray(x).item()
        tensor = fromarray(x)
        self.keep.append(tensor)
        return self._tensor(tensor, x)

    def _tensor(self, x: Tensor, known_as: Any = None) -> Parts:
        record = self._know(x if known_as is None else known_as, t7.Tensor(NAMES[x.element_type]))
        if x.length:
            record.offset, record.size, record.stride = x.geometry
        record.storage = (yield ".storage", x.storage) if len(x.storage) else None
        return record

    def _table(self, x: Any, entries: Any) -> Parts:
        record = self._know(x, t7.Table())
        for key, value in entries:
            if value is not None:  # nil is in no table
                key = yield "", key.value if isinstance(key, Key) else key
                record.entries.append((key, (yield step(key), value)))
        return record

    def _object(self, x: Any) -> Parts:
        fields = fields_of(x)
        if isinstance(x, Unknown):
            name, version = type(x).typename, type(x).version
        else:
            name = name_of_class(type(x))
            version = VERSIONS.get(name, 1)
            maker(type(x), fields)
        record = self._know(x, t7.TorchObject(name, version))
        if name in t7.records.WITHOUT_CONTENT:
            return record
        if name in t7.records.WITH_HEADER:
            record.header = t7.Table.of(fields.get("_type"), fields.get("device"))
        record.content = yield "", fields
        return record


def fields_of(x: Any) -> Fields:
    """The fields of an object, those that Torch7 expects included."""
    fields = Fields()
    if isinstance(x, Module | Criterion):
        fields |= {"output": x.output}
        if finds_gradient(x):
            fields["gradInput"] = x.gradInput
    if isinstance(x, Module):
        fields["_type"] = x.type()
    fields |= found_fields(x)
    names = [n for n in vars(x) if n not in private(x)]
    fields |= {lua_name(n) if isinstance(n, str) else n: vars(x)[n] for n in names}
    return Fields(expected(x) | fields)


def refuse(x: Any) -> NoReturn:
    """Say why something is in no file."""
    if isinstance(x, LuaFunction) or callable(x):
        cause = (
            "functions, classes and methods are not written: what would be loaded could not be "
            "trusted; take it out before saving, and set it again after loading"
        )
    else:
        cause = "it belongs to Python; keep it apart from what is saved"
    raise TypeError(
        f"given a {type(x).__name__}, wanted a tensor, an array, a number, a string, a boolean, a "
        f"table of such, or an object of Torch7\nlikely cause: {cause}"
    )

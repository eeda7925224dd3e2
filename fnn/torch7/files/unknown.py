"""What files hold and Python has no class for: objects to look into, functions that never run."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import Any, NoReturn

from fnn.torch7.containers import Container
from fnn.torch7.module import Module
from fnn.torch7.table import Table, table_text
from transforms.changes import Stateful


class Unknown(Stateful):
    """An object of a class that is not known here: its fields are its attributes."""

    typename = "unknown"
    version = 1

    def __getattr__(self, name: str) -> NoReturn:
        raise AttributeError(
            f"{self.typename} has no field {name!r}\nlikely cause: the class is not known here, so "
            "an object of it has the fields that were in the file, and no methods"
        )

    def __getitem__(self, key: Any) -> Any:
        return vars(self)[key]

    def __reduce__(self) -> tuple:
        return _restored, (self.typename, self.version, type(self).__bases__[0], vars(self))

    def __str__(self) -> str:
        return f"{self.typename} {table_text(vars(self).items())}"

    __repr__ = __str__


class UnknownModule(Unknown, Module):
    """A module of a class that is not known here: it prints, has parameters, and can't compute."""

    def updateOutput(self, input: Any) -> NoReturn:
        """Refuse."""
        raise NotImplementedError(
            f"{self.typename}: the class is not known here, only the fields of this object\n"
            f"likely cause: it comes from another package; with a class of your own whose typename "
            f"is {self.typename!r}, defined before the file is loaded, it computes"
        )

    updateGradInput = updateOutput  # type: ignore[assignment]

    def __str__(self) -> str:
        return Module.__str__(self)

    __repr__ = __str__


class UnknownContainer(UnknownModule, Container):
    """An `UnknownModule` with modules inside."""


@cache
def unknown(typename: str, version: int, base: type = Unknown) -> type:
    """A class for the objects of an unknown one."""
    contents = {"typename": typename, "version": version, "__module__": __name__}
    return type(base.__name__, (base,), contents)


def _restored(typename: str, version: int, base: type, fields: dict[Any, Any]) -> Unknown:
    made = object.__new__(unknown(typename, version, base))
    vars(made).update(fields)
    return made


def blank(typename: str, version: int, names: Collection[str]) -> Any:
    """An object of an unknown class, which will get fields of these names."""
    is_module = "_type" in names and "output" in names
    kind = (UnknownContainer if "modules" in names else UnknownModule) if is_module else Unknown
    made = object.__new__(unknown(typename, version, kind))
    if isinstance(made, Module):
        Module.__init__(made)
    return made


class LuaFunction:
    """A function in a file. It is never run: what is known is its size, and what it refers to."""

    typename = "function"

    def __init__(self, size: int):
        self.size, self.upvalues = size, Table()

    def __call__(self, *arguments: Any) -> NoReturn:
        """Refuse."""
        raise TypeError("a function of Lua that came with a file is never run; write it in Python")

    def __repr__(self) -> str:
        return f"function of Lua, {self.size} bytes, not read"

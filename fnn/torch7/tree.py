"""Modules inside modules: what is said to all of them, and how to find and copy them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any, Self

from fnn.errors import require
from fnn.shell import Shell
from fnn.torch7.passing import type_name
from fnn.torch7.table import Table
from fnn.torch7.tensor import Tensor


class Tree(Shell):
    """An object with others in its field `modules`, if it has that one."""

    train: bool | None = None  # nil until training() or evaluate(); some modules start with True
    shared = False

    def _children(self) -> Iterable[tuple[str, Any]]:
        return ((str(i), module) for i, module in enumerate(vars(self).get("modules", ())))

    def _descendants(self, path: tuple[str, ...] = ()) -> Any:
        """All modules inside, with their paths."""
        for name, child in self._children():
            yield (*path, name), child
            yield from child._descendants((*path, name))

    def _at(self, path: Iterable[str]) -> Any:
        """The module at a path."""
        module: Any = self
        for name in path:
            module = dict(module._children())[name]
        return module

    def training(self) -> None:
        """Behave as in training, with all modules inside."""
        self._set_train(True)

    def evaluate(self) -> None:
        """Behave as in use, with all modules inside."""
        self._set_train(False)

    def _set_train(self, train: bool) -> None:
        for _, module in self._children():
            module.training() if train else module.evaluate()
        if vars(self).get("train") is not train:  # a change of settings is expensive
            self.train = train

    def listModules(self) -> Table:
        """This module and all modules inside, depth first."""
        inside = (m for _, child in self._children() for m in child.listModules())
        return Table([self, *inside])

    def apply(self, function: Callable[[Any], Any]) -> None:
        """Call a function with this module and then with all modules inside."""
        function(self)
        for _, child in list(self._children()):
            child.apply(function)

    def replace(self, function: Callable[[Any], Any]) -> Any:
        """What a function makes of this module; those inside are replaced likewise."""
        made = function(self)
        if "modules" in vars(self):
            self.modules = Table(child.replace(function) for child in self.modules)
        return made

    def findModules(self, typename: str, container: Any = None) -> tuple[Table, Table]:
        """The modules of exactly this type, such as `nn.Linear`, and the container of each."""
        around = self if container is None else container
        found = [(self, around)] if type_name(self) == typename else []
        for _, child in self._children():
            found += zip(*child.findModules(typename, self), strict=True)
        return Table(module for module, _ in found), Table(around for _, around in found)

    def clone(self, *names: str) -> Self:
        """A deep copy, which shares the named fields with this module."""
        other = copy.deepcopy(self)
        return other.share(self, *names) if names else other

    def write(self, file: Any) -> None:
        """Write all fields into a file of torch, as one table."""
        file._write_fields(self)

    def read(self, file: Any, version: int = 1) -> None:
        """Take all fields from a file of torch."""
        file._read_fields(self)

    def share(self, other: Any, *names: str) -> Self:
        """Have the named fields share the storages of `other`'s; both are `shared` then."""
        for name in names:
            mine, theirs = getattr(self, name, None), getattr(other, name, None)
            if isinstance(mine, Tensor):
                require(
                    isinstance(theirs, Tensor),
                    f"{type_name(self)}.share",
                    f"no tensor {name} in {type_name(other) if isinstance(other, Tree) else 'nil'}",
                    "one to share with",
                    "the networks are not built alike",
                )
                mine.set(theirs)
                self.shared = other.shared = True
        return self

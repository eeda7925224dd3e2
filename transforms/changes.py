"""Settings around cells, whose changes are counted: nobody has to look for them then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import jax


class Counts:
    """How often settings around cells have changed, anywhere.

    `structure` counts the attributes of all `Stateful` objects, `results` the renewed ones.
    """

    __slots__ = ("results", "structure")

    def __init__(self) -> None:
        self.structure = self.results = 0


changed = Counts()  # an instance: Python looks up everything anew in a class that has changed


class Stateful:
    """An object with cells among its attributes, which `transforms.jit` looks into.

    Its other attributes are settings, which select a program. `exchangeable` objects stand for
    data: a call may be given another one of the same form where one was before. `transient`
    attributes do not outlive a trace, and are no settings. `renewed` ones are set
    by every step of training, and lead to nothing but data.
    """

    exchangeable: ClassVar[bool] = False
    transient: ClassVar[tuple[str, ...]] = ()
    renewed: ClassVar[tuple[str, ...]] = ()

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self.renewed:
            changed.results += 1
        elif name not in self.transient:
            changed.structure += 1
        object.__setattr__(self, name, value)

    def __getstate__(self) -> dict[str, Any]:
        return {name: x for name, x in vars(self).items() if name not in self.transient}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)

    def __delattr__(self, name: str) -> None:
        changed.structure += 1
        object.__delattr__(self, name)


def counted(method: Callable) -> Callable:
    """A method of dict or list that counts as a change of settings."""

    def change(self: Any, *args: Any, **keywords: Any) -> Any:
        changed.structure += 1
        return method(self, *args, **keywords)

    return change


class Watched(dict):
    """A dict of settings whose changes are counted."""

    for _name in ("__setitem__", "__delitem__", "__ior__", "clear", "pop", "popitem"):
        vars()[_name] = counted(getattr(dict, _name))
    for _name in ("setdefault", "update"):
        vars()[_name] = counted(getattr(dict, _name))


class WatchedList(list):
    """A list of settings whose changes are counted."""

    for _name in ("__setitem__", "__delitem__", "__iadd__", "__imul__", "append", "clear"):
        vars()[_name] = counted(getattr(list, _name))
    for _name in ("extend", "insert", "pop", "remove", "reverse", "sort"):
        vars()[_name] = counted(getattr(list, _name))


def _sorted(x: Watched) -> tuple[tuple, tuple]:
    names = sorted(x)
    return tuple(x[name] for name in names), tuple(names)


jax.tree_util.register_pytree_node(
    Watched, _sorted, lambda names, values: Watched(zip(names, values, strict=True))
)
jax.tree_util.register_pytree_node(
    WatchedList, lambda x: (tuple(x), None), lambda _, values: WatchedList(values)
)

"""Scopes of modules: how the equations of a traced program know their layer.

A network of derived modules is one pure function, which names its layers itself. A module with
methods of its own is plain Python: while something is traced, its calls are named here.
"""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import jax

BACKWARD = "transpose()"
"""A scope without a name, which marks what is computed in it as jax marks the backward pass."""


class _Local(threading.local):
    """The module that is being called in this thread, and the scopes on the way to it."""

    module: Any = None
    scopes: tuple[str, ...] = ()


_local = _Local()


def scopes() -> tuple[str, ...]:
    """The scopes on the way to the module that is being called."""
    return _local.scopes


@contextmanager
def entered(scopes: tuple[str, ...]) -> Iterator[None]:
    """Inside scopes of these names."""
    with ExitStack() as stack:
        for name in scopes:
            stack.enter_context(jax.named_scope(name))
        yield


@contextmanager
def calling(module: Any, container: Any = None, backward: bool = False) -> Iterator[None]:
    """Inside a call of a module: its scope is the path by which the module around knows it."""
    before = _local.module, _local.scopes
    around = container if _local.module is None else _local.module
    marks = (BACKWARD,) if backward and BACKWARD not in _local.scopes else ()
    path = "" if around is None else around._paths.get(id(module), "")
    own = (*marks, path) if path else marks
    _local.module, _local.scopes = module, (*_local.scopes, *own)
    try:
        with entered(own):
            yield
    finally:
        _local.module, _local.scopes = before

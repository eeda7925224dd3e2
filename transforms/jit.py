"""Compile a function, be it pure or code that changes objects.

`jit(f)` is `jax.jit(f)` for a pure `f`; `train` and keyword-only arguments are static. An `f` that
touches cells (tensors, modules, optimisers; among its arguments, closed over, in globals or in
attributes) is lifted: traced once, its cells become inputs and outputs of one XLA program. Plain
settings around the cells (flags, numbers, names, the structure of objects) select the program: when
one changes, the next call runs another program, never a stale one. A float in a dict, such as the
learning rate of an optimiser's group, is data where the code only passes it on: a new one is no new
program.

Two rules for lifted code. Plain Python side effects (a print, an append, a counter in a plain
attribute) happen while tracing, not in later calls. Tensors and arrays given as arguments may be
others at each call; whatever is closed over is known by its identity.
"""

from collections.abc import Callable
from functools import update_wrapper
from inspect import Parameter, signature
from typing import Any

import jax
from jax.extend.core import jaxpr_as_fun

from transforms.cells import CellTouched, Purity
from transforms.changes import Stateful
from transforms.equations import ClosedJaxpr
from transforms.lift import Lifted
from transforms.signature import keep, label


class Jit:
    """A compiled function; see the module's text."""

    def __init__(self, function: Callable):
        update_wrapper(self, function)
        self.function = function
        self._lifted: Lifted | None = None

        def pure(*args: Any, **keywords: Any) -> Any:
            with Purity().watching():
                return function(*args, **keywords)

        update_wrapper(pure, function)
        pure.__name__ = pure.__qualname__ = label(function)
        self._pure = jax.jit(pure, static_argnames=static(function))

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        """Run the program for these arguments, compiling it first if there is none."""
        if self._lifted is None:
            try:
                return self._pure(*args, **keywords)
            except CellTouched:
                pass
            except TypeError:
                if not any(isinstance(x, Stateful) for x in jax.tree.leaves((args, keywords))):
                    raise
            self._lifted = Lifted(self.function)
        return self._lifted(*args, **keywords)

    def traced(self, *args: Any, **keywords: Any) -> tuple[ClosedJaxpr, list[Any]]:
        """The whole program for these arguments, and its present inputs; nothing is run or changed.

        The jaxpr is the same object as long as the program is the same. Its `debug_info` has names
        for inputs and results.
        """
        if self._lifted is None:
            try:
                jaxpr = self._pure.trace(*args, **keywords).jaxpr
            except CellTouched:
                self._lifted = Lifted(self.function)
            except TypeError:
                if not any(isinstance(x, Stateful) for x in jax.tree.leaves((args, keywords))):
                    raise
                self._lifted = Lifted(self.function)
            else:
                fixed = static(self.function)
                names = list(signature(self.function).parameters)
                kept = [x for i, x in enumerate(args) if names[i : i + 1] != ["train"]]
                rest = {n: x for n, x in keywords.items() if n not in fixed}
                return jaxpr, jax.tree.leaves((kept, rest))
        return self._lifted.traced(*args, **keywords)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Jit) and self.function == other.function

    def __hash__(self) -> int:
        return hash((Jit, self.function))

    def lower(self, *args: Any, **keywords: Any) -> Any:
        """Ahead-of-time lowering, as `jax.jit` has it.

        Of imperative code it gives the program as a pure function of its inputs; see `traced`.
        """
        jaxpr, inputs = self.traced(*args, **keywords)
        if self._lifted is None:
            return self._pure.lower(*args, **keywords)
        with jax.enable_x64(True):
            return jax.jit(jaxpr_as_fun(jaxpr)).lower(*inputs)


def jit(function: Callable) -> Jit:
    """Compile `function` into one XLA program for each distinct set of shapes and settings.

    >>> import jax.numpy as jnp
    >>> jit(lambda x, y: x + y)(jnp.ones(2), 1)
    Array([2., 2.], dtype=float32)
    """
    return keep(Jit(function))


def static(function: Callable) -> tuple[str, ...]:
    """The arguments whose values select a program: `train` and keyword-only ones."""
    try:
        found = signature(function).parameters.values()
    except (TypeError, ValueError):
        return ()
    return tuple(p.name for p in found if p.kind is Parameter.KEYWORD_ONLY or p.name == "train")

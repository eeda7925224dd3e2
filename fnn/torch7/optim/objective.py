"""Functions of Torch7's, for the minimisers of `fnn.minimise`; and what those found, for Torch7."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from fnn.errors import require
from fnn.minimise import Minimum
from fnn.torch7.table import Table
from fnn.torch7.tensor import Tensor, fromarray

Names = dict[str, Any]


def setting(config: Names, name: str, default: Any) -> Any:
    """What a configuration says; a nil in it is as good as nothing."""
    found = config.get(name)
    return default if found is None else found


def pair(found: Any) -> tuple[Any, Any]:
    """The value and the gradient that a function gave. What it gave besides is left alone."""
    parts: Any = found if isinstance(found, tuple | list) else [found]
    require(
        len(parts) > 1 and isinstance(parts[1], Tensor),
        "optim",
        f"a function that gives {', '.join(type(part).__name__ for part in parts)}",
        "its value and its gradient, a tensor",
        "the function returns the loss alone, or nothing",
    )
    return parts[0], parts[1]


class Objective:
    """A function that gives its value and its gradient, as one of an array.

    It is always given the same tensor, which then holds the array. With a `name`, each evaluation
    is reported under it.
    """

    def __init__(self, opfunc: Callable, x: Tensor, name: str = ""):
        self.opfunc, self.x, self.name = opfunc, x, name
        self.ambient = jax.config.jax_enable_x64  # type: ignore[attr-defined]
        self.found: list[float] = []

    def __call__(self, array: Array) -> tuple[Array, Array]:
        """Value and gradient."""
        value, gradient = pair(self.evaluated(array))
        return jnp.asarray(self.recorded(value), array.dtype), gradient.array

    def value(self, array: Array) -> float:
        """The value of a function that need not have a gradient."""
        found = self.evaluated(array)
        return self.recorded(found[0] if isinstance(found, tuple) else found)

    def evaluated(self, array: Array) -> Any:
        """What the caller's function gives, under the caller's configuration of jax."""
        self.x.copy(array)
        with jax.enable_x64(self.ambient):
            return self.opfunc(self.x)

    def recorded(self, value: Any) -> float:
        """The value as a number, which is remembered."""
        self.found.append(number(value))
        if self.name:
            print(f"<{self.name}> \tevaluation {len(self.found)}: {self.found[-1]:.14g}")
        return self.found[-1]


def number(value: Any) -> float:
    """A value, which may be the only element of a tensor."""
    return float(value.item() if isinstance(value, Tensor) else value)


def values(found: Minimum) -> Table:
    """The recorded values as a table of numbers."""
    return Table(np.asarray(found.values)[: int(found.recorded)].tolist())


def keep(state: Names, name: str, array: Any) -> None:
    """Have an array in a state: in the tensor that is there, if it is of this size."""
    held = state.get(name)
    if isinstance(held, Tensor) and tuple(held.size()) == array.shape:
        held.copy(array)
    else:
        state[name] = fromarray(array)


def work(state: Names, names: str, like: Tensor) -> None:
    """Tensors for intermediate results, which the original wants to find in a state."""
    for name in names.split():
        if name not in state:
            state[name] = like.clone().zero()

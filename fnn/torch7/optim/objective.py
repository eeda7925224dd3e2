"""Functions of Torch7's, for the minimisers of `fnn.minimise`; and what those found, for Torch7."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax import Array

from fnn.minimise import Minimum
from fnn.torch7.table import Table
from fnn.torch7.tensor import Tensor, fromarray

Names = dict[str, Any]


class Objective:
    """A function that gives its value and its gradient, as one of an array.

    It is always given the caller's tensor, which then holds the array. With a `name`, each
    evaluation is reported under it.
    """

    def __init__(self, opfunc: Callable, x: Tensor, name: str = ""):
        self.opfunc, self.x, self.name = opfunc, x, name
        self.ambient, self.count = jax.config.jax_enable_x64, 0  # type: ignore[attr-defined]

    def __call__(self, array: Array) -> tuple[float, Array]:
        """Value and gradient, in the types that the caller's jax has there."""
        self.x.copy(array)
        with jax.enable_x64(self.ambient):
            value, gradient = self.opfunc(self.x)
            found = float(value), fromarray(gradient).array
        self.count += 1
        if self.name:
            print(f"<{self.name}> \tevaluation {self.count}: {found[0]:.14g}")
        return found


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

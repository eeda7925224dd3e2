"""How modules are made of pure functions."""

from collections.abc import Callable
from functools import wraps
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from fnn.torch7.counting import from_1
from fnn.torch7.module import Module
from fnn.torch7.passing import as_inputs

__all__ = ["Pure"]


class Derived(Module):
    """A module that is a pure function without parameters, `function`.

    Its hyperparameters are what fields say when it runs (`_hyper`).
    """

    function: ClassVar[Callable]

    def __init__(self) -> None:
        self.derive(type(self).function, **self._hyper())


class Along(Derived):
    """A function along an axis: of one example with nInputDims axes, if that is given."""

    def __init__(self, dimension: int = 1, nInputDims: int | None = None):
        self.dimension, self.nInputDims = dimension, nInputDims
        super().__init__()

    def _hyper(self) -> dict[str, Any]:
        return {"axis": from_1(self.dimension, "dimension"), "dimensions": self.nInputDims}

    def _getPositiveDimension(self, input: Any) -> int:
        """The dimension that is meant of a tensor, or of each of a table."""
        first, *_ = as_inputs(input)
        if self.dimension < 0:
            return first.dim() + self.dimension + 1
        return self.dimension + (self.nInputDims is not None and first.dim() > self.nInputDims)


class Pure(Module):
    """Any pure layer or network of `fnn`, with these parameters and this state."""

    def __init__(self, apply: Callable, params: Any, state: Any | None = None):
        self.wrap(apply, params, state)


def at_least_one(function: Callable) -> Callable:
    """A function whose result has a dimension at least: Torch7 has no tensors without."""

    @wraps(function)
    def computed(*inputs: Any, **hyper: Any) -> Any:
        return jax.tree.map(jnp.atleast_1d, function(*inputs, **hyper))

    return computed


def reserved(name: str) -> Any:
    """A field whose name Python keeps for itself, under another name."""
    return property(
        lambda self: getattr(self, name), lambda self, value: setattr(self, name, value)
    )

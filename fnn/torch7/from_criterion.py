"""nn.ModuleFromCriterion: a criterion among modules."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from fnn.tensor.run import run
from fnn.torch7.module import Module
from fnn.torch7.passing import as_input
from fnn.torch7.tensor import Tensor

__all__ = ["ModuleFromCriterion"]


class ModuleFromCriterion(Module):
    """The loss of {prediction, target} as a tensor of one element; the target has no gradient."""

    def __init__(self, criterion: Any):
        super().__init__()
        self.criterion = criterion
        self.output = Tensor(1)

    def updateOutput(self, input: Any) -> Any:
        """Compute `output`."""
        self.output.fill(self.criterion.updateOutput(*input))
        return self.output

    def updateGradInput(self, input: Any, gradOutput: Any) -> Any:
        """Compute `gradInput`."""
        gradient = self.criterion.updateGradInput(*input)
        _, target = input
        found = run(weighed, *map(as_input, (gradient, target, gradOutput)))
        return self._hold_gradient(found)


def weighed(gradient: Any, target: Any, weight: Array) -> tuple[Any, Any]:
    """Gradients times a weight, and zeros for the target."""
    return jax.tree.map(lambda g: g * weight[0], gradient), jax.tree.map(jnp.zeros_like, target)

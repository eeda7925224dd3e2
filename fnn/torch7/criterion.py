"""nn's criterions: losses with a number as `output` and a gradient by the input."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from fnn import loss
from fnn.errors import require_indices
from fnn.tensor.number import Number
from fnn.tensor.run import known, run
from fnn.torch7.from_criterion import ModuleFromCriterion
from fnn.torch7.node import Connectable, Node
from fnn.torch7.passing import Convertible, as_input, held, shaped, type_name
from fnn.torch7.tensor import Tensor
from transforms.changes import Stateful

__all__ = ["ClassNLLCriterion", "Criterion", "MSECriterion"]


class Criterion(Connectable, Convertible, Stateful):
    """A loss: `forward(input, target)` is a number, `backward` its gradient by the input."""

    results = ("_output", "gradInput")
    renewed = (*results, "output")

    def __init__(self) -> None:
        self._output: Any = 0
        self.gradInput: Any = Tensor()

    @property
    def output(self) -> Any:
        """What `forward` returned last."""
        return self._output

    @output.setter
    def output(self, value: Any) -> None:
        self._output = value

    def forward(self, input: Any, target: Any) -> Any:
        """The loss."""
        return self.updateOutput(input, target)

    def backward(self, input: Any, target: Any) -> Any:
        """The gradient of the loss by the input."""
        return self.updateGradInput(input, target)

    def updateOutput(self, input: Any, target: Any) -> Any:
        """Compute `output`."""
        return self.output

    def updateGradInput(self, input: Any, target: Any) -> Any:
        """Compute `gradInput`."""
        return self.gradInput

    def _node(self, nodes: list[Node], label: str) -> Node:
        return ModuleFromCriterion(self)._node(nodes, label)

    def _apply(self, input: Any, target: Any) -> tuple[Any, Any]:
        """The loss and its gradient."""
        return self.forward(input, target), self.backward(input, target)

    def __str__(self) -> str:
        return type_name(self)

    __repr__ = __str__


class _Derived(Criterion):
    """A criterion that is a pure loss."""

    function: Callable

    def __init__(self, sizeAverage: bool = True):
        super().__init__()
        self.sizeAverage = sizeAverage

    def _operands(self, input: Tensor, target: Any) -> tuple:
        """What the loss is computed from, its input first."""
        return input, shaped(as_input(target), input.geometry.size)

    def _hyper(self) -> dict[str, Any]:
        return {"reduction": "sum" if self.sizeAverage is False else "mean"}

    def updateOutput(self, input: Any, target: Any) -> Any:
        """Compute `output` by the pure loss."""
        operands = self._operands(as_input(input), target)
        self.output = Number(run(type(self).function, *operands, **self._hyper()))
        return self.output

    def updateGradInput(self, input: Any, target: Any) -> Any:
        """Compute `gradInput` as the derivative of the pure loss."""
        operands = self._operands(as_input(input), target)
        gradient = run(gradient_by_input, *operands, loss=type(self).function, **self._hyper())
        self.gradInput = held(self.gradInput, gradient)
        return self.gradInput


def gradient_by_input(x: Array, *others: Any, loss: Callable, **hyper: Any) -> Array:
    """The derivative of a loss by its first argument."""
    return jax.grad(lambda x: loss(x, *others, **hyper))(x)


class MSECriterion(_Derived):
    """The mean of the squared differences, or their sum."""

    function = loss.mse


class ClassNLLCriterion(_Derived):
    """The negative log-probability of the target class; classes count from 1."""

    def __init__(self, weights: Any = None, sizeAverage: bool = True, ignoreIndex: int = -100):
        super().__init__(sizeAverage)
        self.weights = None if weights is None else as_input(weights)
        self.ignoreIndex = ignoreIndex

    def _operands(self, input: Tensor, target: Any) -> tuple:
        labels = target if isinstance(target, int | float) else as_input(target)
        return input, self._checked(labels, input), self.weights

    def _hyper(self) -> dict[str, Any]:
        return {**super()._hyper(), "ignore_index": self.ignoreIndex}

    def _checked(self, labels: Any, input: Tensor) -> Any:
        """The labels, which lie in range if their values can be looked at."""
        if not isinstance(labels, Tensor) or known(labels.storage):
            values = np.asarray(labels).astype(np.int64)
            require_indices(
                values[values != self.ignoreIndex] - 1,
                input.geometry.size[-1 if len(input.geometry.size) < 3 else -3],
                f"{type_name(self)}, whose labels count from 1 (here one less)",
                "labels that count from 0, or more classes than the network has outputs",
            )
        return labels


def class_nll(
    x: Array, target: Any, weight: Array | None, *, reduction: str, ignore_index: int
) -> Array:
    """`nll` with labels that count from 1, of any type."""
    labels = jnp.asarray(target).astype(jnp.int32) - 1
    labels = labels.reshape(()) if x.ndim == 1 else labels
    return loss.nll(x, labels, weight, reduction=reduction, ignore_index=ignore_index - 1)


ClassNLLCriterion.function = class_nll

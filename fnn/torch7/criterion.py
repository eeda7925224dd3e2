"""nn.Criterion: a loss with a number as `output` and a gradient by the input."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar, Self

import jax
import jax.numpy as jnp
from jax import Array

from fnn.errors import describe, require
from fnn.tensor.number import Number
from fnn.tensor.run import run
from fnn.torch7.from_criterion import ModuleFromCriterion
from fnn.torch7.memory import is_number
from fnn.torch7.node import Connectable, Node
from fnn.torch7.passing import Convertible, as_input, as_inputs, check_types, held, type_name
from fnn.torch7.table import Table
from fnn.torch7.tensor import Tensor
from transforms.changes import Stateful

__all__ = ["Criterion"]


class Criterion(Connectable, Convertible, Stateful):
    """A loss: `forward(input, target)` is a number, `backward` its gradient by the input.

    A criterion that computes in its own way overrides `updateOutput` and `updateGradInput`.
    """

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

    def forward(self, input: Any, target: Any = None) -> Any:
        """The loss."""
        return self.updateOutput(input, target)

    def backward(self, input: Any, target: Any = None) -> Any:
        """The gradient of the loss by the input."""
        return self.updateGradInput(input, target)

    def updateOutput(self, input: Any, target: Any = None) -> Any:
        """Compute `output`."""
        return self.output

    def updateGradInput(self, input: Any, target: Any = None) -> Any:
        """Compute `gradInput`."""
        return self.gradInput

    def clone(self) -> Self:
        """A deep copy."""
        return copy.deepcopy(self)

    def _node(self, nodes: list[Node], label: str) -> Node:
        return ModuleFromCriterion(self)._node(nodes, label)

    def _apply(self, input: Any, target: Any = None) -> tuple[Any, Any]:
        """The loss and its gradient."""
        return self.forward(input, target), self.backward(input, target)

    def __str__(self) -> str:
        return type_name(self)

    __repr__ = __str__


setattr(Criterion, "__tostring", Criterion.__str__)  # as c.__tostring() outside of a class


class Derived(Criterion):
    """A criterion that is a pure loss; `fields` are those that hold an option of the loss."""

    loss: Targeted
    fields: ClassVar[tuple[str, ...]] = ()
    weights: Any = None

    def __init__(self, sizeAverage: bool = True):
        super().__init__()
        self.sizeAverage = sizeAverage

    @property
    def _weights(self) -> Any:
        """What follows the target among the operands of the loss, if there is something."""
        return self.weights

    def _hyper(self) -> dict[str, Any]:
        """The options of the loss; fields are read at every call."""
        average = unless_nil(self.sizeAverage, True)
        fields = {name: getattr(self, name) for name in self.fields}
        return {"reduction": "mean" if average else "sum", **fields}

    def _operands(self, input: Any, target: Any) -> tuple:
        """What the loss is computed from: the inputs, the target, weights."""
        inputs = as_inputs(input)
        require(
            target is not None or self.loss.each is None,
            type_name(self),
            "an input without a target",
            "both",
            "forward and backward of a criterion take two arguments",
        )
        if target is not None and not is_number(target):
            target = as_input(target)
        typed = inputs, None if self.loss.labels else target, self._weights
        first, *others = (x for x in jax.tree.leaves(typed) if isinstance(x, Tensor))
        check_types(self, [first], others, "its first input")
        self._check(inputs, target)
        return inputs, target, self._weights

    def _check(self, inputs: tuple, target: Any) -> None:
        """Raise if numbers that can be looked at are none of those that the loss takes."""

    def updateOutput(self, input: Any, target: Any = None) -> Any:
        """Compute `output` by the pure loss."""
        self.output = Number(run(self.loss, *self._operands(input, target), **self._hyper()))
        return self.output

    def updateGradInput(self, input: Any, target: Any = None) -> Any:
        """Compute `gradInput` as the derivative of the pure loss."""
        operands = self._operands(input, target)
        gradients = run(gradient_by_inputs, *operands, loss=self.loss, **self._hyper())
        several = isinstance(input, Table | list | tuple)
        self.gradInput = held(self.gradInput, gradients if several else gradients[0])
        return self.gradInput


class Weighted(Derived):
    """A criterion with weights, of which `len` tells the number."""

    def __init__(self, weights: Any = None, sizeAverage: bool = True):
        super().__init__(sizeAverage)
        self.weights = None if weights is None else as_input(weights)

    def __len__(self) -> int:
        return 0 if self.weights is None else self.weights.length

    def __bool__(self) -> bool:
        return True  # as every object of Lua's


def unless_nil(argument: Any, default: Any) -> Any:
    """An argument, for which nil may stand if a later one is given."""
    return default if argument is None else argument


def gradient_by_inputs(inputs: tuple, *others: Any, loss: Callable, **hyper: Any) -> tuple:
    """The derivatives of a loss by its inputs."""
    return jax.grad(lambda inputs: loss(inputs, *others, **hyper))(inputs)


def element(x: Array, target: Array) -> tuple[int, ...]:
    """The shape of a target for each element of x."""
    return x.shape


def row(x: Array, target: Array) -> tuple[int, ...]:
    """The shape of a target for each row of x."""
    return x.shape[:-1]


def place(x: Array, target: Array) -> tuple[int, ...]:
    """The shape of a target for each place in each example of x, where all classes meet."""
    return x.shape[:1] * (x.ndim > 1) + x.shape[2:]


def example(x: Array, target: Array) -> tuple[int, ...]:
    """The shape of the only target."""
    return ()


def own(x: Array, target: Array) -> tuple[int, ...]:
    """The shape that the target has."""
    return target.shape


@dataclass(frozen=True)
class Targeted:
    """A pure loss of inputs in a tuple, whose target may come in any shape and of any type.

    There is a target for each element, row or place of the first input; with `each=None` there is
    none. Labels count from 1.
    """

    loss: Callable
    each: Callable[[Array, Array], tuple[int, ...]] | None = element
    labels: bool = False
    options: tuple[tuple[str, Any], ...] = ()

    @property
    def __name__(self) -> str:
        return self.loss.__name__

    def __call__(self, inputs: tuple, target: Any, weights: Any = None, **hyper: Any) -> Array:
        """Compute."""
        hyper.update(self.options)
        if self.each is None:
            return self.loss(*inputs, **hyper)
        target = jnp.asarray(target)
        shape = self.each(inputs[0], target)
        require(
            target.size == prod(shape),
            self.__name__,
            f"input {describe(inputs)} and target {describe(target)}",
            f"{prod(shape)} elements in the target: one for each {self.each.__name__}",
            "input and target belong to different examples",
        )
        target = target.astype(jnp.int32) - 1 if self.labels else target.astype(inputs[0].dtype)
        rest = () if weights is None else (weights,)
        return self.loss(*inputs, target.reshape(shape), *rest, **hyper)

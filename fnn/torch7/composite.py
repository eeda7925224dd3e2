"""nn's criterions of criterions."""

import warnings
from functools import partial
from typing import Any, Self

import jax
import jax.numpy as jnp
from jax import Array

from fnn.errors import require
from fnn.tensor.number import Number
from fnn.tensor.run import run
from fnn.torch7.criterion import Criterion, unless_nil
from fnn.torch7.module import Module
from fnn.torch7.passing import as_input, held, type_name
from fnn.torch7.storage import DoubleStorage
from fnn.torch7.table import Table

__all__ = ["CriterionTable", "ModuleCriterion", "MultiCriterion", "ParallelCriterion"]


class _Several(Criterion):
    """A weighted sum of criterions."""

    def __init__(self) -> None:
        super().__init__()
        self.criterions: Table = Table()
        self.weights: Any = Table()

    def add(self, criterion: Criterion, weight: float | None = 1) -> Self:
        """Append a criterion with a weight; returns the sum."""
        self.criterions.append(criterion)
        self._weigh(len(self.criterions), unless_nil(weight, 1))
        return self

    def _weigh(self, index: int, weight: float) -> None:
        self.weights[index] = weight

    def _shares(self, input: Any, target: Any) -> list[tuple[Any, Any]]:
        """The input and the target of each criterion."""
        return [(input, target)] * len(self.criterions)

    def _ask(self, method: str, input: Any, target: Any) -> tuple[list[Any], Any]:
        """What a method of each criterion returns, and the weights."""
        each = zip(self.criterions, self._shares(input, target), strict=True)
        found = [getattr(criterion, method)(*share) for criterion, share in each]
        return found, self.weights.tolist() if isinstance(self.weights, Table) else self.weights

    def updateOutput(self, input: Any, target: Any = None) -> Any:
        """Compute `output`, the weighted sum of theirs."""
        losses, weights = self._ask("updateOutput", input, target)
        self.output = Number(run(total, losses, weights, dtype="float64"))
        return self.output

    def updateGradInput(self, input: Any, target: Any = None) -> Any:
        """Compute `gradInput`, of theirs times the weights."""
        gradients, weights = self._ask("updateGradInput", input, target)
        gradient = run(self._gather, [as_input(g) for g in gradients], weights)
        self.gradInput = held(self.gradInput, gradient)
        return self.gradInput


def scaled(values: list[Any], weights: Any, *, dtype: Any = None) -> list[Any]:
    """Each pytree of numbers times its weight."""

    def times(weight: Any, x: Any) -> Array:
        x = jnp.asarray(x, dtype)
        return jnp.asarray(weight).astype(x.dtype) * x

    pairs = [(weights[i], value) for i, value in enumerate(values)]
    return [jax.tree.map(partial(times, weight), value) for weight, value in pairs]


def total(values: list[Any], weights: Any, *, dtype: Any = None) -> Any:
    """The sum of pytrees of numbers times their weights."""
    return jax.tree.map(lambda *terms: sum(terms), *scaled(values, weights, dtype=dtype))


class MultiCriterion(_Several):
    """A weighted sum of criterions of the same input and target."""

    _gather = staticmethod(total)

    def __init__(self) -> None:
        super().__init__()
        self.weights = DoubleStorage()

    def _weigh(self, index: int, weight: float) -> None:
        self.weights.resize(index)
        super()._weigh(index, weight)


class ParallelCriterion(_Several):
    """A weighted sum of criterions, each of its own element of the input and of the target.

    With `repeatTarget` all have the whole target.
    """

    _gather = staticmethod(scaled)

    def __init__(self, repeatTarget: bool | None = False):
        super().__init__()
        self.gradInput, self.repeatTarget = Table(), repeatTarget

    def _shares(self, input: Any, target: Any) -> list[tuple[Any, Any]]:
        count = len(self.criterions)
        targets = [target] * count if self.repeatTarget else target
        require(
            len(input) == count == len(targets),
            type_name(self),
            f"{len(input)} inputs and {len(targets)} targets",
            f"{count} of each, as there are criterions",
            "with repeatTarget the target is one for all",
        )
        return list(zip(input, targets, strict=True))


class ModuleCriterion(Criterion):
    """A criterion of what modules make of the input and of the target.

    The modules' parameters are not learned. With `castTarget=False` the target's module keeps its
    type when the criterion is converted.
    """

    def __init__(
        self,
        criterion: Criterion,
        inputModule: Module | None = None,
        targetModule: Module | None = None,
        castTarget: bool = True,
    ):
        super().__init__()
        self.criterion, self.inputModule, self.targetModule = criterion, inputModule, targetModule
        self.castTarget = castTarget
        if inputModule is not None and inputModule.parameters()[0]:
            warnings.warn("nn.ModuleCriterion doesn't support parameter updates", stacklevel=2)

    def updateOutput(self, input: Any, target: Any = None) -> Any:
        """Compute `output`."""
        if self.inputModule is not None:
            input = self.inputModule.forward(input)
        if self.targetModule is not None:
            target = self.targetModule.forward(target)
        self.output = self.criterion.forward(input, target)
        return self.output

    def updateGradInput(self, input: Any, target: Any = None) -> Any:
        """Compute `gradInput` through the input's module."""
        if self.targetModule is not None:
            target = self.targetModule.output
        if self.inputModule is None:
            self.gradInput = self.criterion.backward(input, target)
        else:
            gradient = self.criterion.backward(self.inputModule.output, target)
            self.gradInput = self.inputModule.backward(input, gradient)
        return self.gradInput

    def _to_convert(self) -> list[str]:
        return [n for n in super()._to_convert() if self.castTarget or n != "targetModule"]


class CriterionTable(Module):
    """A criterion as a module: its input and target come in a table, the output is a number."""

    def __init__(self, criterion: Criterion):
        super().__init__()
        self.criterion = criterion
        self.gradInput = Table([criterion.gradInput])

    def updateOutput(self, input: Any) -> Any:
        """Compute `output`."""
        self.output = self.criterion.updateOutput(*input)
        return self.output

    def updateGradInput(self, input: Any, gradOutput: Any = None) -> Any:
        """Compute `gradInput`: a table with the criterion's."""
        self.gradInput = Table([self.criterion.updateGradInput(*input)])
        return self.gradInput

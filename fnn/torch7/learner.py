"""What training does to a module: its parameters, their gradients, a step against these."""

from __future__ import annotations

from math import prod
from typing import Any, Self

import numpy as np
from jax import Array

from fnn.errors import require
from fnn.tensor import updates
from fnn.tensor.run import run
from fnn.tensor.types import cast
from fnn.torch7.flatten import flatten, overlapping
from fnn.torch7.passing import gradient_name, leaves
from fnn.torch7.table import Table
from fnn.torch7.tensor import Tensor
from fnn.torch7.tree import Tree


class Learner(Tree):
    """A module with parameters and their gradients: `weight` and `gradWeight`, say."""

    weight: Any = None
    bias: Any = None
    gradWeight: Any = None
    gradBias: Any = None
    keeps_gradients = False  # in `accUpdateGradParameters`, even while others share parameters

    def _add_parameter(self, name: str, shape: tuple[int, ...]) -> None:
        setattr(self, name, Tensor(*shape))
        setattr(self, gradient_name(name), Tensor(*shape))

    def _add_buffer(self, name: str, array: Array) -> None:
        setattr(self, name, Tensor(*array.shape).copy(np.asarray(array)))

    def load(self, params: Any, state: Any | None = None) -> Self:
        """Hold the arrays of a pytree, as `pure` gives them; the gradients take their types."""
        super().load(params, state)
        pairs = zip(leaves(self.tensors("params")), leaves(self.tensors("gradients")), strict=True)
        for parameter, gradient in pairs:
            if gradient.element_type != parameter.element_type:
                gradient.storage.array = cast(gradient.storage.array, parameter.element_type)
        return self

    @property
    def _fan_in(self) -> int:
        """How many numbers each output is made of."""
        first, *_ = self.names("params")
        return prod(getattr(self, first).geometry.size[1:])

    def _bound(self, stdv: float | None) -> float:
        """Up to where initial values are drawn."""
        return 1 / self._fan_in**0.5 if stdv is None else stdv * 3**0.5

    def reset(self, stdv: float | None = None) -> Self:
        """Draw the parameters anew, uniform in +-1/sqrt(fan in), or in +-sqrt(3) `stdv`."""
        if self._derived is not None and (names := self.names("params")):
            bound = self._bound(stdv)
            for parameter in (getattr(self, name) for name in names):
                if parameter is not None:
                    parameter.uniform(-bound, bound)
        return self

    def parameters(self) -> tuple[Table, Table] | tuple[None, None]:
        """All parameters and all their gradients; a pair of None if there are none."""
        names = self.names("params") if self._derived is not None else ("weight", "bias")
        pairs = [(getattr(self, n, None), getattr(self, gradient_name(n), None)) for n in names]
        pairs = [(p, g) for p, g in pairs if p is not None and g is not None]
        return (Table(p for p, _ in pairs), Table(g for _, g in pairs)) if pairs else (None, None)

    def learnable(self) -> dict[str, Tensor]:
        """The parameters that `transforms.grad` differentiates by, by path, such as `1.weight`."""
        modules = [((), self), *self._descendants()]
        paths = {
            id(x): ".".join([*(str(int(n) + 1) if n.isdigit() else n for n in path), name])
            for path, module in reversed(modules)
            for name, x in vars(module).items()
        }
        found = enumerate(self.parameters()[0] or (), 1)
        return {paths.get(id(x), str(i)): x for i, x in found}

    def getParameters(self) -> tuple[Tensor, Tensor]:
        """Two vectors: all parameters, all gradients. The modules' tensors become views of them."""
        params, grads = (list(found or ()) for found in self.parameters()[:2])
        flat = flatten(params), flatten(grads)
        require(
            flat[0].length == flat[1].length,
            "getParameters",
            f"{flat[0].length} parameters with {flat[1].length} gradients",
            "as many gradients as parameters",
            "check that you are sharing parameters and gradParameters",
        )
        for i, (p, g) in enumerate(zip(params, grads, strict=True), 1):
            require(
                p.geometry.offset == g.geometry.offset,
                "getParameters",
                f"misaligned parameter at {i}",
                "each parameter at the place of its gradient",
                "parameters and gradients are shared in different ways",
            )
        return flat

    flatten = staticmethod(flatten)

    def zeroGradParameters(self) -> None:
        """Set all gradients to zero."""
        grads = list(self.parameters()[1] or ())
        run(updates.zeros, grads, into=grads)

    def updateParameters(self, learningRate: float) -> None:
        """Take one step against the gradients; a shared parameter takes one for each owner."""
        params, grads = (list(found or ()) for found in self.parameters()[:2])
        if self._once("shared parameters", overlapping, params):
            for p, g in zip(params, grads, strict=True):
                run(updates.descend, [p], [g], learningRate, into=[p])
        else:
            run(updates.descend, params, grads, learningRate, into=params)

    def backwardUpdate(self, input: Any, gradOutput: Any, lr: float) -> Any:
        """Compute `gradInput`, and take a step against the gradients without keeping them."""
        self.updateGradInput(input, gradOutput)
        self.accUpdateGradParameters(input, gradOutput, lr)
        return self.gradInput

    def accUpdateGradParameters(self, input: Any, gradOutput: Any, lr: float) -> None:
        """Take a step against the gradients of the parameters."""
        if self.shared:
            self.sharedAccUpdateGradParameters(input, gradOutput, lr)
        else:
            self.defaultAccUpdateGradParameters(input, gradOutput, lr)

    def defaultAccUpdateGradParameters(self, input: Any, gradOutput: Any, lr: float) -> None:
        """Have the gradients added to the parameters, which stand in their place meanwhile."""
        names = self.names("params") if self._derived is not None else ("weight", "bias")
        kept = {name: vars(self).get(gradient_name(name)) for name in names}
        for name in kept:
            setattr(self, gradient_name(name), vars(self).get(name))
        try:
            self.accGradParameters(input, gradOutput, -lr)
        finally:
            for name, gradient in kept.items():
                setattr(self, gradient_name(name), gradient)

    def sharedAccUpdateGradParameters(self, input: Any, gradOutput: Any, lr: float) -> None:
        """Take a step by way of the gradients, which others may share."""
        if self.keeps_gradients:
            self.defaultAccUpdateGradParameters(input, gradOutput, lr)
        elif self.parameters()[0] is not None:
            self.zeroGradParameters()
            self.accGradParameters(input, gradOutput, 1)
            self.updateParameters(lr)

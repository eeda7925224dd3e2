"""What training does to a module: its parameters, their gradients, a step against these."""

from __future__ import annotations

from math import prod
from typing import Any, Self

import numpy as np
from jax import Array

from fnn.shell import Shell
from fnn.tensor import updates
from fnn.tensor.run import run
from fnn.tensor.types import cast
from fnn.torch7.flatten import flatten
from fnn.torch7.passing import gradient_name, leaves
from fnn.torch7.table import Table
from fnn.torch7.tensor import Tensor


class Learner(Shell):
    """A module with parameters and their gradients: `weight` and `gradWeight`, say."""

    weight: Tensor
    bias: Tensor | None = None
    gradWeight: Tensor
    gradBias: Tensor | None = None

    def _descendants(self, path: tuple[str, ...] = ()) -> Any:
        """All modules inside, with their paths."""
        for name, child in self._children():
            yield (*path, name), child
            yield from child._descendants((*path, name))

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
            for name in names:
                getattr(self, name).uniform(-bound, bound)
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
        params, grads = self.parameters()
        return flatten(params or ()), flatten(grads or ())

    def zeroGradParameters(self) -> None:
        """Set all gradients to zero."""
        grads = list(self.parameters()[1] or ())
        run(updates.zeros, grads, into=grads)

    def updateParameters(self, learningRate: float) -> None:
        """Take one step against the gradients."""
        params, grads = (list(found or ()) for found in self.parameters())
        run(updates.descend, params, grads, learningRate, into=params)

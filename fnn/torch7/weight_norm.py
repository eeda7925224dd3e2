"""nn's decorator that has a module's weight made of other parameters."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any

import jax.numpy as jnp
from jax import Array

from fnn.compose import Around
from fnn.errors import LayerError
from fnn.layer import Applicable, Given
from fnn.reparametrise import row_norms, weight_norm
from fnn.tensor.run import run
from fnn.torch7 import working
from fnn.torch7.decorators import Decorator
from fnn.torch7.found import Working, seen
from fnn.torch7.learner import Learner
from fnn.torch7.module import Module
from fnn.torch7.storage import size_storage
from fnn.torch7.tensor import Tensor

__all__ = ["WeightNorm"]


class WeightNorm(Decorator):
    """The weight of the module inside is g v / |v|: length and direction are learned apart.

    |v| is the norm of each output's part, a row of v. The weight is computed anew in every forward;
    the module inside holds the one of the last `updateWeight`, which `evaluate` calls. `reset` is
    that of the module inside, whose bias is also this one's; `resetInit` draws v anew.
    """

    network = None
    _norm = Working(lambda self: self._norms(self.v), lambda self, _: self._norms(*self._used("v")))
    _scale = Working(
        lambda self: self._scales(self.g), lambda self, _: self._scales(*self._used("g"))
    )

    def __init__(self, module: Module, outputDim: int = 1):
        super().__init__(module)
        self.outputDim, self.weightSize = outputDim, module.weight.size()
        self.weight, self.gradWeight = module.weight, module.gradWeight
        rows = module.weight.size(outputDim)
        self.otherDims = module.weight.nElement() // rows
        self.viewIn = size_storage((rows, self.otherDims))
        self.viewOut = self.permuteIn(module.weight).size()
        shapes: dict[str, Any] = {"v": tuple(self.viewIn), "g": (rows, 1)}
        if module.bias is not None:
            shapes["bias"] = ()
        self.be(self._around(module.layer), shapes, {})

    def _add_parameter(self, name: str, shape: tuple[int, ...]) -> None:
        if name == "bias":
            self.bias, self.gradBias = self.modules[1].bias, self.modules[1].gradBias
        else:
            super()._add_parameter(name, shape)

    def _around(self, inner: Applicable | None) -> Applicable:
        if inner is None:
            raise LayerError(
                f"{self}: given a module with methods of its own, wanted one that is derived from "
                "a pure layer\nlikely cause: the weight is made for a layer, not for a method"
            )
        return Normed(inner, tuple(self.weightSize), self.outputDim - 1)

    def _find_program(self) -> Applicable | None:
        return self._around(self.modules[1].layer)

    parameters = Learner.parameters  # type: ignore[assignment]  # its own, not those inside
    zeroGradParameters = Learner.zeroGradParameters
    updateParameters = Learner.updateParameters
    accUpdateGradParameters = Learner.accUpdateGradParameters

    def _used(self, *names: str) -> list[Tensor]:
        """Parameters as the last forward had them."""
        return [Tensor._around(x) for x in seen(self, working.parameters, names=names)]

    def _norms(self, v: Tensor) -> Tensor:
        return Tensor._around(run(row_norms, v, eps=1e-4))

    def _scales(self, g: Tensor) -> Tensor:
        return g.clone().cdiv(self._norm).view(-1)

    def permuteIn(self, inpt: Tensor) -> Tensor:
        """The dimension of the outputs first."""
        for i in range(self.outputDim - 1, 0, -1):
            inpt = inpt.transpose(i, i + 1)
        return inpt

    def permuteOut(self, inpt: Tensor) -> Tensor:
        """The dimension of the outputs back in its place."""
        for i in range(1, self.outputDim):
            inpt = inpt.transpose(i, i + 1)
        return inpt

    def resetInit(self) -> None:
        """Draw v anew; g is its norms then, and the bias zero."""
        self.v.normal(0, sqrt(2 / self.v.size(2)))
        self.g.copy(self.v.norm(2, 2))
        if self.bias is not None:
            self.bias.zero()

    def _begin(self) -> None:
        self.resetInit()

    def updateWeight(self) -> None:
        """Have the module inside hold the weight that it works with."""
        size, axis = tuple(self.weightSize), self.outputDim - 1
        made = run(normed, self.tensors("params"), size=size, axis=axis)
        self.weight.copy(Tensor._around(made["weight"]))

    def evaluate(self) -> None:
        """Behave as in use."""
        self.updateWeight()
        super().evaluate()


@dataclass(frozen=True, repr=False)
class Normed(Around):
    """A layer whose weight of this size is made of `v` and `g`, with the outputs along an axis."""

    size: tuple[int, ...]
    axis: int

    def init(self, key: Array) -> dict[str, Any]:
        """Fresh parameters, which make the layer's own."""
        params = self.layer.init(key)
        v = jnp.moveaxis(params.pop("weight"), self.axis, 0).reshape(self.size[self.axis], -1)
        return {"v": v, "g": row_norms(v, eps=1e-4), **params}

    def fill(self, given: Given, *inputs: Any) -> tuple[Any, Any]:
        """Call the layer with its weight."""
        params = normed(given.params, size=self.size, axis=self.axis)
        return self.layer.fill(given._replace(params=params), *inputs)


def normed(params: dict[str, Array], *, size: tuple[int, ...], axis: int) -> dict[str, Array]:
    """The parameters of a layer whose weight is made of `v` and `g`."""
    rows = weight_norm(params["v"], params["g"], eps=1e-4)
    weight = rows.reshape(size[axis], *size[:axis], *size[axis + 1 :])
    others = {name: x for name, x in params.items() if name not in ("v", "g")}
    return {"weight": jnp.moveaxis(weight, 0, axis), **others}

"""nn.hessian: the diagonal of the Hessian, estimated by going backward with squares.

As LeCun's "Optimal Brain Damage" has it: second derivatives within a layer are left out, so that
the diagonal goes back through a layer by the squares of its derivatives.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from fnn.errors import LayerError
from fnn.tensor.gradient import Filled
from fnn.tensor.run import run
from fnn.torch7.containers import Container, Sequential
from fnn.torch7.criterion import Criterion
from fnn.torch7.flatten import flatten
from fnn.torch7.learner import Learner
from fnn.torch7.module import Module
from fnn.torch7.passing import as_input, held, shaped
from fnn.torch7.table import Table
from fnn.torch7.tensor import Tensor

__all__ = ["hessian"]


class hessian:
    """Diagonals of Hessians, for the modules and criterions named here, and chains of them.

    After `enable()`, `initDiagHessianParameters()` gives a network its `diagHessianWeight` and
    `diagHessianBias`; `updateDiagHessianInput` and `accDiagHessianParameters` go back with the
    diagonal by the output, as `updateGradInput` and `accGradParameters` do with the gradient;
    `parameters()` and `getParameters()` have diagonals as their third result.
    """

    linear = (
        *("Linear", "SpatialConvolution", "SpatialConvolutionLocal", "SpatialConvolutionMap"),
        *("SpatialFullConvolution", "SpatialFullConvolutionMap"),
    )
    pointwise = ("Tanh", "Square", "Sqrt")

    @classmethod
    def enable(cls) -> None:
        """Give the classes these methods."""
        from fnn.torch7 import nn

        for kind, methods in METHODS.items():
            for name, method in methods.items():
                setattr(kind, name, method)
        rules = dict.fromkeys(cls.linear, by_squared_weights) | CRITERIONS
        rules |= dict.fromkeys(cls.pointwise, by_squared_slope)
        rules |= {"TanhShrink": by_two_ways, "Reshape": as_shaped}
        for name in rules.keys() & vars(nn).keys():
            vars(nn)[name].updateDiagHessianInput = rules[name]


def by_squared_weights(self: Any, input: Any, diagHessianOutput: Any) -> Any:
    """Compute `diagHessianInput` of a linear module."""
    params = run(squares, self.tensors("params"))
    return hold(self, back(self, params, input, diagHessianOutput))


def by_squared_slope(self: Any, input: Any, diagHessianOutput: Any) -> Any:
    """Compute `diagHessianInput` of a function of each element."""
    x = as_input(input)
    slope = back(self, self.tensors("params"), x, x.new().resizeAs(x).fill(1))
    return hold(self, run(scaled_by_square, shaped(diagHessianOutput, x.geometry.size), slope))


def by_two_ways(self: Any, input: Any, diagHessianOutput: Any) -> Any:
    """Compute `diagHessianInput` of TanhShrink: that through tanh plus that around it.

    So has the original it; one way of slope 1 - (1 - tanh^2 x) would have its square.
    """
    around = shaped(diagHessianOutput, as_input(input).geometry.size)
    return hold(self, (by_squared_slope(self.tanh, input, around) + around).storage)


def as_shaped(self: Any, input: Any, diagHessianOutput: Any) -> Any:
    """Give the diagonal the shape of the input."""
    self.diagHessianInput = diagHessianOutput.contiguous().view(*input.size())
    return self.diagHessianInput


def add_by_squared_input(self: Any, input: Any, diagHessianOutput: Any) -> None:
    """Add to the diagonals of a linear module's parameters, if it has any."""
    if self._derived is None or not self.names("params"):
        return
    self.initDiagHessianParameters()
    params, state = self.tensors("params"), self.tensors("state")
    given = as_input(input), as_input(diagHessianOutput)
    for name, more in run(by_params, params, state, *given, layer=filled(self)).items():
        getattr(self, diagonal(name)).add(Tensor._around(more))


def initialise(self: Any) -> None:
    """Have diagonals of zero for the parameters that have none."""
    if self._derived is not None:
        for name in self.names("params"):
            if (p := getattr(self, name)) is not None and not hasattr(self, diagonal(name)):
                setattr(self, diagonal(name), p.new().resizeAs(p).zero())


def undefined(self: Any, *_: Any) -> Any:
    """Refuse: nobody has said how the diagonal goes back through this."""
    raise LayerError(f"{self}: updateDiagHessianInput is undefined\nlikely cause: {KNOWN}")


NAMES = ", ".join((*hessian.linear, *hessian.pointwise, "TanhShrink"))
KNOWN = f"diagonals are there for {NAMES} and Reshape"


def chained(method: str) -> Callable[[Any, Any, Any], Any]:
    """A method of a chain: each module's, the last one's first."""

    def call(self: Any, input: Any, diagHessianOutput: Any) -> Any:
        for i in range(len(self), 0, -1):
            given = self.modules[i - 1].output if i > 1 else input
            self.rethrowErrors(self.modules[i], i, method, given, diagHessianOutput)
            diagHessianOutput = self.modules[i].diagHessianInput
        if method == "updateDiagHessianInput":
            self.diagHessianInput = diagHessianOutput
        return self.diagHessianInput

    return call


def own_parameters(self: Any) -> tuple:
    """Parameters, gradients and diagonals."""
    params, grads = plain_parameters(self)
    names = self.names("params") if self._derived is not None else ("weight", "bias")
    found = [getattr(self, diagonal(name), None) for name in names]
    return params, grads, None if params is None else Table(x for x in found if x is not None)


def all_parameters(self: Any) -> tuple:
    """Parameters, gradients and diagonals of all modules."""
    found = [(*module.parameters(), None)[:3] for module in self.modules]
    return tuple(Table(t for each in found for t in each[i] or ()) for i in range(3))


def flat_parameters(self: Any) -> tuple[Tensor, Tensor, Tensor]:
    """Three vectors: all parameters, all gradients, all diagonals."""
    diagonals = list(self.parameters()[2] or ())
    return *plain_flat(self), flatten(diagonals)


plain_parameters, plain_flat = Learner.parameters, Learner.getParameters


def of_mse(self: Any, input: Any, target: Any = None) -> Tensor:
    """2, or 2 over the number of elements."""
    x = as_input(input)
    self.diagHessianInput = x.new().resizeAs(x).fill(2 / (x.nElement() if self.sizeAverage else 1))
    return self.diagHessianInput


def of_l1(self: Any, input: Any, target: Any = None) -> Tensor:
    """1, but 0 where the input is 0."""
    x = as_input(input)
    self.diagHessianInput = x.ne(0).typeAs(x)
    return self.diagHessianInput


CRITERIONS = {
    "MSECriterion": of_mse,
    "WeightedMSECriterion": of_mse,  # its weights are factors of the target
    "L1Cost": of_l1,
}
METHODS = {
    Module: {
        "updateDiagHessianInput": undefined,
        "accDiagHessianParameters": add_by_squared_input,
        "initDiagHessianParameters": initialise,
    },
    Sequential: {
        "updateDiagHessianInput": chained("updateDiagHessianInput"),
        "accDiagHessianParameters": chained("accDiagHessianParameters"),
    },
    Container: {
        "initDiagHessianParameters": lambda self: self.applyToModules(
            lambda module: module.initDiagHessianParameters()
        ),
        "parameters": all_parameters,
    },
    Learner: {"parameters": own_parameters, "getParameters": flat_parameters},
    Criterion: {"updateDiagHessianInput": undefined},
}


def diagonal(name: str) -> str:
    """`diagHessianWeight` belongs to `weight`."""
    return f"diagHessian{name[0].upper()}{name[1:]}"


def filled(module: Any) -> Filled:
    """A module's layer, as a function of everything that it may be filled with."""
    return Filled(module._program, module._mode)


def hold(module: Any, value: Any) -> Any:
    """Have a result as `diagHessianInput`."""
    module.diagHessianInput = held(getattr(module, "diagHessianInput", None), value)
    return module.diagHessianInput


def back(module: Any, params: Any, input: Any, direction: Any) -> Any:
    """A gradient by the input, with other parameters than the module's."""
    state = module.tensors("state")
    return run(by_input, params, state, as_input(input), as_input(direction), layer=filled(module))


def by_input(params: Any, state: Any, x: Array, direction: Array, *, layer: Filled) -> Array:
    """The gradient by the input."""
    y, pull = jax.vjp(lambda x: layer(params, state, None, x)[0], x)
    return pull(direction.reshape(y.shape))[0]


def by_params(params: Any, state: Any, x: Array, direction: Array, *, layer: Filled) -> Any:
    """The gradients by the parameters, where the inputs are squares."""
    y, pull = jax.vjp(lambda params: layer(params, state, None, x * x)[0], params)
    return pull(direction.reshape(y.shape))[0]


def squares(params: Any) -> Any:
    """The square of each array."""
    return jax.tree.map(jnp.square, params)


def scaled_by_square(x: Array, slope: Array) -> Array:
    """x times a square."""
    return x * jnp.square(slope)

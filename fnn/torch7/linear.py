"""nn's linear layers, and weights for each element."""

from __future__ import annotations

from math import prod
from typing import Any, Self

import numpy as np
from jax import Array

from fnn.affine import scale, shift
from fnn.layer import layer
from fnn.linear import bilinear, linear, partial_linear
from fnn.reparametrise import row_norms, weight_norm
from fnn.tensor.run import run
from fnn.torch7 import working
from fnn.torch7.biased import Biased
from fnn.torch7.counting import check_positions, sizes
from fnn.torch7.found import Working, seen
from fnn.torch7.module import Module
from fnn.torch7.passing import as_input, two_tensors, type_name
from fnn.torch7.storage import LongStorage
from fnn.torch7.tensor import Tensor

__all__ = [
    "Add",
    "Bilinear",
    "CAdd",
    "CMul",
    "Linear",
    "LinearWeightNorm",
    "Mul",
    "PartialLinear",
]


class Linear(Biased):
    """y = Wx + b."""

    keeps_gradients = True
    addBuffer = Working(None, working.ones_for_rows)

    def __init__(self, inputSize: int, outputSize: int, bias: bool = True):
        self.derive(linear, inputSize, outputSize, bias=bias)

    def updateAddBuffer(self, input: Any) -> None:
        """Have a one for each row of a matrix."""
        old = working.EMPTY(self) if self.addBuffer is None else self.addBuffer
        self.addBuffer = working.ones(old, input.size(1))

    def __tostring__(self) -> str:
        """The sizes."""
        outputs, inputs = self.weight.geometry.size
        return f"{type_name(self)}({inputs} -> {outputs}){self._without}"


class LinearWeightNorm(Linear):
    """y = Wx + b with the rows of W as g v / |v|: their lengths and directions apart.

    `weight` is what forward used last, or what `evaluate` found; `norm` and `scale` are |v| and
    g / |v| of each row.
    """

    norm = Working(lambda self: self._norms(self.v), lambda self, _: self._norms(*self._used("v")))
    scale = Working(
        lambda self: self._scales(self.g), lambda self, _: self._scales(*self._used("g"))
    )

    def __init__(self, inputSize: int, outputSize: int, bias: bool = True, eps: float = 1e-16):
        self.inputSize, self.outputSize, self.eps = inputSize, outputSize, eps
        shape = (outputSize, inputSize)
        shapes = {"v": shape, "g": (outputSize, 1)} | ({"bias": (outputSize,)} if bias else {})
        self.be(layer(normed_linear), shapes, {"weight": np.zeros(shape)})

    def _hyper(self) -> dict[str, Any]:
        return {"least": self.eps}

    @property
    def _fan_in(self) -> int:
        return self.inputSize

    def reset(self, stdv: float | None = None) -> Self:
        """Draw weight and bias anew, as in Linear."""
        bound = self._bound(stdv)
        self.initFromWeight(self.weight.uniform(-bound, bound))
        if self.bias is not None:
            self.bias.uniform(-bound, bound)
        return self

    def initFromWeight(self, weight: Any = None) -> Self:
        """Have v and g make up a weight."""
        weight = self.weight if weight is None else as_input(weight)
        self.g.hold(run(row_norms, weight, least=self.eps))
        self.v.copy(weight)
        return self

    def _used(self, *names: str) -> list[Tensor]:
        """Parameters as the last forward had them."""
        return [Tensor._around(x) for x in seen(self, working.parameters, names=names)]

    def _norms(self, v: Tensor) -> Tensor:
        return Tensor._around(run(row_norms, v, least=self.eps))

    def _scales(self, g: Tensor) -> Tensor:
        return g.clone().cdiv(self.norm)

    def updateWeightMatrix(self) -> None:
        """Make `weight` from v and g."""
        self.weight.hold(run(weight_norm, self.v, self.g, least=self.eps))

    def evaluate(self) -> None:
        """Behave as in use."""
        if self._mode:
            self.updateWeightMatrix()
        super().evaluate()

    @staticmethod
    def fromLinear(source: Linear) -> LinearWeightNorm:
        """What computes the same as a Linear."""
        outputs, inputs = source.weight.geometry.size
        made = LinearWeightNorm(inputs, outputs, source.bias is not None)
        made.initFromWeight(made.weight.copy(source.weight))
        if made.bias is not None:
            made.bias.copy(source.bias)
        return made

    def toLinear(self) -> Linear:
        """A Linear that computes the same."""
        self.updateWeightMatrix()
        made = Linear(self.inputSize, self.outputSize, self.bias is not None)
        made.weight.copy(self.weight)
        if made.bias is not None:
            made.bias.copy(self.bias)
        return made


def normed_linear(
    params: dict[str, Array], state: dict[str, Array], x: Array, *, least: float
) -> tuple[Array, dict[str, Array]]:
    """`linear` with the weight of v and g, which can be looked at in the state."""
    weight = weight_norm(params["v"], params["g"], least=least)
    return linear({**params, "weight": weight}, x), {"weight": weight}


class Bilinear(Biased):
    """y_k = x_1^T W_k x_2 + b_k of {x_1, x_2}."""

    keeps_gradients = True
    first_gradient = staticmethod(two_tensors)

    def __init__(self, inputSize1: int, inputSize2: int, outputSize: int, bias: bool = True):
        self.derive(bilinear, inputSize1, inputSize2, outputSize, bias=bias)

    @property
    def _fan_in(self) -> int:
        return self.weight.geometry.size[1]

    def __tostring__(self) -> str:
        """The sizes."""
        outputs, first, second = self.weight.geometry.size
        return f"{type_name(self)}({first}x{second} -> {outputs}) {self._without}"


class PartialLinear(Biased):
    """A Linear of which only some outputs are computed, those of `setPartition`."""

    keeps_gradients = True

    def __init__(self, inputsize: int, outputsize: int, bias: bool = True):
        self.inputsize, self.outputsize = inputsize, outputsize
        shapes: dict[str, tuple[int, ...]] = {"weight": (outputsize, inputsize)}
        shapes |= {"bias": (1, outputsize)} if bias else {}
        self.be(layer(chosen_linear), shapes, {"partition": np.arange(1, outputsize + 1)})
        self.allcolumns = self.partition

    def _begin(self) -> None:
        self.weight.normal()
        if self.bias is not None:
            self.bias.zero()

    def reset(self, stdv: float | None = None) -> Self:
        """Leave the parameters as they are, as Torch7 does."""
        return self

    def setPartition(self, indices: Any) -> None:
        """Compute only these outputs."""
        found = as_input(indices).clone().typeAs(self.allcolumns)
        check_positions(found, self.outputsize, type_name(self))
        self.partition = found

    def resetPartition(self) -> None:
        """Compute all outputs."""
        self.partition = self.allcolumns

    def __tostring__(self) -> str:
        """The sizes."""
        return f"{type_name(self)}({self.inputsize} -> {self.outputsize}){self._without}"


def chosen_linear(
    params: dict[str, Array], state: dict[str, Array], x: Array
) -> tuple[Array, dict[str, Array]]:
    """`partial_linear` for indices from 1 and a bias with two axes."""
    flat = {name: array[0] if name == "bias" else array for name, array in params.items()}
    return partial_linear(flat, x, state["partition"].astype(int) - 1), state


class _Spread(Module):
    """Parameters that are spread over the input."""

    @property
    def _fan_in(self) -> int:
        (name,) = self.names("params")
        return prod(getattr(self, name).geometry.size)


class Add(_Spread):
    """x + b: a bias for each element of an example, or a single one."""

    def __init__(self, inputSize: int = 1, scalar: bool = False):
        self.scalar = scalar
        self.derive(shift, 1 if scalar else inputSize)

    _ones = Working(working.buffer(1), working.ones_for_bias)


class Mul(_Spread):
    """w x with a single w."""

    def __init__(self) -> None:
        self.derive(scale)


class CAdd(_Spread):
    """x + b with b of a size, repeated along its axes of length 1 and over a batch."""

    def __init__(self, *size: Any):
        self.size = LongStorage(sizes(size))
        self.derive(shift, *sizes(size))


class CMul(_Spread):
    """x w with w of a size, repeated along its axes of length 1 and over a batch."""

    def __init__(self, *size: Any):
        self.size = LongStorage(sizes(size))
        self.derive(scale, *sizes(size))

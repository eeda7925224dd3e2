"""nn's mathematics: of each element, and products of inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
from jax import Array

from fnn import affine, pointwise, pool, product
from fnn.errors import describe, require
from fnn.layer import layer
from fnn.torch7.deriving import Derived
from fnn.torch7.module import Module
from fnn.torch7.passing import two_tensors, type_name
from fnn.torch7.tensor import Tensor
from fnn.torch7.transfer import Transfer

__all__ = [
    "MM",
    "MV",
    "Abs",
    "AddConstant",
    "Constant",
    "Exp",
    "FeatureLPPooling",
    "Log",
    "MulConstant",
    "Power",
    "Sqrt",
    "Square",
]


class Abs(Derived):
    """|x|, with gradient 1 at 0."""

    function = pointwise.absolute

    def _hyper(self) -> dict[str, Any]:
        return {"at_zero": 1.0}


class Exp(Derived):
    """e^x."""

    function = pointwise.exp
    reads_input = False


class Log(Derived):
    """The natural logarithm of x."""

    function = pointwise.log


class Square(Derived):
    """x^2."""

    function = pointwise.square


class Sqrt(Derived):
    """The square root of x, with gradient 0 at 0; Torch7 has no use for `eps`."""

    function = pointwise.sqrt
    reads_input = False

    def __init__(self, eps: float = 0):
        self.eps = eps
        super().__init__()

    def _hyper(self) -> dict[str, Any]:
        return {"flat": True}


class Power(Derived):
    """x^pow."""

    function = pointwise.power

    def __init__(self, pow: float):
        self.pow = pow
        super().__init__()

    def _hyper(self) -> dict[str, Any]:
        return {"exponent": self.pow}


class _WithConstant(Transfer):
    """x and a number. In place, backward takes back what forward did to the input."""

    def __init__(self, constant_scalar: float, inplace: bool = False):
        self.constant_scalar, self.inplace = constant_scalar, inplace
        super().__init__()

    def _hyper(self) -> dict[str, Any]:
        return {"constant": self.constant_scalar}


class MulConstant(_WithConstant):
    """c x."""

    function = pointwise.multiply_constant

    def _undo(self, input: Any) -> None:
        input.div(self.constant_scalar)


class AddConstant(_WithConstant):
    """x + c, where c is a number, or a vector as long as the last axis."""

    function = pointwise.add_constant

    def __init__(self, constant_scalar: Any, inplace: bool = False):
        if not isinstance(constant_scalar, Tensor):
            super().__init__(constant_scalar, inplace)
            return
        self.inplace = inplace
        self.be(layer(add_vector), {}, {"constant_scalar": np.asarray(constant_scalar)})

    def _hyper(self) -> dict[str, Any]:
        return {} if isinstance(self.constant_scalar, Tensor) else super()._hyper()

    def _undo(self, input: Any) -> None:
        c = self.constant_scalar
        if isinstance(c, Tensor):
            c = c.view(*[1] * (input.dim() - 1), -1).expandAs(input)
        input.csub(c)


def add_vector(state: dict[str, Array], x: Array) -> tuple[Array, dict[str, Array]]:
    """`x` plus a vector that isn't learned."""
    return affine.shift({"bias": state["constant_scalar"]}, x), state


class Constant(Module):
    """The value, whatever the input: for each example, if this has more than nInputDim axes."""

    def __init__(self, value: Any, nInputDim: int | None = None):
        array = np.atleast_1d(np.asarray(value))
        require(
            array.dtype.kind in "biuf",
            "nn.Constant",
            describe(value),
            "a number or a tensor",
            "the name of a value was given",
        )
        self.nInputDim = nInputDim
        self.be(layer(constant), {}, {"value": array})

    def _hyper(self) -> dict[str, Any]:
        return {"dimensions": self.nInputDim}


def constant(
    state: dict[str, Array], x: Array, *, dimensions: int | None
) -> tuple[Array, dict[str, Array]]:
    """`constant` of a tensor of the module's."""
    return pointwise.constant(x, state["value"], dimensions=dimensions), state


class MM(Derived):
    """The matrix product of {A, B}, or one for each of a batch; either may be transposed first."""

    function = product.matmul
    first_gradient = staticmethod(two_tensors)

    def __init__(self, transA: bool = False, transB: bool = False):
        self.transA, self.transB = bool(transA), bool(transB)
        super().__init__()

    def _hyper(self) -> dict[str, Any]:
        return {"transpose_x": self.transA, "transpose_y": self.transB}


class MV(Derived):
    """Matrix times vector of {M, v}, or one for each of a batch; M may be transposed first."""

    function = product.matvec
    first_gradient = staticmethod(two_tensors)

    def __init__(self, trans: bool = False):
        self.trans = bool(trans)
        super().__init__()

    def _hyper(self) -> dict[str, Any]:
        return {"transpose": self.trans}


def feature_lp_pool(x: Array, *, width: int, stride: int, power: float, axis: int) -> Array:
    """`lp_pool` along one axis."""
    window, step = ((size, *(1,) * (x.ndim - axis - 1)) for size in (width, stride))
    return pool.lp_pool(x, p=power, window=window, stride=step)


class FeatureLPPooling(Derived):
    """(sum x^power)^(1/power) over `width` neighbouring features, in steps of `stride`.

    Features are the first axis, or with `batch_mode` the second.
    """

    function = feature_lp_pool

    def __init__(self, width: int, stride: int, power: float, batch_mode: bool = False):
        require(
            2 <= width <= 16 and 1 <= stride <= 4,
            type_name(self),
            f"width {width} and stride {stride}",
            "a width in 2..16 and a stride in 1..4",
            "they are exchanged",
        )
        self.width, self.stride, self.power, self.batch_mode = width, stride, power, batch_mode
        super().__init__()

    def _hyper(self) -> dict[str, Any]:
        sizes = {"width": self.width, "stride": self.stride}
        return {**sizes, "power": self.power, "axis": int(bool(self.batch_mode))}

    def __tostring__(self) -> str:
        """The sizes; there is no bracket at the end in Torch7 either."""
        numbers = f"w{self.width} s{self.stride} power {self.power:.0f}"
        return f"{type_name(self)}({numbers} batch {int(bool(self.batch_mode))}"

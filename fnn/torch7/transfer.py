"""nn's transfer functions."""

from __future__ import annotations

from typing import Any

from fnn import activation, distribution, gates
from fnn.errors import require
from fnn.torch7.counting import from_1
from fnn.torch7.deriving import Derived, reserved
from fnn.torch7.found import Found, first_input, seen
from fnn.torch7.in_place import InPlace
from fnn.torch7.module import Module
from fnn.torch7.passing import type_name
from fnn.torch7.tensor import Tensor

__all__ = [
    "ELU",
    "Clamp",
    "GatedLinearUnit",
    "HardShrink",
    "HardTanh",
    "LeakyReLU",
    "LogSigmoid",
    "LogSoftMax",
    "PReLU",
    "ReLU",
    "ReLU6",
    "Sigmoid",
    "SoftMax",
    "SoftMin",
    "SoftPlus",
    "SoftShrink",
    "SoftSign",
    "SpatialLogSoftMax",
    "SpatialSoftMax",
    "Tanh",
    "TanhShrink",
    "Threshold",
]


class Transfer(InPlace):
    """A function of the input without parameters.

    With `inplace`, forward overwrites its input and backward its gradOutput.
    """

    def _undo(self, input: Any) -> None:
        """Take back what forward did to its input."""

    def _hold_gradient(self, value: Any) -> Any:
        self._let_go(self._gradInput)
        return super()._hold_gradient(value)

    def backward(self, input: Any, gradOutput: Any, scale: float = 1) -> Any:
        """Compute `gradInput`."""
        gradInput = super().backward(input, gradOutput, scale)
        if self.inplace:
            gradInput.set(gradOutput.copy(gradInput))
            self._undo(input)
        return gradInput


class Tanh(Transfer):
    """tanh x."""

    function = activation.tanh
    reads_input = False


class Sigmoid(Transfer):
    """1 / (1 + e^-x)."""

    function = activation.sigmoid
    reads_input = False


class LogSigmoid(Transfer):
    """log(1 / (1 + e^-x))."""

    function = activation.log_sigmoid


class TanhShrink(Transfer):
    """x - tanh x; the field `tanh` is a module that holds tanh x."""

    function = activation.tanh_shrink
    reads_input = False

    def _find_tanh(self, old: Tanh | None) -> Tanh:
        tanh, x = Tanh().type(self.type()) if old is None else old, seen(self, first_input)
        if x is not None:
            tanh.forward(Tensor._around(x))
        return tanh

    tanh = Found(lambda self, old: self._find_tanh(old))


class SoftSign(Transfer):
    """x / (1 + |x|)."""

    function = activation.softsign


class SoftPlus(Transfer):
    """log(1 + e^(beta x)) / beta; x where beta x is beyond `threshold`."""

    function = activation.softplus
    reads_input = False
    threshold = 20

    def __init__(self, beta: float = 1):
        self.beta = beta
        super().__init__()

    def _hyper(self) -> dict[str, Any]:
        return {"beta": self.beta, "threshold": self.threshold}


class _OverFeatures(Transfer):
    """A distribution over the features: axis 1 of 1-D and 3-D inputs, axis 2 of 2-D and 4-D."""

    reads_input = False

    def _hyper(self) -> dict[str, Any]:
        return {"axis": None}


class SoftMax(_OverFeatures):
    """e^x, normalised over the features: axis 1 of 1-D and 3-D inputs, axis 2 of 2-D and 4-D."""

    function = distribution.softmax


class SpatialSoftMax(SoftMax):
    """SoftMax over the features of images."""


class SoftMin(_OverFeatures):
    """SoftMax of -x."""

    function = distribution.softmin


class LogSoftMax(_OverFeatures):
    """The logarithm of SoftMax."""

    function = distribution.log_softmax


class SpatialLogSoftMax(LogSoftMax):
    """LogSoftMax over the features of images."""


class HardTanh(Transfer):
    """x, clipped to min_val..max_val."""

    function = activation.hard_tanh

    def __init__(self, min_val: float = -1, max_val: float = 1, inplace: bool = False):
        require(
            min_val < max_val,
            type_name(self),
            f"{min_val} and {max_val}",
            "a lower and an upper bound",
            "they are exchanged",
        )
        self.min_val, self.max_val, self.inplace = min_val, max_val, inplace
        super().__init__()

    def _hyper(self) -> dict[str, Any]:
        return {"low": self.min_val, "high": self.max_val}


class Clamp(HardTanh):
    """x, clipped to min_val..max_val."""

    def __init__(self, min_val: float = -1, max_val: float = 1):
        super().__init__(min_val, max_val)


class _Shrink(Transfer):
    """A function of x and lambda."""

    lambda_ = reserved("lambda")

    def __init__(self, lambda_: float = 0.5):
        self.lambda_ = lambda_
        super().__init__()

    def _hyper(self) -> dict[str, Any]:
        return {"threshold": self.lambda_}


class HardShrink(_Shrink):
    """x outside +-lambda, 0 inside."""

    function = activation.hard_shrink


class SoftShrink(_Shrink):
    """x moved towards 0 by lambda."""

    function = activation.soft_shrink


class Threshold(Transfer):
    """x above `threshold`, `val` elsewhere."""

    function = activation.threshold

    def __init__(self, threshold: float = 1e-6, val: float = 0, inplace: bool = False):
        self.threshold, self.val, self.inplace = threshold, val, inplace
        self.validateParameters()
        super().__init__()

    def validateParameters(self) -> None:
        """In place, what was replaced has to be recognised by its value."""
        require(
            not self.inplace or self.val <= self.threshold,
            type_name(self),
            f"value {self.val} above the threshold {self.threshold}",
            "a value not above the threshold where inplace is true",
            "threshold and value are exchanged",
        )

    def _hyper(self) -> dict[str, Any]:
        return {"threshold": self.threshold, "value": self.val}


class ReLU(Threshold):
    """max(x, 0)."""

    function = activation.relu

    def __init__(self, inplace: bool = False):
        super().__init__(0, 0, inplace)

    def _hyper(self) -> dict[str, Any]:
        return {}


class ReLU6(Transfer):
    """x, clipped to 0..6."""

    function = activation.relu6

    def __init__(self, inplace: bool = False):
        self.inplace = inplace
        super().__init__()


class LeakyReLU(Transfer):
    """x above 0, negval x elsewhere."""

    function = activation.leaky_relu

    def __init__(self, negval: float = 0.01, inplace: bool = False):
        if isinstance(negval, bool):  # Torch7 takes a lone flag for nothing
            negval = 0.01
        self.negval, self.inplace = negval, inplace and negval >= 0
        super().__init__()

    def _hyper(self) -> dict[str, Any]:
        return {"slope": self.negval}

    def __tostring__(self) -> str:
        """The slope."""
        return f"{type_name(self)}({self.negval:g})"


class ELU(Transfer):
    """x above 0, alpha (e^x - 1) elsewhere."""

    function = activation.elu
    reads_input = False

    def __init__(self, alpha: float = 1, inplace: bool = False):
        self.alpha, self.inplace = alpha, inplace
        super().__init__()

    def _hyper(self) -> dict[str, Any]:
        return {"alpha": self.alpha}

    def __tostring__(self) -> str:
        """The height."""
        return f"{type_name(self)} (alpha:{self.alpha:f})"


class GatedLinearUnit(Derived):
    """The first half along an axis, the last by default, times the sigmoid of the second."""

    function = gates.glu

    def __init__(self, dim: int | None = None):
        self.dim = dim
        super().__init__()

    def _hyper(self) -> dict[str, Any]:
        return {"axis": -1 if self.dim is None else from_1(self.dim, "dimension")}


class PReLU(Module):
    """x above 0, w x elsewhere; one w, or one for each plane."""

    def __init__(self, nOutputPlane: int = 0):
        self.nOutputPlane = nOutputPlane
        self.derive(gates.prelu, nOutputPlane or 1)

    def _begin(self) -> None:
        self.weight.fill(0.25)

    def reset(self, stdv: float | None = None) -> PReLU:
        """Leave the slopes as they are, as Torch7 does."""
        return self

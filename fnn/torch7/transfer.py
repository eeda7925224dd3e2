"""nn's transfer functions."""

from typing import Any

from fnn import activation, distribution, gates
from fnn.compose import Serial
from fnn.torch7.module import Module
from fnn.torch7.passing import type_name

__all__ = [
    "ELU",
    "GatedLinearUnit",
    "HardShrink",
    "HardTanh",
    "Identity",
    "LeakyReLU",
    "LogSigmoid",
    "LogSoftMax",
    "PReLU",
    "RReLU",
    "ReLU",
    "ReLU6",
    "Sigmoid",
    "SoftMax",
    "SoftMin",
    "SoftPlus",
    "SoftShrink",
    "SoftSign",
    "Tanh",
    "TanhShrink",
    "Threshold",
]


class Transfer(Module):
    """A function of the input without parameters.

    With `inplace`, forward overwrites its input and backward its gradOutput. Inside a container
    that runs as one program there is nothing to overwrite, and the numbers are the same.
    """

    inplace = False

    def _transfer(self, function: Any, inplace: bool = False, **hyper: Any) -> None:
        self.derive(function, **hyper)
        self.inplace = inplace

    def _forward(self, input: Any) -> Any:
        """Compute `output`, in memory of its own."""
        return super().updateOutput(input)

    def updateOutput(self, input: Any) -> Any:
        """Compute `output`."""
        output = self._forward(input)
        if self.inplace:
            self.output = output = input.copy(output)
        return output

    def backward(self, input: Any, gradOutput: Any, scale: float = 1) -> Any:
        """Compute `gradInput`."""
        gradInput = super().backward(input, gradOutput, scale)
        if self.inplace:
            self.gradInput = gradInput = gradOutput.copy(gradInput)
        return gradInput


class Identity(Module):
    """The input, a tensor or a table."""

    def __init__(self) -> None:
        self.be(Serial(()), {}, {})


class Tanh(Transfer):
    """tanh x."""

    def __init__(self) -> None:
        self._transfer(activation.tanh)


class Sigmoid(Transfer):
    """1 / (1 + e^-x)."""

    def __init__(self) -> None:
        self._transfer(activation.sigmoid)


class LogSigmoid(Transfer):
    """log(1 / (1 + e^-x))."""

    def __init__(self) -> None:
        self._transfer(activation.log_sigmoid)


class TanhShrink(Transfer):
    """x - tanh x."""

    def __init__(self) -> None:
        self._transfer(activation.tanh_shrink)


class SoftSign(Transfer):
    """x / (1 + |x|)."""

    def __init__(self) -> None:
        self._transfer(activation.softsign)


class SoftPlus(Transfer):
    """log(1 + e^(beta x)) / beta."""

    def __init__(self, beta: float = 1):
        self._transfer(activation.softplus, beta=beta)


class SoftMax(Transfer):
    """e^x, normalised over the features: axis 1 of 1-D and 3-D inputs, axis 2 of 2-D and 4-D."""

    def __init__(self) -> None:
        self._transfer(distribution.softmax, axis=None)


class SoftMin(Transfer):
    """SoftMax of -x."""

    def __init__(self) -> None:
        self._transfer(distribution.softmin, axis=None)


class LogSoftMax(Transfer):
    """The logarithm of SoftMax."""

    def __init__(self) -> None:
        self._transfer(distribution.log_softmax, axis=None)


class HardTanh(Transfer):
    """x, clipped to min_value..max_value."""

    def __init__(self, min_value: float = -1, max_value: float = 1, inplace: bool = False):
        self._transfer(activation.hard_tanh, inplace, low=min_value, high=max_value)


class HardShrink(Transfer):
    """x outside +-lambda, 0 inside."""

    def __init__(self, lambda_: float = 0.5):
        self._transfer(activation.hard_shrink, threshold=lambda_)


class SoftShrink(Transfer):
    """x moved towards 0 by lambda."""

    def __init__(self, lambda_: float = 0.5):
        self._transfer(activation.soft_shrink, threshold=lambda_)


class Threshold(Transfer):
    """x above th, v elsewhere."""

    def __init__(self, th: float = 1e-6, v: float = 0, inplace: bool = False):
        self._transfer(activation.threshold, inplace, threshold=th, value=v)


class ReLU(Transfer):
    """max(x, 0)."""

    def __init__(self, inplace: bool = False):
        self._transfer(activation.relu, inplace)


class ReLU6(Transfer):
    """x, clipped to 0..6."""

    def __init__(self, inplace: bool = False):
        self._transfer(activation.relu6, inplace)


class LeakyReLU(Transfer):
    """x above 0, negval x elsewhere."""

    def __init__(self, negval: float = 0.01, inplace: bool = False):
        if isinstance(negval, bool):  # Torch7 takes a lone flag for nothing
            negval = 0.01
        self.negval = negval
        self._transfer(activation.leaky_relu, inplace, slope=negval)

    def __tostring__(self) -> str:
        """The slope."""
        return f"{type_name(self)}({self.negval:g})"


class ELU(Transfer):
    """x above 0, alpha (e^x - 1) elsewhere."""

    def __init__(self, alpha: float = 1, inplace: bool = False):
        self.alpha = alpha
        self._transfer(activation.elu, inplace, alpha=alpha)

    def __tostring__(self) -> str:
        """The height."""
        return f"{type_name(self)} (alpha:{self.alpha:f})"


class PReLU(Module):
    """x above 0, w x elsewhere; one w, or one for each plane."""

    def __init__(self, nOutputPlane: int = 0):
        self.derive(gates.prelu, nOutputPlane or 1)

    def reset(self, stdv: float | None = None) -> "PReLU":
        """Set the slopes to 0.25."""
        self.weight.fill(0.25)
        return self


class RReLU(Transfer):
    """x above 0, a random slope between l and u elsewhere; in use their mean."""

    def __init__(self, l: float = 1 / 8, u: float = 1 / 3, inplace: bool = False):  # noqa: E741
        self.lower, self.upper = l, u
        self._transfer(gates.rrelu, inplace, lower=l, upper=u)

    def __tostring__(self) -> str:
        """The bounds of the slope."""
        return f"{type_name(self)} (l:{self.lower:f}, u:{self.upper:f})"


class GatedLinearUnit(Transfer):
    """The first half along an axis times the sigmoid of the second."""

    def __init__(self, dim: int | None = None):
        self._transfer(gates.glu, axis=-1 if dim is None else dim - 1)

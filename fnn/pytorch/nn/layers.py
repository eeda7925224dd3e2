"""nn's layers, each derived from its pure function."""

from collections.abc import Callable
from typing import Any

from fnn import activation, distribution
from fnn.conv import conv
from fnn.dropout import dropout
from fnn.errors import require
from fnn.linear import linear
from fnn.pool import max_pool
from fnn.pytorch.nn.module import Module
from fnn.shape import flatten
from fnn.space import each

__all__ = [
    "Conv2d",
    "Dropout",
    "Flatten",
    "Identity",
    "Linear",
    "LogSoftmax",
    "MaxPool2d",
    "Pure",
    "ReLU",
    "Sigmoid",
    "Softmax",
    "Tanh",
]


def refuse(layer: str, name: str, given: Any, wanted: Any, cause: str) -> None:
    """Say that an argument can't be honoured."""
    require(given == wanted, layer, f"{name}={given!r}", f"{name}={wanted!r}", cause)


class Linear(Module):
    """y = x A^T + b."""

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ):
        self.derive(linear, in_features, out_features, bias=bias)
        self.in_features, self.out_features = in_features, out_features
        self._place(device, dtype)

    def extra_repr(self) -> str:
        """Sizes."""
        bias = self.bias is not None
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={bias}"


class Conv2d(Module):
    """2-d convolution of ([batch,] in_channels, height, width)."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] = 1,
        padding: int | str | tuple[int, int] = 0,
        dilation: int | tuple[int, int] = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ):
        refuse("Conv2d", "padding_mode", padding_mode, "zeros", "pad the input before the layer")
        sizes = {
            name: each(value, 2, "Conv2d", name)
            for name, value in {
                "kernel_size": kernel_size,
                "stride": stride,
                "dilation": dilation,
            }.items()
        }
        self.derive(
            conv,
            in_channels,
            out_channels,
            sizes["kernel_size"],
            stride=sizes["stride"],
            padding=padding,
            dilation=sizes["dilation"],
            groups=groups,
            bias=bias,
        )
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.padding = (
            padding if isinstance(padding, str) else each(padding, 2, "Conv2d", "padding")
        )
        for name, value in sizes.items():
            setattr(self, name, value)
        self._place(device, dtype)

    def extra_repr(self) -> str:
        """Sizes, and what is not the default."""
        shown = {
            "kernel_size": (self.kernel_size, None),
            "stride": (self.stride, None),
            "padding": (self.padding, (0, 0)),
            "dilation": (self.dilation, (1, 1)),
            "groups": (self.groups, 1),
            "bias": (self.bias is not None, True),
        }
        rest = "".join(f", {n}={v}" for n, (v, default) in shown.items() if v != default)
        return f"{self.in_channels}, {self.out_channels}{rest}"


class MaxPool2d(Module):
    """The maximum of each window of ([batch,] channels, height, width)."""

    def __init__(
        self,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] | None = None,
        padding: int | tuple[int, int] = 0,
        dilation: int | tuple[int, int] = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ):
        refuse("MaxPool2d", "return_indices", return_indices, False, "only the maxima are computed")
        stride = kernel_size if stride is None else stride
        self.derive(
            max_pool,
            window=each(kernel_size, 2, "MaxPool2d", "kernel_size"),
            stride=each(stride, 2, "MaxPool2d", "stride"),
            padding=each(padding, 2, "MaxPool2d", "padding"),
            dilation=each(dilation, 2, "MaxPool2d", "dilation"),
            ceil_mode=ceil_mode,
        )
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding
        self.dilation, self.ceil_mode = dilation, ceil_mode

    def extra_repr(self) -> str:
        """All arguments."""
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class Flatten(Module):
    """Several axes as one."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1):
        self.derive(flatten, start=start_dim, end=end_dim)
        self.start_dim, self.end_dim = start_dim, end_dim

    def extra_repr(self) -> str:
        """The first and the last axis."""
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Identity(Module):
    """The input."""

    def __init__(self, *args: Any, **keywords: Any):
        self.derive(activation.identity)


class ReLU(Module):
    """max(x, 0)."""

    def __init__(self, inplace: bool = False):
        refuse("ReLU", "inplace", inplace, False, "the compiler reuses memory by itself")
        self.derive(activation.relu)


class Tanh(Module):
    """tanh x."""

    def __init__(self) -> None:
        self.derive(activation.tanh)


class Sigmoid(Module):
    """1 / (1 + e^-x)."""

    def __init__(self) -> None:
        self.derive(activation.sigmoid)


class Softmax(Module):
    """e^x, normalised along an axis."""

    def __init__(self, dim: int | None = None):
        self.derive(distribution.softmax, axis=dim)
        self.dim = dim

    def extra_repr(self) -> str:
        """The axis."""
        return f"dim={self.dim}"


class LogSoftmax(Softmax):
    """The logarithm of Softmax."""

    def __init__(self, dim: int | None = None):
        self.derive(distribution.log_softmax, axis=dim)
        self.dim = dim


class Dropout(Module):
    """Zeroes elements with probability p, in training."""

    def __init__(self, p: float = 0.5, inplace: bool = False):
        refuse("Dropout", "inplace", inplace, False, "the compiler reuses memory by itself")
        self.derive(dropout)
        self.p, self.inplace = p, inplace

    def _hyper(self) -> dict[str, Any]:
        return {"p": self.p}

    def extra_repr(self) -> str:
        """The probability."""
        return f"p={self.p}, inplace={self.inplace}"


class Pure(Module):
    """Any pure layer or network of `fnn`, with these parameters and this state."""

    def __init__(self, apply: Callable, params: Any, state: Any | None = None):
        self.wrap(apply, params, state)

    def extra_repr(self) -> str:
        """The network."""
        return repr(self.layer)

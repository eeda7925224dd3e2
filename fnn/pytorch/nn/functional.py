"""nn.functional: pure layers and losses, recorded on the tape."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from fnn import activation, distribution, loss
from fnn import conv as pure_conv
from fnn import linear as pure_linear
from fnn import max_pool as pure_max_pool
from fnn.errors import require_indices
from fnn.pytorch.autograd import record
from fnn.pytorch.tensor import Tensor
from fnn.tensor.run import known

__all__ = [
    "conv2d",
    "cross_entropy",
    "linear",
    "log_softmax",
    "max_pool2d",
    "mse_loss",
    "nll_loss",
    "relu",
    "sigmoid",
    "softmax",
    "tanh",
]


def _params(weight: Tensor, bias: Tensor | None) -> dict[str, Tensor]:
    return {"weight": weight} | ({} if bias is None else {"bias": bias})


def _pair(value: Any) -> Any:
    return value if isinstance(value, tuple | str) else (value, value)


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x W^T + b."""
    return record(pure_linear, _params(weight, bias), input)


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """2-d convolution."""
    return record(
        pure_conv,
        _params(weight, bias),
        input,
        stride=_pair(stride),
        padding=_pair(padding),
        dilation=_pair(dilation),
        groups=groups,
    )


def max_pool2d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
) -> Tensor:
    """The maximum of each window."""
    return record(
        pure_max_pool,
        input,
        window=_pair(kernel_size),
        stride=_pair(kernel_size if stride is None else stride),
        padding=_pair(padding),
        dilation=_pair(dilation),
        ceil_mode=ceil_mode,
    )


def relu(input: Tensor) -> Tensor:
    """max(x, 0)."""
    return record(activation.relu, input)


def tanh(input: Tensor) -> Tensor:
    """tanh x."""
    return record(activation.tanh, input)


def sigmoid(input: Tensor) -> Tensor:
    """1 / (1 + e^-x)."""
    return record(activation.sigmoid, input)


def softmax(input: Tensor, dim: int | None = None) -> Tensor:
    """e^x, normalised along an axis."""
    return record(distribution.softmax, input, axis=dim)


def log_softmax(input: Tensor, dim: int | None = None) -> Tensor:
    """The logarithm of softmax."""
    return record(distribution.log_softmax, input, axis=dim)


def mse_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Squared differences, averaged or summed."""
    return record(loss.mse, input, target, reduction=reduction)


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    """The negative log-probability of the target class."""
    _check(input, target, ignore_index)
    return record(nll, input, target, weight, reduction=reduction, ignore_index=ignore_index)


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """log_softmax and nll_loss in one; the target is a class, or probabilities of classes."""
    _check(input, target, ignore_index)
    return record(
        cross_entropy_loss,
        input,
        target,
        weight,
        reduction=reduction,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
    )


def nll(x: Array, target: Array, weight: Array | None, **hyper: Any) -> Array:
    """`fnn.loss.nll` by the name under which the tape shows it."""
    return loss.nll(x, target, weight, **hyper)


def cross_entropy_loss(x: Array, target: Array, weight: Array | None, **hyper: Any) -> Array:
    """`fnn.loss.cross_entropy` by the name under which the tape shows it."""
    return loss.cross_entropy(x, target, weight, **hyper)


def _check(input: Tensor, target: Tensor, ignore_index: int) -> None:
    """Raise if a label, whose value can be looked at, is no class."""
    if known(target.storage) and jnp.issubdtype(target.element_type, jnp.integer):
        labels = np.asarray(target)
        require_indices(
            labels[labels != ignore_index],
            input.shape[1 if input.dim() > 1 else 0],
            "the target",
            "labels that count from 1, or more classes than the network has outputs",
        )

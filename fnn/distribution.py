"""Distributions along an axis."""

import jax
import jax.numpy as jnp
from jax import Array, lax

from fnn.axes import axis_of

__all__ = ["gumbel_softmax", "log_softmax", "softmax", "softmin"]


def softmax(x: Array, *, axis: int | None = -1) -> Array:
    """Probabilities in proportion to `e^x`, that sum to 1 along an axis.

    x:      (..., classes)
    ->      (..., classes)

    Without an axis the features are found by rank, as in Torch7: axis 0 of 1-D and 3-D inputs, 1
    of others.

    Source: PyTorch `nn.Softmax`, `nn.Softmax2d` (axis -3); Torch7 `nn.SoftMax`,
    `nn.SpatialSoftMax`.
    """
    axis = _axis("softmax", x, axis)
    e = jnp.exp(_lowered(x, axis))
    return e / e.sum(axis, keepdims=True)


def softmin(x: Array, *, axis: int | None = -1) -> Array:
    """Probabilities in proportion to `e^-x`, that sum to 1 along an axis.

    x:      (..., classes)
    ->      (..., classes)

    Source: PyTorch `nn.Softmin`, Torch7 `nn.SoftMin`.
    """
    return softmax(-x, axis=axis)


def log_softmax(x: Array, *, axis: int | None = -1) -> Array:
    """Logarithms of the probabilities of `softmax`, exact also where these are tiny.

    x:      (..., classes)
    ->      (..., classes)

    Source: PyTorch `nn.LogSoftmax`; Torch7 `nn.LogSoftMax`, `nn.SpatialLogSoftMax`.
    """
    axis = _axis("log_softmax", x, axis)
    lowered = _lowered(x, axis)
    return lowered - jnp.log(jnp.exp(lowered).sum(axis, keepdims=True))


def gumbel_softmax(
    x: Array, key: Array, *, temperature: float = 1.0, hard: bool = False, axis: int = -1
) -> Array:
    """A draw from `softmax(x)`, made smooth: `softmax((x + noise) / temperature)`.

    x:      (..., classes)
    ->      (..., classes)

    With `hard` the largest becomes 1 and the others 0, while the gradient stays that of the smooth
    draw.

    Source: Jang et al. 2017; PyTorch `gumbel_softmax`.
    """
    smooth = softmax((x + jax.random.gumbel(key, x.shape, x.dtype)) / temperature, axis=axis)
    if not hard:
        return smooth
    place = jnp.argmax(smooth, axis, keepdims=True)
    chosen = place == lax.broadcasted_iota(place.dtype, x.shape, axis % x.ndim)
    return smooth + lax.stop_gradient(chosen.astype(x.dtype) - smooth)


def _axis(layer: str, x: Array, axis: int | None) -> int:
    """The axis that is given, or that of the features."""
    return axis_of(layer, x, _features(x) if axis is None else axis)


def _lowered(x: Array, axis: int) -> Array:
    """`x` with its largest element along an axis moved to 0, which no softmax can tell from `x`."""
    return x - lax.stop_gradient(x.max(axis, keepdims=True))


def _features(x: Array) -> int:
    """The axis of the features, by rank: [batch,] features, or [batch,] features, height, width."""
    return 0 if x.ndim in (0, 1, 3) else 1

"""Activations: functions of each element.

At a kink each has the gradient that it has in PyTorch. Where a branch could overflow, its argument
is made harmless first: otherwise the gradient would be NaN also where the other branch is chosen.
"""

from math import pi, sqrt

import jax.numpy as jnp
from jax import Array, lax

from fnn.errors import require

__all__ = [
    "celu",
    "elu",
    "gelu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_swish",
    "hard_tanh",
    "identity",
    "leaky_relu",
    "log_sigmoid",
    "mish",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softplus",
    "softsign",
    "tanh",
    "tanh_shrink",
    "threshold",
]


def identity(x: Array) -> Array:
    """`x` itself.

    x:      (...)
    ->      (...)

    Source: PyTorch and Torch7 `nn.Identity`; Torch7 `nn.Contiguous`, `nn.Copy`: an array has no
    strides, and its type is that of its elements.
    """
    return x


def threshold(x: Array, *, threshold: float, value: float) -> Array:
    """`x` above the threshold, `value` elsewhere.

    x:      (...)
    ->      (...)

    Source: PyTorch and Torch7 `nn.Threshold`.
    """
    return jnp.where(x <= threshold, value, x)


def relu(x: Array) -> Array:
    """`max(x, 0)`, with gradient 0 at 0.

    x:      (...)
    ->      (...)

    Source: PyTorch and Torch7 `nn.ReLU`.
    """
    return jnp.where(x <= 0, 0.0, x)


def leaky_relu(x: Array, *, slope: float = 0.01) -> Array:
    """`x` above 0, `slope x` elsewhere.

    x:      (...)
    ->      (...)

    Source: Maas et al. 2013; PyTorch and Torch7 `nn.LeakyReLU`.
    """
    return jnp.where(x > 0, x, slope * x)


def elu(x: Array, *, alpha: float = 1.0) -> Array:
    """`x` above 0, `alpha (e^x - 1)` elsewhere.

    x:      (...)
    ->      (...)

    Source: Clevert et al. 2016; PyTorch and Torch7 `nn.ELU`.
    """
    return jnp.where(x > 0, x, alpha * jnp.expm1(jnp.where(x > 0, 0.0, x)))


def selu(x: Array) -> Array:
    """Scaled `elu`, under which mean 0 and variance 1 stay.

    x:      (...)
    ->      (...)

    Source: Klambauer et al. 2017; PyTorch `nn.SELU`.
    """
    return 1.0507009873554805 * elu(x, alpha=1.6732632423543772)


def celu(x: Array, *, alpha: float = 1.0) -> Array:
    """`x` above 0, `alpha (e^(x / alpha) - 1)` elsewhere, smooth at 0.

    x:      (...)
    ->      (...)

    Source: Barron 2017; PyTorch `nn.CELU`.
    """
    return alpha * elu(x / alpha)


def gelu(x: Array, *, approximate: str = "none") -> Array:
    """`x` times the probability that a standard Gaussian is below `x`; "tanh" approximates it.

    x:      (...)
    ->      (...)

    Source: Hendrycks and Gimpel 2016; PyTorch `nn.GELU`.
    """
    require(
        approximate in ("none", "tanh"),
        "gelu",
        f"approximate={approximate!r}",
        '"none" or "tanh"',
        "a flag instead of a name",
    )
    if approximate == "tanh":
        return 0.5 * x * (1 + jnp.tanh(sqrt(2 / pi) * (x + 0.044715 * x * x * x)))
    return 0.5 * x * (1 + lax.erf(x * sqrt(0.5)))


def sigmoid(x: Array) -> Array:
    """`1 / (1 + e^-x)`.

    x:      (...)
    ->      (...)

    Source: PyTorch and Torch7 `nn.Sigmoid`.
    """
    return lax.logistic(x)


def tanh(x: Array) -> Array:
    """Hyperbolic tangent.

    x:      (...)
    ->      (...)

    Source: PyTorch and Torch7 `nn.Tanh`.
    """
    return jnp.tanh(x)


def hard_tanh(x: Array, *, low: float = -1.0, high: float = 1.0) -> Array:
    """`x` between `low` and `high`, the nearer of them elsewhere, with gradient 0 at both.

    x:      (...)
    ->      (...)

    Source: PyTorch `nn.Hardtanh`; Torch7 `nn.HardTanh`, `nn.Clamp`.
    """
    return jnp.where(x <= low, low, jnp.where(x >= high, high, x))


def relu6(x: Array) -> Array:
    """`x` between 0 and 6, the nearer of them elsewhere.

    x:      (...)
    ->      (...)

    Source: Krizhevsky 2010; PyTorch and Torch7 `nn.ReLU6`.
    """
    return hard_tanh(x, low=0.0, high=6.0)


def hard_sigmoid(x: Array) -> Array:
    """`(x + 3) / 6` between 0 and 1.

    x:      (...)
    ->      (...)

    Source: Howard et al. 2019; PyTorch `nn.Hardsigmoid`.
    """
    return relu6(x + 3) / 6


def silu(x: Array) -> Array:
    """`x sigmoid(x)`, also called swish.

    x:      (...)
    ->      (...)

    Source: Elfwing et al. 2017; PyTorch `nn.SiLU`.
    """
    return x * lax.logistic(x)


def hard_swish(x: Array) -> Array:
    """`x hard_sigmoid(x)`.

    x:      (...)
    ->      (...)

    Source: Howard et al. 2019; PyTorch `nn.Hardswish`.
    """
    return x * hard_sigmoid(x)


def mish(x: Array) -> Array:
    """`x tanh(log(1 + e^x))`.

    x:      (...)
    ->      (...)

    Source: Misra 2019; PyTorch `nn.Mish`.
    """
    # as a fraction, whose slope is not a difference of two numbers that are almost 1
    e = jnp.exp(jnp.where(x > 0, -x, x))
    positive = (1 + 2 * e) / (1 + 2 * e + 2 * e * e)
    negative = e * (e + 2) / (e * (e + 2) + 2)
    return x * jnp.where(x > 0, positive, negative)


def softplus(x: Array, *, beta: float = 1.0, threshold: float = 20.0) -> Array:
    """`log(1 + e^(beta x)) / beta`; where `beta x` is above the threshold, `x`.

    x:      (...)
    ->      (...)

    Source: PyTorch `nn.Softplus`, Torch7 `nn.SoftPlus`.
    """
    linear = beta * x > threshold
    return jnp.where(linear, x, jnp.log1p(jnp.exp(jnp.where(linear, 0.0, beta * x))) / beta)


def log_sigmoid(x: Array) -> Array:
    """`log(sigmoid(x))`, exact also far below 0.

    x:      (...)
    ->      (...)

    Source: PyTorch `nn.LogSigmoid`, Torch7 `nn.LogSigmoid`.
    """
    return -jnp.logaddexp(-x, 0.0)


def softsign(x: Array) -> Array:
    """`x / (1 + |x|)`.

    x:      (...)
    ->      (...)

    Source: PyTorch `nn.Softsign`, Torch7 `nn.SoftSign`.
    """
    return x / (1 + jnp.abs(x))


def soft_shrink(x: Array, *, threshold: float = 0.5) -> Array:
    """`x` drawn towards 0 by the threshold, 0 within it.

    x:      (...)
    ->      (...)

    Source: PyTorch `nn.Softshrink`, Torch7 `nn.SoftShrink`.
    """
    shrunk = jnp.where(x > threshold, x - threshold, x + threshold)
    return jnp.where(jnp.abs(x) <= threshold, 0.0, shrunk)


def hard_shrink(x: Array, *, threshold: float = 0.5) -> Array:
    """`x` beyond the threshold on either side, 0 within it.

    x:      (...)
    ->      (...)

    Source: PyTorch `nn.Hardshrink`, Torch7 `nn.HardShrink`.
    """
    return jnp.where(jnp.abs(x) <= threshold, 0.0, x)


def tanh_shrink(x: Array) -> Array:
    """`x - tanh(x)`.

    x:      (...)
    ->      (...)

    Source: PyTorch `nn.Tanhshrink`, Torch7 `nn.TanhShrink`.
    """
    return x - jnp.tanh(x)

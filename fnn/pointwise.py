"""Functions of each element as layers."""

import jax.numpy as jnp
from jax import Array, lax

from fnn.errors import describe, require

__all__ = [
    "absolute",
    "add_constant",
    "constant",
    "exp",
    "log",
    "multiply_constant",
    "power",
    "sqrt",
    "square",
]


def absolute(x: Array, *, at_zero: float = 0.0) -> Array:
    """`|x|`, with gradient `at_zero` at 0.

    x:      (...)
    ->      (...)

    Source: PyTorch `abs`; Torch7 `nn.Abs`, with gradient 1 at 0.
    """
    return jnp.where(x == 0, at_zero * x, jnp.abs(x))


def exp(x: Array) -> Array:
    """`e^x`.

    x:      (...)
    ->      (...)

    Source: PyTorch `exp`, Torch7 `nn.Exp`.
    """
    return jnp.exp(x)


def log(x: Array) -> Array:
    """Natural logarithm.

    x:      (...)
    ->      (...)

    Source: PyTorch `log`, Torch7 `nn.Log`.
    """
    return jnp.log(x)


def square(x: Array) -> Array:
    """`x^2`.

    x:      (...)
    ->      (...)

    Source: PyTorch `square`, Torch7 `nn.Square`.
    """
    return x * x


def sqrt(x: Array, *, flat: bool = False) -> Array:
    """Square root, whose gradient at 0 is infinite; if `flat`, 0.

    x:      (...)
    ->      (...)

    Source: PyTorch `sqrt`; Torch7 `nn.Sqrt`, which is flat.
    """
    if not flat:
        return jnp.sqrt(x)
    return jnp.where(x == 0, 0.0, jnp.sqrt(jnp.where(x == 0, 1.0, x)))


def power(x: Array, *, exponent: float) -> Array:
    """`x^exponent`.

    x:      (...)
    ->      (...)

    Source: PyTorch `pow`, Torch7 `nn.Power`.
    """
    return x ** (int(exponent) if exponent == int(exponent) else exponent)


def add_constant(x: Array, *, constant: float | tuple[float, ...]) -> Array:
    """`x` plus a number, or one for each place of the last axis.

    x:      (...)
    ->      (...)

    Source: Torch7 `nn.AddConstant`.
    """
    return x + _last("add_constant", constant, x)


def multiply_constant(x: Array, *, constant: float | tuple[float, ...]) -> Array:
    """`x` times a number, or one for each place of the last axis.

    x:      (...)
    ->      (...)

    Source: Torch7 `nn.MulConstant`.
    """
    return x * _last("multiply_constant", constant, x)


def _last(layer: str, constant: float | tuple[float, ...], x: Array) -> Array | float:
    if not isinstance(constant, tuple):
        return constant
    require(
        x.shape[-1:] == (len(constant),),
        layer,
        f"x {describe(x)} for {len(constant)} numbers",
        f"(..., {len(constant)})",
        "the numbers belong to another axis",
    )
    return lax.broadcast_in_dim(jnp.array(constant, x.dtype), x.shape, (x.ndim - 1,))


def constant(x: Array, value: Array, *, dimensions: int | None = None) -> Array:
    """The value, whatever `x` is; once for each example if `x` has more than `dimensions` axes.

    x:      (...)
    value:  (*shape)
    ->      (...', *shape)

    Source: Torch7 `nn.Constant`.
    """
    batched = dimensions is not None and x.ndim > dimensions
    return lax.broadcast(value, x.shape[:1]) if batched else value

"""Layers that let inputs pass, and change or add to the gradient on its way back."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

__all__ = ["gradient_reversal", "gradient_stop", "l1_penalty", "scale_gradient"]


@jax.custom_jvp
def scale_gradient(x: Array, factor: Array | float) -> Array:
    """`x` itself, with gradients multiplied by a factor, which is a constant.

    x:      (...)
    factor: (...)
    ->      (...)
    """
    return x


@scale_gradient.defjvp
def _scaled(primals: tuple[Any, Any], tangents: tuple[Any, Any]) -> tuple[Array, Array]:
    x, factor = primals
    return x, lax.stop_gradient(factor) * tangents[0]


def gradient_reversal(x: Array, *, strength: float = 1.0) -> Array:
    """`x` itself, with gradients multiplied by `-strength`.

    x:      (...)
    ->      (...)

    Source: Ganin and Lempitsky 2015; Torch7 `nn.GradientReversal`.
    """
    return scale_gradient(x, -strength)


def gradient_stop(x: Array) -> Array:
    """`x` itself, with gradient 0.

    x:      (...)
    ->      (...)

    Source: Torch7 `nn.ZeroGrad`.
    """
    return lax.stop_gradient(x)


@partial(jax.custom_vjp, nondiff_argnums=(1, 2, 3))
def _penalised(x: Array, weight: float, mean: bool, provide: bool) -> Array:
    return x


def _penalised_forward(x: Array, weight: float, mean: bool, provide: bool) -> tuple[Array, Array]:
    return x, x


def _penalised_backward(
    weight: float, mean: bool, provide: bool, x: Array, gradient: Array
) -> tuple[Array]:
    penalty = weight / (x.size if mean else 1) * jnp.sign(x)
    return (gradient + penalty if provide else penalty,)


_penalised.defvjp(_penalised_forward, _penalised_backward)


def l1_penalty(x: Array, *, weight: float, mean: bool = False, provide: bool = True) -> Array:
    """`x` itself; its gradient has that of `weight sum(|x|)` added, as if it were in the loss.

    x:      (...)
    ->      (...)

    `mean` divides the sum by the number of elements. Without `provide` nothing else comes back: the
    output is not for use. Forward-mode differentiation is not defined.

    Source: Torch7 `nn.L1Penalty`.
    """
    return _penalised(x, weight, mean, provide)

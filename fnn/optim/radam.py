"""RAdam: Adam whose steps are made smaller while little is known of the gradient's size.

    g = gradient + weight_decay * p
    m = b1 m + (1 - b1) g           v = b2 v + (1 - b2) g^2
    n = 2 / (1 - b2) - 1            rho = n - 2 t b2^t / (1 - b2^t)
    r = sqrt((rho - 4) (rho - 2) n / ((n - 4) (n - 2) rho))
    p = p - learning_rate * m / (1 - b1^t) * (r sqrt(1 - b2^t) / (sqrt(v) + eps) if rho > 5 else 1)

Decoupled weights decay by themselves, as in AdamW. Source: Liu et al. 2020; PyTorch `optim.RAdam`.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array

from fnn.optim.rule import (
    corrected,
    decayed,
    direction,
    each,
    first_step,
    like,
    scalar,
    toward,
    zeros,
)


class State(NamedTuple):
    """Updates so far; running means of the gradient and its square."""

    step: Array
    mean: Any
    square: Any


def init(params: Any) -> State:
    """No updates so far."""
    return State(first_step(), zeros(params), zeros(params))


def update(
    grads: Any,
    state: State,
    params: Any,
    *,
    learning_rate: Any = 1e-3,
    betas: tuple[Any, Any] = (0.9, 0.999),
    eps: Any = 1e-8,
    weight_decay: Any = 0.0,
    decoupled_weight_decay: bool = False,
    maximize: bool = False,
) -> tuple[Any, State]:
    """What to add to `params`, and the state after it."""
    step, slow, slower = state.step + 1, 1 - betas[0], 1 - betas[1]

    def rule(g: Array, p: Array, m: Array, v: Array) -> tuple[Array, Array, Array]:
        g = direction(g, p, 0.0 if decoupled_weight_decay else weight_decay, maximize)
        m, v = toward(m, g, slow), toward(v, jnp.square(g), slower)
        known, most = _length(slower, step, p), 2 / scalar(slower, p) - 1
        trust = (known - 4) / (most - 4) * (known - 2) / (most - 2) * most / known
        unit = like(jnp.sqrt(trust * corrected(slower, step, p)), p)
        scale = jnp.where(known > 5, unit / (jnp.sqrt(v) + like(eps, p)), 1)
        u = like(scalar(-learning_rate, p) / corrected(slow, step, p), p) * m * scale
        return decayed(u, p, learning_rate, weight_decay if decoupled_weight_decay else 0.0), m, v

    updates, *slots = each(rule, grads, params, *state[1:])
    return updates, State(step, *slots)


def _length(weight: Any, step: Array, leaf: Array) -> Array:
    """How many gradients the running mean of squares stands for: `rho` above.

    Written with `w(u) = u / tanh(u) - 1`, so that single precision doesn't lose it between two
    large numbers: `rho = t - 2 / log(1 / b2) * (w(t log(1 / b2) / 2) - w(log(1 / b2) / 2))`.
    """
    rate = -jnp.log1p(-scalar(weight, leaf))
    return scalar(step, leaf) - 2 / rate * (_bend(scalar(step, leaf) * rate / 2) - _bend(rate / 2))


def _bend(u: Array) -> Array:
    """`u / tanh(u) - 1`, by its series where little is left of the difference."""
    s = jnp.square(u)
    series = s / 3 * (1 - s / 15 * (1 - 2 * s / 21 * (1 - s / 10 * (1 - 10 * s / 99))))
    return jnp.where(u < 0.3, series, u / jnp.tanh(u) - 1)

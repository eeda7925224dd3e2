"""Adamax: Adam in units of the largest gradient, which is slowly forgotten.

    g = gradient + weight_decay * p
    m = b1 m + (1 - b1) g           u = max(b2 u, |g| + eps)
    p = p - learning_rate / (1 - b1^t) * m / u

Torch7's `optim.adamax` has `eps = 1e-38`.
Source: Kingma and Ba 2015; Torch7 `optim.adamax`, PyTorch `optim.Adamax`.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array

from fnn.optim.rule import corrected, direction, each, first_step, like, scalar, toward, zeros


class State(NamedTuple):
    """Updates so far; the running mean of the gradient; its largest size."""

    step: Array
    mean: Any
    largest: Any


def init(params: Any) -> State:
    """No updates so far."""
    return State(first_step(), zeros(params), zeros(params))


def update(
    grads: Any,
    state: State,
    params: Any,
    *,
    learning_rate: Any = 2e-3,
    betas: tuple[Any, Any] = (0.9, 0.999),
    eps: Any = 1e-8,
    weight_decay: Any = 0.0,
    maximize: bool = False,
) -> tuple[Any, State]:
    """What to add to `params`, and the state after it."""
    step, slow = state.step + 1, 1 - betas[0]

    def rule(g: Array, p: Array, m: Array, top: Array) -> tuple[Array, Array, Array]:
        g = direction(g, p, weight_decay, maximize)
        m = toward(m, g, slow)
        top = jnp.maximum(like(betas[1], p) * top, jnp.abs(g) + like(eps, p))
        rate = like(scalar(-learning_rate, p) / corrected(slow, step, p), p)
        # An eps below the smallest normal number is taken for zero by most hardware.
        return rate * m / jnp.maximum(top, jnp.finfo(p.dtype).tiny), m, top

    updates, *slots = each(rule, grads, params, *state[1:])
    return updates, State(step, *slots)

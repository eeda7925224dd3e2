"""Rprop: only the signs of the gradient count; each number has a step size of its own.

    e = e * (larger if g * g_before > 0, smaller if g * g_before < 0, else 1), within limits
    g = 0 where g * g_before < 0
    p = p - sign(g) * e

Torch7's `optim.rprop` starts from steps of 0.1. Source: Riedmiller and Braun 1993; Torch7
`optim.rprop`, PyTorch `optim.Rprop`.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from fnn.optim.rule import direction, each, first_step, like, zeros


class State(NamedTuple):
    """Updates so far; the gradient before; the step sizes."""

    step: Array
    before: Any
    size: Any


def init(params: Any, *, step_size: Any = 1e-2) -> State:
    """No updates so far; all steps are of one size."""
    size = jax.tree.map(lambda p: jnp.full_like(p, like(step_size, p)), params)
    return State(first_step(), zeros(params), size)


def update(
    grads: Any,
    state: State,
    params: Any,
    *,
    factors: tuple[Any, Any] = (0.5, 1.2),
    limits: tuple[Any, Any] = (1e-6, 50.0),
    maximize: bool = False,
) -> tuple[Any, State]:
    """What to add to `params`, and the state after it; `factors` are the smaller and the larger."""

    def rule(g: Array, p: Array, before: Array, size: Array) -> tuple[Array, Array, Array]:
        g = direction(g, p, 0.0, maximize)
        turn = jnp.sign(g * before)
        smaller, larger = (like(factor, p) for factor in factors)
        size = size * jnp.where(turn > 0, larger, jnp.where(turn < 0, smaller, 1))
        size = jnp.clip(size, *(like(limit, p) for limit in limits))
        g = jnp.where(turn < 0, 0, g)
        return -jnp.sign(g) * size, g, size

    updates, *slots = each(rule, grads, params, *state[1:])
    return updates, State(state.step + 1, *slots)

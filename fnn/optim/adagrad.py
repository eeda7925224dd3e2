"""Adagrad: the gradient in units of the root of all its squares so far.

    g = gradient + weight_decay * p
    s = s + g^2
    p = p - learning_rate / (1 + step * learning_rate_decay) * g / (sqrt(s) + eps)

Source: Duchi et al. 2011; Torch7 `optim.adagrad`, PyTorch `optim.Adagrad`.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from fnn.optim.rule import direction, downhill, each, first_step, like


class State(NamedTuple):
    """Updates so far; the sum of the squared gradients."""

    step: Array
    total: Any


def init(params: Any, *, initial_accumulator: float = 0.0) -> State:
    """No updates so far; the sums start from `initial_accumulator`."""
    total = jax.tree.map(lambda p: jnp.full_like(p, initial_accumulator), params)
    return State(first_step(), total)


def update(
    grads: Any,
    state: State,
    params: Any,
    *,
    learning_rate: Any = 1e-2,
    learning_rate_decay: Any = 0.0,
    eps: Any = 1e-10,
    weight_decay: Any = 0.0,
    maximize: bool = False,
) -> tuple[Any, State]:
    """What to add to `params`, and the state after it."""

    def rule(g: Array, p: Array, s: Array) -> tuple[Array, Array]:
        g = direction(g, p, weight_decay, maximize)
        s = s + jnp.square(g)
        rate = downhill(learning_rate, learning_rate_decay, state.step, p)
        return rate * g / (jnp.sqrt(s) + like(eps, p)), s

    updates, total = each(rule, grads, params, state.total)
    return updates, State(state.step + 1, total)

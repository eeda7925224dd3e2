"""Adadelta: steps in the units of the parameters, from the running sizes of steps and gradients.

    g = gradient + weight_decay * p
    s = rho s + (1 - rho) g^2
    d = sqrt(a + eps) / sqrt(s + eps) * g           a = rho a + (1 - rho) d^2   afterwards
    p = p - learning_rate * d

Source: Zeiler 2012; Torch7 `optim.adadelta`, PyTorch `optim.Adadelta`.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array

from fnn.optim.rule import direction, each, first_step, like, toward, zeros


class State(NamedTuple):
    """Updates so far; running means of the squared gradient and of the squared step."""

    step: Array
    square: Any
    moved: Any


def init(params: Any) -> State:
    """No updates so far."""
    return State(first_step(), zeros(params), zeros(params))


def update(
    grads: Any,
    state: State,
    params: Any,
    *,
    learning_rate: Any = 1.0,
    rho: Any = 0.9,
    eps: Any = 1e-6,
    weight_decay: Any = 0.0,
    maximize: bool = False,
) -> tuple[Any, State]:
    """What to add to `params`, and the state after it."""

    def rule(g: Array, p: Array, s: Array, moved: Array) -> tuple[Array, Array, Array]:
        g = direction(g, p, weight_decay, maximize)
        s = toward(s, jnp.square(g), 1 - rho)
        d = jnp.sqrt(moved + like(eps, p)) / jnp.sqrt(s + like(eps, p)) * g
        return like(-learning_rate, p) * d, s, toward(moved, jnp.square(d), 1 - rho)

    updates, *slots = each(rule, grads, params, *state[1:])
    return updates, State(state.step + 1, *slots)

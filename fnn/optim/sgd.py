"""Stochastic gradient descent, with momentum if so wanted.

    g = gradient + weight_decay * p
    v = momentum * v + (1 - dampening) * g          v = g in the first step
    p = p - learning_rate / (1 + step * learning_rate_decay) * v

Nesterov's variant moves along `g + momentum * v`. Torch7's `optim.sgd` sets `dampening = momentum`
unless told otherwise. Source: Sutskever et al. 2013; Torch7 `optim.sgd`, PyTorch `optim.SGD`.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array

from fnn.errors import require
from fnn.optim.rule import absent, direction, downhill, each, first_step, has_momentum, like, zeros


class State(NamedTuple):
    """Updates so far; the running direction of each parameter, or None without momentum."""

    step: Array
    velocity: Any


def init(params: Any, *, momentum: Any = 0.0) -> State:
    """No updates so far."""
    return State(first_step(), None if absent(momentum) else zeros(params))


def update(
    grads: Any,
    state: State,
    params: Any,
    *,
    learning_rate: Any = 1e-3,
    learning_rate_decay: Any = 0.0,
    weight_decay: Any = 0.0,
    momentum: Any = 0.0,
    dampening: Any = 0.0,
    nesterov: bool = False,
    maximize: bool = False,
) -> tuple[Any, State]:
    """What to add to `params`, and the state after it."""
    moving = has_momentum("sgd", momentum, state.velocity)
    require(
        not nesterov or (moving and absent(dampening)),
        "sgd",
        f"nesterov with momentum {momentum} and dampening {dampening}",
        "momentum, and no dampening",
        "Nesterov's step is defined for undamped momentum",
    )
    # Velocity starts from zero, so to take the first gradient itself is not to damp it.
    weight = 1.0 if absent(dampening) else jnp.where(state.step == 0, 1.0, 1.0 - dampening)

    def rule(g: Array, p: Array, v: Any) -> tuple[Array, Any]:
        g = direction(g, p, weight_decay, maximize)
        if moving:
            v = like(momentum, p) * v + (g if absent(dampening) else like(weight, p) * g)
            g = g + like(momentum, p) * v if nesterov else v
        return downhill(learning_rate, learning_rate_decay, state.step, p) * g, v

    updates, velocity = each(rule, grads, params, state.velocity)
    return updates, State(state.step + 1, velocity)

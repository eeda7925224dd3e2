"""Nesterov's accelerated gradient: the gradient is taken where the momentum leads.

    g = gradient + weight_decay * p
    v = momentum * v - learning_rate / (1 + step * learning_rate_decay) * g
    p = p - rate * g + momentum * v

`params` are the points where the gradient is taken, so that the rule is one like the others;
Torch7's `x` is one step of momentum behind them: `behind`.
Source: Sutskever et al. 2013; Torch7 `optim.nag`.
"""

from typing import Any, NamedTuple

import jax
from jax import Array

from fnn.optim.rule import direction, downhill, each, first_step, like, zeros


class State(NamedTuple):
    """Updates so far; the last step."""

    step: Array
    velocity: Any


def init(params: Any) -> State:
    """No updates so far."""
    return State(first_step(), zeros(params))


def update(
    grads: Any,
    state: State,
    params: Any,
    *,
    learning_rate: Any = 1e-3,
    learning_rate_decay: Any = 0.0,
    weight_decay: Any = 0.0,
    momentum: Any = 0.9,
    maximize: bool = False,
) -> tuple[Any, State]:
    """What to add to `params`, and the state after it."""

    def rule(g: Array, p: Array, v: Array) -> tuple[Array, Array]:
        g = direction(g, p, weight_decay, maximize)
        fall = downhill(learning_rate, learning_rate_decay, state.step, p) * g
        v = like(momentum, p) * v + fall
        return fall + like(momentum, p) * v, v

    updates, velocity = each(rule, grads, params, state.velocity)
    return updates, State(state.step + 1, velocity)


def behind(state: State, params: Any, *, momentum: Any = 0.9) -> Any:
    """The parameters without the look ahead: what Torch7 returns."""
    return jax.tree.map(lambda p, v: p - like(momentum, p) * v, params, state.velocity)

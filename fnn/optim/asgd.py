"""Averaged stochastic gradient descent.

    g = gradient + weight_decay * p
    p = (1 - decay * rate) p - rate * g
    average = average + (p - average) / max(1, t - start)           t counts from 0
    rate = learning_rate / (1 + decay * learning_rate * (t + 1))^power

The rate of a step is made by the step before it; that of the first is the learning rate.
Torch7's `optim.asgd` has `learning_rate = 1e-4`, which it calls eta0.
Source: Bottou's sgd 2.0, Polyak and Juditsky 1992; Torch7 `optim.asgd`, PyTorch `optim.ASGD`.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array

from fnn.optim.rule import direction, each, first_step, like, scalar, toward, zeros


class State(NamedTuple):
    """Updates so far; the next step's rate; the average of the parameters."""

    step: Array
    rate: Array
    average: Any


def init(params: Any, *, learning_rate: Any = 1e-2) -> State:
    """No updates so far."""
    return State(first_step(), jnp.asarray(learning_rate, float), zeros(params))


def weight(step: Array, start: Any, leaf: Array) -> Array:
    """What the parameters weigh in the average of a step."""
    return 1 / jnp.maximum(1, scalar(step, leaf) - scalar(start, leaf))


def update(
    grads: Any,
    state: State,
    params: Any,
    *,
    learning_rate: Any = 1e-2,
    decay: Any = 1e-4,
    power: Any = 0.75,
    start: Any = 1e6,
    weight_decay: Any = 0.0,
    maximize: bool = False,
) -> tuple[Any, State]:
    """What to add to `params`, and the state after it."""
    clock = state.rate
    share = weight(state.step, start, clock)

    def rule(g: Array, p: Array, average: Array) -> tuple[Array, Array]:
        g = direction(g, p, weight_decay, maximize)
        u = like(-clock, p) * g - like(scalar(decay, clock) * clock, p) * p
        return u, toward(average, p + u, share)

    updates, average = each(rule, grads, params, state.average)
    eta = scalar(learning_rate, clock)
    slower = 1 + scalar(decay, clock) * eta * scalar(state.step + 1, clock)
    return updates, State(state.step + 1, eta / slower ** scalar(power, clock), average)

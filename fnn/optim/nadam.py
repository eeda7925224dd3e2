"""NAdam: Adam with Nesterov's momentum, which grows from half of `b1` to all of it.

    g = gradient + weight_decay * p
    m = b1 m + (1 - b1) g           v = b2 v + (1 - b2) g^2
    mu(t) = b1 (1 - 0.96^(t * momentum_decay) / 2)          P = mu(1) mu(2) ... mu(t)
    d = (1 - mu(t)) / (1 - P) * g + mu(t + 1) / (1 - P mu(t + 1)) * m
    p = p - learning_rate * d / (sqrt(v / (1 - b2^t)) + eps)

Decoupled weights decay by themselves, as in AdamW. Source: Dozat 2016; PyTorch `optim.NAdam`.
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
    """Updates so far; the momenta's product; running means of the gradient and its square."""

    step: Array
    product: Array
    mean: Any
    square: Any


def init(params: Any) -> State:
    """No updates so far."""
    return State(first_step(), jnp.ones((), float), zeros(params), zeros(params))


def update(
    grads: Any,
    state: State,
    params: Any,
    *,
    learning_rate: Any = 2e-3,
    betas: tuple[Any, Any] = (0.9, 0.999),
    eps: Any = 1e-8,
    weight_decay: Any = 0.0,
    momentum_decay: Any = 4e-3,
    decoupled_weight_decay: bool = False,
    maximize: bool = False,
) -> tuple[Any, State]:
    """What to add to `params`, and the state after it."""
    step, slow, slower = state.step + 1, 1 - betas[0], 1 - betas[1]

    def momentum(step: Array) -> Array:
        time = scalar(step, state.product) * scalar(momentum_decay, state.product)
        return scalar(betas[0], state.product) * (1 - 0.96**time / 2)

    now, after = momentum(step), momentum(step + 1)
    product = state.product * now

    def rule(g: Array, p: Array, m: Array, v: Array) -> tuple[Array, Array, Array]:
        g = direction(g, p, 0.0 if decoupled_weight_decay else weight_decay, maximize)
        m, v = toward(m, g, slow), toward(v, jnp.square(g), slower)
        size = jnp.sqrt(v / like(corrected(slower, step, p), p)) + like(eps, p)
        ahead = like((1 - now) / (1 - product), p) * g + like(after / (1 - product * after), p) * m
        u = like(-learning_rate, p) * ahead / size
        return decayed(u, p, learning_rate, weight_decay if decoupled_weight_decay else 0.0), m, v

    updates, *slots = each(rule, grads, params, state.mean, state.square)
    return updates, State(step, product, *slots)

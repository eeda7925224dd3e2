"""RMSprop: the gradient in units of its running size.

    g = gradient + weight_decay * p
    s = alpha s + (1 - alpha) g^2
    v = momentum * v + g / (sqrt(s) + eps)
    p = p - learning_rate * v

Centred, the square of the gradient's running mean is taken off `s` under the root.
Source: Hinton 2012, Graves 2013; Torch7 `optim.rmsprop`, PyTorch `optim.RMSprop`.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from fnn.optim.rule import absent, direction, each, first_step, has_momentum, like, toward, zeros


class State(NamedTuple):
    """Updates so far; running means of the squared gradient and of the gradient; velocity."""

    step: Array
    square: Any
    mean: Any
    velocity: Any


def init(
    params: Any, *, momentum: Any = 0.0, centered: bool = False, initial_square: float = 0.0
) -> State:
    """No updates so far; `mean` is kept if centred, `velocity` with momentum."""
    return State(
        first_step(),
        jax.tree.map(lambda p: jnp.full_like(p, initial_square), params),
        zeros(params) if centered else None,
        None if absent(momentum) else zeros(params),
    )


def update(
    grads: Any,
    state: State,
    params: Any,
    *,
    learning_rate: Any = 1e-2,
    alpha: Any = 0.99,
    eps: Any = 1e-8,
    weight_decay: Any = 0.0,
    momentum: Any = 0.0,
    maximize: bool = False,
) -> tuple[Any, State]:
    """What to add to `params`, and the state after it; centred if `init` was."""
    moving = has_momentum("rmsprop", momentum, state.velocity)

    def rule(g: Array, p: Array, s: Array, mean: Any, v: Any) -> tuple:
        g = direction(g, p, weight_decay, maximize)
        s = toward(s, jnp.square(g), 1 - alpha)
        mean = None if mean is None else toward(mean, g, 1 - alpha)
        spread = s if mean is None else s - jnp.square(mean)
        g = g / (jnp.sqrt(spread) + like(eps, p))
        if moving:
            g = v = like(momentum, p) * v + g
        return like(-learning_rate, p) * g, s, mean, v

    updates, *slots = each(rule, grads, params, *state[1:])
    return updates, State(state.step + 1, *slots)

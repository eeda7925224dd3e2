"""Adam: a step along the running mean of the gradients, in units of their running size.

    g = gradient + weight_decay * p
    m = b1 m + (1 - b1) g           v = b2 v + (1 - b2) g^2
    p = p - learning_rate * m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + eps)

With amsgrad, the largest `v` so far stands in the place of `v`. With `epsilon_hat`, `eps` is added
to `sqrt(v)` as it is, before that is corrected, as in Torch7. Weights whose decay is decoupled
decay by themselves, `p = (1 - learning_rate * weight_decay) p`, not through the gradient.
Source: Kingma and Ba 2015, Reddi et al. 2018; Torch7 `optim.adam`, PyTorch `optim.Adam`.
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
    slowed,
    toward,
    zeros,
)


class State(NamedTuple):
    """Updates so far; running means of the gradient and its square; the largest of the latter."""

    step: Array
    mean: Any
    square: Any
    largest: Any


def init(params: Any, *, amsgrad: bool = False) -> State:
    """No updates so far; `largest` is kept with amsgrad only."""
    return State(first_step(), zeros(params), zeros(params), zeros(params) if amsgrad else None)


def update(
    grads: Any,
    state: State,
    params: Any,
    *,
    learning_rate: Any = 1e-3,
    learning_rate_decay: Any = 0.0,
    betas: tuple[Any, Any] = (0.9, 0.999),
    eps: Any = 1e-8,
    weight_decay: Any = 0.0,
    decoupled_weight_decay: bool = False,
    epsilon_hat: bool = False,
    maximize: bool = False,
) -> tuple[Any, State]:
    """What to add to `params`, and the state after it; with amsgrad if `init` was."""
    step, slow, slower = state.step + 1, 1 - betas[0], 1 - betas[1]

    def rule(g: Array, p: Array, m: Array, v: Array, top: Array | None) -> tuple:
        g = direction(g, p, 0.0 if decoupled_weight_decay else weight_decay, maximize)
        m, v = toward(m, g, slow), toward(v, jnp.square(g), slower)
        top = None if top is None else jnp.maximum(top, v)
        size = jnp.sqrt(v if top is None else top)
        unit = like(jnp.sqrt(corrected(slower, step, p)), p)
        size = (size + like(eps, p)) / unit if epsilon_hat else size / unit + like(eps, p)
        pace = slowed(learning_rate, learning_rate_decay, state.step, p)
        u = like(-pace / corrected(slow, step, p), p) * m / size
        return decayed(u, p, pace, weight_decay if decoupled_weight_decay else 0.0), m, v, top

    updates, *slots = each(rule, grads, params, *state[1:])
    return updates, State(step, *slots)

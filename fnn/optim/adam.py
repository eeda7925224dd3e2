"""Adam: a step along the running mean of the gradients, in units of their running size.

    g = gradient + weight_decay * p
    m = b1 m + (1 - b1) g           v = b2 v + (1 - b2) g^2
    p = p - learning_rate * m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + eps)

With amsgrad, the largest `v` so far stands in the place of `v`.
Source: Kingma and Ba 2015, Reddi et al. 2018; PyTorch `optim.Adam`.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array

from fnn.optim.rule import corrected, direction, each, first_step, like, scalar, toward, zeros


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
    betas: tuple[Any, Any] = (0.9, 0.999),
    eps: Any = 1e-8,
    weight_decay: Any = 0.0,
    maximize: bool = False,
) -> tuple[Any, State]:
    """What to add to `params`, and the state after it; with amsgrad if `init` was."""
    step, slow, slower = state.step + 1, 1 - betas[0], 1 - betas[1]

    def rule(g: Array, p: Array, m: Array, v: Array, top: Array | None) -> tuple:
        g = direction(g, p, weight_decay, maximize)
        m, v = toward(m, g, slow), toward(v, jnp.square(g), slower)
        top = None if top is None else jnp.maximum(top, v)
        unit = like(jnp.sqrt(corrected(slower, step, p)), p)
        size = jnp.sqrt(v if top is None else top) / unit + like(eps, p)
        rate = like(scalar(-learning_rate, p) / corrected(slow, step, p), p)
        return rate * m / size, m, v, top

    updates, *slots = each(rule, grads, params, *state[1:])
    return updates, State(step, *slots)

"""Adafactor: the sizes of a matrix' gradients are kept for its rows and columns only.

    w = t^square_decay                              the weight of what is new
    r = (1 - w) r + w mean_columns(g^2)             c = (1 - w) c + w mean_rows(g^2)
    u = g / sqrt(r c / mean(r))                     each divisor at least `eps[0]`
    u = u / max(1, rms(u) / clip)
    p = (1 - learning_rate * weight_decay) p
        - max(eps[1], rms(p)) min(learning_rate, 1 / sqrt(t)) u

The last two axes are rows and columns; a vector has a running mean of all its squares. `eps[0]` is
by default the precision of the parameter's type. Source: Shazeer and Stern 2018; PyTorch
`optim.Adafactor`.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from fnn.optim.rule import decayed, direction, each, first_step, like, scalar, toward


class State(NamedTuple):
    """Updates so far; running means of squared gradients: of rows, of columns, of vectors."""

    step: Array
    row: Any
    column: Any
    square: Any


def init(params: Any) -> State:
    """No updates so far; for each parameter a row and a column, or a vector."""

    def means(p: Array) -> tuple[Any, Any, Any]:
        if p.ndim < 2:
            return None, None, jnp.zeros_like(p)
        return jnp.zeros_like(p[..., :1]), jnp.zeros_like(p[..., :1, :]), None

    leaves, structure = jax.tree.flatten(params)
    slots = [structure.unflatten([means(p)[i] for p in leaves]) for i in range(3)]
    return State(first_step(), *slots)


def update(
    grads: Any,
    state: State,
    params: Any,
    *,
    learning_rate: Any = 1e-2,
    square_decay: Any = -0.8,
    eps: tuple[Any, Any] = (None, 1e-3),
    clip: Any = 1.0,
    weight_decay: Any = 0.0,
    maximize: bool = False,
) -> tuple[Any, State]:
    """What to add to `params`, and the state after it."""
    step = state.step + 1

    def rule(g: Array, p: Array, row: Any, column: Any, square: Any) -> tuple:
        g, time = direction(g, p, 0.0, maximize), scalar(step, p)
        weight = time ** scalar(square_decay, p)
        least = like(jnp.finfo(p.dtype).eps if eps[0] is None else eps[0], p)
        if square is None:
            row = toward(row, jnp.square(g).mean(-1, keepdims=True), weight)
            column = toward(column, jnp.square(g).mean(-2, keepdims=True), weight)
            size = row * column / jnp.maximum(row.mean(-2, keepdims=True), least)
        else:
            size = square = toward(square, jnp.square(g), weight)
        u = g / jnp.sqrt(jnp.maximum(size, jnp.square(least)))
        rate = jnp.minimum(scalar(learning_rate, p), 1 / jnp.sqrt(time))
        rate = rate * jnp.maximum(scalar(eps[1], p), _root_mean_square(p))
        rate = rate / jnp.maximum(1, _root_mean_square(u) / scalar(clip, p))
        u = decayed(like(-rate, p) * u, p, learning_rate, weight_decay)
        return u, row, column, square

    updates, *slots = each(rule, grads, params, *state[1:])
    return updates, State(step, *slots)


def _root_mean_square(x: Array) -> Array:
    return jnp.sqrt(jnp.mean(jnp.square(scalar(x, x))))

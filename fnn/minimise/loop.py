"""What the minimisers share: loops, functions of flat vectors, and what is found."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.flatten_util import ravel_pytree


class Minimum(NamedTuple):
    """Where a minimiser ended.

    `values` holds `recorded` values of the function on the way, and NaN after them; `state` is for
    the next call, of a minimiser that goes on from the last one.
    """

    params: Any
    value: Array
    values: Array
    recorded: Array
    evaluations: Array
    state: Any = None


def repeat(compiled: bool, going: Callable, body: Callable, state: Any) -> Any:
    """Repeat `body` while `going`, in the program or in Python."""
    if compiled:
        return lax.while_loop(going, body, state)
    while going(state):
        state = body(state)
    return state


def unless(compiled: bool, condition: Array, change: Callable, state: Any) -> Any:
    """The state as it is if a condition holds, otherwise changed."""
    if compiled:
        return lax.cond(condition, lambda state: state, change, state)
    return state if condition else change(state)


def gradients_of(function: Callable, params: Any) -> tuple[Callable, Array, Callable]:
    """From a flat vector to its value and flat gradient; the vector; and the way back."""
    start, restore = ravel_pytree(params)

    def evaluate(x: Array) -> tuple[Array, Array]:
        value, gradient = function(restore(x))
        return jnp.asarray(value, x.dtype), ravel_pytree(gradient)[0]

    return evaluate, start, restore


def values_of(function: Callable, params: Any, compiled: bool) -> tuple[Callable, Array, Callable]:
    """From rows of flat vectors to their values; one such row; and the way back."""
    start, restore = ravel_pytree(params)

    def value(x: Array) -> Array:
        return jnp.asarray(function(restore(x)), x.dtype)

    def evaluate(rows: Array) -> Array:
        return jax.vmap(value)(rows) if compiled else jnp.stack([value(row) for row in rows])

    return evaluate, start, restore


def blank(length: float, like: Array) -> Array:
    """Room for values that are to be recorded."""
    return jnp.full(int(length) + 1, jnp.nan, like.dtype)

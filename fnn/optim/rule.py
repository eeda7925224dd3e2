"""From a rule for one array to a rule for a tree of them; what all optimisers share."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from fnn.errors import require


def each(rule: Callable[..., tuple], grads: Any, params: Any, *slots: Any) -> tuple[Any, ...]:
    """Map `rule(gradient, parameter, *slots) -> (update, *slots)` over trees, to as many trees.

    An optimiser that doesn't keep a slot has None in the place of its tree.
    """
    leaves, structure = jax.tree.flatten(grads)
    kept = [True, *(slot is not None for slot in slots)]
    columns = [
        structure.flatten_up_to(tree) if keep else [None] * len(leaves)
        for keep, tree in zip(kept, (params, *slots), strict=True)
    ]
    rows = [rule(*row) for row in zip(leaves, *columns, strict=True)]
    return tuple(
        structure.unflatten([row[i] for row in rows]) if keep else None
        for i, keep in enumerate(kept)
    )


def zeros(params: Any) -> Any:
    """A slot that starts from zero."""
    return jax.tree.map(jnp.zeros_like, params)


def first_step() -> Array:
    """The number of updates so far."""
    return jnp.zeros((), jnp.int32)


def absent(value: Any) -> bool:
    """Whether a hyperparameter is a plain zero, so that its term can be left out of the program."""
    return isinstance(value, int | float) and value == 0


def has_momentum(optimiser: str, momentum: Any, velocity: Any) -> bool:
    """Whether to keep a velocity, which the state must have then."""
    require(
        velocity is not None or absent(momentum),
        optimiser,
        f"momentum {momentum} and a state without velocity",
        "a state from init(params, momentum=...)",
        "the state was made without momentum",
    )
    return not absent(momentum)


def like(value: Any, leaf: Array) -> Array:
    """A hyperparameter in the type of a leaf, so that no update changes a parameter's type."""
    return jnp.asarray(value, leaf.dtype)


def scalar(value: Any, leaf: Array) -> Array:
    """A hyperparameter for arithmetic on itself or on the step: at least in single precision."""
    narrow = jnp.finfo(leaf.dtype).bits < 32
    return jnp.asarray(value, jnp.float32 if narrow else leaf.dtype)


def direction(grad: Array, param: Array, weight_decay: Any, maximize: bool) -> Array:
    """The gradient of what is made small: the loss and `weight_decay / 2 * param^2`."""
    grad = -grad if maximize else grad
    return grad if absent(weight_decay) else grad + like(weight_decay, param) * param


def toward(mean: Array, value: Array, weight: Any) -> Array:
    """A running mean, moved towards a new value."""
    return mean + like(weight, mean) * (value - mean)


def corrected(weight: Any, step: Array, leaf: Array) -> Array:
    """The sum of the weights in a running mean that began with zero: `1 - (1 - weight)^step`.

    Written so that a small weight loses no digits.
    """
    return -jnp.expm1(scalar(step, leaf) * jnp.log1p(-scalar(weight, leaf)))


def slowed(rate: Any, decay: Any, step: Array, leaf: Array) -> Array:
    """The learning rate `rate / (1 + step * decay)`, to compute with."""
    rate = scalar(rate, leaf)
    return rate if absent(decay) else rate / (1 + scalar(step, leaf) * scalar(decay, leaf))


def downhill(rate: Any, decay: Any, step: Array, leaf: Array) -> Array:
    """Minus that rate, in the type of a leaf."""
    return like(slowed(-rate, decay, step, leaf), leaf)


def decayed(update: Array, param: Array, rate: Any, weight_decay: Any) -> Array:
    """An update of a parameter that by itself decays to `(1 - rate * weight_decay) param`."""
    if absent(weight_decay):
        return update
    return update - like(scalar(rate, param) * scalar(weight_decay, param), param) * param

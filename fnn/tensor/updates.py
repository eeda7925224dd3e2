"""What training does to parameters and gradients, as pure functions over lists of arrays.

Each returns the values to be written and what else there is, as `run(..., into=...)` wants it.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
from jax import Array


def zeros(arrays: Sequence[Array]) -> tuple[list[Array], None]:
    """A zero for each."""
    return [jnp.zeros_like(a) for a in arrays], None


def descend(params: Sequence[Array], grads: Sequence[Array], rate: Any) -> tuple[list[Array], None]:
    """One step against the gradients."""
    return [p - typed(rate, p) * g for p, g in zip(params, grads, strict=True)], None


def accumulate(total: Array, scale: Any, more: Array) -> tuple[list[Array], None]:
    """`total` and `scale` times what is added."""
    return [total + typed(scale, total) * more], None


def typed(number: Any, array: Array) -> Array:
    """A number in the type of an array."""
    return jnp.asarray(number).astype(array.dtype)


def pull_back_into(
    pullback: Callable, cotangents: list[Array], grads: Sequence[Array], scale: Any, *, learned: int
) -> tuple[list[Array], list[Array]]:
    """Add `scale` times the first `learned` gradients of a pullback to `grads`; return the rest.

    Without `grads` nothing is added.
    """
    found = pullback(cotangents)[0] if pullback else []  # nothing to be differentiated by
    added = [g + typed(scale, g) * d for g, d in zip(grads, found, strict=False)]
    return added, found[learned:]


def concatenated(arrays: Sequence[Array]) -> Array:
    """All elements in one vector."""
    return jnp.concatenate([a.reshape(-1) for a in arrays])

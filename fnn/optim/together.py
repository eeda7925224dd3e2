"""Many small arrays updated as one: a program then has a few operations, rather than a few each."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import accumulate
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from transforms.program import SMALL


def together(
    update: Callable[[Any, Any, Any], tuple[Any, Any]],
    grads: Sequence[Array],
    states: Sequence[Any],
    params: Sequence[Array],
) -> tuple[list[Array], list[Any]]:
    """The updates of parameters and their states, where each parameter has a state of its own.

    The rule must treat every element alike. A number in a state, such as the count of steps, is
    repeated for the elements of its parameter.
    """
    groups: dict[Any, list[int]] = {}
    for i, (p, state) in enumerate(zip(params, states, strict=True)):
        alone = i if not 0 < p.size <= SMALL else None
        groups.setdefault((alone, p.dtype, jax.tree.structure(state)), []).append(i)
    updates: list[Any] = [None] * len(params)
    after: list[Any] = [None] * len(params)
    for members in groups.values():
        given = [(grads[i], states[i], params[i]) for i in members]
        if len(members) == 1:
            found = [update(*given[0])]
        else:
            shapes = [params[i].shape for i in members]
            joined = jax.tree.map(partial(join, shapes), *given)
            found = split(update(*joined), [(g, state) for g, state, _ in given])
        for i, (move, state) in zip(members, found, strict=True):
            updates[i], after[i] = move, state
    return updates, after


def join(shapes: Sequence[tuple[int, ...]], *leaves: Array) -> Array:
    """One vector of arrays; what is a number is repeated to the shape of its parameter."""
    pairs = zip(leaves, shapes, strict=True)
    return jnp.concatenate([jnp.broadcast_to(x, shape).reshape(-1) for x, shape in pairs])


def split(joined: Any, likes: Sequence[Any]) -> list[Any]:
    """The parts of vectors, in the shapes of what they were joined from."""
    stops = accumulate(like[0].size for like in likes)
    return [
        jax.tree.map(partial(part, stop - like[0].size), joined, like)
        for like, stop in zip(likes, stops, strict=True)
    ]


def part(start: int, vector: Array, like: Array) -> Array:
    """What begins there, in the shape of `like`."""
    return vector[start : start + like.size].reshape(like.shape)

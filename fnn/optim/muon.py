"""Muon: momentum whose singular values are all made about one; for matrices only.

    v = momentum * v + (1 - momentum) g
    d = g + momentum (v - g) if nesterov else v
    d = a d + (b (d d') + c (d d')^2) d             `iterations` times, from d / norm(d)
    p = (1 - learning_rate * weight_decay) p - learning_rate * scale * d

`scale` is `sqrt(max(1, rows / columns))`, or `0.2 sqrt(max(rows, columns))` with
`adjustment="match_rms_adamw"`. The iterations run in `precision`, as PyTorch's do in bfloat16;
with None in the parameter's type. Biases and embeddings are for another optimiser: see `groups`.
Source: Jordan et al. 2024, Liu et al. 2025; PyTorch `optim.Muon`.
"""

from math import sqrt
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array

from fnn.errors import describe, require
from fnn.optim.rule import decayed, each, first_step, like, scalar, toward, zeros


class State(NamedTuple):
    """Updates so far; the running mean of the gradient."""

    step: Array
    velocity: Any


def init(params: Any) -> State:
    """No updates so far."""
    return State(first_step(), zeros(params))


def update(
    grads: Any,
    state: State,
    params: Any,
    *,
    learning_rate: Any = 1e-3,
    weight_decay: Any = 0.1,
    momentum: Any = 0.95,
    nesterov: bool = True,
    coefficients: tuple[Any, Any, Any] = (3.4445, -4.7750, 2.0315),
    eps: Any = 1e-7,
    iterations: int = 5,
    adjustment: str = "original",
    precision: str | None = "bfloat16",
) -> tuple[Any, State]:
    """What to add to `params`, and the state after it."""
    require(
        adjustment in ("original", "match_rms_adamw"),
        "muon",
        f"adjustment={adjustment!r}",
        "'original' or 'match_rms_adamw'",
        "a typo",
    )

    def rule(g: Array, p: Array, v: Array) -> tuple[Array, Array]:
        require(
            p.ndim == 2,
            "muon",
            describe(p),
            "a matrix",
            "give biases, embeddings and kernels to another optimiser with groups",
        )
        v = toward(v, g, 1 - momentum)
        d = toward(g, v, momentum) if nesterov else v
        d = _orthogonal(d.astype(precision or d.dtype), coefficients, eps, iterations)
        rows, columns = p.shape
        plain = adjustment == "original"
        scale = sqrt(max(1, rows / columns)) if plain else 0.2 * sqrt(max(rows, columns))
        u = like(scalar(-learning_rate, p) * scale, p) * d.astype(p.dtype)
        return decayed(u, p, learning_rate, weight_decay), v

    updates, velocity = each(rule, grads, params, state.velocity)
    return updates, State(state.step + 1, velocity)


def _orthogonal(x: Array, coefficients: tuple[Any, Any, Any], eps: Any, iterations: int) -> Array:
    """A matrix with the same singular vectors, by an iteration of Newton and Schulz."""
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    x = x / jnp.maximum(like(jnp.linalg.norm(scalar(x, x)), x), like(eps, x))
    a, b, c = (like(coefficient, x) for coefficient in coefficients)
    for _ in range(iterations):
        gram = x @ x.T
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    return x.T if tall else x

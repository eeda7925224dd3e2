"""Adam for tables of which a batch uses few rows: a row without gradient stays as it is.

Its running means stay too, so that a row moves only when it is used; a row whose gradient is all
zero counts as unused. `eps` is added as in Torch7's Adam (`epsilon_hat`).
Source: PyTorch `optim.SparseAdam`.
"""

from typing import Any

import jax
import jax.numpy as jnp

from fnn.optim import adam
from fnn.optim.adam import State

__all__ = ["State", "init", "update"]


def init(params: Any) -> State:
    """No updates so far."""
    return adam.init(params)


def update(
    grads: Any,
    state: State,
    params: Any,
    *,
    learning_rate: Any = 1e-3,
    betas: tuple[Any, Any] = (0.9, 0.999),
    eps: Any = 1e-8,
    maximize: bool = False,
) -> tuple[Any, State]:
    """What to add to `params`, and the state after it; rows are the first axis."""
    updates, after = adam.update(
        grads,
        state,
        params,
        learning_rate=learning_rate,
        betas=betas,
        eps=eps,
        epsilon_hat=True,
        maximize=maximize,
    )

    used = jax.tree.map(lambda g: jnp.any(g != 0, range(1, g.ndim), keepdims=True), grads)
    mean, square = (
        jax.tree.map(jnp.where, used, *pair) for pair in zip(after[1:3], state[1:3], strict=True)
    )
    updates = jax.tree.map(lambda row, u: jnp.where(row, u, 0), used, updates)
    return updates, after._replace(mean=mean, square=square)

"""Adam, and weights that decay by themselves: `p = (1 - learning_rate * weight_decay) p` first.

Source: Loshchilov and Hutter 2019; PyTorch `optim.AdamW`.
"""

from typing import Any

from fnn.optim import adam
from fnn.optim.adam import State, init

__all__ = ["State", "init", "update"]


def update(
    grads: Any,
    state: State,
    params: Any,
    *,
    learning_rate: Any = 1e-3,
    betas: tuple[Any, Any] = (0.9, 0.999),
    eps: Any = 1e-8,
    weight_decay: Any = 1e-2,
    maximize: bool = False,
) -> tuple[Any, State]:
    """What to add to `params`, and the state after it; with amsgrad if `init` was."""
    return adam.update(
        grads,
        state,
        params,
        learning_rate=learning_rate,
        betas=betas,
        eps=eps,
        weight_decay=weight_decay,
        decoupled_weight_decay=True,
        maximize=maximize,
    )

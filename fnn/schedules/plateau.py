"""A rate that falls when a measure no longer gets better."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array

from fnn.errors import require
from fnn.schedules.time import time


class State(NamedTuple):
    """The rate now; the best measure; measures since that were no better; rest to come."""

    rate: Array
    best: Array
    bad: Array
    rest: Array


@dataclass(frozen=True)
class plateau:
    """Multiplied by `factor` after more than `patience` measures that were no better than the best.

    Better is less, or with `mode="max"` more, by `threshold`: a share of the best, or with
    `threshold_mode="abs"` so much. After a change measures don't count for `cooldown` of them. The
    rate stays above `minimum`, and changes of `eps` or less are not made.
    Source: PyTorch `ReduceLROnPlateau`.

    >>> falling = plateau(1.0, factor=0.5, patience=0)
    >>> state = falling.init()
    >>> for loss in (3.0, 2.0, 2.0):
    ...     state = falling.update(state, loss)
    >>> float(state.rate)
    0.5
    """

    rate: float
    factor: float = 0.1
    patience: int = 10
    threshold: float = 1e-4
    cooldown: int = 0
    minimum: float = 0.0
    eps: float = 1e-8
    mode: str = "min"
    threshold_mode: str = "rel"

    def __post_init__(self) -> None:
        require(
            self.mode in ("min", "max") and self.threshold_mode in ("rel", "abs"),
            "plateau",
            f"mode={self.mode!r}, threshold_mode={self.threshold_mode!r}",
            "'min' or 'max', and 'rel' or 'abs'",
            "a typo",
        )

    def init(self) -> State:
        """The first rate, and no measures so far."""
        worst = jnp.inf if self.mode == "min" else -jnp.inf
        none = jnp.zeros((), jnp.int32)
        return State(time(self.rate), time(worst), none, none)

    def update(self, state: State, measure: Any) -> State:
        """The state after another measure; `state.rate` is the rate to go on with."""
        now, sign = time(measure), -1 if self.mode == "min" else 1
        margin = sign * self.threshold
        least = state.best * (1 + margin) if self.threshold_mode == "rel" else state.best + margin
        better = sign * now > sign * least
        bad = jnp.where(better | (state.rest > 0), 0, state.bad + 1)
        rest = jnp.maximum(state.rest - 1, 0)
        tired = bad > self.patience
        lower = jnp.maximum(state.rate * self.factor, self.minimum)
        lower = jnp.where(state.rate - lower > self.eps, lower, state.rate)
        return State(
            jnp.where(tired, lower, state.rate),
            jnp.where(better, now, state.best),
            jnp.where(tired, 0, bad),
            jnp.where(tired, self.cooldown, rest),
        )

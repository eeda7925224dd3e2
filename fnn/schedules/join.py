"""Schedules from schedules."""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

import jax.numpy as jnp
from jax import Array

from fnn.errors import require
from fnn.schedules.time import time


@dataclass(frozen=True)
class join:
    """One after the other, each counting from 0 at its milestone. PyTorch `SequentialLR`."""

    schedules: tuple[Callable[[Any], Any], ...]
    milestones: tuple[int, ...]

    def __post_init__(self) -> None:
        require(
            len(self.schedules) == len(self.milestones) + 1,
            "join",
            f"{len(self.schedules)} schedules, milestones {self.milestones}",
            "a milestone for each schedule after the first",
            "the first schedule begins at 0 without one",
        )

    def __call__(self, count: Any) -> Array:
        """The rate at a step."""
        rate = self.schedules[0](count)
        for schedule, milestone in zip(self.schedules[1:], self.milestones, strict=True):
            rate = jnp.where(count < milestone, rate, schedule(count - milestone))
        return rate


@dataclass(frozen=True)
class chained:
    """The product of schedules: one of rates, and others that begin with 1 or go to it.

    PyTorch `ChainedScheduler`, of schedulers that multiply.
    """

    schedules: tuple[Callable[[Any], Any], ...]

    def __call__(self, count: Any) -> Array:
        """The rate at a step."""
        return prod([schedule(count) for schedule in self.schedules], start=time(1))


@dataclass(frozen=True)
class warmup:
    """Straight from `start` to where the schedule `then` begins, in `steps` steps; then that."""

    steps: int
    then: Callable[[Any], Any]
    start: float = 0.0

    def __call__(self, count: Any) -> Array:
        """The rate at a step."""
        rise = self.start + (self.then(0) - self.start) * (time(count) / self.steps)
        return jnp.where(count < self.steps, rise, self.then(count - self.steps))

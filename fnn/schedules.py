"""Schedules: hyperparameters that change with the number of steps done.

A schedule is a frozen, hashable value that is called with a step, which may be traced. Rates are
absolute: `linear(0.1, 0.0, 100)` goes from 0.1 to 0.

>>> float(warmup(10, cosine(0.1, 90))(5))
0.05000000074505806
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import pi
from typing import Any

import jax.numpy as jnp
from jax import Array


def _time(count: Any) -> Array:
    return jnp.asarray(count, jnp.result_type(float))


@dataclass(frozen=True)
class constant:
    """The same rate at every step."""

    rate: float

    def __call__(self, count: Any) -> Array:
        """The rate at a step."""
        return _time(self.rate)


@dataclass(frozen=True)
class step:
    """Multiplied by `factor` after every `every` steps. PyTorch `StepLR`."""

    rate: float
    every: int
    factor: float = 0.1

    def __call__(self, count: Any) -> Array:
        """The rate at a step."""
        return self.rate * self.factor ** jnp.floor_divide(_time(count), self.every)


@dataclass(frozen=True)
class multi_step:
    """Multiplied by `factor` at each of the milestones. PyTorch `MultiStepLR`."""

    rate: float
    milestones: tuple[int, ...]
    factor: float = 0.1

    def __call__(self, count: Any) -> Array:
        """The rate at a step."""
        passed = sum(_time(count >= milestone) for milestone in self.milestones)
        return self.rate * self.factor ** _time(passed)


@dataclass(frozen=True)
class exponential:
    """Multiplied by `factor` after every step: `rate * factor^count`. PyTorch `ExponentialLR`."""

    rate: float
    factor: float

    def __call__(self, count: Any) -> Array:
        """The rate at a step."""
        return self.rate * self.factor ** _time(count)


@dataclass(frozen=True)
class cosine:
    """Down to `end` in `steps` steps along half a cosine, then up again.

    Source: Loshchilov and Hutter 2017; PyTorch `CosineAnnealingLR`.
    """

    rate: float
    steps: int
    end: float = 0.0

    def __call__(self, count: Any) -> Array:
        """The rate at a step."""
        return _swing(self.rate, self.end, _time(count) / self.steps)


def _swing(start: Any, end: Any, part: Array) -> Array:
    """From start to end along half a cosine."""
    return end + (start - end) * (1 + jnp.cos(pi * part)) / 2


@dataclass(frozen=True)
class linear:
    """Straight from `start` to `end` in `steps` steps, where it stays. PyTorch `LinearLR`."""

    start: float
    end: float
    steps: int

    def __call__(self, count: Any) -> Array:
        """The rate at a step."""
        return self.start + (self.end - self.start) * jnp.minimum(_time(count) / self.steps, 1)


@dataclass(frozen=True)
class polynomial:
    """`rate * (1 - count / steps)^power`, and 0 from there on. PyTorch `PolynomialLR`."""

    rate: float
    steps: int
    power: float = 1.0

    def __call__(self, count: Any) -> Array:
        """The rate at a step."""
        return self.rate * (1 - jnp.minimum(_time(count) / self.steps, 1)) ** self.power


@dataclass(frozen=True)
class join:
    """One after the other, each counting from 0 at its milestone. PyTorch `SequentialLR`."""

    schedules: tuple[Callable[[Any], Any], ...]
    milestones: tuple[int, ...]

    def __call__(self, count: Any) -> Array:
        """The rate at a step."""
        rate = self.schedules[0](count)
        for schedule, milestone in zip(self.schedules[1:], self.milestones, strict=True):
            rate = jnp.where(count < milestone, rate, schedule(count - milestone))
        return rate


@dataclass(frozen=True)
class warmup:
    """Straight from `start` to where the schedule `then` begins, in `steps` steps; then that."""

    steps: int
    then: Callable[[Any], Any]
    start: float = 0.0

    def __call__(self, count: Any) -> Array:
        """The rate at a step."""
        rise = self.start + (self.then(0) - self.start) * (_time(count) / self.steps)
        return jnp.where(count < self.steps, rise, self.then(count - self.steps))


@dataclass(frozen=True)
class one_cycle:
    """Up from `peak / divisor` for a share `rise` of the steps, then down to nearly nothing.

    Both ways along half a cosine; the last step is at `peak / divisor / final_divisor`.
    Source: Smith and Topin 2018; PyTorch `OneCycleLR`.
    """

    peak: float
    steps: int
    rise: float = 0.3
    divisor: float = 25.0
    final_divisor: float = 1e4

    def __call__(self, count: Any) -> Array:
        """The rate at a step."""
        top, last = self.rise * self.steps - 1, self.steps - 1
        start, time = self.peak / self.divisor, _time(count)
        up = _swing(start, self.peak, time / top)
        down = _swing(
            self.peak, start / self.final_divisor, jnp.minimum((time - top) / (last - top), 1)
        )
        return jnp.where(time < top, up, down)

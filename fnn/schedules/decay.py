"""Schedules that fall."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
from jax import Array, lax

from fnn.schedules.time import swing, time


@dataclass(frozen=True)
class constant:
    """The same rate at every step."""

    rate: float

    def __call__(self, count: Any) -> Array:
        """The rate at a step."""
        return time(self.rate)


@dataclass(frozen=True)
class held:
    """Multiplied by `factor` for the first `steps` steps. PyTorch `ConstantLR`."""

    rate: float
    factor: float = 1 / 3
    steps: int = 5

    def __call__(self, count: Any) -> Array:
        """The rate at a step."""
        return self.rate * jnp.where(time(count) < self.steps, self.factor, 1)


@dataclass(frozen=True)
class scaled:
    """Multiplied by a function of the step. PyTorch `LambdaLR`."""

    rate: float
    factor: Callable[[Any], Any]

    def __call__(self, count: Any) -> Array:
        """The rate at a step."""
        return self.rate * time(self.factor(count))


@dataclass(frozen=True)
class multiplicative:
    """Multiplied at each step from the first on by a function of it. PyTorch `MultiplicativeLR`."""

    rate: float
    factor: Callable[[Any], Any]

    def __call__(self, count: Any) -> Array:
        """The rate at a step."""
        last = jnp.asarray(count, jnp.int32)
        return lax.fori_loop(
            1, last + 1, lambda i, rate: rate * time(self.factor(i)), time(self.rate)
        )


@dataclass(frozen=True)
class step:
    """Multiplied by `factor` after every `every` steps. PyTorch `StepLR`."""

    rate: float
    every: int
    factor: float = 0.1

    def __call__(self, count: Any) -> Array:
        """The rate at a step."""
        return self.rate * self.factor ** jnp.floor_divide(time(count), self.every)


@dataclass(frozen=True)
class multi_step:
    """Multiplied by `factor` at each of the milestones. PyTorch `MultiStepLR`."""

    rate: float
    milestones: tuple[int, ...]
    factor: float = 0.1

    def __call__(self, count: Any) -> Array:
        """The rate at a step."""
        passed = sum(time(count >= milestone) for milestone in self.milestones)
        return self.rate * self.factor ** time(passed)


@dataclass(frozen=True)
class exponential:
    """Multiplied by `factor` after every step: `rate * factor^count`. PyTorch `ExponentialLR`."""

    rate: float
    factor: float

    def __call__(self, count: Any) -> Array:
        """The rate at a step."""
        return self.rate * self.factor ** time(count)


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
        return swing(self.rate, self.end, time(count) / self.steps)


@dataclass(frozen=True)
class linear:
    """Straight from `start` to `end` in `steps` steps, where it stays. PyTorch `LinearLR`."""

    start: float
    end: float
    steps: int

    def __call__(self, count: Any) -> Array:
        """The rate at a step."""
        return self.start + (self.end - self.start) * jnp.minimum(time(count) / self.steps, 1)


@dataclass(frozen=True)
class polynomial:
    """`rate * (1 - count / steps)^power`, and 0 from there on. PyTorch `PolynomialLR`."""

    rate: float
    steps: int
    power: float = 1.0

    def __call__(self, count: Any) -> Array:
        """The rate at a step."""
        return self.rate * (1 - jnp.minimum(time(count) / self.steps, 1)) ** self.power

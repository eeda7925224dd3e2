"""Schedules that rise and fall."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
from jax import Array

from fnn.errors import require
from fnn.schedules.time import between, swing, time


@dataclass(frozen=True)
class warm_restarts:
    """Down to `end` along half a cosine, again and again; each time `growth` times as long.

    Source: Loshchilov and Hutter 2017; PyTorch `CosineAnnealingWarmRestarts`.
    """

    rate: float
    steps: int
    growth: int = 1
    end: float = 0.0

    def __call__(self, count: Any) -> Array:
        """The rate at a step."""
        now = time(count)
        if self.growth == 1:
            return swing(self.rate, self.end, now % self.steps / self.steps)
        starts, length = [0], self.steps
        while starts[-1] + length < 2**31:  # no step is counted further
            starts, length = [*starts, starts[-1] + length], length * self.growth
        latest = jnp.searchsorted(time(starts), now, side="right") - 1
        length = self.steps * self.growth ** time(latest)
        return swing(self.rate, self.end, (now - time(starts)[latest]) / length)


@dataclass(frozen=True)
class cyclic:
    """Straight from `low` to `high` in `up` steps, back in `down`, and again.

    The height is multiplied by `factor` after each `"cycle"` or `"step"`, or by a function `scale`
    of the number of the cycle, from 1, or of the step. PyTorch's modes are a factor of 1
    (triangular), of 1/2 for each cycle (triangular2), and of gamma for each step (exp_range). Its
    momentum is a schedule of its own, from the largest as `low` to the smallest as `high`.
    Source: Smith 2017; PyTorch `CyclicLR`.
    """

    low: float
    high: float
    up: int = 2000
    down: int | None = None
    factor: float = 1.0
    each: str = "cycle"
    scale: Callable[[Any], Any] | None = None

    def __call__(self, count: Any) -> Array:
        """The rate at a step."""
        known = self.each in ("cycle", "step")
        require(known, "cyclic", f"each={self.each!r}", "'cycle' or 'step'", "a typo")
        down = self.up if self.down is None else self.down
        now, length = time(count), self.up + down
        cycle, place = jnp.floor_divide(now, length), now % length
        share = jnp.where(place <= self.up, place / self.up, (length - place) / down)
        turn = cycle if self.each == "cycle" else now
        if self.scale is None:
            height = self.factor**turn
        else:
            height = time(self.scale(turn + 1 if self.each == "cycle" else turn))
        return self.low + (self.high - self.low) * share * height


@dataclass(frozen=True)
class one_cycle:
    """Up from `peak / divisor` for a share `rise` of the steps, then down to nearly nothing.

    Both ways along half a cosine, or `shape="linear"`; the last step is at
    `peak / divisor / final_divisor`. In three phases it comes down as it went up, and then goes on
    to the last. Source: Smith and Topin 2018; PyTorch `OneCycleLR`.
    """

    peak: float
    steps: int
    rise: float = 0.3
    divisor: float = 25.0
    final_divisor: float = 1e4
    shape: str = "cosine"
    three_phase: bool = False

    def __call__(self, count: Any) -> Array:
        """The rate at a step."""
        start = self.peak / self.divisor
        last = start / self.final_divisor
        rates = [start, self.peak, start, last] if self.three_phase else [start, self.peak, last]
        return _phases(self, rates, count)


@dataclass(frozen=True)
class one_cycle_momentum:
    """The momentum beside `one_cycle`: from `high` to `low` while the rate rises, and back."""

    steps: int
    rise: float = 0.3
    low: float = 0.85
    high: float = 0.95
    shape: str = "cosine"
    three_phase: bool = False

    def __call__(self, count: Any) -> Array:
        """The momentum at a step."""
        more = [self.high] if self.three_phase else []
        return _phases(self, [self.high, self.low, self.high, *more], count)


def _phases(cycle: Any, levels: list[float], count: Any) -> Array:
    """From level to level: the first phase is the rise, the last ends with the last step."""
    top, last = cycle.rise * cycle.steps - 1, cycle.steps - 1
    ends = [0, top, 2 * top, last] if cycle.three_phase else [0, top, last]
    now = time(count)
    level = time(levels[-1])
    for i in reversed(range(len(ends) - 1)):
        share = _share(now, ends[i], ends[i + 1])
        phase = between(cycle.shape, levels[i], levels[i + 1], share)
        level = jnp.where(now < ends[i + 1], phase, level)
    return level


def _share(now: Array, start: float, end: float) -> Array:
    """How much of a phase is over."""
    return jnp.clip((now - start) / (end - start), 0, 1) if end > start else jnp.ones_like(now)

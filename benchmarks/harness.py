"""Interleaved timing: candidates take turns, and are compared inside a round.

Machines drift; a ratio of two times taken a moment apart does not. The median over rounds is
reported, with the middle half of the rounds around it.
"""

import gc
import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

Run = Callable[[int], int]
"""`run(n)` takes n steps or a few more, and returns how many when they are done."""


class Spread(NamedTuple):
    """A median over rounds, and the middle half."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.3f} ({self.low:.3f} .. {self.high:.3f})"


def spread(values: list[float]) -> Spread:
    """What the rounds say together."""
    ordered, quarter = sorted(values), len(values) // 4
    return Spread(statistics.median(ordered), ordered[quarter], ordered[-1 - quarter])


def ratio(times: list[float], reference: list[float]) -> Spread:
    """How many times longer, round by round."""
    return spread([t / r for t, r in zip(times, reference, strict=True)])


def difference(times: list[float], reference: list[float]) -> Spread:
    """How much longer, round by round."""
    return spread([t - r for t, r in zip(times, reference, strict=True)])


def measure(
    candidates: dict[str, Run], *, rounds: int = 15, seconds: float = 0.075
) -> dict[str, list[float]]:
    """Microseconds a step, of each candidate in each round; `seconds` is what a turn takes."""
    counts = {name: count(run, seconds) for name, run in candidates.items()}
    times: dict[str, list[float]] = {name: [] for name in candidates}
    names = list(candidates)
    gc.collect()
    gc.freeze()  # what was made so far is not gone through again
    for turn in range(rounds):
        start = turn % len(names)
        for name in names[start:] + names[:start]:
            candidates[name](max(1, counts[name] // 8))  # not timed: caches are another's
            began = time.perf_counter()
            steps = candidates[name](counts[name])
            times[name].append((time.perf_counter() - began) / steps * 1e6)
    gc.unfreeze()
    return times


def count(run: Run, seconds: float) -> int:
    """How many steps fill the time; the first ones compile."""
    steps, taken = 1, 0.0
    for _ in range(3):
        run(1)
    while taken < seconds / 2:
        steps = max(steps, min(8 * steps, int(steps * 0.8 * seconds / max(taken, 1e-9))))
        began = time.perf_counter()
        steps = run(steps)
        taken = time.perf_counter() - began
    steps = max(1, round(steps * seconds / taken))
    run(steps)
    return steps


def repeated(call: Callable[[], object]) -> Run:
    """A run that only calls."""

    def run(steps: int) -> int:
        for _ in range(steps):
            call()
        return steps

    return run

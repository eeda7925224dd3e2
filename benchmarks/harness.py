"""Interleaved timing: candidates take turns, and ratios are formed inside a round.

Machines drift; a ratio of two times taken a moment apart does not. The median over rounds is
reported, with the middle half of the rounds around it.
"""

import statistics
import time
from collections.abc import Callable
from typing import NamedTuple


class Timing(NamedTuple):
    """Microseconds a call, and the ratio to the reference, each with its middle half."""

    name: str
    microseconds: float
    ratio: float
    spread: tuple[float, float]

    def __str__(self) -> str:
        low, high = self.spread
        return (
            f"{self.name:44} {self.microseconds:10.2f} us   "
            f"ratio {self.ratio:6.3f}  ({low:.3f} .. {high:.3f})"
        )


def compare(
    candidates: dict[str, Callable[[], object]],
    *,
    reference: str,
    rounds: int = 15,
    seconds: float = 0.02,
) -> list[Timing]:
    """Time each candidate in every round, and compare it with the reference of the same round."""
    counts = {name: repetitions(call, seconds) for name, call in candidates.items()}
    times: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(rounds):
        for name, call in candidates.items():
            start = time.perf_counter()
            for _ in range(counts[name]):
                call()
            times[name].append((time.perf_counter() - start) / counts[name])
    results = []
    for name, found in times.items():
        ratios = sorted(t / r for t, r in zip(found, times[reference], strict=True))
        quarter = len(ratios) // 4
        results.append(
            Timing(
                name,
                statistics.median(found) * 1e6,
                statistics.median(ratios),
                (ratios[quarter], ratios[-1 - quarter]),
            )
        )
    return results


def repetitions(call: Callable[[], object], seconds: float) -> int:
    """How many calls fill the time; the first ones compile."""
    for _ in range(3):
        call()
    start = time.perf_counter()
    call()
    return max(1, int(seconds / max(time.perf_counter() - start, 1e-7)))

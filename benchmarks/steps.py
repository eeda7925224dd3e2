"""Steps of training, each written in the words of several libraries, timed in turn."""

from typing import NamedTuple

import numpy as np

from benchmarks.goals import GOALS, verdict
from benchmarks.harness import Spread, measure, ratio, spread
from benchmarks.sides import EAGER, HAND, SIDES, Side, Unavailable
from benchmarks.workloads import WORKLOADS, Workload

COLUMNS = (HAND, EAGER)


class Result(NamedTuple):
    """Microseconds a step of each side in each round, and why some sides are missing."""

    workload: str
    times: dict[str, list[float]]
    missing: dict[str, str]

    def ratio(self, side: str, reference: str) -> Spread | None:
        """How many times the reference's time a side takes, if both are here."""
        if side in self.times and reference in self.times:
            return ratio(self.times[side], self.times[reference])
        return None


def run(name: str) -> Result:
    """Make the sides of a workload, see that they agree, time them, and print a table."""
    workload = WORKLOADS[name]
    print(f"\n{name}: {workload.title}, float32; microseconds a step, and ratios", flush=True)
    sides, missing = make(name, workload)
    agree({side: found.losses(5) for side, found in sides.items()})
    result = Result(name, measure({n: side.run for n, side in sides.items()}), missing)
    print(table(result), flush=True)
    return result


def make(name: str, workload: Workload) -> tuple[dict[str, Side], dict[str, str]]:
    """All sides of a workload that can be made here, and the reasons for the others."""
    sides, missing = {}, {}
    for side, maker in SIDES.items():
        if maker.only is None or name in maker.only:
            try:
                sides[side] = maker.make(workload)
            except Unavailable as reason:
                missing[side] = str(reason)
    return sides, missing


def agree(losses: dict[str, np.ndarray]) -> None:
    """Raise unless all sides found the losses of the first."""
    first, *_ = losses
    for side, found in losses.items():
        np.testing.assert_allclose(
            found, losses[first], rtol=1e-4, err_msg=f"{side} and {first} train differently"
        )


def table(result: Result) -> str:
    """Sides by references, then what else there are goals for, and what is missing."""
    goals = {
        (side, goal.reference): goal.limit(result.workload) for goal in GOALS for side in goal.sides
    }

    def cell(side: str, reference: str) -> str:
        found = result.ratio(side, reference)
        if found is None:
            return ""
        return f"{found} {verdict(found.median, goals.get((side, reference)))}"

    lines = [f"{'':24}{'us':>10}  " + "".join(f"{'/ ' + c:<46}" for c in COLUMNS).rstrip()]
    for side, times in result.times.items():
        cells = "".join(f"{cell(side, column):<46}" for column in COLUMNS)
        lines.append(f"{side:24}{spread(times).median:10.1f}  {cells}".rstrip())
    for side, reference in goals:
        if reference not in COLUMNS and (text := cell(side, reference)):
            lines.append(f"{side + ' / ' + reference:36}{text}")
    return "\n".join(lines + [f"{side}: left out, {why}" for side, why in result.missing.items()])


def markdown(results: list[Result]) -> str:
    """A table for the README for each reference: sides by workloads."""
    parts = []
    for reference in COLUMNS:
        lines = [
            f"| time / {reference} | {' | '.join(WORKLOADS[r.workload].title for r in results)} |",
            f"|---|{'---|' * len(results)}",
        ]
        for side in SIDES:
            found = [result.ratio(side, reference) for result in results]
            if any(found) and side != reference:
                cells = (
                    f"{s.median:.2f} ({s.low:.2f} .. {s.high:.2f})" if s else "" for s in found
                )
                lines.append(f"| {side} | {' | '.join(cells)} |")
        parts += ["\n".join(lines)] if len(lines) > 2 else []
    return "\n\n".join(parts)

"""How fast is fast enough: goals as data."""

from typing import NamedTuple

from benchmarks.sides import (
    COMPILED,
    EAGER,
    EPOCHS,
    EQUINOX,
    FUNCTIONS,
    HAND,
    NNX,
    WRITTEN,
)


class Goal(NamedTuple):
    """The most that the time of each of `sides` may be, in units of the time of `reference`.

    Limits are by workload; the last is for all that are not named.
    """

    sides: tuple[str, ...]
    reference: str
    limits: dict[str, float]

    def limit(self, workload: str) -> float | None:
        """The limit for a workload, if there is one."""
        return self.limits.get(workload, self.limits.get("other"))


GOALS = (
    Goal((FUNCTIONS,), HAND, {"other": 1.02}),
    Goal(COMPILED, HAND, {"sine": 0.6, "other": 1.05}),
    Goal(WRITTEN, HAND, {"sine": 1.7, "mlp": 1.25, "other": 1.1}),
    Goal(WRITTEN, EAGER, {"sine": 0.15, "other": 0.6}),
    Goal(COMPILED, NNX, {"sine": 0.03, "other": 1.0}),
    Goal(COMPILED, EQUINOX, {"sine": 0.12, "other": 1.0}),
    Goal((EPOCHS,), HAND, {"sine": 0.2}),
)

# Microseconds: of a lifted step with so many parameter arrays more than of the raw program, and of
# recording one operation.
MICROSECONDS = {"60 arrays": 30.0, "600 arrays": 60.0, "operation": 5.0}


def verdict(found: float, limit: float | None) -> str:
    """A goal and whether it is met."""
    return "" if limit is None else f"goal {limit:g} {'met' if found <= limit else 'MISSED'}"

"""What a side of a comparison is."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np


class Unavailable(Exception):
    """A side cannot be made here; the text says why."""


class Side(NamedTuple):
    """One way to train.

    `step()` does `steps` steps of training and gives their losses, which nobody looks at.
    `finish(losses)` looks at them, and waits for the parameters.
    """

    step: Callable[[], Any]
    finish: Callable[[Any], Any]
    steps: int = 1

    def run(self, steps: int) -> int:
        """Take so many steps or a few more, wait for the last, and return how many."""
        losses, calls = None, -(-steps // self.steps)
        for _ in range(calls):
            losses = self.step()
        self.finish(losses)
        return calls * self.steps

    def losses(self, steps: int) -> np.ndarray:
        """Take steps, and look at each loss."""
        found = [np.atleast_1d(self.finish(self.step())) for _ in range(-(-steps // self.steps))]
        return np.concatenate(found)[:steps]

    def reading(self) -> "Side":
        """The same, with a look at the loss of each step."""
        return self._replace(step=lambda: float(self.step()))

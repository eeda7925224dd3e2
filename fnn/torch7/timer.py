"""torch.Timer, and torch.tic and torch.toc."""

from __future__ import annotations

import time
from os import times

import jax
import numpy as np

from fnn.tensor.run import settle


class Times(dict):
    """Seconds by name: `t["real"]`, `t.real`."""

    def __getattr__(self, name: str) -> float:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"a time has {', '.join(self)}, not {name}") from None


def now() -> np.ndarray:
    """Seconds so far: by the clock, of this process, of the system for it.

    What was put off has been computed then, so that its time counts where it was asked for.
    """
    settle()
    jax.block_until_ready(jax.live_arrays())
    used = times()
    return np.array([time.perf_counter(), used.user, used.system])


class Timer:
    """A stop-watch that runs from the start.

    >>> timer = Timer()
    >>> print(timer, timer.stop())
    torch.Timer [status: stopped] torch.Timer [status: stopped]
    >>> timer.time().real < 1
    True
    """

    typename = "torch.Timer"

    def __init__(self) -> None:
        self._running = True
        self.reset()

    def reset(self) -> Timer:
        """Begin with zero again, running or not."""
        self._before, self._start = np.zeros(3), now()
        return self

    def stop(self) -> Timer:
        """Let no more time pass."""
        self._before, self._running = self._passed(), False
        return self

    def resume(self) -> Timer:
        """Go on."""
        if not self._running:
            self._start, self._running = now(), True
        return self

    def time(self) -> Times:
        """Seconds that passed while it ran: real, user, sys."""
        return Times(zip(("real", "user", "sys"), self._passed().tolist(), strict=True))

    def _passed(self) -> np.ndarray:
        return self._before + (now() - self._start if self._running else 0)

    def __str__(self) -> str:
        return f"torch.Timer [status: {'running' if self._running else 'stopped'}]"

    __repr__ = __str__


def tic() -> float:
    """The time, to be given to `toc`."""
    return float(now()[0])


def toc(start: float) -> float:
    """Seconds since `tic`."""
    return tic() - start

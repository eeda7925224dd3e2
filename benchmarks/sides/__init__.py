"""The ways to train: each a function of a workload that gives a `Side`."""

from collections.abc import Callable
from importlib import import_module
from typing import NamedTuple

from benchmarks.sides.side import Side, Unavailable
from benchmarks.workloads import Workload

HAND = "jax by hand"
EAGER = "PyTorch eager"
NNX = "flax nnx"
EQUINOX = "equinox"
FUNCTIONS = "fnn functions"
WRITTEN = ("fnn.torch7", "fnn.pytorch")
COMPILED = ("fnn.torch7 jit", "fnn.pytorch jit")
EPOCHS = "fnn.pytorch epochs"


class Maker(NamedTuple):
    """Where a side is made, for which workloads, and what it needs beyond jax."""

    place: str
    needs: str | None = None
    only: tuple[str, ...] | None = None

    def make(self, workload: Workload) -> Side:
        """The side, or `Unavailable` with the reason."""
        module, _, name = self.place.partition(":")
        try:
            function: Callable[[Workload], Side] = getattr(
                import_module(f"benchmarks.sides.{module}"), name
            )
        except ImportError as error:
            raise Unavailable(str(error)) from error
        return function(workload)


SIDES = {
    HAND: Maker("hand:by_hand"),
    FUNCTIONS: Maker("functions:functions"),
    WRITTEN[0]: Maker("torch7:written"),
    f"{WRITTEN[0]}, loss read": Maker("torch7:read"),
    COMPILED[0]: Maker("torch7:compiled"),
    WRITTEN[1]: Maker("pytorch:written"),
    f"{WRITTEN[1]}, loss read": Maker("pytorch:read"),
    COMPILED[1]: Maker("pytorch:compiled"),
    EPOCHS: Maker("pytorch:epochs", only=("sine",)),
    NNX: Maker("nnx:nnx_jit", needs="flax"),
    EQUINOX: Maker("equinox_jit:filter_jit", needs="equinox"),
    EAGER: Maker("original:eager", needs="torch"),
    "PyTorch compiled": Maker("original:compiled", needs="torch"),
}

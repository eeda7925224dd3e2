"""nn's layers over sequences of frames, whose features are the last axis."""

from collections.abc import Hashable
from typing import Any

from jax import Array

from fnn.conv import conv
from fnn.pool import max_pool, max_pool_indices
from fnn.temporal import row_conv, temporal_conv
from fnn.torch7.biased import Biased
from fnn.torch7.found import Found, seen
from fnn.torch7.layouts import row_columns, temporal_subsample
from fnn.torch7.passing import held
from fnn.torch7.pooling import Indexed
from fnn.torch7.space import Temporal

__all__ = [
    "TemporalConvolution",
    "TemporalMaxPooling",
    "TemporalRowConvolution",
    "TemporalSubSampling",
]


class TemporalConvolution(Temporal):
    """A linear map of each kW frames, which weight's rows have one after the other."""

    keeps_gradients = True

    def __init__(self, inputFrameSize: int, outputFrameSize: int, kW: int, dW: int = 1):
        self.inputFrameSize, self.outputFrameSize = inputFrameSize, outputFrameSize
        self._set("k", (kW,))
        self._set("d", (dW,), 1)
        self.derive(temporal_conv, inputFrameSize, outputFrameSize, kW)

    def _hyper(self) -> dict[str, Hashable]:
        return {"stride": self._each("d")}


class TemporalRowConvolution(Biased, Temporal):
    """Each feature over time, with a kernel of its own; features come first with `featFirst`.

    `finput` has the windows of each feature as columns.
    """

    reads_input = False

    def __init__(self, inputFrameSize: int, kW: int, dW: int = 1, featFirst: bool = False):
        self.inputFrameSize, self.featFirst = inputFrameSize, bool(featFirst)
        self._set("k", (kW,))
        self._set("d", (dW,), 1)
        if featFirst:
            self.derive(conv, inputFrameSize, inputFrameSize, (kW,), groups=inputFrameSize)
        else:
            self.derive(row_conv, inputFrameSize, kW)

    def _find_columns(self, old: Any) -> Any:
        found = seen(
            self, row_columns, window=self._each("k"), first=self.featFirst, **self._hyper()
        )
        return old if found is None else held(old, found)

    finput = Found(lambda self, old: self._find_columns(old), bulky=True)

    @property
    def _fan_in(self) -> int:
        return self.inputFrameSize * self.kW

    def _hyper(self) -> dict[str, Hashable]:
        return {"stride": self._each("d")}

    def _text(self) -> list[str]:
        sizes = [self.inputFrameSize, self.kW] + [self.dW] * (self.dW != 1)
        return list(map(str, sizes))

    def __tostring__(self) -> str:
        """Features, kernel, and what is not the default."""
        return super().__tostring__() + ("" if self.bias is not None else " without bias")


class TemporalSubSampling(Temporal):
    """weight times the sum of each kW frames, plus bias; one of both for each feature."""

    def __init__(self, inputFrameSize: int, kW: int, dW: int = 1):
        self.inputFrameSize = inputFrameSize
        self._set("k", (kW,))
        self._set("d", (dW,), 1)
        self.derive(temporal_subsample, inputFrameSize, (kW,))

    @property
    def _fan_in(self) -> int:
        return self.kW

    def _hyper(self) -> dict[str, Hashable]:
        return {"window": self._each("k"), "stride": self._each("d")}


class TemporalMaxPooling(Indexed, Temporal):
    """The maximum of each kW frames, for each feature; `indices` are frames."""

    def __init__(self, kW: int, dW: int | None = None):
        self._set("k", (kW,))
        self._set("d", (dW,), kW)
        self.derive(max_pool, ignore_nan=True)

    def _hyper(self) -> dict[str, Hashable]:
        return {"window": (*self._each("k"), 1), "stride": (*self._each("d"), 1)}

    @staticmethod
    def places(
        x: Array, *, window: tuple[int, ...], stride: tuple[int, ...], ignore_nan: bool
    ) -> tuple[Array, Array]:
        """Maxima, and the frames where they were."""
        y, found = max_pool_indices(x, window=window, stride=stride, ignore_nan=ignore_nan)
        return y, found // x.shape[-1]

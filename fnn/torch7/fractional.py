"""nn's fractional poolings, whose windows begin at random steps."""

from collections.abc import Hashable
from typing import Any, Self

from jax import Array

from fnn.adaptive import fractional_max_pool, fractional_max_pool_indices
from fnn.errors import require
from fnn.layer import Applicable
from fnn.torch7.passing import type_name
from fnn.torch7.pooling import Indexed
from fnn.torch7.space import Space, Spatial, Volumetric, joined
from fnn.torch7.storage import LongStorage
from fnn.torch7.tensor import Tensor
from fnn.torch7.unpooling import Accompanied

__all__ = ["SpatialFractionalMaxPooling", "VolumetricFractionalMaxPooling"]

Sizes = tuple[int, ...]


def maxima_by_samples(
    x: Array,
    samples: Array,
    *,
    window: Sizes,
    size: Sizes | None = None,
    ratio: tuple[float, ...] | None = None,
    ignore_nan: bool,
) -> tuple[Array, Array]:
    """Maxima and where they were; `samples` are those of Torch7, which has the last axis first."""
    axes = len(window)
    drawn = samples[..., ::-1].reshape(*x.shape[: x.ndim - axes], axes)
    return fractional_max_pool_indices(
        x, drawn, window=window, size=size, ratio=ratio, ignore_nan=ignore_nan
    )


def pool_by_samples(
    x: Array,
    samples: Array,
    *,
    window: Sizes,
    size: Sizes | None = None,
    ratio: tuple[float, ...] | None = None,
    ignore_nan: bool,
) -> Array:
    """The maxima alone."""
    return maxima_by_samples(
        x, samples, window=window, size=size, ratio=ratio, ignore_nan=ignore_nan
    )[0]


class FractionalMaxPooling(Accompanied, Indexed, Space):
    """Maxima of windows that begin at random steps: those to come in `randomSamples`.

    The samples come from Torch's stream at each forward; the pure layer draws from a key.
    """

    places = maxima_by_samples
    randomSamples: Tensor | None
    outT = outW = outH = ratioT = ratioW = ratioH = None

    def _pool(self, pool: tuple, out: tuple) -> None:
        """Set the fields, and be the pure layer; sizes below 1 are ratios."""
        require(
            min(pool) >= 2,
            type_name(self),
            f"windows of {joined(pool, 'x')}",
            "at least 2 along each axis",
            "sizes of windows and of the output are exchanged",
        )
        ratios = any(n < 1 for n in out)
        require(
            not ratios or all(0 < n < 1 for n in out),
            type_name(self),
            f"an output of {joined(out, 'x')}",
            "sizes of 1 or more, or ratios between 0 and 1",
            "sizes and ratios can't be mixed",
        )
        self._set("poolSize", pool)
        self._set("ratio" if ratios else "out", out)
        self.randomSamples, self.newRandomPool = None, False
        self.derive(fractional_max_pool, ignore_nan=True)

    @property
    def _wanted(self) -> str:
        """What the fields for the size of the output begin with."""
        return "ratio" if getattr(self, f"out{self.axes[0]}") is None else "out"

    def _hyper(self) -> dict[str, Hashable]:
        given = {"window": self._each("poolSize")}
        if self._wanted == "out":
            return {**given, "size": self._each("out")}
        return {**given, "ratio": tuple(getattr(self, f"ratio{axis}") for axis in self.memory)}

    @property
    def _noisy(self) -> bool:
        return True

    def _find_fused(self, *_: Any) -> Applicable | None:
        return self._with(pool_by_samples)

    def getBufferSize_(self, input: Tensor) -> LongStorage:
        """The size of `randomSamples`: a number for each axis of each plane."""
        size, axes = input.geometry.size, len(self.axes)
        leading = size[: len(size) - axes]
        require(
            len(leading) in (1, 2),
            type_name(self),
            f"input of size {list(size)}",
            f"([batch,] planes, ...) of {axes} axes of space",
            "the axis of planes is missing",
        )
        return LongStorage([*((1, *leading)[-2:]), axes])

    def initSampleBuffer_(self, input: Tensor) -> None:
        """Draw `randomSamples`, unless those of the last forward are to be used again."""
        size = self.getBufferSize_(input)
        if self.randomSamples is None:
            self.randomSamples = input.new()
        if not (self.newRandomPool and self.randomSamples.isSize(size)):
            self.randomSamples.resize(size).uniform()

    def getOutputSizes_(self, input: Tensor) -> Sizes:
        """The sizes of the output, in the order of the constructor's."""
        if self._wanted == "out":
            return self._listed("out")
        sizes = dict(zip(self.memory, input.geometry.size[-len(self.axes) :], strict=True))
        return tuple(int(sizes[axis] * getattr(self, f"ratio{axis}")) for axis in self.axes)

    def fixPoolingRegions(self, val: bool | None = True) -> Self:
        """Have all further forwards use the same windows, or new ones again."""
        self.newRandomPool = val is not False
        return self

    def _companion(self, x: Tensor) -> Tensor:
        self.initSampleBuffer_(x)
        assert self.randomSamples is not None
        return self.randomSamples

    def clearState(self) -> Self:
        """Drop results that can be computed again, and the samples."""
        self.randomSamples = None
        return super().clearState()

    def _text(self) -> list[str]:
        wanted = tuple(int(getattr(self, self._wanted + axis)) for axis in self.axes)
        return [joined(wanted, "x"), joined(self._listed("poolSize"))]


class SpatialFractionalMaxPooling(Spatial, FractionalMaxPooling):
    """Maxima of poolSizeW x poolSizeH windows: outW x outH of them, or ratios of the input."""

    def __init__(self, poolSizeW: int, poolSizeH: int, outW: float, outH: float):
        self._pool((poolSizeW, poolSizeH), (outW, outH))


class VolumetricFractionalMaxPooling(Volumetric, FractionalMaxPooling):
    """The same for ([batch,] planes, height, width, time): here time is the last axis."""

    memory = "HWT"

    def __init__(
        self,
        poolSizeT: int,
        poolSizeW: int,
        poolSizeH: int,
        outT: float,
        outW: float,
        outH: float,
    ):
        self._pool((poolSizeT, poolSizeW, poolSizeH), (outT, outW, outH))

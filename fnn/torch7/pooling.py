"""nn's poolings of images and volumes."""

from collections.abc import Callable, Hashable
from dataclasses import replace
from math import prod
from typing import Any, ClassVar, Self

from jax import Array

from fnn.adaptive import adaptive_avg_pool, adaptive_max_pool, adaptive_max_pool_indices
from fnn.layer import Given, Layer
from fnn.pool import avg_pool, max_pool, max_pool_indices, subsample
from fnn.torch7.counting import cut
from fnn.torch7.found import Found, first_input, seen
from fnn.torch7.module import Module
from fnn.torch7.passing import held
from fnn.torch7.space import Dilated, Space, Spatial, Volumetric, joined
from fnn.torch7.tensor import LongTensor

__all__ = [
    "SpatialAdaptiveAveragePooling",
    "SpatialAdaptiveMaxPooling",
    "SpatialAveragePooling",
    "SpatialDilatedMaxPooling",
    "SpatialMaxPooling",
    "SpatialSubSampling",
    "VolumetricAveragePooling",
    "VolumetricDilatedMaxPooling",
    "VolumetricMaxPooling",
]


class Emptied(Module):
    """A module with another name for `clearState`."""

    def empty(self) -> None:
        """Drop results that can be computed again."""
        self.clearState()


class Window(Emptied, Space):
    """One number of each window."""

    def _hyper(self) -> dict[str, Hashable]:
        return {"window": self._each("k"), "stride": self._each("d")}

    def _text(self) -> list[str]:
        return [joined(self._listed("k"), "x"), joined(self._listed("d"))]


class Padded(Window):
    """With padding; `ceil_mode` says whether windows that reach over the border count."""

    ceil_mode = False

    def _hyper(self) -> dict[str, Hashable]:
        return {**super()._hyper(), "padding": self._each("pad"), "ceil_mode": self.ceil_mode}

    def _text(self) -> list[str]:
        pads = self._listed("pad")
        return super()._text() + [joined(pads)] * any(pads)

    def ceil(self) -> Self:
        """Count the windows that reach over the border."""
        self.ceil_mode = True
        return self

    def floor(self) -> Self:
        """Leave out the windows that reach over the border."""
        self.ceil_mode = False
        return self


class Indexed(Emptied):
    """A pooling that keeps maxima, and knows where they were.

    `indices` are the places of the maxima in space, counted row by row from 1.
    """

    reads_input = False
    places: ClassVar[Callable]

    def _with(self, function: Callable) -> Layer:
        """The module's layer with another function."""
        layer = self._as_set(self._derived) if self._derived is not None else None
        assert isinstance(layer, Layer)
        return replace(layer, function=function)

    def _find_indices(self, old: Any) -> Any:
        found = LongTensor() if old is None else old
        places = seen(self, placed, layer=self._with(type(self).places))
        return found if places is None else held(found, places)

    indices = Found(lambda self, old: self._find_indices(old))


def placed(given: Given, *inputs: Array, layer: Layer) -> Array:
    """Where the maxima were, counted from 1."""
    (_, found), _ = layer.fill(given, *inputs)
    return found.astype("int64") + 1


class MaxPooling(Indexed, Padded):
    """The first maximum of each window; NaN is never a maximum."""

    places = max_pool_indices

    def _pool(self, k: tuple, d: tuple, pad: tuple) -> None:
        """Set the fields, and be the pure layer."""
        self._set("k", k)
        self._set("d", d, k)
        self._set("pad", pad, 0)
        self.ceil_mode = False
        self.derive(max_pool, ignore_nan=True)

    def _size_of_input(self, axis: int) -> int | None:
        """The size along an axis of what the last forward was given."""
        x = seen(self, first_input)
        return None if x is None else x.form.shape[axis]

    iheight = Found(lambda self, old: self._size_of_input(-2))
    iwidth = Found(lambda self, old: self._size_of_input(-1))


class SpatialMaxPooling(Spatial, MaxPooling):
    """The maximum of each kW x kH window of ([batch,] planes, height, width)."""

    def __init__(
        self,
        kW: int,
        kH: int,
        dW: int | None = None,
        dH: int | None = None,
        padW: int = 0,
        padH: int = 0,
    ):
        self._pool((kW, kH), (dW, dH), (padW, padH))


class SpatialDilatedMaxPooling(Dilated, SpatialMaxPooling):
    """The same with elements of a window that lie dilationW and dilationH apart."""

    def __init__(
        self,
        kW: int,
        kH: int,
        dW: int | None = None,
        dH: int | None = None,
        padW: int = 0,
        padH: int = 0,
        dilationW: int = 1,
        dilationH: int = 1,
    ):
        self._set("dilation", (dilationW, dilationH), 1)
        super().__init__(kW, kH, dW, dH, padW, padH)


class VolumetricMaxPooling(Volumetric, MaxPooling):
    """The maximum of each kT x kW x kH window of ([batch,] planes, time, height, width)."""

    itime = Found(lambda self, old: self._size_of_input(-3))

    def __init__(
        self,
        kT: int,
        kW: int,
        kH: int,
        dT: int | None = None,
        dW: int | None = None,
        dH: int | None = None,
        padT: int = 0,
        padW: int = 0,
        padH: int = 0,
    ):
        self._pool((kT, kW, kH), (dT, dW, dH), (padT, padW, padH))


class VolumetricDilatedMaxPooling(Dilated, VolumetricMaxPooling):
    """The same with elements of a window that lie dilationT, dilationW and dilationH apart."""

    def __init__(
        self,
        kT: int,
        kW: int,
        kH: int,
        dT: int | None = None,
        dW: int | None = None,
        dH: int | None = None,
        padT: int = 0,
        padW: int = 0,
        padH: int = 0,
        dilationT: int = 1,
        dilationW: int = 1,
        dilationH: int = 1,
    ):
        self._set("dilation", (dilationT, dilationW, dilationH), 1)
        super().__init__(kT, kW, kH, dT, dW, dH, padT, padW, padH)


class SpatialAveragePooling(Spatial, Padded):
    """The mean of each kW x kH window; windows overlap unless there are strides.

    Without `divide` it is the sum: the mean times kW kH.
    """

    def __init__(self, kW: int, kH: int, dW: int = 1, dH: int = 1, padW: int = 0, padH: int = 0):
        self._set("k", (kW, kH))
        self._set("d", (dW, dH), 1)
        self._set("pad", (padW, padH), 0)
        self.ceil_mode, self.count_include_pad, self.divide = False, True, True
        self.derive(avg_pool)

    def _hyper(self) -> dict[str, Hashable]:
        counted = {"count_include_pad": self.count_include_pad, "divide": bool(self.divide)}
        return {**super()._hyper(), **counted}

    def setCountIncludePad(self) -> Self:
        """Have the zeros of the padding count."""
        self.count_include_pad = True
        return self

    def setCountExcludePad(self) -> Self:
        """Have the zeros of the padding not count."""
        self.count_include_pad = False
        return self


class VolumetricAveragePooling(Volumetric, Window):
    """The mean of each kT x kW x kH window of ([batch,] planes, time, height, width)."""

    def __init__(
        self,
        kT: int,
        kW: int,
        kH: int,
        dT: int | None = None,
        dW: int | None = None,
        dH: int | None = None,
    ):
        self._set("k", (kT, kW, kH))
        self._set("d", (dT, dW, dH), (kT, kW, kH))
        self.derive(avg_pool)


class SpatialAdaptiveAveragePooling(Emptied):
    """The means of W x H windows: the i-th has the elements from i n/W to (i + 1) n/W."""

    def __init__(self, W: int, H: int):
        self.W, self.H = W, H
        self.derive(adaptive_avg_pool)

    def _hyper(self) -> dict[str, Hashable]:
        return {"size": (cut(self.H), cut(self.W))}


class SpatialAdaptiveMaxPooling(Indexed):
    """The maxima of W x H windows: the i-th has the elements from i n/W to (i + 1) n/W."""

    places = adaptive_max_pool_indices

    def __init__(self, W: int, H: int):
        self.W, self.H = W, H
        self.derive(adaptive_max_pool, ignore_nan=True)

    def _hyper(self) -> dict[str, Hashable]:
        return {"size": (cut(self.H), cut(self.W))}


class SpatialSubSampling(Spatial):
    """weight times the sum of each kW x kH window, plus bias; one of both for each plane."""

    def __init__(self, nInputPlane: int, kW: int, kH: int, dW: int = 1, dH: int = 1):
        self.nInputPlane = nInputPlane
        self._set("k", (kW, kH))
        self._set("d", (dW, dH), 1)
        self.derive(subsample, nInputPlane, self._each("k"))

    @property
    def _fan_in(self) -> int:
        return prod(self._each("k"))

    def _hyper(self) -> dict[str, Hashable]:
        return {"window": self._each("k"), "stride": self._each("d")}

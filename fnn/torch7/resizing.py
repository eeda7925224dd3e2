"""nn's paddings and upsamplings."""

from collections.abc import Hashable
from typing import ClassVar

from jax import Array

from fnn.errors import describe, require
from fnn.padding import pad
from fnn.resize import resize
from fnn.torch7.counting import whole
from fnn.torch7.module import Module
from fnn.torch7.passing import type_name
from fnn.torch7.storage import LongStorage
from fnn.torch7.tensor import Tensor

__all__ = [
    "SpatialReflectionPadding",
    "SpatialReplicationPadding",
    "SpatialUpSamplingBilinear",
    "SpatialUpSamplingNearest",
    "SpatialZeroPadding",
    "UpSampling",
    "VolumetricReplicationPadding",
]

Sizes = tuple[int, ...]


class Padding(Module):
    """What is put around the last axes. `fields` has, in Torch7's order, their names when printed.

    That is the last axis before the others, and before its start its end.
    """

    fields: ClassVar[dict[str, str]]
    mode: ClassVar[str]

    def _pad(self, *widths: int | None) -> None:
        """Set the fields, by default to the first of them, and be the pure layer."""
        for field, width in zip(self.fields, widths, strict=True):
            setattr(self, field, widths[0] if width is None else width)
        self.derive(pad, mode=self.mode)

    def _hyper(self) -> dict[str, Hashable]:
        widths = [whole(getattr(self, field)) for field in self.fields]
        return {"widths": tuple(zip(widths[0::2], widths[1::2], strict=True))[::-1]}

    def __tostring__(self) -> str:
        """The widths."""
        widths = (f"{text}={getattr(self, field)}" for field, text in self.fields.items())
        return f"{type_name(self)}({', '.join(widths)})"


class SpatialPadding(Padding):
    """Padding of ([batch,] planes, height, width); negative widths crop."""

    fields: ClassVar = {"pad_l": "l", "pad_r": "r", "pad_t": "t", "pad_b": "b"}

    def __init__(
        self,
        pad_l: int,
        pad_r: int | None = None,
        pad_t: int | None = None,
        pad_b: int | None = None,
    ):
        self._pad(pad_l, pad_r, pad_t, pad_b)


class SpatialZeroPadding(SpatialPadding):
    """Zeros around images."""

    mode = "constant"


class SpatialReflectionPadding(SpatialPadding):
    """The mirror image around images, without the border itself."""

    mode = "reflect"


class SpatialReplicationPadding(SpatialPadding):
    """The border again around images."""

    mode = "replicate"


class VolumetricReplicationPadding(Padding):
    """The border again around ([batch,] planes, time, height, width)."""

    fields: ClassVar = {
        f"p{side}": side for side in ("left", "right", "top", "bottom", "front", "back")
    }
    mode = "replicate"

    def __init__(
        self,
        pleft: int,
        pright: int | None = None,
        ptop: int | None = None,
        pbottom: int | None = None,
        pfront: int | None = None,
        pback: int | None = None,
    ):
        self._pad(pleft, pright, ptop, pbottom, pfront, pback)


class Scaled(Module):
    """Images in another size: `scale_factor` times as large, or owidth x oheight [x odepth]."""

    mode = "nearest"
    ranks: ClassVar[Sizes] = (3, 4)
    scale_factor: int | None = None
    odepth: int | None = None
    oheight: int | None = None
    owidth: int | None = None

    def _scale(self, size: float | dict[str, int]) -> None:
        """Set the fields, and be the pure layer."""
        if isinstance(size, dict):
            require(
                self.mode == "linear" and {"owidth", "oheight"} <= size.keys(),
                type_name(self),
                f"{size} for mode {self.mode!r}",
                "owidth and oheight, for a linear mode; else a factor",
                "a size is missing, or the mode is",
            )
            self.owidth, self.oheight = size["owidth"], size["oheight"]
            self.odepth = size.get("odepth")
        else:
            require(
                size >= 1 and size == int(size),
                type_name(self),
                f"a factor of {size}",
                "a whole number from 1 on",
                "images can be made larger only, by whole factors",
            )
            self.scale_factor = int(size)
        self.inputSize, self.outputSize = (LongStorage(max(self.ranks)).fill(0) for _ in "io")
        self.derive(resized, ranks=self.ranks)

    def _hyper(self) -> dict[str, Hashable]:
        sizes = (self.odepth, self.oheight, self.owidth)
        size = tuple(whole(n) for n in sizes if n is not None)
        scale = None if self.scale_factor is None else whole(self.scale_factor)
        return {"scale": scale, "size": size, "linear": self.mode == "linear"}

    def setSize(self, input: Tensor) -> None:
        """Note the size of an input, and that of its output."""
        size = input.geometry.size
        given = (self.odepth, self.oheight, self.owidth)
        for i, n in enumerate(size, 1):
            new = n * self.scale_factor if self.scale_factor else given[i - len(size) - 1]
            self.inputSize[i], self.outputSize[i] = n, new if i > len(size) - space(size) else n


class SpatialUpSamplingNearest(Scaled):
    """Each pixel of ([batch,] planes, height, width) scale x scale times."""

    def __init__(self, scale: int):
        self._scale(scale)


class SpatialUpSamplingBilinear(Scaled):
    """Between the pixels of ([batch,] planes, height, width), whose corners stay the corners.

    The argument is a factor, or {"owidth": ..., "oheight": ...}.
    """

    mode = "linear"

    def __init__(self, scale: int | dict[str, int]):
        self._scale(scale)

    def __tostring__(self) -> str:
        """The factor, or the size."""
        size = self.scale_factor or f"{self.oheight}, {self.owidth}"
        return f"{type_name(self)}({size})"


class UpSampling(Scaled):
    """Batches of images or volumes in another size: each element again, or between the elements.

    `scale` is a factor or, for a linear mode, {"odepth": ..., "owidth": ..., "oheight": ...}.
    """

    ranks = (4, 5)

    def __init__(self, scale: int | dict[str, int], mode: str | None = None):
        self.mode = "linear" if mode in ("linear", "bilinear", "trilinear") else "nearest"
        self._scale(scale)

    def __tostring__(self) -> str:
        """The factor or the size, and the mode."""
        sizes = (self.odepth, self.oheight, self.owidth)
        size = "x".join(str(n) for n in sizes if n is not None) or f"{self.scale_factor}x"
        return f"{type_name(self)}({size}, {self.mode})"


def resized(x: Array, *, scale: int | None, size: Sizes, linear: bool, ranks: Sizes) -> Array:
    """`resize` as Torch7 does: linear modes keep the corners, in single precision."""
    require(
        x.ndim in ranks,
        "upsampling",
        f"x {describe(x)}",
        f"{' or '.join(map(str, ranks))} axes",
        "the batch axis is missing",
    )
    axes = space(x.shape)
    require(
        scale is not None or len(size) >= axes,
        "upsampling",
        f"x {describe(x)} for a size of {size}",
        f"{axes} sizes",
        "odepth is missing",
    )
    return resize(
        x,
        scale=None if scale is None else (scale,) * axes,
        size=size[-axes:] if scale is None else None,
        mode="linear" if linear else "nearest",
        align_corners=linear,
        recompute_scale=True,
        single=linear,
    )


def space(size: Sizes) -> int:
    """How many axes of space an image or a volume has; only images come without a batch axis."""
    return max(len(size), 4) - 2

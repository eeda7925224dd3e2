"""nn's convolutions of images and volumes."""

from collections.abc import Callable, Hashable
from typing import Any, ClassVar

from jax import Array

from fnn.conv import conv
from fnn.errors import require
from fnn.partial_conv import local_conv
from fnn.torch7 import working
from fnn.torch7.found import Found, Working, seen
from fnn.torch7.layouts import (
    columns,
    columns_by_plane,
    full_conv,
    last_columns,
    matrix_conv,
    matrix_depthwise_conv,
)
from fnn.torch7.passing import held, type_name
from fnn.torch7.space import Convolution, Dilated, Spatial, Volumetric, joined

__all__ = [
    "SpatialConvolution",
    "SpatialConvolutionLocal",
    "SpatialConvolutionMM",
    "SpatialDepthWiseConvolution",
    "SpatialDilatedConvolution",
    "SpatialFullConvolution",
    "VolumetricConvolution",
    "VolumetricDilatedConvolution",
    "VolumetricFullConvolution",
]

Sizes = tuple[int, ...]


class Unfolded(Convolution):
    """A convolution with `finput`: all windows of the last input, with zeros around it, as columns.

    The original multiplies these by the weight, and leaves its own products in `fgradInput`.
    """

    reads_input = False
    windows: ClassVar[Callable[..., Array]] = columns

    def _find_columns(self, old: Any) -> Any:
        found = seen(self, type(self).windows, window=self._each("k"), **self._hyper())
        return old if found is None else held(old, found)

    finput = Found(lambda self, old: self._find_columns(old), bulky=True)


class SpatialConvolution(Spatial, Unfolded):
    """Convolution of ([batch,] nInputPlane, height, width)."""

    def __init__(
        self,
        nInputPlane: int,
        nOutputPlane: int,
        kW: int,
        kH: int,
        dW: int = 1,
        dH: int = 1,
        padW: int = 0,
        padH: int | None = None,
    ):
        self._sized((nInputPlane, nOutputPlane), (kW, kH), (dW, dH))
        self._set("pad", (padW, padH))
        self._derive()

    def _derive(self) -> None:
        """Be the pure layer."""
        self.derive(conv, self.nInputPlane, self.nOutputPlane, self._each("k"))


class SpatialConvolutionMM(SpatialConvolution):
    """The same; the rows of `weight`, a matrix, are the kernels."""

    def _derive(self) -> None:
        kernel = self._each("k")
        self.derive(matrix_conv, self.nInputPlane, self.nOutputPlane, kernel, kernel=kernel)


class SpatialDepthWiseConvolution(SpatialConvolution):
    """Each input plane with nOutputPlane kernels of its own; each row of `weight` has one of each.

    The outputs of an input plane lie together.
    """

    windows = columns_by_plane

    def _derive(self) -> None:
        kernel = self._each("k")
        self.derive(
            matrix_depthwise_conv, self.nInputPlane, self.nOutputPlane, kernel, kernel=kernel
        )


class SpatialDilatedConvolution(Dilated, SpatialConvolution):
    """Convolution with elements of the kernel that lie dilationW and dilationH apart."""

    reads_input = True
    windows = last_columns
    dilationW: int
    dilationH: int

    def __init__(
        self,
        nInputPlane: int,
        nOutputPlane: int,
        kW: int,
        kH: int,
        dW: int = 1,
        dH: int = 1,
        padW: int = 0,
        padH: int | None = None,
        dilationW: int = 1,
        dilationH: int = 1,
    ):
        self._set("dilation", (dilationW, dilationH), 1)
        super().__init__(nInputPlane, nOutputPlane, kW, kH, dW, dH, padW, padH)


class SpatialConvolutionLocal(SpatialConvolution):
    """Convolution of images of one size, iW x iH, with other kernels at each place.

    weight is (oH, oW, nOutputPlane, nInputPlane, kH, kW), bias (nOutputPlane, oH, oW).
    """

    iW: int
    iH: int
    oW: int
    oH: int

    def __init__(
        self,
        nInputPlane: int,
        nOutputPlane: int,
        iW: int,
        iH: int,
        kW: int,
        kH: int,
        dW: int = 1,
        dH: int = 1,
        padW: int = 0,
        padH: int | None = None,
    ):
        self._set("i", (iW, iH))
        super().__init__(nInputPlane, nOutputPlane, kW, kH, dW, dH, padW, padH)

    def _derive(self) -> None:
        sizes = zip(*map(self._listed, ("i", "pad", "k", "d")), strict=True)
        self._set("o", tuple((i + 2 * pad - k) // d + 1 for i, pad, k, d in sizes))
        require(
            min(self._each("o")) > 0,
            type_name(self),
            f"kernels of {joined(self._listed('k'), 'x')}",
            f"an output of {joined(self._listed('i'), 'x')} images that is not empty",
            "the sizes of the image and of the kernel are exchanged",
        )
        sizes = self._each("o"), self._each("k")
        self.derive(local_conv, self.nInputPlane, self.nOutputPlane, *sizes)

    def _sizes(self) -> list[str]:
        planes, kernel = super()._sizes()
        return [planes, joined(self._listed("i"), "x"), kernel]


class Full(Convolution):
    """The transpose of a convolution. A table {input, reference} asks for the reference's size.

    What the original unfolds in `finput` and `fgradInput` is unfolded nowhere here.
    """

    ones = Working(working.EMPTY, working.ones_for_size, live=True)
    finput, fgradInput = Working(working.EMPTY), Working(working.EMPTY)

    def backCompatibility(self) -> None:
        """Do nothing: files of old versions are of today once they are loaded."""

    def _transposed(self, planes: Sizes, k: Sizes, d: Sizes, pad: Sizes, adj: Sizes) -> None:
        """Set the fields, and be the pure layer."""
        self._sized((planes[0], planes[1]), k, d)
        self._set("pad", pad, 0)
        self._set("adj", adj, 0)
        pairs = zip(self._listed("adj"), self._listed("d"), strict=True)
        require(
            all(adj < d for adj, d in pairs),
            type_name(self),
            f"adj {self._listed('adj')} for strides {self._listed('d')}",
            "less than the strides",
            "a larger adj only adds what has no input",
        )
        self.derive(full_conv, *planes, self._each("k"))

    def _hyper(self) -> dict[str, Hashable]:
        return {**super()._hyper(), "output_padding": self._each("adj")}

    def _text(self) -> list[str]:
        adj = self._listed("adj")
        return super()._text() + [joined(adj)] * any(adj)


class SpatialFullConvolution(Spatial, Full):
    """The transpose of SpatialConvolution: of size (in - 1) d - 2 pad + k + adj."""

    adjW: int
    adjH: int

    def __init__(
        self,
        nInputPlane: int,
        nOutputPlane: int,
        kW: int,
        kH: int,
        dW: int = 1,
        dH: int = 1,
        padW: int = 0,
        padH: int = 0,
        adjW: int = 0,
        adjH: int = 0,
    ):
        planes = nInputPlane, nOutputPlane
        self._transposed(planes, (kW, kH), (dW, dH), (padW, padH), (adjW, adjH))


class VolumetricFullConvolution(Volumetric, Full):
    """The transpose of VolumetricConvolution: of size (in - 1) d - 2 pad + k + adj."""

    adjT: int
    adjW: int
    adjH: int
    says_bias = False

    def __init__(
        self,
        nInputPlane: int,
        nOutputPlane: int,
        kT: int,
        kW: int,
        kH: int,
        dT: int = 1,
        dW: int = 1,
        dH: int = 1,
        padT: int = 0,
        padW: int = 0,
        padH: int = 0,
        adjT: int = 0,
        adjW: int = 0,
        adjH: int = 0,
    ):
        planes, pads, adj = (nInputPlane, nOutputPlane), (padT, padW, padH), (adjT, adjW, adjH)
        self._transposed(planes, (kT, kW, kH), (dT, dW, dH), pads, adj)


class VolumetricConvolution(Volumetric, Unfolded):
    """Convolution of ([batch,] nInputPlane, time, height, width)."""

    says_bias = False

    def __init__(
        self,
        nInputPlane: int,
        nOutputPlane: int,
        kT: int,
        kW: int,
        kH: int,
        dT: int = 1,
        dW: int = 1,
        dH: int = 1,
        padT: int = 0,
        padW: int | None = None,
        padH: int | None = None,
    ):
        self._sized((nInputPlane, nOutputPlane), (kT, kW, kH), (dT, dW, dH))
        self._set("pad", (padT, padW, padH))
        self.derive(conv, nInputPlane, nOutputPlane, self._each("k"))


class VolumetricDilatedConvolution(Dilated, VolumetricConvolution):
    """The same with elements of the kernel that lie dilationT, dilationW and dilationH apart."""

    reads_input = True
    windows = last_columns
    dilationT: int
    dilationW: int
    dilationH: int
    says_bias = True

    def __init__(
        self,
        nInputPlane: int,
        nOutputPlane: int,
        kT: int,
        kW: int,
        kH: int,
        dT: int = 1,
        dW: int = 1,
        dH: int = 1,
        padT: int = 0,
        padW: int | None = None,
        padH: int | None = None,
        dilationT: int = 1,
        dilationW: int = 1,
        dilationH: int = 1,
    ):
        self._set("dilation", (dilationT, dilationW, dilationH), 1)
        super().__init__(nInputPlane, nOutputPlane, kT, kW, kH, dT, dW, dH, padT, padW, padH)

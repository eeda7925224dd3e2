"""nn's convolutions in which a table says which planes are connected."""

from collections.abc import Callable, Hashable
from typing import ClassVar, Self

import numpy as np

from fnn.partial_conv import map_conv, map_conv_transpose
from fnn.torch7.space import Spatial
from fnn.torch7.tensor import Tensor

__all__ = ["SpatialConvolutionMap", "SpatialFullConvolutionMap"]


class SpatialConvolutionMap(Spatial):
    """Convolution along connections: rows {from, to} of `connTable`; `nn.tables` makes some.

    weight is (connections, kH, kW).
    """

    function: ClassVar[Callable] = map_conv

    def __init__(self, connTable: Tensor, kW: int, kH: int, dW: int = 1, dH: int = 1):
        self._set("k", (kW, kH))
        self._set("d", (dW, dH), 1)
        self.connTable = connTable
        pairs = tuple((int(source) - 1, int(to) - 1) for source, to in np.asarray(connTable))
        sources, targets = zip(*pairs, strict=True)
        self.nInputPlane, self.nOutputPlane = max(sources) + 1, max(targets) + 1
        self.derive(type(self).function, pairs, self._each("k"), connections=pairs)

    def _hyper(self) -> dict[str, Hashable]:
        return {"stride": self._each("d")}

    def reset(self, stdv: float | None = None) -> Self:
        """Draw the parameters anew: in +-1/sqrt(kW kH n) for a target of n connections."""
        if stdv is not None:
            return super().reset(stdv)
        targets = np.asarray(self.connTable)[:, 1].astype(int) - 1
        fans = np.bincount(targets, minlength=self.nOutputPlane).clip(1)
        bounds = 1 / np.sqrt(self.kW * self.kH * fans)
        each = bounds[targets, None, None], bounds
        for parameter, bound in zip(self.parameters()[0] or (), each, strict=True):
            parameter.uniform(-bound, bound)
        return self

    def decayParameters(self, decay: float) -> None:
        """Take a share from all parameters."""
        for parameter in self.parameters()[0] or ():
            parameter.add(-decay, parameter)


class SpatialFullConvolutionMap(SpatialConvolutionMap):
    """The same of a transposed convolution."""

    function = map_conv_transpose

"""nn's layers for images."""

from typing import Any, Self

from fnn.conv import conv
from fnn.pool import max_pool
from fnn.torch7.module import Module
from fnn.torch7.passing import type_name

__all__ = ["SpatialConvolution", "SpatialMaxPooling"]


class SpatialConvolution(Module):
    """2-d convolution of ([batch,] nInputPlane, height, width)."""

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
        padH = padW if padH is None else padH
        self.nInputPlane, self.nOutputPlane = nInputPlane, nOutputPlane
        self.kW, self.kH, self.dW, self.dH, self.padW, self.padH = kW, kH, dW, dH, padW, padH
        self.derive(conv, nInputPlane, nOutputPlane, (kH, kW))

    def _hyper(self) -> dict[str, Any]:
        return {"stride": (self.dH, self.dW), "padding": (self.padH, self.padW)}

    def noBias(self) -> Self:
        """Leave the bias out."""
        for tree in self._trees.values():
            tree.pop("bias", None)
        self.bias = self.gradBias = None
        return self

    def __tostring__(self) -> str:
        """Planes, kernel, and what is not the default."""
        pads = f", {self.padW},{self.padH}" if self.padW or self.padH else ""
        steps = f", {self.dW},{self.dH}" if pads or self.dW != 1 or self.dH != 1 else ""
        without = "" if self.names("params")[1:] else " without bias"
        return (
            f"{type_name(self)}({self.nInputPlane} -> {self.nOutputPlane}, "
            f"{self.kW}x{self.kH}{steps}{pads}){without}"
        )


class SpatialMaxPooling(Module):
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
        self.kW, self.kH, self.padW, self.padH = kW, kH, padW, padH
        self.dW, self.dH = kW if dW is None else dW, kH if dH is None else dH
        self.ceil_mode = False
        self.derive(max_pool)

    def _hyper(self) -> dict[str, Any]:
        return {
            "window": (self.kH, self.kW),
            "stride": (self.dH, self.dW),
            "padding": (self.padH, self.padW),
            "ceil_mode": self.ceil_mode,
        }

    def ceil(self) -> Self:
        """Count the windows that reach over the border."""
        self.ceil_mode = True
        return self

    def floor(self) -> Self:
        """Leave out the windows that reach over the border."""
        self.ceil_mode = False
        return self

    def __tostring__(self) -> str:
        """Window, stride and padding."""
        pads = f", {self.padW},{self.padH}" if self.padW or self.padH else ""
        return f"{type_name(self)}({self.kW}x{self.kH}, {self.dW},{self.dH}{pads})"

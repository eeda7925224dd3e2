"""What layers over time and space share: options with a number for each axis."""

from collections.abc import Hashable
from math import prod
from typing import Any, ClassVar

from fnn.torch7.biased import Biased
from fnn.torch7.counting import cut
from fnn.torch7.module import Module
from fnn.torch7.passing import type_name


class Space(Module):
    """A layer with fields such as `kW` and `kH`.

    `axes` are the axes as Torch7 lists them, `memory` the same axes as they lie in a tensor.
    """

    axes: ClassVar[str]
    memory: ClassVar[str]

    def _set(
        self, name: str, numbers: tuple[Any, ...], default: int | tuple[int, ...] | None = None
    ) -> None:
        """Set a field for each axis; None stands for the default, or for the number before."""
        number = 0
        for i, (axis, given) in enumerate(zip(self.axes, numbers, strict=True)):
            if given is not None:
                number = given
            elif default is not None:
                number = default[i] if isinstance(default, tuple) else default
            setattr(self, name + axis, number)

    def _listed(self, name: str) -> tuple[int, ...]:
        """The fields as Torch7 lists them."""
        return tuple(cut(getattr(self, name + axis)) for axis in self.axes)

    def _each(self, name: str) -> tuple[int, ...]:
        """The fields in the order of memory."""
        return tuple(cut(getattr(self, name + axis)) for axis in self.memory)

    def _text(self) -> list[str]:
        """What is printed in brackets, if anything."""
        return []

    def __tostring__(self) -> str:
        """Sizes, and what is not the default."""
        text = ", ".join(self._text())
        return f"{type_name(self)}({text})" if text else type_name(self)


class Temporal(Space):
    """Over (frames, features), or a batch of that."""

    axes = memory = "W"
    kW: int
    dW: int


class Spatial(Space):
    """Over (planes, height, width), or a batch of that."""

    axes, memory = "WH", "HW"
    kW: int
    kH: int
    dW: int
    dH: int
    padW: int
    padH: int


class Volumetric(Space):
    """Over (planes, time, height, width), or a batch of that."""

    axes, memory = "TWH", "THW"
    kT: int
    kW: int
    kH: int
    dT: int
    dW: int
    dH: int
    padT: int
    padW: int
    padH: int


class Dilated(Space):
    """With distances between the elements of a window, which are always printed."""

    def _hyper(self) -> dict[str, Hashable]:
        return {**super()._hyper(), "dilation": self._each("dilation")}

    def _text(self) -> list[str]:
        return [*super()._text(), joined(self._listed("dilation"))]


class Convolution(Biased, Space):
    """From planes to planes, by kernels."""

    nInputPlane: int
    nOutputPlane: int
    says_bias = True

    def _sized(self, planes: tuple[int, int], k: tuple, d: tuple) -> None:
        """Set the fields that all convolutions have."""
        self.nInputPlane, self.nOutputPlane = planes
        self._set("k", k)
        self._set("d", d, 1)

    @property
    def _fan_in(self) -> int:
        return self.nInputPlane * prod(self._each("k"))

    def _hyper(self) -> dict[str, Hashable]:
        return {"stride": self._each("d"), "padding": self._each("pad")}

    def _sizes(self) -> list[str]:
        """What is printed first."""
        return [f"{self.nInputPlane} -> {self.nOutputPlane}", joined(self._listed("k"), "x")]

    def _text(self) -> list[str]:
        steps, pads = self._listed("d"), self._listed("pad")
        shown = [steps] * (any(pads) or set(steps) != {1}) + [pads] * any(pads)
        return [*self._sizes(), *map(joined, shown)]

    def __tostring__(self) -> str:
        """Planes, kernel, and what is not the default."""
        return super().__tostring__() + (self._without if self.says_bias else "")


def joined(numbers: tuple[int, ...], by: str = ",") -> str:
    """Numbers as Torch7 prints them."""
    return by.join(map(str, numbers))

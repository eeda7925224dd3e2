"""nn's layers that give the same elements another size or order."""

from __future__ import annotations

from math import prod
from typing import Any, Self

from jax import Array

from fnn import shape
from fnn.errors import require
from fnn.fold import pixel_shuffle
from fnn.torch7 import working
from fnn.torch7.counting import from_1, sizes
from fnn.torch7.deriving import Derived, at_least_one
from fnn.torch7.found import Working
from fnn.torch7.passing import as_input, type_name
from fnn.torch7.storage import LongStorage, size_storage
from fnn.torch7.table import Table

__all__ = [
    "Collapse",
    "Padding",
    "PixelShuffle",
    "Replicate",
    "Reshape",
    "Squeeze",
    "Transpose",
    "Unsqueeze",
    "View",
]


class _OfExamples(Derived):
    """What may be told how many axes one example has; an axis in front is of examples then."""

    numInputDims: int | None = None

    def setNumInputDims(self, numInputDims: int | None) -> Self:
        """Say how many axes one example has; any axes before them are kept."""
        self.numInputDims = numInputDims
        return self


class View(_OfExamples):
    """The input in another size; an axis of examples in front is kept."""

    function = shape.view

    def __init__(self, *size: Any):
        self.resetSize(*size)
        super().__init__()

    def resetSize(self, *size: Any) -> Self:
        """Give another size."""
        given = sizes(size)
        require(
            given.count(-1) < 2,
            "nn.View",
            f"sizes {given}",
            "one -1 at most",
            "two lengths can't both be found from the number of elements",
        )
        self.size, self.numElements = LongStorage(given), abs(prod(given))
        return self

    def _hyper(self) -> dict[str, Any]:
        return {"shape": tuple(self.size), "dimensions": self.numInputDims}

    def __tostring__(self) -> str:
        """The sizes."""
        return f"{type_name(self)}({', '.join(map(str, self.size))})"


def reshaped(x: Array, *, size: tuple[int, ...], batch: bool | None) -> Array:
    """`reshape` of all elements, or of each example's."""
    whole = x.size == prod(size) and x.shape[0] != 1 if batch is None else not batch
    return shape.reshape(x, shape=size if whole else (x.shape[0], *size))


class Reshape(Derived):
    """The input in another size, whole or with an axis of examples in front.

    Unless `batchMode` says so, there is such an axis if the number of elements is another one, or
    if the first axis has length 1.
    """

    function = reshaped
    batchsize = Working(lambda self: size_storage((1, *self.size)), working.size_of_batch)

    def __init__(self, *size: Any, batchMode: bool | None = None):
        if size and isinstance(size[-1], bool | None):
            size, batchMode = size[:-1], size[-1]
        self.size, self.batchMode = LongStorage(sizes(size)), batchMode
        self.nelement = prod(self.size)
        super().__init__()

    def _hyper(self) -> dict[str, Any]:
        return {"size": tuple(self.size), "batch": self.batchMode}

    def __tostring__(self) -> str:
        """The sizes."""
        return f"{type_name(self)}({'x'.join(map(str, self.size))})"


class Collapse(Derived):
    """All axes joined into one; an axis before the last nInputDim is kept, as that of examples."""

    def __init__(self, nInputDim: int):
        self.nInputDim = nInputDim
        super().__init__()

    @staticmethod
    def function(x: Array, *, dimensions: int) -> Array:
        """`flatten`, from the second axis on if there are examples."""
        return shape.flatten(x, start=int(x.ndim > dimensions))

    def _hyper(self) -> dict[str, Any]:
        return {"dimensions": self.nInputDim}


class Replicate(Derived):
    """A new axis along which the input is repeated; of examples with `ndim` axes, if given."""

    function = shape.replicate

    def __init__(self, nfeatures: int, dim: int = 1, ndim: int | None = None):
        self.nfeatures, self.dim, self.ndim = nfeatures, dim, ndim
        super().__init__()

    def _hyper(self) -> dict[str, Any]:
        axis = from_1(self.dim, "dimension")
        return {"count": self.nfeatures, "axis": axis, "dimensions": self.ndim}


class Squeeze(_OfExamples):
    """Axes of length 1 dropped: all of them, or one."""

    function = at_least_one(shape.squeeze)

    def __init__(self, dim: int | None = None, numInputDims: int | None = None):
        self.dim, self.numInputDims = dim, numInputDims
        super().__init__()

    def _hyper(self) -> dict[str, Any]:
        axis = None if self.dim is None else from_1(self.dim, "dimension")
        return {"axis": axis, "dimensions": self.numInputDims}


class Unsqueeze(_OfExamples):
    """A new axis of length 1 at `pos`.

    The first input says how many axes one example has, unless that was said before.
    """

    function = shape.unsqueeze

    def __init__(self, pos: int, numInputDims: int | None = None):
        self.pos, self.numInputDims = pos, numInputDims
        super().__init__()

    @property
    def _acts(self) -> bool:
        return self.numInputDims is None

    def updateOutput(self, input: Any) -> Any:
        """Compute `output`."""
        self._getActualPosition(input)
        return super().updateOutput(input)

    def _getActualPosition(self, input: Any) -> int:
        """The place of the new axis, where there may be others before those of one example."""
        dimensions = as_input(input).dim()
        if self.numInputDims is None:
            self.numInputDims = dimensions
        return self.pos + dimensions - self.numInputDims

    def _hyper(self) -> dict[str, Any]:
        return {"axis": from_1(self.pos, "dimension"), "dimensions": self.numInputDims}

    def __tostring__(self) -> str:
        """The place."""
        return f"{type_name(self)}(dim {self.pos})"


class Transpose(_OfExamples):
    """Pairs of axes exchanged, one pair after the other."""

    function = shape.transpose

    def __init__(self, *permutations: Any):
        self.permutations = Table(Table(pair) for pair in permutations)
        super().__init__()

    def _hyper(self) -> dict[str, Any]:
        swaps = tuple(tuple(from_1(d, "dimension") for d in pair) for pair in self.permutations)
        return {"swaps": swaps, "dimensions": self.numInputDims}


class Padding(Derived):
    """`value` put in |pad| times along an axis: after the elements, or if negative before them.

    `index` counts from that side the place where it is put in.
    """

    function = shape.pad_axis
    outputSize = Working(working.size, working.output_size)

    def __init__(
        self, dim: int, pad: int, nInputDim: int | None = None, value: float = 0, index: int = 1
    ):
        self.dim, self.pad, self.nInputDim = dim, pad, nInputDim
        self.value, self.index = value, index
        super().__init__()

    def _hyper(self) -> dict[str, Any]:
        return {
            "count": self.pad,
            "axis": from_1(self.dim, "dimension"),
            "dimensions": self.nInputDim,
            "value": float(self.value),
            "skip": self.index - 1,
        }


class PixelShuffle(Derived):
    """r^2 C planes as C planes r times as high and as wide."""

    function = pixel_shuffle

    def __init__(self, upscaleFactor: int):
        self.upscaleFactor, self.upscaleFactorSquared = upscaleFactor, upscaleFactor**2
        super().__init__()

    def _hyper(self) -> dict[str, Any]:
        return {"factor": self.upscaleFactor}

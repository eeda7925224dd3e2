"""nn's simple layers."""

from collections.abc import Callable
from math import prod
from typing import Any, Self

from fnn.errors import require
from fnn.linear import linear
from fnn.shape import view
from fnn.torch7.module import Module
from fnn.torch7.passing import type_name
from fnn.torch7.storage import LongStorage

__all__ = ["Linear", "Pure", "View"]


class Linear(Module):
    """y = Wx + b."""

    def __init__(self, inputSize: int, outputSize: int, bias: bool = True):
        self.derive(linear, inputSize, outputSize, bias=bias)

    def __tostring__(self) -> str:
        """The sizes."""
        outputs, inputs = self.weight.geometry.size
        without = "" if self.names("params")[1:] else " without bias"
        return f"{type_name(self)}({inputs} -> {outputs}){without}"


class View(Module):
    """The input in another size; an axis of examples in front is kept."""

    def __init__(self, *sizes: Any):
        size = tuple(sizes[0]) if len(sizes) == 1 and not isinstance(sizes[0], int) else sizes
        require(
            size.count(-1) < 2,
            "nn.View",
            f"sizes {size}",
            "one -1 at most",
            "two lengths can't both be found from the number of elements",
        )
        self.derive(view)
        self.size, self.numElements = LongStorage(size), prod(n for n in size if n > 0)
        self.numInputDims = None

    def _hyper(self) -> dict[str, Any]:
        return {"shape": tuple(self.size), "dimensions": self.numInputDims}

    def setNumInputDims(self, numInputDims: int) -> Self:
        """Say how many axes one example has; any axes before them are kept."""
        self.numInputDims = numInputDims
        return self

    def __tostring__(self) -> str:
        """The sizes."""
        return f"{type_name(self)}({', '.join(map(str, self.size))})"


class Pure(Module):
    """Any pure layer or network of `fnn`, with these parameters and this state."""

    def __init__(self, apply: Callable, params: Any, state: Any | None = None):
        self.wrap(apply, params, state)

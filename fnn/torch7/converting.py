"""nn's layers that give the same elements another type, or the axes that a name asks for."""

from __future__ import annotations

from typing import Any

from jax import Array, lax

from fnn import shape
from fnn.errors import require
from fnn.tensor.types import cast
from fnn.torch7.containers import Sequential
from fnn.torch7.deriving import Derived, at_least_one
from fnn.torch7.module import Module
from fnn.torch7.passing import type_name
from fnn.torch7.passing_on import Identity
from fnn.torch7.reshaping import Reshape, Transpose
from fnn.torch7.selecting import Select
from fnn.torch7.table import Table
from fnn.torch7.tensor import Tensor
from fnn.torch7.types import dtype_of, getdefaulttensortype

__all__ = ["Convert", "Copy"]


def converted(x: Array, *, source: str | None, target: str, dtype: str) -> Array:
    """`convert` to a type and a shape; what has no axis of examples comes out without one."""
    x = cast(x, dtype)
    if source is None:
        return x
    y = shape.convert(x, source=source, target=target)
    return lax.squeeze(y, [target.index("b")]) if x.ndim < len(source) else y


class Convert(Derived):
    """Axes named by letters brought into another order, or to b, bf or bt, in the module's type."""

    function = at_least_one(converted)

    def __init__(self, inputShape: str | None = None, outputShape: str | None = None):
        require(
            inputShape is not None or outputShape is None,
            type_name(self),
            f"{outputShape!r} without a shape before",
            "two shapes",
            "the first was forgotten",
        )
        source, target = inputShape or "b*", outputShape or inputShape or "b*"
        self.inputShape = source if "b" in source else "b" + source
        self.outputShape = target if "b" in target else "b" + target
        self._describe()
        self._example = Tensor()
        super().__init__()

    def _describe(self) -> None:
        """Set the fields that the original goes by, and will in a file."""
        source, target = self.inputShape, self.outputShape
        self.inputBatchDim, self.outputBatchDim = source.index("b") + 1, target.index("b") + 1
        anything = "b*" in (source, target)
        self.nInputDim, self.nOutputDim = (-1, -1) if anything else (len(source), len(target))
        self.transposition = anything or sorted(source) == sorted(target)
        self.modules = Table()

    def findAxis(self, axis_char: str, shape: str | None = None, silent: bool = False) -> Any:
        """The dimension of a letter in a shape, by default that of the input; nil if `silent`."""
        shape = self.inputShape if shape is None else shape
        require(
            silent or axis_char in shape,
            type_name(self),
            f"axis {axis_char!r} of {shape!r}",
            "one of its letters",
            "the shapes have different axes",
        )
        return shape.find(axis_char) + 1 or None

    def buildConverter(self, input: Tensor) -> None:
        """Have a `converter`, a module that does the same with inputs of this size."""
        how = self.outputShape
        known = self.transposition or how in ("b", "bf", "bt")
        require(
            known,
            type_name(self),
            f"{self.inputShape!r} to {how!r}",
            "the same axes, or bf, b or bt",
            "the axes of one shape are not those of the other",
        )
        self.converter = self.transpose(how) if self.transposition else getattr(self, how)(input)
        self.converter.type(self._example.type())

    def transpose(self, newShape: str) -> Module:
        """What brings the input's axes into another order."""
        letters, swaps = list(self.inputShape), []
        for i, letter in enumerate(newShape):
            j = letters.index(letter)
            if i != j:
                letters[i], letters[j] = letters[j], letters[i]
                swaps.append((j + 1, i + 1))
        return Transpose(*swaps) if swaps else Identity()

    def default(self) -> Module:
        """What leaves the input as it is."""
        return Identity()

    def bf(self, input: Tensor) -> Module:
        """What makes a vector of each example."""
        if self.inputShape == "b":
            return Reshape(1)
        place = self.findAxis("b")
        steps: list[Module] = [Transpose((1, place))] if place > 1 else []
        if len(self.inputShape) > 2:
            steps.append(Reshape(input.nElement() // input.size(place)))
        chain = Sequential()
        for step in steps:
            chain.add(step)
        return steps[0] if len(steps) == 1 else chain if steps else Identity()

    def b(self, input: Tensor) -> Module:
        """What takes the first of each example, which has no more than one feature."""
        name = "t" if "t" in self.inputShape else "f"
        return Select(self.findAxis(name), 1)

    def bt(self, input: Any = None) -> Module:
        """What makes a row of one of each example."""
        return Reshape(1)

    def _hyper(self) -> dict[str, Any]:
        source = None if self.inputShape == "b*" else self.inputShape
        dtype = self._example.element_type.name
        return {"source": source, "target": self.outputShape, "dtype": dtype}


def copied(x: Array, *, dtype: str) -> Array:
    """The elements in another type."""
    return cast(x, dtype)


class Copy(Derived):
    """The input in another type; in the same type it is passed on as it is, unless `forceCopy`."""

    function = copied

    def __init__(
        self,
        inputType: str | None = None,
        outputType: str | None = None,
        forceCopy: bool = False,
        dontCast: bool = False,
    ):
        self.inputType = inputType or getdefaulttensortype()
        self.outputType = outputType or getdefaulttensortype()
        self.forceCopy, self.dontCast = forceCopy, dontCast
        super().__init__()
        self.output, self.gradInput = (
            Tensor().type(name) for name in (self.outputType, self.inputType)
        )

    def _hyper(self) -> dict[str, Any]:
        return {"dtype": dtype_of(self.outputType, "Tensor").name}

    def _find_fused(self, *find: Any) -> Any:
        passes = self.inputType == self.outputType and not self.forceCopy
        return None if passes else super()._find_fused(*find)

    @property
    def borrows(self) -> bool:  # type: ignore[override]
        """Whether the results are the input and gradOutput themselves."""
        return self._fused is None

    def updateOutput(self, input: Any) -> Any:
        """The input in another type, or itself."""
        if self._fused is None:
            self.output = input
        return super().updateOutput(input)

    def updateGradInput(self, input: Any, gradOutput: Any) -> Any:
        """The gradient in the type of the input, or itself."""
        if self._fused is None:
            self.gradInput = gradOutput
        return super().updateGradInput(input, gradOutput)

    def type(self, name: str | None = None, tensorCache: dict | None = None) -> Any:
        """Convert, unless `dontCast`; without a name, tell what it was converted to."""
        if name is not None:
            if self.dontCast:
                return self
            self.inputType = self.outputType = name
        return super().type(name, tensorCache)

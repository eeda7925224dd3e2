"""nn's decorators: a module around another one."""

from __future__ import annotations

from math import prod
from typing import Any

from fnn.compose import Serial
from fnn.errors import require
from fnn.layer import Applicable
from fnn.parts import Bottled
from fnn.torch7.containers import Container
from fnn.torch7.module import Module
from fnn.torch7.passing import as_input, leaves, shaped, type_name
from fnn.torch7.table import Table
from fnn.torch7.tensor import Tensor
from fnn.torch7.types import dtype_of, name_of

__all__ = ["GPU", "Bottle", "Decorator", "DontCast"]


class Decorator(Container):
    """Does what the module inside does. A subclass does something more."""

    network = Serial

    def __init__(self, module: Module):
        super().__init__()
        self.add(module)

    def _hold_output(self, value: Any) -> Any:
        self._output = self.modules[1]._hold_output(value)
        return self._output

    def _hold_gradient(self, value: Any) -> Any:
        if self._gradInput is not None:
            self._gradInput = self.modules[1]._hold_gradient(value)
        return self._gradInput

    def _through(self, input: Any) -> Any:
        return self.modules[1].updateOutput(input)

    def _back(self, method: str, input: Any, gradOutput: Any, *rest: float) -> Any:
        getattr(self.modules[1], method)(input, gradOutput, *rest)
        return self.modules[1].gradInput

    @staticmethod
    def decorate(kind: type) -> None:
        """Have a class with other parents delegate as a decorator does."""
        for name in DELEGATED:
            setattr(kind, name, getattr(Decorator, name))

    def __tostring__(self) -> str:
        """The type, and the module inside."""
        return f"{self._title} @ {self.modules[1]}"


DELEGATED = (
    *("_through", "_back", "_hold_output", "_hold_gradient", "__tostring__", "updateOutput"),
    *("updateGradInput", "accGradParameters"),
    *("accUpdateGradParameters", "sharedAccUpdateGradParameters"),
)


class Bottle(Decorator):
    """Leading dimensions are seen as one by the module inside, and parted again behind it."""

    network = Bottled

    def __init__(self, module: Module, nInputDim: int = 2, nOutputDim: int | None = None):
        super().__init__(module)
        self.nInputDim = nInputDim
        self.nOutputDim = nInputDim if nOutputDim is None else nOutputDim
        self.dimDelta = self.nInputDim - self.nOutputDim
        self.inShape, self.outShape = Tensor(self.nInputDim), Tensor(self.nOutputDim)

    def _hyper(self) -> dict[str, Any]:
        return {"axes": self.nInputDim, "outputs": self.nOutputDim}

    def _hold_output(self, value: Any) -> Any:
        return Module._hold_output(self, value)

    def _hold_gradient(self, value: Any) -> Any:
        return Module._hold_gradient(self, value)

    def _joined(self, x: Any, dimensions: int) -> Any:
        """A tensor with its leading dimensions as one, and the sizes of those but the last."""
        x = as_input(x)
        extra = max(x.dim() - dimensions, 0)
        size = tuple(x.size())
        if not extra:
            return x, ()
        return x.contiguous().view(-1, *size[extra + 1 :]), size[:extra]

    def _through(self, input: Any) -> Any:
        x, lead = self._joined(input, self.nInputDim)
        y = self.modules[1].updateOutput(x)
        if not lead:
            return y
        require(
            y.dim() == self.nOutputDim,
            str(self),
            f"an output of {y.dim()} dimensions",
            f"{self.nOutputDim}",
            "the module changes the number of dimensions: give nOutputDim",
        )
        first, *others = y.size()
        return y.contiguous().view(*lead, first // prod(lead), *others)

    def _back(self, method: str, input: Any, gradOutput: Any, *rest: float) -> Any:
        x, _ = self._joined(input, self.nInputDim)
        g = shaped(as_input(gradOutput), tuple(self.modules[1].output.size()))
        found = super()._back(method, x, g, *rest)
        return found if found is None else found.view(*as_input(input).size())


class DontCast(Decorator):
    """Keeps the module inside from being converted by `type`.

    With `castin` its inputs are converted to its type, and `gradInput` to the type of this one;
    with `castout` its outputs are converted to the type of this one, and `gradOutput` to its type.
    This one has the default type until it is converted.
    """

    def __init__(
        self,
        module: Module,
        castin: bool = False,
        castout: bool | None = None,
        moduleType: str | None = None,
    ):
        super().__init__(module)
        self.castin, self.castout = castin, castin if castout is None else castout
        if moduleType is None and (self.castin or self.castout):
            found = leaves(list(module.parameters()[0] or ()))
            moduleType = found[0].type() if found else module.type()
        self.moduleType = moduleType

    def _find_program(self) -> Applicable | None:
        return None if self.castin or self.castout else super()._find_program()

    def _through(self, input: Any) -> Any:
        output = self.modules[1].updateOutput(self._inward(input, self.castin))
        return self._outward(output, self.castout)

    def _back(self, method: str, input: Any, gradOutput: Any, *rest: float) -> Any:
        given = self._inward(input, self.castin), self._inward(gradOutput, self.castout)
        return self._outward(super()._back(method, *given, *rest), self.castin)

    def _inward(self, x: Any, cast: bool) -> Any:
        return changed(x, self.moduleType) if cast and self.moduleType else x

    def _outward(self, x: Any, cast: bool) -> Any:
        return changed(x, self._type) if cast and x is not None else x

    def type(self, name: str | None = None, tensorCache: dict | None = None) -> Any:
        """The type of the results; with a name, convert them, and nothing inside."""
        if name is None:
            return self._type
        self._type = name_of(dtype_of(name, "Tensor"), "Tensor")
        if self.castout:
            self.output = changed(self.output, name)
        if self.castin:
            self.gradInput = changed(self.gradInput, name)
        return self


def changed(x: Any, name: str) -> Any:
    """A table or a tensor in another type; the original stays."""
    if isinstance(x, Table | list | tuple):
        return Table(changed(y, name) for y in x)
    return as_input(x).type(name)


class GPU(Decorator):
    """A module on a device. jax decides where tensors lie, so the numbers stay in their place."""

    def __init__(self, module: Module, device: int, outdevice: int | None = None):
        require(
            isinstance(device, int) and not isinstance(module, GPU),
            "nn.GPU",
            f"{module}, device {device!r}",
            "a module that is on no device, and the number of one",
            "the arguments are exchanged",
        )
        super().__init__(module)
        self.device, self.outdevice = device, device if outdevice is None else outdevice

    @staticmethod
    def recursiveModuleDevice(obj: Any, device: int) -> Any:
        """A module, a table or a tensor as it is."""
        return obj

    @staticmethod
    def recursiveSetDevice(dst: Any, src: Any, proto: Any) -> Any:
        """A table or a tensor, `src`, as it is."""
        return src

    def setDevice(self, device: int | None = None) -> GPU:
        """Name another device."""
        self.device = self.device if device is None else device
        return self

    @property
    def _title(self) -> str:
        return f"{type_name(self)}({self.device})"

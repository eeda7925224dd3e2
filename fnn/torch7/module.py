"""nn.Module: forward and backward."""

from __future__ import annotations

from typing import Any

import jax

from fnn.layer import Applicable
from fnn.shell import KINDS
from fnn.tensor.gradient import differentiable
from fnn.tensor.scope import calling
from fnn.torch7.computing import Computing
from fnn.torch7.node import Connectable
from fnn.torch7.passing import Convertible, converted, gradient_name, type_name
from fnn.torch7.tensor import Tensor
from fnn.torch7.types import default_type, dtype_of, name_of
from transforms.cells import tracing


class Module(Connectable, Convertible, Computing):
    """A differentiable object with `output` after forward and `gradInput` after backward.

    A derived module gets its three `update...` methods from its pure layer. A module that computes
    in a way of its own overrides them, as in Torch7, and works in every container.
    """

    protocol = ("forward", "backward", "updateOutput", "updateGradInput", "accGradParameters")

    def __init__(self) -> None:
        self._output, self._gradInput = self.first_output(), self.first_gradient()
        self._type = name_of(default_type(), "Tensor")

    def forward(self, input: Any) -> Any:
        """Compute `output` from `input`."""
        if tracing():
            with calling(self):
                return self.updateOutput(input)
        return self.updateOutput(input)

    def backward(self, input: Any, gradOutput: Any = None, scale: float = 1) -> Any:
        """Compute `gradInput`, and add `scale` times the gradients of the parameters to theirs.

        `input` is what the last `forward` was given; for another one, the gradients are at that,
        where they don't need the output. There is no `gradOutput` where a loss comes out, as of a
        CriterionTable.
        """
        if tracing():
            with calling(self, backward=True):
                return self._go_back(input, gradOutput, scale)
        return self._go_back(input, gradOutput, scale)

    def _go_back(self, input: Any, gradOutput: Any, scale: float) -> Any:
        """Go backward by the pure layer, or by the two methods."""
        if self._fused is not None:
            return self._pull(input, gradOutput, "gradients", scale)
        self.updateGradInput(input, gradOutput)
        self.accGradParameters(input, gradOutput, scale)
        return self.gradInput

    def updateOutput(self, input: Any) -> Any:
        """Compute `output` by the pure layer, and remember the way back."""
        if self._program is None:
            return self.output
        return self._compute(input)

    def updateGradInput(self, input: Any, gradOutput: Any) -> Any:
        """Compute `gradInput` by the pure layer."""
        return self.gradInput if self._program is None else self._pull(input, gradOutput)

    def accGradParameters(self, input: Any, gradOutput: Any, scale: float = 1) -> None:
        """Add `scale` times the gradients of the parameters to those so far."""
        if self._program is not None:
            self._learn(input, gradOutput, "gradients", scale)

    def defaultAccUpdateGradParameters(self, input: Any, gradOutput: Any, lr: float) -> None:
        """Have the gradients added to the parameters themselves."""
        if self._fused is not None:
            self._learn(input, gradOutput, "params", -lr)
        else:
            super().defaultAccUpdateGradParameters(input, gradOutput, lr)

    def be(self, derived: Applicable, shapes: Any, state: Any) -> None:
        """Be a layer with parameters of these shapes and with this state, in nested dicts."""
        Module.__init__(self)
        super().be(derived, shapes, state)
        self._trees["gradients"] = jax.tree.map(gradient_name, self._trees["params"])
        self._begin()

    def _begin(self) -> None:
        """Give the parameters their first values."""
        self.reset()

    def type(self, name: str | None = None, tensorCache: dict | None = None) -> Any:
        """The type of the tensors; with a name, convert all of them to that type."""
        if name is None:
            return self._type
        self._settle()
        self._type, self._run = name_of(dtype_of(name, "Tensor"), "Tensor"), None
        cache = {} if tensorCache is None else tensorCache
        found = vars(self).get("_found", {})
        self._found = {n: x if is_whole(x) else converted(x, name, cache) for n, x in found.items()}
        return super().type(name, cache)

    def _to_convert(self) -> list[str]:
        """All fields but the integers that a pure layer works with."""
        own = [n for kind in KINDS for n in self.names(kind)] if self._derived is not None else []
        tensors = {n: vars(self).get(n) for n in own}
        kept = {n for n, x in tensors.items() if is_whole(x)} | {"_found"}
        return [name for name in super()._to_convert() if name not in kept]

    def _apply(self, input: Any, gradOutput: Any = None) -> Any:
        """Run forward; with a gradient backward too, and return both results."""
        output = self.forward(input)
        return output if gradOutput is None else (output, self.backward(input, gradOutput))

    def __tostring__(self) -> str:
        """The module as Torch7 prints it."""
        return type_name(self)

    def __str__(self) -> str:
        return self.__tostring__()

    __repr__ = __str__


def is_whole(x: Any) -> bool:
    """Whether this is a tensor of integers, which have a meaning in one type only."""
    return isinstance(x, Tensor) and not differentiable(x.storage)


setattr(Module, "__tostring", Module.__str__)  # as m.__tostring() outside of a class

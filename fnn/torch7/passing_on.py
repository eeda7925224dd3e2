"""nn's layers that pass their input on, and look at it, or change the gradient on its way back."""

from __future__ import annotations

from typing import Any

from fnn import arithmetic, gradient
from fnn.compose import Serial
from fnn.tensor.number import Number
from fnn.tensor.run import run
from fnn.torch7.deriving import Derived, reserved
from fnn.torch7.module import Module
from fnn.torch7.passing import as_input
from fnn.torch7.tensor import Tensor

__all__ = ["Contiguous", "GradientReversal", "Identity", "L1Penalty", "PrintSize", "ZeroGrad"]


class Identity(Module):
    """The input itself, a tensor or a table."""

    borrows = True

    def __init__(self) -> None:
        self.be(Serial(()), {}, {})

    def _find_fused(self, *_: Any) -> None:
        return None

    def updateOutput(self, input: Any) -> Any:
        """The input."""
        self.output = input
        return input

    def _output_of(self, input: Any) -> Any:
        return self.updateOutput(input)

    def updateGradInput(self, input: Any, gradOutput: Any) -> Any:
        """The gradient by the output."""
        self.gradInput = gradOutput
        return gradOutput


class Contiguous(Identity):
    """The input in a tensor of its own: over the same memory if its elements lie in order there."""

    def updateOutput(self, input: Any) -> Any:
        """The input, contiguous."""
        return super().updateOutput(self.output.set(input.contiguous()))

    def updateGradInput(self, input: Any, gradOutput: Any) -> Any:
        """The gradient by the output, contiguous."""
        return super().updateGradInput(input, self.gradInput.set(gradOutput.contiguous()))


class PrintSize(Identity):
    """The input itself, whose size is printed, as is that of gradOutput."""

    def __init__(self, prefix: str = "PrintSize"):
        self.prefix = prefix
        super().__init__()

    @property
    def _acts(self) -> bool:
        return True

    def _print(self, what: str, x: Any) -> None:
        print(f"{self.prefix}:{what}\n\t{x.size() if isinstance(x, Tensor) else x}")

    def updateOutput(self, input: Any) -> Any:
        """The input."""
        self._print("input", input)
        return super().updateOutput(input)

    def updateGradInput(self, input: Any, gradOutput: Any) -> Any:
        """The gradient by the output."""
        self._print("gradOutput", gradOutput)
        return super().updateGradInput(input, gradOutput)


class ZeroGrad(Derived):
    """The input, with gradient 0."""

    function = gradient.gradient_stop


class GradientReversal(Derived):
    """The input; the gradient is multiplied by -lambda."""

    function = gradient.gradient_reversal
    lambda_ = reserved("lambda")

    def __init__(self, lambda_: float = 1):
        self.lambda_ = lambda_
        super().__init__()

    def setLambda(self, lambda_: float) -> None:
        """Change the factor."""
        self.lambda_ = lambda_

    def _hyper(self) -> dict[str, Any]:
        return {"strength": self.lambda_}


class L1Penalty(Derived):
    """The input; `loss` is l1weight sum(|x|), whose gradient is added, or is all there is."""

    function = gradient.l1_penalty
    renewed = (*Module.renewed, "loss")
    loss: Any = None

    def __init__(self, l1weight: float, sizeAverage: bool = False, provideOutput: bool = True):
        self.l1weight, self.sizeAverage = l1weight, bool(sizeAverage)
        self.provideOutput = provideOutput is not False
        super().__init__()

    @property
    def _acts(self) -> bool:
        return True

    def _hyper(self) -> dict[str, Any]:
        weight = float(self.l1weight)
        return {"weight": weight, "mean": self.sizeAverage, "provide": self.provideOutput}

    def updateOutput(self, input: Any) -> Any:
        """The input."""
        elements = as_input(input).length if self.sizeAverage else 1
        norm: Any = Number(run(arithmetic.norm, as_input(input), p=1.0, axis=None))
        self.loss = norm * (self.l1weight / elements)
        return super().updateOutput(input)

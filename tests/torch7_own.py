"""Modules as users write them."""

from fnn.torch7 import nn


class Double(nn.Module):
    """Twice the input, in place, as one writes modules for Torch7."""

    def updateOutput(self, input):
        self.output.resizeAs(input).copy(input).mul(2)
        return self.output

    def updateGradInput(self, input, gradOutput):
        self.gradInput.resizeAs(gradOutput).copy(gradOutput).mul(2)
        return self.gradInput


class Reversed(nn.Linear):
    """Linear, with the gradient by the input reversed."""

    def updateGradInput(self, input, gradOutput):
        super().updateGradInput(input, gradOutput)
        self.gradInput.mul(-1)
        return self.gradInput

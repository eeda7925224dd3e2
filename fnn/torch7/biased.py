"""Layers that can do without their bias."""

from typing import Self

from fnn.torch7.module import Module


class Biased(Module):
    """A layer with a bias, or without one."""

    def noBias(self) -> Self:
        """Leave the bias out."""
        self.bias = self.gradBias = None
        return self

    @property
    def _without(self) -> str:
        """What is printed last."""
        return " without bias" if self.bias is None else ""

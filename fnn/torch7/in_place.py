"""Modules that may write their output over their input."""

from __future__ import annotations

from typing import Any

from fnn.torch7.deriving import Derived
from fnn.torch7.passing import as_input, leaves
from fnn.torch7.tensor import Tensor


class InPlace(Derived):
    """A function whose output lies, with `inplace`, in the memory of its first input.

    Inside a container that runs as one program there is nothing to overwrite, and the numbers are
    the same.
    """

    inplace = False

    def _forward(self, input: Any) -> Any:
        """Compute `output`, in memory of its own."""
        return super().updateOutput(input)

    def updateOutput(self, input: Any) -> Any:
        """Compute `output`."""
        output = self._forward(input)
        if self.inplace:
            output.set(first_of(input).copy(output))
            if self._run is not None:
                self._run.mark(leaves(input))  # backward starts from what they held before
        return output

    def _hold_output(self, value: Any) -> Any:
        self._let_go(self._output)
        return super()._hold_output(value)

    def _let_go(self, result: Any) -> None:
        """Leave the memory of the last call to whoever gave it."""
        if self.inplace and isinstance(result, Tensor):
            result.set()


def first_of(input: Any) -> Tensor:
    """A tensor itself, or the first of a table."""
    return input if isinstance(input, Tensor) else as_input(next(iter(input)))

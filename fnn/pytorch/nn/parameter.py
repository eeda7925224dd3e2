"""Parameters: tensors that modules and optimisers know by their identity."""

from typing import Any, Self

from fnn.pytorch.creation import as_tensor
from fnn.pytorch.tensor import Tensor


class Parameter(Tensor):
    """A leaf that a module registers and an optimiser changes."""

    def __new__(cls, data: Any = (), requires_grad: bool = True) -> Self:
        """A view of the data's storage."""
        found = as_tensor(data)
        made = cls._around(found.storage, found.geometry)
        made.requires_grad = requires_grad
        return made

    def __init__(self, data: Any = (), requires_grad: bool = True) -> None:
        pass


__all__ = ["Parameter"]

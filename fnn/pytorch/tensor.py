"""torch.Tensor: a view of a storage, with PyTorch's names and a place on the tape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np

from fnn.pytorch.autograd import accumulate, initial, is_grad_enabled, propagate, record
from fnn.tensor.storage import Storage
from fnn.tensor.tensor import TensorBase


class Tensor(TensorBase):
    """A multi-dimensional array that can remember how it was computed."""

    transient = ("grad_fn", "_output")

    requires_grad: bool = False
    grad: Tensor | None = None
    grad_fn: Any = None
    _output = 0
    _plain: ClassVar[type[Tensor]]

    def backward(self, gradient: Any = None, retain_graph: bool = False) -> None:
        """Add the derivative of this tensor by each leaf to the leaf's `grad`."""
        propagate([(self, initial(self, gradient))], accumulate, retain_graph)


Tensor._plain = Tensor

"""What Python and NumPy see of a tensor: numbers, truth, length, arrays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from fnn.tensor.number import number
from fnn.tensor.run import known, look, run
from fnn.tensor.tensor import TensorBase, read_through
from fnn.tensor.views import is_contiguous


class Values(TensorBase):
    """The part of `Tensor` that looks at values; inside a compiled program most can't."""

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...
        def __getitem__(self, index: Any) -> Any: ...

    def item(self) -> Any:
        """The only element, as a Python number."""
        if self.length != 1:
            raise RuntimeError(
                f"a Tensor with {self.length} elements cannot be converted to Scalar"
            )
        if known(self.storage):
            return self._peek().item()
        return number(run(read_through, self))

    def tolist(self) -> Any:
        """Nested lists of Python numbers."""
        return self._peek().tolist()

    def numpy(self) -> np.ndarray:
        """The elements as a numpy array of their own, which may be written to.

        PyTorch shares the memory of a tensor on the CPU; here it can't be shared.
        """
        return np.array(self.__array__())

    def _peek(self) -> np.ndarray:
        """The elements where they lie in the host's memory: nothing is compiled for a view."""
        if self.is_storage or not known(self.storage):
            return np.asarray(look(self))
        offset, size, stride = self.geometry
        memory = np.asarray(self.storage.array).reshape(-1)
        if is_contiguous(self.geometry):
            return memory[offset : offset + self.length].reshape(size)
        return np.lib.stride_tricks.as_strided(
            memory[offset:], size, [s * memory.itemsize for s in stride], writeable=False
        )

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if self.requires_grad:
            raise RuntimeError(
                "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() "
                "instead."
            )
        found = self._peek()
        return np.array(found, dtype) if copy or dtype not in (None, found.dtype) else found

    def __len__(self) -> int:
        if not self.geometry.size:
            raise TypeError("len() of a 0-d tensor")
        return self.geometry.size[0]

    def __iter__(self) -> Iterator[Any]:
        if not self.geometry.size:
            raise TypeError("iteration over a 0-d tensor")
        return (self[i] for i in range(len(self)))

    def __contains__(self, element: Any) -> bool:
        return bool((self == element).any())

    def __bool__(self) -> bool:
        if self.length != 1:
            many = "more than one value" if self.length else "no values"
            raise RuntimeError(f"Boolean value of Tensor with {many} is ambiguous")
        return bool(self.item())

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        if self.length != 1 or self.is_floating_point():
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self.item())

"""x[...]: elements, parts and masks, read and written."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any, Self

import jax.numpy as jnp
import numpy as np
from jax import Array

from fnn.errors import require
from fnn.tensor.run import run
from fnn.tensor.types import cast
from fnn.torch7.counting import CountError, position, span
from fnn.torch7.memory import element_type, into, is_number, size_of
from fnn.torch7.shapes import Shapes
from fnn.torch7.storage import Storage
from fnn.torch7.table import Table
from transforms.cells import tracing

SLICE = (
    "a Python slice counts from 0 and leaves out its end; Torch7's ranges are lists, which count "
    "from 1 and include it: x[[2, 3]] has the elements or rows 2 and 3, x[[], [1]] the first column"
)


class Indexing(Shapes):
    """The part of `Tensor` behind the brackets."""

    def __getitem__(self, key: Any) -> Any:
        if is_mask(key):
            return self.maskedSelect(key)
        view = self._part(key)
        return view if view.geometry.size else self.storage[view.geometry.offset + 1]

    def __setitem__(self, key: Any, value: Any) -> None:
        number = is_number(value)
        if is_mask(key):
            self.maskedFill(key, value) if number else self.maskedCopy(key, value)
            return
        view = self._part(key)
        if not number:
            view.copy(value)
        elif view.geometry.size:
            view.fill(value)
        else:
            self.storage[view.geometry.offset + 1] = value

    def _part(self, key: Any) -> Self:
        """The view that a key stands for: without any dimension if it selects one element."""
        entries = tuple(key) if isinstance(key, tuple | Storage) else (key,)
        few = isinstance(key, Storage) and len(key) < self.dim()  # which says where an element is
        if few or len(entries) > self.dim():
            raise CountError(f"given {len(entries)} indices for {self.dim()} dimensions")
        view, a = self, 0
        for entry in entries:
            size = view.geometry.size[a]
            if isinstance(entry, slice):
                raise TypeError(SLICE)
            if not isinstance(entry, list | tuple | Table):
                view = view._select(a, position(entry, size))
                continue
            bounds = list(entry)
            if len(bounds) > 2:
                raise CountError(f"given {bounds}, wanted [], [index] or [first, last]")
            if bounds:
                view = view._narrow(a, *span(bounds[0], bounds[-1], size))
            a += 1
        return view

    def __len__(self) -> int:
        return self._size[0] if self.length else 0

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(1, len(self) + 1))

    @into("_become", tensors=1)
    def maskedSelect(self, mask: Any) -> Self:
        """The elements where a ByteTensor is not zero, in a vector."""
        places = np.flatnonzero(self._masked(mask))
        return self._around(run(jnp.take, self, places))

    def maskedFill(self, mask: Any, value: Any) -> Self:
        """A number where a ByteTensor is not zero."""
        self._masked(mask)
        return self._update(filled_where, mask, value)

    def maskedCopy(self, mask: Any, source: Any) -> Self:
        """The elements of `source` in order, where a ByteTensor is not zero."""
        count = 0 if tracing() else int(np.count_nonzero(self._masked(mask)))
        found = prod(size) if (size := size_of(source)) else 0
        require(
            count <= found,
            "maskedCopy",
            f"{found} elements",
            f"{count}, one for each that is not zero in the mask",
            "the mask belongs to another tensor",
        )
        return self._update(copied_where, mask, source)

    def _masked(self, mask: Any) -> Any:
        """A mask with an element for each of the tensor's."""
        count = prod(size_of(mask))
        require(
            count == self.length and is_mask(mask),
            "mask",
            f"{count} elements of {element_type(mask)}",
            f"a ByteTensor of {self.length}",
            "the mask was made from another tensor",
        )
        return mask


def is_mask(key: Any) -> bool:
    """Whether a key is a ByteTensor, or an array of booleans."""
    return size_of(key) != () and np.dtype(element_type(key)).name in ("uint8", "bool")


def filled_where(x: Array, mask: Array, value: Any) -> Array:
    """`value` where the mask is not zero, `x` elsewhere."""
    return jnp.where(mask.reshape(x.shape) != 0, cast(value, x.dtype), x)


def copied_where(x: Array, mask: Array, source: Array) -> Array:
    """The next element of `source` where the mask is not zero, `x` elsewhere."""
    if not source.size:  # nothing is chosen then
        return x
    chosen = mask.reshape(-1) != 0
    order = jnp.cumsum(chosen) - 1
    values = cast(source.reshape(-1).at[order].get(mode="fill"), x.dtype)
    return jnp.where(chosen, values, x.reshape(-1)).reshape(x.shape)

"""Elements at given places: index, gather, scatter, and where a tensor is not zero."""

from __future__ import annotations

from math import prod
from typing import Any, Self

import jax.numpy as jnp
import numpy as np
from jax import Array

from fnn import elements
from fnn.errors import require
from fnn.selection import index_select
from fnn.tensor.run import run
from fnn.tensor.types import cast, from_data
from fnn.torch7.counting import CountError, axis
from fnn.torch7.indexing import Indexing
from fnn.torch7.memory import Memory, into, is_number, require_type, size_of
from fnn.torch7.storage import Storage
from transforms.cells import tracing


class Selection(Indexing):
    """The part of `Tensor` that looks elements up by a LongTensor of their places."""

    @into("_become")
    def index(self, dim: Any, index: Any) -> Self:
        """A copy of the slices at some places of a dimension."""
        a = axis(dim, self.dim())
        places = self._places("index", index, a, dimensions=1)
        return self._around(run(index_select, self, places, axis=a))

    def indexCopy(self, dim: Any, index: Any, source: Any) -> Self:
        """The slices of `source` at some places of a dimension."""
        return self._place("indexCopy", dim, index, source)

    def indexAdd(self, dim: Any, index: Any, source: Any) -> Self:
        """The slices of `source` added at some places of a dimension, which may be there twice."""
        return self._place("indexAdd", dim, index, source, add=True)

    def indexFill(self, dim: Any, index: Any, value: Any) -> Self:
        """A number at some places of a dimension."""
        a = axis(dim, self.dim())
        places = self._places("indexFill", index, a, dimensions=1)
        return self._update(at_places, places, value, axis=a, add=False)

    def _place(self, name: str, dim: Any, index: Any, source: Any, add: bool = False) -> Self:
        a, size = axis(dim, self.dim()), size_of(source)
        places = self._places(name, index, a, dimensions=1)
        require_same_type(name, self, source)
        count = len(index) * self.length // self._size[a]
        require(
            a < len(size) and size[a] == len(index) and prod(size) == count,
            name,
            f"{len(index)} places and a source of size {list(size)}",
            f"a slice for each place of dimension {a + 1} of {list(self._size)}",
            "another dimension was meant",
        )
        return self._update(at_places, places, source, axis=a, add=add)

    @into("_become")
    def gather(self, dim: Any, index: Any) -> Self:
        """For each place of `index`, the element that it points to along a dimension."""
        a = axis(dim, self.dim())
        places = self._places("gather", index, a, dimensions=self.dim())
        return self._around(run(elements.gather, self, places, axis=a))

    def scatter(self, dim: Any, index: Any, source: Any) -> Self:
        """The elements of `source`, or a number, where `index` points to along a dimension."""
        a = axis(dim, self.dim())
        places = self._places("scatter", index, a, dimensions=self.dim())
        if not is_number(source):
            require_same_type("scatter", self, source)
            given, wanted = size_of(source), size_of(index)
            require(
                alike(given, wanted, a) and given[a] >= wanted[a],
                "scatter",
                f"a source of size {list(given)} for an index of {list(wanted)}",
                f"an element for each index along dimension {a + 1}",
                "another dimension was meant",
            )
        return self._update(scattered, places, source, axis=a)

    def _places(self, name: str, index: Any, along: int, dimensions: int) -> Storage:
        """A LongTensor of places along an axis, counted from 0 from now on."""
        size, wanted = size_of(index), self._size
        if not isinstance(index, Memory | np.ndarray | Array):
            raise TypeError(f"{name}: given {index!r}, wanted a LongTensor of places")
        if isinstance(index, Memory) and index.element_type != np.int64:
            raise TypeError(
                f"{name}: given a {index.type()}, wanted a LongTensor\n"
                "likely cause: the places were computed as other numbers: use long"
            )
        require(
            len(size) == dimensions and (dimensions < len(wanted) or alike(size, wanted, along)),
            name,
            f"an index of size {list(size)} for a tensor of {list(wanted)}",
            "a vector" if dimensions == 1 else f"equal sizes but along dimension {along + 1}",
            "another dimension was meant",
        )
        if not tracing():
            values = np.asarray(index)
            outside = values[(values < 1) | (values > wanted[along])]
            if outside.size:
                cause = "indices count from 1" if outside[0] == 0 else "another dimension was meant"
                raise CountError(
                    f"{name}: given index {outside[0]}, wanted 1..{wanted[along]}\n"
                    f"likely cause: {cause}"
                )
        return run(counted_from_zero, index, size=wanted[along])

    def nonzero(self, *source: Memory) -> Self:
        """The places of the elements that are not zero: a row of indices for each of them.

        `result.nonzero(x)` writes those of x into a LongTensor.
        """
        (x,) = source or (self,)
        places = np.argwhere(np.asarray(x)) + 1
        found = self._around(Storage(from_data(places if places.size else places[:, 0], np.int64)))
        return self._become(found) if source else found


def require_same_type(name: str, x: Memory, source: Any) -> None:
    """A tensor must have the type of the one that it is written into; an array may have any."""
    if isinstance(source, Memory):
        require_type(name, source, x.element_type)


def alike(a: tuple[int, ...], b: tuple[int, ...], along: int) -> bool:
    """Whether sizes are equal but for one axis."""
    return len(a) == len(b) and all(
        n == m for i, (n, m) in enumerate(zip(a, b, strict=True)) if i != along
    )


def counted_from_zero(index: Array, *, size: int) -> Array:
    """Places counted from 1 as places counted from 0; `size`, which is none, for any below."""
    return jnp.where(index < 1, size, index - 1)


def at_places(x: Array, index: Array, source: Any, *, axis: int, add: bool) -> Array:
    """`x` with slices, or a number, at some places of an axis, or added there."""
    slices, new = jnp.moveaxis(x, axis, 0), cast(source, x.dtype)
    if new.ndim:
        new = jnp.moveaxis(new, axis, 0).reshape(-1, *slices.shape[1:])
    changed = slices.at[index].add(new) if add else slices.at[index].set(new)
    return jnp.moveaxis(changed, 0, axis)


def scattered(x: Array, index: Array, source: Any, *, axis: int) -> Array:
    """`x` with elements, or a number, where the index points to along an axis."""
    return elements.scatter(x, index, cast(source, x.dtype), axis=axis)

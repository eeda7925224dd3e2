"""nn's layers of all elements along an axis: one number of them, or the largest, or their norm.

Where the elements that were taken lay is known afterwards, when somebody asks.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax import Array

from fnn import local_norm, reduce
from fnn.adaptive import k_max_pool, k_max_pool_indices
from fnn.axes import axis_of
from fnn.elements import max_along, min_along
from fnn.errors import require
from fnn.layer import Given
from fnn.torch7.deriving import Along, Derived, at_least_one
from fnn.torch7.found import Seen
from fnn.torch7.passing import type_name
from fnn.torch7.tensor import LongTensor

__all__ = ["Max", "Mean", "Min", "Normalize", "Sum", "TemporalDynamicKMaxPooling"]


def place_of_max(given: Given, x: Array, *, axis: int, dimensions: int | None) -> Array:
    """Where the maxima along an axis are, from 1; the axis has length 1."""
    _, found = max_along(x, axis=axis_of("max", x, axis, dimensions), keepdims=True)
    return found.astype("int64") + 1


def place_of_min(given: Given, x: Array, *, axis: int, dimensions: int | None) -> Array:
    """Where the minima along an axis are, from 1; the axis has length 1."""
    _, found = min_along(x, axis=axis_of("min", x, axis, dimensions), keepdims=True)
    return found.astype("int64") + 1


class _Extreme(Along):
    """One element of all along an axis, which is dropped; of a vector, a vector of one."""

    reads_input = False
    _indices: Any

    def _lazyInit(self) -> None:
        """Have the tensor of places, if there is none yet."""
        if self._indices is None:
            self._indices = LongTensor()


class Max(_Extreme):
    """The largest element along an axis; the first of equal ones has the gradient."""

    function = at_least_one(reduce.max_over)
    _indices = Seen(place_of_max)


class Min(_Extreme):
    """The smallest element along an axis; the first of equal ones has the gradient."""

    function = at_least_one(reduce.min_over)
    _indices = Seen(place_of_min)


def sum_or_mean(
    x: Array, *, average: bool, axis: int, dimensions: int | None, keepdims: bool
) -> Array:
    """`mean_over` or `sum_over`."""
    over = reduce.mean_over if average else reduce.sum_over
    return jnp.atleast_1d(over(x, axis=axis, dimensions=dimensions, keepdims=keepdims))


class Sum(Along):
    """The sum along an axis, or the mean; the axis stays, with length 1, if not `squeeze`."""

    function = sum_or_mean

    def __init__(
        self,
        dimension: int = 1,
        nInputDims: int | None = None,
        sizeAverage: bool = False,
        squeeze: bool = True,
    ):
        self.sizeAverage, self.squeeze = bool(sizeAverage), squeeze is not False
        super().__init__(dimension, nInputDims)

    def _hyper(self) -> dict[str, Any]:
        return {**super()._hyper(), "average": self.sizeAverage, "keepdims": not self.squeeze}


class Mean(Sum):
    """The mean along an axis."""

    def __init__(self, dimension: int = 1, nInputDims: int | None = None):
        super().__init__(dimension, nInputDims, True)


def divisors(given: Given, x: Array, **options: Any) -> Array:
    """What `normalize` divides each row by, or the only one."""
    return local_norm.divisor(x, **options).reshape(-1, 1)


class Normalize(Derived):
    """Each row over its p-norm, `(sum |x|^p + eps)^(1/p)`; for infinite p over max |x| + eps.

    The norms are in `norm`, a column.
    """

    function = local_norm.normalize
    norm = Seen(divisors)

    def __init__(self, p: float, eps: float = 1e-10):
        require(p > 0, type_name(self), f"p = {p}", "p above 0", "a typo")
        self.p, self.eps = p, eps
        super().__init__()

    def _hyper(self) -> dict[str, Any]:
        return {"p": self.p, "eps": self.eps, "axis": -1, "inside": True}

    def __tostring__(self) -> str:
        """The norm."""
        return f"{type_name(self)}({f'{self.p:.0f}' if self.p % 1 == 0 else f'{self.p:f}'})"


def kept_places(given: Given, x: Array, *, minimum: int, factor: float) -> Array:
    """Where the elements of `k_max_pool` are, from 1."""
    return k_max_pool_indices(x, minimum=minimum, factor=factor)[1].astype("int64") + 1


class TemporalDynamicKMaxPooling(Derived):
    """The k largest elements of each feature in their order, k = max(minK, ceil(factor * n)).

    `indices` are their places in time.
    """

    function = k_max_pool
    reads_input = False
    indices = Seen(kept_places)

    def __init__(self, minK: int, factor: float = 0):
        self.minK, self.factor = minK, factor
        super().__init__()

    def _hyper(self) -> dict[str, Any]:
        return {"minimum": self.minK, "factor": self.factor}

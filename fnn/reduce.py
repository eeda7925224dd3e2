"""Layers that make one element of all along an axis.

With `dimensions` the axis is that of one example with so many axes: it is shifted by one if `x`
has an axis of examples in front. Negative axes count from the end.
"""

import jax.numpy as jnp
from jax import Array

from fnn.axes import axis_of
from fnn.elements import max_along, min_along

__all__ = ["max_over", "mean_over", "min_over", "sum_over"]


def sum_over(
    x: Array, *, axis: int = 0, dimensions: int | None = None, keepdims: bool = False
) -> Array:
    """The sum along an axis.

    x:      (...)
    ->      (...')

    Source: PyTorch `sum`; Torch7 `nn.Sum`, whose `squeeze` is not `keepdims`.
    """
    return jnp.sum(x, axis_of("sum_over", x, axis, dimensions), keepdims=keepdims)


def mean_over(
    x: Array, *, axis: int = 0, dimensions: int | None = None, keepdims: bool = False
) -> Array:
    """The mean along an axis.

    x:      (...)
    ->      (...')

    Source: PyTorch `mean`; Torch7 `nn.Mean`, and `nn.Sum` with `sizeAverage`.
    """
    return jnp.mean(x, axis_of("mean_over", x, axis, dimensions), keepdims=keepdims)


def max_over(
    x: Array, *, axis: int = 0, dimensions: int | None = None, keepdims: bool = False
) -> Array:
    """The largest element along an axis; of equal ones the first has the gradient.

    x:      (...)
    ->      (...')

    Source: PyTorch `max` along an axis, Torch7 `nn.Max`.
    """
    return max_along(x, axis=axis_of("max_over", x, axis, dimensions), keepdims=keepdims)[0]


def min_over(
    x: Array, *, axis: int = 0, dimensions: int | None = None, keepdims: bool = False
) -> Array:
    """The smallest element along an axis; of equal ones the first has the gradient.

    x:      (...)
    ->      (...')

    Source: PyTorch `min` along an axis, Torch7 `nn.Min`.
    """
    return min_along(x, axis=axis_of("min_over", x, axis, dimensions), keepdims=keepdims)[0]

"""What Torch7's tensors compute where jax has no name for it.

Elementwise functions take numbers as arrays without axes, of the type of the tensor's elements.
Reductions are of all elements, or along an axis, which is kept with length 1; they add up in 64
bits, and along an axis their result has the type of the elements.
"""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax import Array, lax

from fnn.errors import require

Axis = int | None


def add_scaled(x: Array, *others: Array) -> Array:
    """`x + y`, or `x + scale y` for a scale and y."""
    *scale, y = others
    return x + (scale[0] * y if scale else y)


def subtract_scaled(x: Array, *others: Array) -> Array:
    """`x - y`, or `x - scale y` for a scale and y."""
    *scale, y = others
    return x - (scale[0] * y if scale else y)


def subtract_from(x: Array, y: Array) -> Array:
    """`y - x`."""
    return y - x


def divide(x: Array, y: Array) -> Array:
    """`x / y`, rounded once; integers are cut off towards zero, as in C.

    Where XLA sees a constant divisor, or one of many elements, it multiplies by the reciprocal, and
    49 / 49 is less than 1. It is not to see that: the divisor is chosen by looking at the element.
    """
    return lax.div(x, lax.optimization_barrier(jnp.where(x != x, x, y)))


def add_product(x: Array, *others: Array) -> Array:
    """`x + a b`, or `x + scale a b` for a scale, a and b."""
    *scale, a, b = others
    return x + (scale[0] * a * b if scale else a * b)


def add_quotient(x: Array, *others: Array) -> Array:
    """`x + a / b`, or `x + scale a / b` for a scale, a and b."""
    *scale, a, b = others
    return x + divide(scale[0] * a if scale else a, b)


def power(x: Array, y: Array) -> Array:
    """`x ^ y`; of integers too it is computed in doubles, and cut off."""
    if jnp.issubdtype(x.dtype, jnp.integer):
        return jnp.power(x.astype(jnp.float64), y.astype(jnp.float64)).astype(x.dtype)
    return jnp.power(x, y)


def remainder(x: Array, y: Array) -> Array:
    """`x - y floor(x / y)`, computed just so; NaN where y is 0."""
    if jnp.issubdtype(x.dtype, jnp.integer):
        return jnp.remainder(x, y)
    return jnp.where(y == 0, jnp.full_like(x, jnp.nan), x - y * jnp.floor(divide(x, y)))


def larger(x: Array, y: Array) -> Array:
    """`x` where it is larger, `y` elsewhere, also where one of them is NaN."""
    return jnp.where(x > y, x, y)


def smaller(x: Array, y: Array) -> Array:
    """`x` where it is smaller, `y` elsewhere, also where one of them is NaN."""
    return jnp.where(x < y, x, y)


def clamp(x: Array, low: Array, high: Array) -> Array:
    """`low` where x is less, else `high` where it is more, else x."""
    return jnp.where(x < low, low, jnp.where(x > high, high, x))


def shift_left(x: Array, y: Array) -> Array:
    """The bits y places to the left; of other numbers than integers, `x 2^y`."""
    if jnp.issubdtype(x.dtype, jnp.integer):
        return lax.shift_left(x, jnp.broadcast_to(y, x.shape))
    whole = jnp.trunc(y)  # for which the result has to be exact
    return jnp.ldexp(x * jnp.exp2(y - whole), whole.astype(jnp.int32))


def shift_right(x: Array, y: Array) -> Array:
    """The bits y places to the right, zeros behind them; of other numbers, `x / 2^y`."""
    if jnp.issubdtype(x.dtype, jnp.integer):
        return lax.shift_right_logical(x, jnp.broadcast_to(y, x.shape))
    return shift_left(x, -y)


def power_of(x: Array, base: Array) -> Array:
    """`base ^ x`."""
    return jnp.power(base, x)


def round_half_away(x: Array) -> Array:
    """The nearest whole number; of two, the one further from zero."""
    cut = jnp.trunc(x)
    return jnp.where(jnp.abs(x - cut) >= 0.5, cut + jnp.sign(x), cut)


def wide(x: Array) -> Array:
    """The elements in the 64 bits in which sums are made."""
    return x.astype(jnp.float64 if jnp.issubdtype(x.dtype, jnp.inexact) else jnp.int64)


def total(x: Array, *, axis: Axis) -> Array:
    """The sum."""
    return _as(x, jnp.sum(wide(x), axis, keepdims=axis is not None), axis)


def product(x: Array, *, axis: Axis) -> Array:
    """The product."""
    return _as(x, jnp.prod(wide(x), axis, keepdims=axis is not None), axis)


def trace(x: Array) -> Array:
    """The sum of a matrix's diagonal."""
    return total(jnp.diagonal(x), axis=None)


def mean(x: Array, *, axis: Axis) -> Array:
    """The mean."""
    return _as(x, _mean(wide(x), axis, axis is not None), axis)


def _mean(x: Array, axis: Axis, keepdims: bool, less: int = 0) -> Array:
    """The sum over the number of elements, or over one that is `less`."""
    count = (x.size if axis is None else x.shape[axis]) - less
    total = jnp.sum(_some(x), axis, keepdims=keepdims)
    return divide(total, jnp.asarray(count, total.dtype))


def variance(x: Array, *, axis: Axis, biased: bool) -> Array:
    """The sum of squared deviations over one less than their number; if biased, over that."""
    y = wide(x)
    squares = jnp.square(y - _mean(y, axis, True))
    return _as(x, _mean(squares, axis, axis is not None, less=0 if biased else 1), axis)


def deviation(x: Array, *, axis: Axis, biased: bool) -> Array:
    """The square root of the variance."""
    return _as(x, jnp.sqrt(variance(wide(x), axis=axis, biased=biased)), axis)


def norm(x: Array, *, p: float, axis: Axis) -> Array:
    """`sum(|x|^p)^(1/p)`; with p = 0, how many elements are not zero."""
    y = wide(x) if axis is not None else wide(x).reshape(-1)
    along, kept = axis or 0, axis is not None
    if p == 0:
        return _as(x, jnp.sum(y != 0, along, keepdims=kept).astype(y.dtype), axis)
    return _as(x, jnp.linalg.norm(y, p, along, keepdims=kept), axis)


def largest(x: Array, *, axis: Axis) -> Any:
    """The largest element; along an axis also the first place where it is, counted from 1."""
    return jnp.max(_some(x)) if axis is None else _extreme(x, jnp.argmax, axis)


def smallest(x: Array, *, axis: Axis) -> Any:
    """The smallest element; along an axis also the first place where it is, counted from 1."""
    return jnp.min(_some(x)) if axis is None else _extreme(x, jnp.argmin, axis)


def running_total(x: Array, *, axis: int) -> Array:
    """The sum of all elements up to each one."""
    return jnp.cumsum(wide(x), axis).astype(x.dtype)


def running_product(x: Array, *, axis: int) -> Array:
    """The product of all elements up to each one."""
    return jnp.cumprod(wide(x), axis).astype(x.dtype)


def dot(x: Array, y: Array) -> Array:
    """The sum of the products of elements in the same place, whatever the shapes."""
    return jnp.dot(x.reshape(-1), y.reshape(-1))


def add_matmul(x: Array, a: Array, b: Array, scale: Any, product_scale: Any) -> Array:
    """`scale x + product_scale a b`."""
    return _like(x, scale) * x + _like(x, product_scale) * (a @ b)


def add_matmuls(x: Array, a: Array, b: Array, scale: Any, product_scale: Any) -> Array:
    """`scale x + product_scale (a_1 b_1 + a_2 b_2 + ...)`."""
    a, b = jnp.moveaxis(a, 0, 1).reshape(a.shape[1], -1), b.reshape(-1, b.shape[2])
    return add_matmul(x, a, b, scale, product_scale)


def add_outer(x: Array, a: Array, b: Array, scale: Any, product_scale: Any) -> Array:
    """`scale x + product_scale a b^T`."""
    return _like(x, scale) * x + _like(x, product_scale) * jnp.outer(a, b)


def _as(x: Array, found: Array, axis: Axis) -> Array:
    """What was found along an axis in the type of `x`."""
    return found if axis is None else found.astype(x.dtype)


def _some(x: Array) -> Array:
    """The array, which must have elements."""
    require(x.size > 0, "a reduction", "no elements", "one at least", "the tensor is still empty")
    return x


def _extreme(x: Array, find: Callable, axis: int) -> tuple[Array, Array]:
    """Values and places along an axis."""
    at = find(x, axis, keepdims=True)
    return jnp.take_along_axis(x, at, axis), at.astype(jnp.int64) + 1


def _like(x: Array, number: Any) -> Array:
    """A number in the type of `x`."""
    return jnp.asarray(number).astype(x.dtype)

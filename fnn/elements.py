"""What tensors do to their elements where no function of jax does exactly that.

Indices that lie outside a tensor give NaN; callers that know the values check them first.
"""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jax import Array, lax

# Functions of each element.


def absolute(x: Array) -> Array:
    """|x|, with gradient 0 at 0."""
    return jnp.where(x == 0, jnp.zeros_like(x), jnp.abs(x))


def sign(x: Array) -> Array:
    """-1, 0 or 1; 0 of NaN."""
    return jnp.where(jnp.isnan(x), jnp.zeros_like(x), jnp.sign(x))


def frac(x: Array) -> Array:
    """What is left of x without its integer part, which is rounded towards 0."""
    return x - jnp.trunc(x)


def clamp_min(x: Array, low: Array | float) -> Array:
    """x, but not below `low`; the gradient is that of x at the bound too."""
    return jnp.where(x < low, low, x)


def clamp_max(x: Array, high: Array) -> Array:
    """x, but not above `high`; the gradient is that of x at the bound too."""
    return jnp.where(x > high, high, x)


def clamp(x: Array, low: Array, high: Array) -> Array:
    """x, but not below `low` or above `high`."""
    return clamp_max(clamp_min(x, low), high)


def add_scaled(x: Array, y: Array, scale: Array) -> Array:
    """x + scale y."""
    return x + scale * y


def subtract_scaled(x: Array, y: Array, scale: Array) -> Array:
    """x - scale y."""
    return x - scale * y


def divide_towards_zero(x: Array, y: Array) -> Array:
    """The quotient's integer part, rounded towards 0."""
    if jnp.issubdtype(x.dtype, jnp.integer):
        return lax.div(*jnp.broadcast_arrays(x, y))
    return jnp.trunc(x / y)


def lerp(x: Array, end: Array, weight: Array) -> Array:
    """The point between x and `end` at `weight`."""
    return x + weight * (end - x)


def addcmul(x: Array, y: Array, z: Array, scale: Array) -> Array:
    """x + scale y z."""
    return x + scale * (y * z)


def addcdiv(x: Array, y: Array, z: Array, scale: Array) -> Array:
    """x + scale y / z."""
    return x + scale * (y / z)


# Reductions, and orders along an axis.


def max_along(x: Array, *, axis: int, keepdims: bool = False) -> tuple[Array, Array]:
    """The maxima along an axis and where they are; of equal ones the first."""
    return _at(x, jnp.argmax(x, axis, keepdims=True), axis, keepdims)


def min_along(x: Array, *, axis: int, keepdims: bool = False) -> tuple[Array, Array]:
    """The minima along an axis and where they are; of equal ones the first."""
    return _at(x, jnp.argmin(x, axis, keepdims=True), axis, keepdims)


def sort_along(x: Array, *, axis: int, descending: bool, count: int | None = None) -> Any:
    """The elements in order along an axis, or the first `count`, and where they came from."""
    places = jnp.argsort(x, axis, stable=True, descending=descending)
    return _at(x, lax.slice_in_dim(places, 0, count, axis=axis), axis, True)


def kth_along(x: Array, *, axis: int, place: int, keepdims: bool) -> tuple[Array, Array]:
    """The element at a place of the ascending order along an axis, and where it came from."""
    order = jnp.argsort(x, axis, stable=True)
    return _at(x, lax.slice_in_dim(order, place, place + 1, axis=axis), axis, keepdims)


def median(x: Array) -> Array:
    """The middle one of all elements, the lower of two; NaN if there is one."""
    if jnp.issubdtype(x.dtype, jnp.floating):
        x = jnp.where(jnp.isnan(x).any(), jnp.full_like(x, jnp.nan), x)
    return jnp.sort(x.reshape(-1))[(x.size - 1) // 2]


def _at(x: Array, places: Array, axis: int, keepdims: bool) -> tuple[Array, Array]:
    values = jnp.take_along_axis(x, places, axis)
    return (values, places) if keepdims else (values.squeeze(axis), places.squeeze(axis))


def norm(x: Array, *, p: float, axis: tuple[int, ...], keepdims: bool) -> Array:
    """The p-norm along axes, with gradient 0 where it is 0."""
    if p == 0:
        return (x != 0).sum(axis, keepdims=keepdims, dtype=x.dtype)
    sizes = absolute(x)
    if p == 1:
        return sizes.sum(axis, keepdims=keepdims)
    if abs(p) == jnp.inf:
        return (sizes.max if p > 0 else sizes.min)(axis, keepdims=keepdims)
    total = (x * x if p == 2 else sizes**p).sum(axis, keepdims=keepdims)
    zero = total == 0
    rooted = jnp.where(zero, 1, total)
    return jnp.where(zero, 0, jnp.sqrt(rooted) if p == 2 else rooted ** (1 / p))


# Places given by indices.


def take_at(x: Array, *indices: Array, axes: tuple[int, ...]) -> Array:
    """The elements at indices of some axes, which are broadcast together."""
    return x.at[along(x, indices, axes)].get(mode="fill")


def placed(
    x: Array,
    value: Array,
    *indices: Array,
    axes: tuple[int, ...] = (),
    path: tuple[Any, ...] = (),
    add: bool = False,
) -> Array:
    """x with `value` at indices of some axes of `x[path]`; (start, stop, step) stand for slices."""
    steps = tuple(slice(*step) if isinstance(step, tuple) else step for step in path)
    part = x[steps] if path else x
    index = along(part, indices, axes)
    size = part[index].shape
    value = value.reshape(value.shape[max(value.ndim - len(size), 0) :])
    value = jnp.broadcast_to(value, size).astype(x.dtype)
    changed = part.at[index].add(value) if add else part.at[index].set(value)
    return x.at[steps].set(changed) if path else changed


def along(x: Array, indices: Sequence[Array], axes: tuple[int, ...]) -> tuple[Any, ...]:
    """An index of x with indices at some axes, and everything of the others."""
    found: list[Any] = [slice(None)] * x.ndim
    for index, axis in zip(jnp.broadcast_arrays(*indices), axes, strict=True):
        found[axis] = index
    return tuple(found)


def gather(x: Array, index: Array, *, axis: int) -> Array:
    """For each place of `index`, the element that it points to along an axis."""
    part = tuple(slice(None if i == axis % x.ndim else n) for i, n in enumerate(index.shape))
    return jnp.take_along_axis(x[part], index, axis, mode="fill")


def scatter(x: Array, index: Array, source: Array, *, axis: int) -> Array:
    """x with the elements of `source` where `index` points to along an axis."""
    return x.at[_grid(index, axis)].set(_corner(source, index))


def scatter_add(x: Array, index: Array, source: Array, *, axis: int) -> Array:
    """x with the elements of `source` added where `index` points to along an axis."""
    return x.at[_grid(index, axis)].add(_corner(source, index))


def _grid(index: Array, axis: int) -> tuple[Array, ...]:
    places = [lax.broadcasted_iota(index.dtype, index.shape, i) for i in range(index.ndim)]
    places[axis] = index
    return tuple(places)


def _corner(source: Array, index: Array) -> Array:
    return source[tuple(slice(n) for n in index.shape)] if source.ndim else source


def unfold(x: Array, *, axis: int, size: int, step: int) -> Array:
    """Windows along an axis, `step` apart, whose elements lie along a new last axis."""
    count = (x.shape[axis] - size) // step + 1
    places = jnp.arange(count)[:, None] * step + jnp.arange(size)[None, :]
    return jnp.moveaxis(x.at[along(x, [places], (axis,))].get(mode="clip"), axis + 1, -1)

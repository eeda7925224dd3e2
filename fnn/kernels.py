"""Convolution and pooling written so that a CPU runs them fast, backwards too.

XLA's own convolution on a CPU has slow gradients, uses one core, and is many times slower inside a
loop. A loop of products of matrices over unfolded images has none of that. It is ordinary JAX, so
every derivative, forward and backward, of any order, and `vmap` are JAX's own.

Elsewhere, and inside `with stock():`, the stock operation stays. The choice is made when a program
is traced; it changes speed, and rounding, but nothing else.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import reduce
from math import prod

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.core import Tracer

Sizes = tuple[int, ...]
Pairs = tuple[tuple[int, int], ...]

STRIP = 1 << 20  # elements of an unfolded image beyond which it is cut into strips
CHUNK = 1 << 19  # elements up to which images are unfolded together, to stay in the cache
PLACES = 1 << 9  # of the output, up to which they are unfolded together in any case

_stock = ContextVar("stock", default=False)


@contextmanager
def stock() -> Iterator[None]:
    """What is traced inside is made of XLA's stock operations, to compare with.

    A function that JAX has traced before, for a `jit` or a `scan`, stays as it was.
    """
    token = _stock.set(True)
    try:
        yield
    finally:
        _stock.reset(token)


def tuned(x: Array) -> bool:
    """Whether a program that is being traced for `x` is to be written for a CPU."""
    if _stock.get() or x.dtype not in (jnp.float32, jnp.float64):
        return False
    if isinstance(x, Array) and not isinstance(x, Tracer):
        return all(device.platform == "cpu" for device in x.devices())
    device = jax.config.jax_default_device  # type: ignore[attr-defined]  # jax makes it at run time
    return (getattr(device, "platform", device) or jax.default_backend()) == "cpu"


def correlate(
    x: Array, weight: Array, strides: Sizes, padding: Pairs, dilation: Sizes, groups: int
) -> Array:
    """Cross-correlation of (batch, inputs, *space) with (outputs, inputs / groups, *kernel)."""
    if not tuned(x) or x.shape[0] == 1 or 0 in x.shape + weight.shape:
        return lax.conv_general_dilated(
            x, weight, strides, padding, rhs_dilation=dilation, feature_group_count=groups
        )
    x = lax.pad(x, x.dtype.type(0), [(0, 0, 0), (0, 0, 0), *((*p, 0) for p in padding)])
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, weight.shape[2:], strict=True)]
    space = [(n - r) // s + 1 for n, r, s in zip(x.shape[2:], reach, strides, strict=True)]
    row = x.shape[1] * prod(weight.shape[2:]) * prod(space[1:])  # unfolded, of one row of output
    batch, height = x.shape[0], space[0]
    strips = -(-row * height // STRIP)
    if strips > 1:
        space[0] = -(-height // min(strips, height))
        strips = -(-height // space[0])
        x = _strips(x, strips, space[0] * strides[0], (space[0] - 1) * strides[0] + reach[0])

    def one(images: Array) -> Array:
        y = _product(weight, unfold(images, weight.shape[2:], space, strides, dilation), groups)
        return y.reshape(len(weight), *space, images.shape[-1])

    y = _chunked(one, x, max(1, CHUNK // (row * space[0]), PLACES // prod(space)))
    if strips == 1:
        return y
    y = jnp.moveaxis(y.reshape(batch, strips, *y.shape[1:]), 1, 2)
    y = y.reshape(batch, len(weight), strips * space[0], *space[1:])
    return lax.slice_in_dim(y, 0, height, axis=2)


def _strips(x: Array, count: int, step: int, length: int) -> Array:
    """`count` overlapping strips of each image, beginning every `step` rows, as more images."""
    missing = (count - 1) * step + length - x.shape[2]
    widths = [(0, 0, 0), (0, 0, 0), (0, missing, 0), *[(0, 0, 0)] * (x.ndim - 3)]
    x = lax.pad(x, x.dtype.type(0), widths)
    starts = range(0, count * step, step)
    x = jnp.stack([lax.slice_in_dim(x, i, i + length, axis=2) for i in starts], 1)
    return x.reshape(-1, *x.shape[2:])


def _chunked(function: Callable[[Array], Array], x: Array, most: int) -> Array:
    """`function` of x, for up to `most` of the batch at a time; the backward pass repeats it.

    What it is given and returns has the batch last. Axes are moved outside of the loop, where that
    is a copy, and not a part of each sum.
    """
    size = max(n for n in range(1, min(most, len(x)) + 1) if len(x) % n == 0)
    again = jax.checkpoint(function, prevent_cse=False)
    chunks = jnp.moveaxis(x.reshape(-1, size, *x.shape[1:]), 1, -1)
    _, y = lax.scan(lambda carry, chunk: (carry, again(chunk)), None, chunks)
    y = jnp.moveaxis(y, -1, 1)
    return y.reshape(-1, *y.shape[2:])


def unfold(x: Array, kernel: Sizes, space: list[int], strides: Sizes, dilation: Sizes) -> Array:
    """What each place sees: (inputs, *kernel, *space, batch), of x (inputs, *space, batch)."""
    for i in reversed(range(len(kernel))):
        # axes of the kernel that are done stand between the inputs and space
        axis = x.ndim - 1 - len(kernel) + i
        x = jnp.stack(windows(x, axis, kernel[i], strides[i], dilation[i], space[i]), 1)
    return x


def windows(x: Array, axis: int, size: int, stride: int, dilation: int, count: int) -> list[Array]:
    """The first element of each of `count` windows along an axis, the second ones, and so on."""
    places = range(0, size * dilation, dilation)
    if not tuned(x) or stride == 1 or places[-1] < stride:
        span = (count - 1) * stride + 1
        return [lax.slice_in_dim(x, i, i + span, stride, axis) for i in places]
    # overlapping strided slices have slow gradients: first part the axis by remainders
    length = count + places[-1] // stride
    widths = [(0, 0, 0)] * x.ndim
    widths[axis] = (0, length * stride - x.shape[axis], 0)
    x = lax.pad(x, x.dtype.type(0), widths)
    x = x.reshape(*x.shape[:axis], length, stride, *x.shape[axis + 1 :])
    parts = [lax.squeeze(part, (axis + 1,)) for part in lax.split(x, [1] * stride, axis + 1)]
    starts = [divmod(i, stride) for i in places]
    return [lax.slice_in_dim(parts[r], i, i + count, axis=axis) for i, r in starts]


def first_maximum(places: list[Array]) -> Array:
    """The largest of each window, given place by place; the first of equal ones, and NaN wins."""
    if jnp.issubdtype(places[0].dtype, jnp.inexact):
        return _first_maximum(places)
    return reduce(jnp.maximum, places)


@jax.custom_jvp
def _first_maximum(places: list[Array]) -> Array:
    return reduce(lambda a, b: jnp.where(_wins(b, a), b, a), places)


@_first_maximum.defjvp
def _first_maximum_jvp(primals: tuple, tangents: tuple) -> tuple[Array, Array]:
    """A sum over places has a faster transpose on a CPU than choices between pairs."""
    ((first, *others),), (directions,) = primals, tangents
    number = np.int8 if len(directions) < 128 else np.int32
    winner = jnp.zeros(first.shape, number)
    for i, place in enumerate(others, 1):
        wins = _wins(place, first)
        first, winner = jnp.where(wins, place, first), jnp.where(wins, number(i), winner)
    won = [jnp.where(winner == i, d, jnp.zeros_like(d)) for i, d in enumerate(directions)]
    return first, reduce(lax.add, won)


def _wins(later: Array, earlier: Array) -> Array:
    return (later > earlier) | (later != later)


def _product(weight: Array, unfolded: Array, groups: int) -> Array:
    """Weights times columns, in each group."""
    if groups == 1:
        matrix = weight.reshape(len(weight), -1)
        return matrix @ unfolded.reshape(matrix.shape[1], -1)
    matrices = weight.reshape(groups, len(weight) // groups, -1)
    return matrices @ unfolded.reshape(groups, matrices.shape[2], -1)

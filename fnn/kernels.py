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
from functools import partial, reduce
from math import prod
from operator import mul
from typing import NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.core import Tracer
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

Sizes = tuple[int, ...]
Pairs = tuple[tuple[int, int], ...]

STRIP = 1 << 20  # elements of an unfolded image beyond which it is cut into strips
CHUNK = 1 << 19  # elements up to which images are unfolded together, to stay in the cache
PLACES = 1 << 9  # of the output, up to which they are unfolded together in any case
THIN = 8  # features, below which several images are unfolded in pairs of places
PAIRS = 1 << 21  # elements up to which images are unfolded together in that case
WORTH = 1 << 10  # elements from which on it is worth while to store them

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
    if not tuned(x) or 0 in x.shape + weight.shape:
        return lax.conv_general_dilated(
            x, weight, strides, padding, rhs_dilation=dilation, feature_group_count=groups
        )
    x = lax.pad(x, x.dtype.type(0), [(0, 0, 0), (0, 0, 0), *((*p, 0) for p in padding)])
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, weight.shape[2:], strict=True)]
    space = [(n - r) // s + 1 for n, r, s in zip(x.shape[2:], reach, strides, strict=True)]
    batch, height = x.shape[0], space[0]
    axes = _pairs(weight.shape[2:], strides, dilation, space)
    row = x.shape[1] * prod(weight.shape[2:]) * prod(space[1:])  # unfolded, of one row of output
    small = groups == 1 and x.shape[1] < THIN and 2 * row * height <= CHUNK
    if small and any(len(axis.starts) > 1 for axis in axes):
        seen = x.shape[1] * prod(axis.size * axis.windows for axis in axes)
        return _chunked(partial(_paired, weight, axes, space), x, max(1, PAIRS // seen), 1)
    strips = -(-row * height // STRIP)
    if strips > 1:
        space[0] = -(-height // min(strips, height))
        strips = -(-height // space[0])
        x = _strips(x, strips, space[0] * strides[0], (space[0] - 1) * strides[0] + reach[0])

    def one(images: Array) -> Array:
        y = _product(weight, unfold(images, weight.shape[2:], space, strides, dilation), groups)
        return y.reshape(len(weight), *space, images.shape[-1])

    y = _chunked(one, x, max(1, CHUNK // (row * space[0]), PLACES // prod(space)), -1)
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


def _chunked(function: Callable[[Array], Array], x: Array, most: int, batch: int) -> Array:
    """`function` of x, for up to `most` of the batch at a time; then the backward pass repeats it.

    What `function` is given and returns has the batch first, if `batch` is 1, or last, if it is -1.
    Axes are moved outside of the loop, where that is a copy, and not a part of each sum.
    """
    size = max(n for n in range(1, min(most, len(x)) + 1) if len(x) % n == 0)
    chunks = jnp.moveaxis(x.reshape(-1, size, *x.shape[1:]), 1, batch)
    if len(chunks) == 1:
        y = lax.expand_dims(function(chunks[0]), (0,))
    else:
        again = jax.checkpoint(function, prevent_cse=False)
        _, y = lax.scan(lambda carry, chunk: (carry, again(chunk)), None, chunks)
    y = jnp.moveaxis(y, batch, 1)
    return y.reshape(-1, *y.shape[2:])


class _Axis(NamedTuple):
    """How windows, `stride` apart, lie along an axis."""

    size: int
    stride: int
    dilation: int
    windows: int
    starts: Sizes  # in a window, of the places of the output that it is for


def _pairs(kernel: Sizes, strides: Sizes, dilation: Sizes, space: list[int]) -> list[_Axis]:
    """A window for two neighbours, along each axis where they see the same; or one for each."""
    return [
        _Axis(k + s, 2 * s, 1, -(-n // 2), (0, s))
        if d == 1 and s < k and n > 1
        else _Axis(k, s, d, n, (0,))
        for k, s, d, n in zip(kernel, strides, dilation, space, strict=True)
    ]


def _paired(weight: Array, axes: list[_Axis], space: list[int], images: Array) -> Array:
    """Correlation with images of few features, for pairs of neighbouring places at once.

    A pair sees hardly more than one place does: there is less to copy, and products are larger.
    """
    columns = jnp.moveaxis(images, 1, -1)
    for i, axis in reversed([*enumerate(axes, 1)]):
        seen = windows(columns, i, axis.size, axis.stride, axis.dilation, axis.windows)
        columns = jnp.concatenate(seen, -1)
    outputs, order = len(weight), range(2, weight.ndim)
    for i, axis in enumerate(axes, 2):
        weight = jnp.stack([_embed(weight, i, start, axis) for start in axis.starts], -1)
    matrix = weight.transpose(0, *range(2 + len(axes), weight.ndim), *order, 1)
    counts, places = [axis.windows for axis in axes], [len(axis.starts) for axis in axes]
    columns = columns.reshape(-1, columns.shape[-1])
    # so contracted, because of the gradient by the weights: a product with the larger factor last
    y = lax.dot_general(columns, matrix.reshape(-1, columns.shape[-1]), (((1,), (1,)), ((), ())))
    y = y.reshape(len(images), *counts, outputs, *places)
    # each place stands beside its window
    y = y.transpose(0, len(axes) + 1, *(n for i in order for n in (i - 1, i + len(axes))))
    y = y.reshape(len(images), outputs, *map(mul, counts, places))
    return lax.slice(y, (0,) * y.ndim, (*y.shape[:2], *space))


def _embed(weight: Array, i: int, start: int, axis: _Axis) -> Array:
    """Weights of one place, among all that its window sees, which are zero."""
    widths = [(0, 0, 0)] * weight.ndim
    widths[i] = (start, axis.starts[-1] - start, 0)
    return lax.pad(weight, weight.dtype.type(0), widths)


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
    if not tuned(x) or stride == 1:
        span = (count - 1) * stride + 1
        return [lax.slice_in_dim(x, i, i + span, stride, axis) for i in places]
    # strided slices have slow gradients: first part the axis by remainders
    length = count + places[-1] // stride
    widths = [(0, 0, 0)] * x.ndim
    widths[axis] = (0, length * stride - x.shape[axis], 0)
    x = lax.pad(x, x.dtype.type(0), widths)
    x = x.reshape(*x.shape[:axis], length, stride, *x.shape[axis + 1 :])
    parts = [lax.squeeze(part, (axis + 1,)) for part in lax.split(x, [1] * stride, axis + 1)]
    starts = [divmod(i, stride) for i in places]
    return [lax.slice_in_dim(parts[r], i, i + count, axis=axis) for i, r in starts]


Stored = TypeVar("Stored", Array, tuple[Array, Array])


def stored(x: Stored) -> Stored:
    """`x`, stored in a program once it is computed, even if it takes little to compute it.

    On a CPU XLA merges loops over arrays, and computes anew in each loop what several of them need.
    With strides and transpositions among that, a loop takes many times as long.
    """
    arrays, structure = jax.tree.flatten(x)
    first = arrays[0]
    worth_while = isinstance(first, Tracer) and first.size >= WORTH
    return structure.unflatten(_stored.bind(*arrays)) if worth_while and tuned(first) else x


def _through_loop(first: Array, *others: Array) -> list[Array]:
    """XLA stores what a loop starts from. That this one makes no round, it can't know."""
    rounds = (first.reshape(-1)[0] > np.inf).astype(np.int32)

    def another(carry: tuple[Array, list[Array]]) -> tuple[Array, list[Array]]:
        return carry[0] + 1, [*map(lax.neg, carry[1])]

    start = jnp.int32(0), [first, *others]
    return lax.while_loop(lambda carry: carry[0] < rounds, another, start)[1]


# A primitive, because JAX forgets the rules of functions where it cuts a derivative into parts.
_stored = Primitive("stored")
_stored.multiple_results = True
_stored.def_impl(lambda *arrays: arrays)
_stored.def_abstract_eval(lambda *arrays: arrays)
ad.primitive_jvps[_stored] = lambda arrays, directions: (_stored.bind(*arrays), directions)
ad.primitive_transposes[_stored] = lambda ct, *arrays: _stored.bind(*map(ad.instantiate_zeros, ct))
batching.primitive_batchers[_stored] = lambda arrays, axes: (_stored.bind(*arrays), axes)
mlir.register_lowering(_stored, mlir.lower_fun(_through_loop))


def first_maximum(places: list[Array], axis: int, first: Sizes, shared: bool) -> Array:
    """The largest of each window, given place by place; the first of equal ones, and NaN wins.

    `first` says which place of each window along the axis is the first that isn't padding; `shared`
    whether elements are in several windows.
    """
    if jnp.issubdtype(places[0].dtype, jnp.inexact):
        return _first_maximum(places, axis, first, shared)
    return reduce(jnp.maximum, places)


@partial(jax.custom_jvp, nondiff_argnums=(1, 2, 3))
def _first_maximum(places: list[Array], axis: int, first: Sizes, shared: bool) -> Array:
    return stored(reduce(lambda a, b: jnp.where(_wins(b, a), b, a), places))


@_first_maximum.defjvp
def _first_maximum_jvp(
    axis: int, first: Sizes, shared: bool, primals: tuple, tangents: tuple
) -> tuple[Array, Array]:
    """A sum over places has a faster transpose on a CPU than choices between pairs."""
    ((largest, *others),), (directions,) = primals, tangents
    winner = lax.broadcast_in_dim(np.array(first, np.int32), largest.shape, (axis,))
    for i, place in enumerate(others, 1):
        wins = _wins(place, largest)
        largest, winner = jnp.where(wins, place, largest), jnp.where(wins, np.int32(i), winner)
    # or who has won would be found again for each element of each window
    largest, winner = stored((largest, winner)) if shared else (stored(largest), winner)
    # that is kept for the way back, rather than a mask for each place
    return largest, jax.checkpoint(_won, prevent_cse=False)(winner, directions)


def _won(winner: Array, directions: list[Array]) -> Array:
    won = [jnp.where(winner == i, d, jnp.zeros_like(d)) for i, d in enumerate(directions)]
    return reduce(lax.add, won)


def _wins(later: Array, earlier: Array) -> Array:
    return (later > earlier) | (later != later)


def _product(weight: Array, unfolded: Array, groups: int) -> Array:
    """Weights times columns, in each group."""
    if groups == 1:
        matrix = weight.reshape(len(weight), -1)
        return matrix @ unfolded.reshape(matrix.shape[1], -1)
    matrices = weight.reshape(groups, len(weight) // groups, -1)
    return matrices @ unfolded.reshape(groups, matrices.shape[2], -1)

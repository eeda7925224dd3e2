"""Sorting, and selecting by size, along an axis: values, and the places they came from.

Torch7 sorts by quicksort: the pivot is the median of three, and parts of up to ten elements are
left to a last pass of insertion. It selects by the same partition. Which of equal elements comes
first depends on every step, so the steps are made here too, in all parts of all rows at once; but
only if `exact` asks for them, because without equal elements a stable sort gives the same. NaN is
larger than every number. Places count from 1.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array, lax

from fnn.errors import require

SMALL = 10
Element = tuple[Array, Array]


def sort(x: Array, *, axis: int, descending: bool, exact: bool) -> tuple[Array, Array]:
    """The elements in order."""
    return _taken(x, _order(_last(x, axis), exact, descending), axis)


def topk(
    x: Array, *, k: int, axis: int, largest: bool, ordered: bool, exact: bool
) -> tuple[Array, Array]:
    """The k smallest or largest elements; without `ordered` as the selection leaves them."""
    _require_place("topk", x, k, axis)
    row = _last(x, axis)
    if ordered and not exact:
        return _taken(x, _order(row, exact, largest)[..., :k], axis)
    keys, cut = ranks(row), row.shape[-1] - k if largest else 0
    order = quickselect(keys, cut - 1 if largest else k - 1)[..., cut : cut + k]
    # The selection has put the largest of the smallest last already.
    count = 0 if not ordered else k if largest else k - 1
    chosen = jnp.take_along_axis(keys, order[..., :count], -1)
    inner = quicksort(-chosen if largest else chosen)
    first = jnp.take_along_axis(order[..., :count], inner, -1)
    return _taken(x, jnp.concatenate([first, order[..., count:]], -1), axis)


def kthvalue(x: Array, *, k: int, axis: int, exact: bool) -> tuple[Array, Array]:
    """The k-th smallest element."""
    _require_place("kthvalue", x, k, axis)
    row = _last(x, axis)
    order = quickselect(ranks(row), k - 1) if exact else _order(row, exact)
    return _taken(x, order[..., k - 1 : k], axis)


def median(x: Array, *, axis: int, exact: bool) -> tuple[Array, Array]:
    """The element in the middle, the smaller of two."""
    return kthvalue(x, k=(x.shape[axis] + 1) // 2, axis=axis, exact=exact)


def mode(x: Array, *, axis: int, exact: bool) -> tuple[Array, Array]:
    """The most frequent element, the smallest of several; its place is the last in the order."""
    row = _last(x, axis)
    order = _order(row, exact)
    new = _differences(jnp.take_along_axis(row, order, -1))
    ends = jnp.concatenate([new, jnp.ones_like(order[..., :1], bool)], -1)
    count = jnp.broadcast_to(jnp.arange(1, ends.shape[-1] + 1), ends.shape)
    end = lax.cummax(jnp.where(ends, count, 0), axis=ends.ndim - 1)
    start = jnp.concatenate([jnp.zeros_like(end[..., :1]), end[..., :-1]], -1)
    at = jnp.argmax(jnp.where(ends, count - start, 0), -1, keepdims=True)
    return _taken(x, jnp.take_along_axis(order, at, -1), axis)


def tied(x: Array, *, axis: int) -> Array:
    """Whether a row has equal elements."""
    return jnp.any(~_differences(jnp.sort(_last(x, axis))))


def ranks(x: Array) -> Array:
    """How many different smaller elements each row has for each element."""
    order = jnp.argsort(x, -1, stable=True)
    new = _differences(jnp.take_along_axis(x, order, -1))
    found = jnp.cumsum(jnp.pad(new, [(0, 0)] * (x.ndim - 1) + [(1, 0)]), -1, dtype=jnp.int32)
    return jnp.take_along_axis(found, jnp.argsort(order, -1), -1)


class Parts(NamedTuple):
    """Elements in one vector, where they came from, and the bounds of the part each lies in."""

    keys: Array
    order: Array
    low: Array
    high: Array

    def moved(self, order: Array, low: Array, high: Array) -> "Parts":
        """The elements in another order and in other parts."""
        return Parts(self.keys[order], self.order[order], low, high)


def whole(keys: Array) -> Parts:
    """Each row is a part."""
    here = jnp.arange(keys.size, dtype=jnp.int32)
    low = here - here % max(keys.shape[-1], 1)
    return Parts(keys.reshape(-1), here, low, low + (keys.shape[-1] - 1))


def quicksort(keys: Array) -> Array:
    """The order of the sorted elements of each row."""

    def active(parts: Parts) -> Array:
        return parts.high - parts.low >= SMALL

    def step(parts: Parts) -> Parts:
        now, here = active(parts), jnp.arange(keys.size, dtype=jnp.int32)
        order, pivot, start = partition(parts, now)
        low = jnp.where(now & (here >= pivot), jnp.minimum(here, start), parts.low)
        low = jnp.where(now & (here >= start), start, low)
        high = jnp.where(now & (here < start), jnp.where(here < pivot, pivot - 1, here), parts.high)
        return parts.moved(order, low, high)

    parts = whole(keys)
    if keys.shape[-1] > SMALL + 1:
        parts = lax.while_loop(lambda parts: active(parts).any(), step, parts)
    last = jnp.argsort(parts.keys.reshape(keys.shape), -1, stable=True)
    return jnp.take_along_axis(_rows(keys, parts), last, -1)


def quickselect(keys: Array, place: int) -> Array:
    """An order of each row with the smaller elements before a place, and the larger ones behind.

    No order at all if the place is -1.
    """

    def step(parts: Parts) -> Parts:
        _, _, low, high = parts
        here, pair = jnp.arange(keys.size, dtype=jnp.int32), high <= low + 1
        order, pivot, start = partition(parts, (here >= low) & (here <= high) & ~pair)
        swapped = (high == low + 1) & (parts.keys[low] > parts.keys[high])
        return parts.moved(
            exchanged(order, low, high, swapped),
            jnp.where(pair, high, jnp.where(pivot <= wanted, start, low)),
            jnp.where(pair, high, jnp.where(pivot >= wanted, pivot - 1, high)),
        )

    parts = whole(keys)
    if place < 0:
        return _rows(keys, parts)
    wanted = parts.low + place
    return _rows(keys, lax.while_loop(lambda parts: (parts.high > parts.low).any(), step, parts))


def partition(parts: Parts, active: Array) -> tuple[Array, Array, Array]:
    """Hoare's partition of the active parts, of three elements at least.

    Returns the order of the elements after it, and of each part the place of the pivot and where
    the larger elements begin.
    """
    keys, _, low, high = parts
    size, here = keys.size, jnp.arange(keys.size, dtype=jnp.int32)
    # Of three elements the median is the pivot; the smallest comes next to it, the largest last.
    middle = (low + high) >> 1
    first, second, last = ((place, keys[place]) for place in (low, middle, high))
    second, last = ascending(second, last)
    first, last = ascending(first, last)
    second, first = ascending(second, first)
    order = jnp.where(here == middle, low + 1, here)
    for place, (element, _) in ((low + 1, second), (high, last), (low, first)):
        order = jnp.where(here == place, element, order)
    order = jnp.where(active, order, here)
    found, pivot = keys[order], first[1]
    # Where the scans from the left and from the right stop, in the order of the scan.
    lefts = active & (here > low + 1) & (found >= pivot)
    rights = active & (here > low) & (here < high) & (found <= pivot)
    passed = jnp.cumsum(jnp.stack([lefts, rights]), 1, dtype=jnp.int32)
    left_at = jnp.where(lefts, low + passed[0] - 1 - passed[0][low], size)
    right_at = jnp.where(rights, low + passed[1][high] - passed[1], size)
    left = jnp.full(size, size, jnp.int32).at[left_at].set(here, mode="drop")
    right = jnp.full(size, -1, jnp.int32).at[right_at].set(here, mode="drop")
    # A stop from the left and one from the right change places, until the scans have met.
    after = jnp.where(lefts, right.at[left_at].get(mode="clip"), -1)
    before = jnp.where(rights, left.at[right_at].get(mode="clip"), size)
    source = jnp.where(after > here, after, jnp.where(before < here, before, here))
    met = jnp.cumsum(jnp.stack([after > here, after >= here]), 1, dtype=jnp.int32)
    swaps, stops = met[:, high] - met[:, low]
    start, end = left[low + stops], right[low + stops]
    start = jnp.where(swaps > 0, jnp.minimum(start, right[low + swaps - 1]), start)
    end = jnp.where(swaps > 0, jnp.maximum(end, left[low + swaps - 1]), end)
    return order[exchanged(source, low, end, active)], end, start


def ascending(a: Element, b: Element) -> tuple[Element, Element]:
    """Two elements, each a place and a key, exchanged if the first is larger."""
    larger = a[1] > b[1]
    smaller_one = jnp.where(larger, b[0], a[0]), jnp.where(larger, b[1], a[1])
    return smaller_one, (jnp.where(larger, a[0], b[0]), jnp.where(larger, a[1], b[1]))


def exchanged(order: Array, a: Array, b: Array, where: Array) -> Array:
    """The order with what lies at the places a and b of a part exchanged, in some parts."""
    here = jnp.arange(order.size, dtype=jnp.int32)
    other = jnp.where(here == a, b, jnp.where(here == b, a, here))
    return jnp.where(where, order[other], order)


def _last(x: Array, axis: int) -> Array:
    """The array with an axis moved behind the others."""
    return jnp.moveaxis(x, axis, -1)


def _order(x: Array, exact: bool, descending: bool = False) -> Array:
    """The order of the sorted elements of each row."""
    if exact:
        return quicksort(-ranks(x) if descending else ranks(x))
    return jnp.argsort(x, -1, stable=True, descending=descending)


def _differences(ordered: Array) -> Array:
    """Whether an element is another one than the element before it."""
    return ordered[..., 1:] != ordered[..., :-1]


def _rows(keys: Array, parts: Parts) -> Array:
    """Where in its row each element came from."""
    return parts.order.reshape(keys.shape) % max(keys.shape[-1], 1)


def _taken(x: Array, order: Array, axis: int) -> Any:
    """The elements at places along the axis, and the places."""
    order = jnp.moveaxis(order, -1, axis)
    return jnp.take_along_axis(x, order, axis), order.astype(jnp.int64) + 1


def _require_place(name: str, x: Array, k: int, axis: int) -> None:
    size = x.shape[axis]
    cause = "the elements are counted along another dimension"
    require(1 <= k <= size, name, f"k = {k}", f"1..{size}", cause)

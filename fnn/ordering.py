"""Sorting, and selecting by size, along an axis: values, and the places they came from.

Torch7 sorts by quicksort: the pivot is the median of three, and parts of up to ten elements are
left to a last pass of insertion. It selects by the same partition. Which of equal elements comes
first depends on every step, so the steps are made here too, in all parts of all rows at once; but
only if `exact` asks for them, because without equal elements a stable sort gives the same.

NaN is larger than every number. Places count from 1. NumPy's arrays are sorted by NumPy: the steps
take a second to compile, which they are seldom worth.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from jax import lax

from fnn.errors import require

SMALL = 10
Array = Any
"""An array of NumPy's or of jax's; what comes out is of the same kind."""
Element = tuple[Array, Array]


def sort(x: Array, *, axis: int, descending: bool, exact: bool) -> tuple[Array, Array]:
    """The elements in order."""
    return _taken(x, _order(_last(x, axis), exact, descending), axis)


def topk(
    x: Array, *, k: int, axis: int, largest: bool, ordered: bool, exact: bool
) -> tuple[Array, Array]:
    """The k smallest or largest elements; if not `ordered`, as an exact selection leaves them."""
    _require_place("topk", x, k, axis)
    xp, row = _of(x), _last(x, axis)
    if not exact:
        return _taken(x, _order(row, exact, largest)[..., :k], axis)
    keys, cut = ranks(row), row.shape[-1] - k if largest else 0
    order = quickselect(keys, cut - 1 if largest else k - 1)[..., cut : cut + k]
    # The selection has put the largest of the smallest last already.
    count = 0 if not ordered else k if largest else k - 1
    chosen = xp.take_along_axis(keys, order[..., :count], -1)
    inner = quicksort(-chosen if largest else chosen)
    first = xp.take_along_axis(order[..., :count], inner, -1)
    return _taken(x, xp.concatenate([first, order[..., count:]], -1), axis)


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
    xp, row = _of(x), _last(x, axis)
    size, order = row.shape[-1], _order(row, exact)
    new = _differences(xp.take_along_axis(row, order, -1))
    # Where runs of equal elements end; and the end of all, as often as it takes.
    ends = xp.sort(xp.where(new, xp.broadcast_to(xp.arange(1, size), new.shape), size), -1)
    ends = xp.concatenate([ends, xp.full_like(order[..., :1], size)], -1, dtype=ends.dtype)
    lengths = xp.diff(ends, axis=-1, prepend=xp.zeros_like(ends[..., :1]))
    last = xp.take_along_axis(ends, xp.argmax(lengths, -1, keepdims=True), -1) - 1
    return _taken(x, xp.take_along_axis(order, last, -1), axis)


def tied(x: Array, *, axis: int) -> Array:
    """Whether a row has equal elements."""
    xp = _of(x)
    return xp.any(~_differences(xp.sort(_last(x, axis), -1)))


def ranks(x: Array) -> Array:
    """How many different smaller elements each row has for each element."""
    xp = _of(x)
    order = xp.argsort(x, -1, stable=True)
    new = _differences(xp.take_along_axis(x, order, -1))
    found = xp.cumsum(xp.pad(new, [(0, 0)] * (x.ndim - 1) + [(1, 0)]), -1, dtype=xp.int32)
    return xp.take_along_axis(found, xp.argsort(order, -1), -1)


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
    here, size = _here(keys), max(keys.shape[-1], 1)
    low = here - here % size
    return Parts(keys.reshape(-1), here, low, low + (size - 1))


def quicksort(keys: Array) -> Array:
    """The order of the sorted elements of each row."""
    xp = _of(keys)

    def active(parts: Parts) -> Array:
        return parts.high - parts.low >= SMALL

    def step(parts: Parts) -> Parts:
        now, here = active(parts), _here(keys)
        order, pivot, start = partition(parts, now)
        low = xp.where(now & (here >= pivot), xp.minimum(here, start), parts.low)
        low = xp.where(now & (here >= start), start, low)
        high = xp.where(now & (here < start), xp.where(here < pivot, pivot - 1, here), parts.high)
        return parts.moved(order, low, high)

    parts = whole(keys)
    if keys.shape[-1] > SMALL + 1:
        parts = repeated(lambda parts: active(parts).any(), step, parts)
    last = xp.argsort(parts.keys.reshape(keys.shape), -1, stable=True)
    return xp.take_along_axis(_rows(keys, parts), last, -1)


def quickselect(keys: Array, place: int) -> Array:
    """An order of each row with the smaller elements before a place, and the larger ones behind.

    The order of the row itself if the place is -1.
    """
    xp = _of(keys)

    def step(parts: Parts) -> Parts:
        _, _, low, high = parts
        here, pair = _here(keys), high <= low + 1
        order, pivot, start = partition(parts, (here >= low) & (here <= high) & ~pair)
        swapped = (high == low + 1) & (parts.keys[low] > parts.keys[high])
        return parts.moved(
            exchanged(order, low, high, swapped),
            xp.where(pair, high, xp.where(pivot <= wanted, start, low)),
            xp.where(pair, high, xp.where(pivot >= wanted, pivot - 1, high)),
        )

    parts = whole(keys)
    wanted = parts.low + place
    if place >= 0:
        parts = repeated(lambda parts: (parts.high > parts.low).any(), step, parts)
    return _rows(keys, parts)


def partition(parts: Parts, active: Array) -> tuple[Array, Array, Array]:
    """Hoare's partition of the active parts, of three elements at least.

    Returns the order of the elements after it, and of each part the place of the pivot and where
    the larger elements begin.
    """
    keys, _, low, high = parts
    xp, size, here = _of(keys), keys.size, _here(keys)
    # Of three elements the median is the pivot; the smallest comes next to it, the largest last.
    middle = (low + high) >> 1
    first, second, last = ((place, keys[place]) for place in (low, middle, high))
    second, last = ascending(second, last)
    first, last = ascending(first, last)
    second, first = ascending(second, first)
    order = xp.where(here == middle, low + 1, here)
    for place, (element, _) in ((low + 1, second), (high, last), (low, first)):
        order = xp.where(here == place, element, order)
    order = xp.where(active, order, here)
    found, pivot = keys[order], first[1]
    # Where the scans from the left and from the right stop, in the order of the scan.
    lefts = active & (here > low + 1) & (found >= pivot)
    rights = active & (here > low) & (here < high) & (found <= pivot)
    passed = xp.cumsum(xp.stack([lefts, rights]), 1, dtype=xp.int32)
    left_at = xp.where(lefts, low + passed[0] - 1 - passed[0][low], size)
    right_at = xp.where(rights, low + passed[1][high] - passed[1], size)
    left = put(xp.full(size + 1, size, xp.int32), left_at, here)
    right = put(xp.full(size + 1, -1, xp.int32), right_at, here)
    # A stop from the left and one from the right change places, until the scans have met.
    after = xp.where(lefts, right[left_at], -1)
    before = xp.where(rights, left[right_at], size)
    source = xp.where(after > here, after, xp.where(before < here, before, here))
    met = xp.cumsum(xp.stack([after > here, after >= here]), 1, dtype=xp.int32)
    swaps, stops = met[:, high] - met[:, low]
    start, end = left[low + stops], right[low + stops]
    start = xp.where(swaps > 0, xp.minimum(start, right[low + swaps - 1]), start)
    end = xp.where(swaps > 0, xp.maximum(end, left[low + swaps - 1]), end)
    return order[exchanged(source, low, end, active)], end, start


def ascending(a: Element, b: Element) -> tuple[Element, Element]:
    """Two elements, each a place and a key, exchanged if the first is larger."""
    xp, larger = _of(a[1]), a[1] > b[1]
    smaller_one = xp.where(larger, b[0], a[0]), xp.where(larger, b[1], a[1])
    return smaller_one, (xp.where(larger, a[0], b[0]), xp.where(larger, a[1], b[1]))


def exchanged(order: Array, a: Array, b: Array, active: Array) -> Array:
    """The order with what lies at the places a and b exchanged in the active parts."""
    xp, here = _of(order), _here(order)
    other = xp.where(here == a, b, xp.where(here == b, a, here))
    return order[xp.where(active, other, here)]


def repeated(go_on: Callable, step: Callable, parts: Parts) -> Parts:
    """The parts after as many steps as it takes."""
    if not isinstance(parts.keys, np.ndarray):
        return lax.while_loop(go_on, step, parts)
    while go_on(parts):
        parts = step(parts)
    return parts


def put(x: Array, at: Array, values: Array) -> Array:
    """A fresh array with values at some places; what is not wanted lies behind the others."""
    if not isinstance(x, np.ndarray):
        return x.at[at].set(values)
    x[at] = values
    return x


def _of(x: Array) -> Any:
    """The library that the array is of."""
    return x.__array_namespace__()


def _here(x: Array) -> Array:
    """Each element's place in a vector of all."""
    return _of(x).arange(x.size, dtype=np.int32)


def _last(x: Array, axis: int) -> Array:
    """The array with an axis moved behind the others."""
    return _of(x).moveaxis(x, axis, -1)


def _order(x: Array, exact: bool, descending: bool = False) -> Array:
    """The order of the sorted elements of each row."""
    if exact:
        return quicksort(-ranks(x) if descending else ranks(x))
    if descending:
        return x.shape[-1] - 1 - _order(x[..., ::-1], exact)[..., ::-1]
    return _of(x).argsort(x, -1, stable=True)


def _differences(ordered: Array) -> Array:
    """Whether an element is another one than the element before it."""
    return ordered[..., 1:] != ordered[..., :-1]


def _rows(keys: Array, parts: Parts) -> Array:
    """Where in its row each element came from."""
    return parts.order.reshape(keys.shape) % max(keys.shape[-1], 1)


def _taken(x: Array, order: Array, axis: int) -> Any:
    """The elements at places along the axis, and the places."""
    xp = _of(x)
    order = xp.moveaxis(order, -1, axis)
    return xp.take_along_axis(x, order, axis), order.astype(int) + 1


def _require_place(name: str, x: Array, k: int, axis: int) -> None:
    size = x.shape[axis]
    cause = "the elements are counted along another dimension"
    require(1 <= k <= size, name, f"k = {k}", f"1..{size}", cause)

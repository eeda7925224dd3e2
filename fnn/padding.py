"""What is put around an image, or cut off from it."""

from math import inf

import jax.numpy as jnp
from jax import Array, lax

from fnn.errors import describe, require

__all__ = ["insert", "pad"]

Pairs = tuple[tuple[int, int], ...]
MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def pad(x: Array, *, widths: Pairs, mode: str = "constant", value: float = 0.0) -> Array:
    """Grow the last axes, by a pair (before, after) for each; negative widths crop.

    x:      (..., *space)
    ->      (..., *space')

    "constant" puts `value` there, "reflect" the mirror image beyond the border, "replicate" the
    border, "circular" what is at the other end.
    Source: PyTorch `nn.functional.pad`; Torch7 `nn.SpatialZeroPadding`,
    `nn.SpatialReflectionPadding`, `nn.SpatialReplicationPadding`.
    """
    require(
        mode == "constant" or mode in MODES,
        "pad",
        f"mode {mode!r}",
        f"constant, {', '.join(MODES)}",
        "a typo",
    )
    require(
        not isinstance(widths, int) and not any(isinstance(w, int) for w in widths),
        "pad",
        f"widths {widths}",
        "a tuple of pairs (before, after), one for each of the last axes, in their order",
        "PyTorch's flat list, which begins with the last axis, or a single number",
    )
    first = x.ndim - len(widths)
    require(
        first >= 0
        and all(
            n + low + high >= 0 and max(low, high) <= _most(mode, n, low, high)
            for n, (low, high) in zip(x.shape[max(first, 0) :], widths, strict=False)
        ),
        "pad",
        f"x {describe(x)} by {widths}",
        f"last axes that are long enough for mode {mode!r}",
        "the widths are in another order than the axes, or the image is too small",
    )
    full = [(0, 0)] * first + [*widths]
    if mode == "constant":
        return lax.pad(x, jnp.asarray(value, x.dtype), [(*pair, 0) for pair in full])
    grown = [(max(low, 0), max(high, 0)) for low, high in full]
    if mode == "circular":  # only what is left goes round
        return jnp.pad(_crop(x, full), grown, MODES[mode])
    return _crop(jnp.pad(x, grown, MODES[mode]), full)


def _most(mode: str, size: int, low: int, high: int) -> float:
    """How many elements can be put on one side."""
    match mode:
        case "reflect":
            return size - 1
        case "circular":
            return size + min(low, 0) + min(high, 0)
        case "replicate":
            return inf if size else 0
        case _:
            return inf


def _crop(x: Array, widths: list[tuple[int, int]]) -> Array:
    """Without what negative widths take away."""
    starts = [max(-low, 0) for low, _ in widths]
    ends = [n + min(high, 0) for n, (_, high) in zip(x.shape, widths, strict=True)]
    return lax.slice(x, starts, ends) if any(starts) or ends != [*x.shape] else x


def insert(x: Array, *, count: int, axis: int = -1, position: int = 0, value: float = 0.0) -> Array:
    """`count` times `value` between the elements of an axis, after the first `position` of them.

    x:      (...)
    ->      (...')

    A negative position counts from the end: -1 is after the last element.
    Source: Torch7 `nn.Padding`.
    """
    require(
        -x.ndim <= axis < x.ndim and -x.shape[axis] - 1 <= position <= x.shape[axis],
        "insert",
        f"x {describe(x)}, axis {axis}, position {position}",
        "a place between its elements",
        "axes and positions count from 0",
    )
    axis, size = axis % x.ndim, x.shape[axis]
    place = position % (size + 1)
    between = jnp.full((*x.shape[:axis], count, *x.shape[axis + 1 :]), value, x.dtype)
    before, after = lax.split(x, [place, size - place], axis)
    return lax.concatenate([before, between, after], axis)

"""Layers that only rearrange axes."""

from math import prod

from jax import Array, lax

from fnn.errors import describe, require

__all__ = ["flatten", "reshape", "view"]


def flatten(x: Array, *, start: int = 1, end: int = -1) -> Array:
    """Join the axes from `start` to `end`, both included, into one; by default all but the batch.

    x:      (...)
    ->      (...')

    Source: PyTorch `nn.Flatten`.
    """
    first, last = (axis + x.ndim if axis < 0 else axis for axis in (start, end))
    require(
        0 <= first <= last < x.ndim,
        "flatten",
        f"x {describe(x)}, start={start}, end={end}",
        "axes that exist, start not after end",
        "the batch axis is missing",
    )
    joined = prod(x.shape[first : last + 1])
    return lax.reshape(x, (*x.shape[:first], joined, *x.shape[last + 1 :]))


def reshape(x: Array, *, shape: tuple[int, ...]) -> Array:
    """Give the same elements, in order, another shape; one size may be -1: what is left.

    x:      (...)
    ->      (...')

    Source: PyTorch and Torch7 `reshape`.
    """
    known = prod(n for n in shape if n >= 0)
    free = [n for n in shape if n < 0]
    require(
        known == x.size if not free else free == [-1] and known > 0 and x.size % known == 0,
        "reshape",
        f"x {describe(x)}, shape={shape}",
        f"{x.size} elements in all, and -1 at most once",
        "the batch axis was left out of the shape: give -1 for it",
    )
    return lax.reshape(x, tuple(x.size // known if n < 0 else n for n in shape))


def view(x: Array, *, shape: tuple[int, ...], dimensions: int | None = None) -> Array:
    """Give each example another shape: as `reshape`, but an axis of examples in front is kept.

    x:      (...)
    ->      (...')

    There is one if the elements are several times as many as `shape` has; with `dimensions`, also
    if `x` has more axes than that.

    Source: Torch7 `nn.View`.
    """
    if dimensions is not None and x.ndim > dimensions:
        return reshape(x, shape=(prod(x.shape[: x.ndim - dimensions]), *shape))
    wanted = prod(n for n in shape if n >= 0)
    whole = -1 in shape or x.size == wanted
    return reshape(x, shape=shape if whole else (x.size // max(wanted, 1), *shape))

"""Which axis is meant, where examples may stand in front of it."""

from jax import Array

from fnn.errors import describe, require


def axis_of(layer: str, x: Array, axis: int, dimensions: int | None = None) -> int:
    """The axis counted from 0; of one example's `dimensions`, if `x` has one axis more than those.

    >>> import jax.numpy as jnp
    >>> axis_of("sum_over", jnp.ones((2, 3, 4)), -1), axis_of("sum_over", jnp.ones((2, 3)), 0, 1)
    (2, 1)
    """
    batched = axis >= 0 and dimensions is not None and x.ndim == dimensions + 1
    found = axis + batched if axis >= 0 else axis + x.ndim
    require(
        0 <= found < x.ndim,
        layer,
        f"x {describe(x)}, axis={axis}",
        "an axis that exists",
        "the batch axis is missing, or axes were counted from 1",
    )
    return found


def require_arrays(layer: str, *xs: Array) -> None:
    """Raise a `LayerError` unless these are arrays, one at least."""
    require(
        bool(xs) and all(hasattr(x, "shape") for x in xs),
        layer,
        describe(xs),
        "arrays, each an argument of its own",
        "they were given in a list: put a * before it",
    )


def require_alike(layer: str, *xs: Array) -> None:
    """Raise a `LayerError` unless all arrays have one shape."""
    require_arrays(layer, *xs)
    require(
        all(x.shape == xs[0].shape for x in xs),
        layer,
        describe(xs),
        "equal shapes",
        "one of them lacks the batch axis, or was reduced along another axis",
    )

"""What losses share: checks of shapes, weights, and the way from many terms to one number."""

import jax.numpy as jnp
import numpy as np
from jax import Array

from fnn.errors import describe, require


def reduce(loss: str, terms: Array, reduction: str, total: Array | int | None = None) -> Array:
    """Add up the terms, or not; a mean divides by their number or by `total`."""
    require(
        reduction in ("mean", "sum", "none"),
        loss,
        f"reduction {reduction!r}",
        '"mean", "sum" or "none"',
        "it is misspelt",
    )
    if reduction == "none":
        return terms
    if reduction == "sum":
        return jnp.sum(terms)
    return jnp.mean(terms) if total is None else jnp.sum(terms) / total


def require_alike(loss: str, x: Array, other: Array, name: str = "target") -> None:
    """Raise unless the shapes are equal."""
    require(
        np.shape(x) == np.shape(other),
        loss,
        f"x {describe(x)} and {name} {describe(other)}",
        "equal shapes",
        f"the {name} lacks an axis, or an axis of length 1 was kept",
    )


def require_one_each(loss: str, x: Array, target: Array) -> None:
    """Raise unless there is one target for each row of `x`."""
    require(
        target.shape == x.shape[:-1],
        loss,
        f"x {describe(x)} and target {describe(target)}",
        f"a target {list(x.shape[:-1])}",
        "the features are not the last axis, or an axis of length 1 was kept",
    )


def broadcast(loss: str, name: str, values: Array, shape: tuple[int, ...]) -> Array:
    """Repeat `values`, a weight for example, to the shape of the terms."""
    pairs = zip(values.shape[::-1], shape[::-1], strict=False)
    require(
        values.ndim <= len(shape) and all(v in (1, n) for v, n in pairs),
        loss,
        f"{name} {describe(values)}",
        f"a shape that broadcasts to {list(shape)}",
        f"the {name} of each example lacks the axes of length 1 that follow the batch",
    )
    return jnp.broadcast_to(values, shape)


def weighted(loss: str, terms: Array, weight: Array | None) -> Array:
    """Give the terms their weights, if there are any."""
    return terms if weight is None else broadcast(loss, "weight", weight, terms.shape) * terms


def signs(target: Array, x: Array) -> Array:
    """Targets 1 and -1 in the type of `x` if they are integers."""
    target = jnp.asarray(target)
    return target.astype(x.dtype) if jnp.issubdtype(target.dtype, jnp.integer) else target

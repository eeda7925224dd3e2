"""Class labels: checked, looked up without a gather, and NaN where they are no class."""

import jax.numpy as jnp
from jax import Array, lax

from fnn.errors import describe, require, require_indices


def labels_of(loss: str, x: Array, target: Array, axis: int) -> Array:
    """The target as integers that have room for -100 and the number of classes."""
    target, wanted = jnp.asarray(target), x.shape[:axis] + x.shape[axis + 1 :]
    require(
        target.shape == wanted,
        loss,
        f"x {describe(x)} and target {describe(target)}",
        f"a target {list(wanted)} of integers",
        "x lacks the batch axis, the target is one-hot, or the classes are not axis 1",
    )
    return widened(target)


def widened(target: Array) -> Array:
    """Integers that have room for -100 and the number of classes."""
    if jnp.issubdtype(target.dtype, jnp.integer) and jnp.iinfo(target.dtype).bits < 64:
        return target.astype(jnp.int32)
    return target


def require_labels(loss: str, target: Array, classes: int) -> None:
    """Raise if a label that is known is no class."""
    require_indices(target, classes, loss, "labels count from 0, or there are more classes")


def is_class(target: Array, classes: int) -> Array:
    """Whether each label is a class."""
    return (target >= 0) & (target < classes)


def one_hot(target: Array, x: Array, axis: int) -> Array:
    """Which element of `x` is that of its label; faster than a gather, backward above all."""
    return lax.broadcasted_iota(target.dtype, x.shape, axis) == jnp.expand_dims(target, axis)


def score_of(x: Array, chosen: Array, axis: int, *, keepdims: bool = False) -> Array:
    """The element of `x` that is chosen."""
    return jnp.sum(jnp.where(chosen, x, 0), axis, keepdims=keepdims)


def class_weights(loss: str, weight: Array, x: Array, axis: int) -> Array:
    """Give each class its weight, in the shape of `x`."""
    require_class_weights(loss, weight, x.shape[axis])
    return lax.broadcast_in_dim(weight, x.shape, (axis,))


def require_class_weights(loss: str, weight: Array, classes: int) -> None:
    """Raise unless there is one weight for each class."""
    require(
        weight.shape == (classes,),
        loss,
        f"weight {describe(weight)}",
        f"({classes},), one for each class",
        "the classes are not axis 1 of x",
    )

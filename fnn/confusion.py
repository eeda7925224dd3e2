"""Which class was taken for which: counts, and rates made of them."""

import jax.numpy as jnp
from jax import Array

__all__ = ["class_rates", "confusion", "error_rates"]


def confusion(counts: Array, predictions: Array, targets: Array) -> Array:
    """Count each prediction in the row of its target, the column of its class.

    counts: (classes, classes) integers; targets below 0 are not counted. The labels are integers.
    """
    predictions, targets = jnp.broadcast_arrays(predictions, targets)
    seen = (targets >= 0).astype(counts.dtype)
    return counts.at[jnp.maximum(targets, 0), predictions].add(seen)


def class_rates(counts: Array) -> tuple[Array, Array]:
    """For each class, what share of it was found; and its intersection with its predictions over
    their union. NaN for a class of which there is nothing.
    """
    right, rows, columns = jnp.diagonal(counts), counts.sum(1), counts.sum(0)
    return right / rows, right / (rows + columns - right)


def error_rates(counts: Array) -> tuple[Array, Array]:
    """For each class, the rates of false rejections and of false acceptances; NaN if it is empty.

    Acceptances are those of the other classes, each of which counts alike if it isn't empty.
    """
    counts = counts.astype(float)
    rows = counts.sum(1, keepdims=True)
    present = rows[:, 0] > 0
    shares = counts / jnp.where(rows > 0, rows, 1)
    right, others = jnp.diagonal(shares), present.astype(float).sum() - 1
    rejected, accepted = 1 - right, (shares.sum(0) - right) / others
    return jnp.where(present, rejected, jnp.nan), jnp.where(present, accepted, jnp.nan)

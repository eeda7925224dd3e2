"""Classes as the corners of a regular simplex, all equally far from each other."""

from functools import cache

import jax.numpy as jnp
import numpy as np
from jax import Array

from fnn.errors import require
from fnn.loss.labels import is_class, labels_of, require_labels
from fnn.loss.regression import mse

__all__ = ["class_simplex", "class_simplex_scores"]


def class_simplex(x: Array, target: Array, *, reduction: str = "mean") -> Array:
    """`mse` between x and the corner of its class.

    x:      (..., classes)
    target: (...) int
    ->      ()

    Source: Torch7 `nn.ClassSimplexCriterion`; Mroueh et al. 2012.
    """
    name, classes = "class_simplex", x.shape[-1]
    target = labels_of(name, x, target, x.ndim - 1)
    require_labels(name, target, classes)
    corners = jnp.take(jnp.asarray(_corners(classes), x.dtype), target, axis=0, mode="clip")
    known = jnp.broadcast_to(is_class(target, classes)[..., None], x.shape)
    return mse(x, jnp.where(known, corners, jnp.nan), reduction=reduction)


def class_simplex_scores(x: Array) -> Array:
    """How far x lies towards each class's corner: the largest is the class that is predicted.

    x:      (..., classes)
    ->      (..., classes)

    Of a unit matrix these are the corners, one a column.

    Source: `getPredictions` of Torch7's `nn.ClassSimplexCriterion`.
    """
    return x @ jnp.asarray(_corners(x.shape[-1]), x.dtype).T


@cache
def _corners(classes: int) -> np.ndarray:
    """Unit vectors with equal angles between them, one a row; the last coordinate is not needed."""
    require(
        classes > 1,
        "class_simplex",
        f"{classes} class",
        "two classes or more",
        "the classes are not the last axis",
    )
    corners = np.zeros((classes, classes))
    for k in range(classes - 1):
        corners[k, k] = np.sqrt(1 - np.square(corners[k, :k]).sum())
        corners[k + 1 :, k] = (corners[k, k] ** 2 - 1 - 1 / (classes - 1)) / corners[k, k]
    return corners

"""Losses of vectors that should be alike or not."""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array

from fnn.activation import relu
from fnn.elements import absolute, clamp_min, norm
from fnn.loss.reduction import reduce, require_alike, require_one_each

__all__ = ["cosine_embedding", "distance_ratio", "l1_hinge_embedding", "triplet_margin"]


def cosine_embedding(
    x1: Array,
    x2: Array,
    target: Array,
    *,
    reduction: str = "mean",
    margin: float = 0.0,
    active_at_margin: bool = True,
) -> Array:
    """`1 - cos(x1, x2)` where the target is 1, and `max(0, cos(x1, x2) - margin)` where it is -1.

    x1:     (..., features)
    x2:     (..., features)
    target: (...) int
    ->      ()

    Where the target is neither, nothing counts. Where the cosine equals the margin the gradient is
    that beside it where something is lost, as in PyTorch, or with `active_at_margin=False` 0, as in
    Torch7.

    Source: Torch7 `nn.CosineEmbeddingCriterion`, PyTorch `cosine_embedding_loss`.
    """
    name, target = "cosine_embedding", jnp.asarray(target)
    require_alike(name, x1, x2, "x2")
    require_one_each(name, x1, target)
    squares = [jnp.sum(jnp.square(x), -1) + 1e-12 for x in (x1, x2)]
    cosine = jnp.sum(x1 * x2, -1) / jnp.sqrt(squares[0] * squares[1])
    excess = cosine - margin
    far = clamp_min(excess, 0) if active_at_margin else relu(excess)
    terms = jnp.where(target == 1, 1 - cosine, jnp.where(target == -1, far, 0))
    return reduce(name, terms, reduction)


def l1_hinge_embedding(
    x1: Array, x2: Array, target: Array, *, reduction: str = "mean", margin: float = 1.0
) -> Array:
    """`d = sum |x1 - x2|` where the target isn't -1, and `max(0, margin - d)` where it is.

    x1:     (..., features)
    x2:     (..., features)
    target: (...) int
    ->      ()

    Where the vectors are equal in a feature, its gradient is 0 (Torch7's is 1 or -1 at random).

    Source: Torch7 `nn.L1HingeEmbeddingCriterion`.
    """
    name, target = "l1_hinge_embedding", jnp.asarray(target)
    require_alike(name, x1, x2, "x2")
    require_one_each(name, x1, target)
    distance = jnp.sum(absolute(x1 - x2), -1)
    terms = jnp.where(target == -1, clamp_min(margin - distance, 0), distance)
    return reduce(name, terms, reduction)


def triplet_margin(
    anchor: Array,
    positive: Array,
    negative: Array,
    *,
    reduction: str = "mean",
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    swap: bool = False,
    distance: Callable[[Array, Array], Array] | None = None,
) -> Array:
    """`max(0, margin + d(anchor, positive) - d(anchor, negative))`.

    anchor:   (..., features)
    positive: (..., features)
    negative: (..., features)
    ->        ()

    `d(a, b)` is the p-norm of `a - b + eps`, or the `distance`. With `swap` the negative's distance
    is that from the positive if it is smaller.

    Source: Balntas et al. 2016, PyTorch `triplet_margin_loss`, `triplet_margin_with_distance_loss`.
    """
    name = "triplet_margin"
    require_alike(name, anchor, positive, "positive")
    require_alike(name, anchor, negative, "negative")

    def apart(a: Array, b: Array) -> Array:
        return distance(a, b) if distance else norm(a - b + eps, p=p, axis=(-1,), keepdims=False)

    near, far = apart(anchor, positive), apart(anchor, negative)
    if swap:
        far = jnp.minimum(far, apart(positive, negative))
    return reduce(name, clamp_min(margin + near - far, 0), reduction)


def distance_ratio(x1: Array, x2: Array, *, reduction: str = "mean") -> Array:
    """`-log(e^-x1 / (e^-x1 + e^-x2))`: makes the distances `x1` small beside the distances `x2`.

    x1:     (...)
    x2:     (...)
    ->      ()

    A mean divides by the length of the first axis.

    Source: Torch7 `nn.DistanceRatioCriterion`.
    """
    require_alike("distance_ratio", x1, x2, "x2")
    terms = jax.nn.softplus(x1 - x2)
    return reduce("distance_ratio", terms, reduction, math.prod(terms.shape[:1]))

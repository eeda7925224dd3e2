"""Losses of numbers: distances between an output and its target."""

import jax.numpy as jnp
from jax import Array

from fnn.elements import absolute
from fnn.errors import describe, require
from fnn.loss.reduction import broadcast, reduce, require_alike, weighted

__all__ = ["centre_crop_mse", "huber", "l1", "l1_cost", "mse", "smooth_l1", "weighted_mse"]


def _weighted_mean(
    loss: str, terms: Array, x: Array, weight: Array | None, reduction: str
) -> Array:
    if weight is None:
        return reduce(loss, terms, reduction)
    require_alike(loss, x, weight, "weight")
    return reduce(loss, weight * terms, reduction, jnp.sum(weight))


def l1(
    x: Array,
    target: Array,
    weight: Array | None = None,
    *,
    reduction: str = "mean",
    slope_at_target: int = 0,
) -> Array:
    """Distance `|x - target|`; a weighted mean divides by the sum of the weights.

    x:      (...)
    target: (...)
    weight: (...), optional
    ->      ()

    `slope_at_target` is the gradient by x where the distance is 0: 0 as in PyTorch, 1 in Torch7.

    Source: Torch7 `nn.AbsCriterion`, PyTorch `l1_loss`.
    """
    require_alike("l1", x, target)
    distance = jnp.abs if slope_at_target else absolute  # the former has gradient 1 at 0
    return _weighted_mean("l1", distance(x - target), x, weight, reduction)


def l1_cost(x: Array, *, reduction: str = "sum") -> Array:
    """Distance from 0, `|x|`: makes x sparse.

    x:      (...)
    ->      ()

    Source: Torch7 `nn.L1Cost`.
    """
    return reduce("l1_cost", absolute(x), reduction)


def mse(x: Array, target: Array, weight: Array | None = None, *, reduction: str = "mean") -> Array:
    """Squared distance `(x - target)^2`; a weighted mean divides by the sum of the weights.

    x:      (...)
    target: (...)
    weight: (...), optional
    ->      ()

    Source: Torch7 `nn.MSECriterion`, PyTorch `mse_loss`.
    """
    require_alike("mse", x, target)
    return _weighted_mean("mse", jnp.square(x - target), x, weight, reduction)


def weighted_mse(x: Array, target: Array, weight: Array, *, reduction: str = "mean") -> Array:
    """Squared distance from the weighted target, `(x - weight target)^2`.

    x:      (...)
    target: (...)
    weight: (...)
    ->      ()

    `weight` may broadcast to the others. For weights of the squares see `mse`.

    Source: Torch7 `nn.WeightedMSECriterion`.
    """
    weight = broadcast("weighted_mse", "weight", weight, target.shape)
    return mse(x, weight * target, reduction=reduction)


def centre_crop_mse(x: Array, target: Array, *, reduction: str = "mean") -> Array:
    """`mse` between x and the middle of a target that is as large or larger in space.

    x:      (..., height, width)
    target: (..., taller, wider)
    ->      ()

    Of two middles the one that begins earlier is taken.

    Source: Torch7 `nn.SpatialAutoCropMSECriterion`.
    """
    require(
        x.ndim == target.ndim >= 2
        and x.shape[:-2] == target.shape[:-2]
        and all(n <= m for n, m in zip(x.shape, target.shape, strict=True)),
        "centre_crop_mse",
        f"x {describe(x)} and target {describe(target)}",
        "a target that is as large as x or larger along the last two axes, and else equal",
        "x and the target are exchanged",
    )
    starts = [(m - n) // 2 for n, m in zip(x.shape, target.shape, strict=True)]
    middle = target[tuple(slice(s, s + n) for s, n in zip(starts, x.shape, strict=True))]
    return mse(x, middle, reduction=reduction)


def _huber_terms(loss: str, x: Array, target: Array, delta: float) -> Array:
    require_alike(loss, x, target)
    require(delta > 0, loss, f"delta {delta}", "a positive number", "the sign is wrong")
    difference = x - target
    distance = jnp.abs(difference)
    return jnp.where(
        distance < delta, 0.5 * jnp.square(difference), delta * (distance - 0.5 * delta)
    )


def huber(
    x: Array,
    target: Array,
    weight: Array | None = None,
    *,
    reduction: str = "mean",
    delta: float = 1.0,
) -> Array:
    """Half the squared distance, and `delta (distance - delta / 2)` where that is above `delta`.

    x:      (...)
    target: (...)
    weight: (...), optional
    ->      ()

    As in PyTorch, and unlike that of `mse`, a weighted mean divides by the number of elements.

    Source: Huber 1964, PyTorch `huber_loss`.
    """
    terms = _huber_terms("huber", x, target, delta)
    return reduce("huber", weighted("huber", terms, weight), reduction)


def smooth_l1(x: Array, target: Array, *, reduction: str = "mean", beta: float = 1.0) -> Array:
    """`huber` divided by its threshold, so that large distances count as in `l1`.

    x:      (...)
    target: (...)
    ->      ()

    With `beta` 0 it is `l1`.

    Source: Girshick 2015, Torch7 `nn.SmoothL1Criterion`, PyTorch `smooth_l1_loss`.
    """
    if beta == 0:
        return l1(x, target, reduction=reduction)
    return reduce("smooth_l1", _huber_terms("smooth_l1", x, target, beta) / beta, reduction)

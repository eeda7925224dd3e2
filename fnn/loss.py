"""Losses: what training makes small. Inputs, then the target, then optional weights.

`reduction` is "mean", "sum", or "none" for every element's (or label's) own loss. As in PyTorch, a
mean weighted by class divides by the sum of the weights of the labels.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array, lax

from fnn.errors import describe, require, require_indices


def _reduce(loss: str, terms: Array, reduction: str, total: Array | None = None) -> Array:
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


def _require_alike(loss: str, x: Array, other: Array, name: str = "target") -> None:
    require(
        x.shape == other.shape,
        loss,
        f"x {describe(x)} and {name} {describe(other)}",
        "equal shapes",
        f"the {name} lacks an axis, or an axis of length 1 was kept",
    )


def mse(x: Array, target: Array, weight: Array | None = None, *, reduction: str = "mean") -> Array:
    """Squared distance `(x - target)^2`; a weighted mean divides by the sum of the weights.

    x:      (...)
    target: (...)
    weight: (...), optional
    ->      ()

    Source: Torch7 `nn.MSECriterion`, PyTorch `mse_loss`.
    """
    _require_alike("mse", x, target)
    terms = jnp.square(x - target)
    if weight is None:
        return _reduce("mse", terms, reduction)
    _require_alike("mse", x, weight, "weight")
    return _reduce("mse", weight * terms, reduction, jnp.sum(weight))


def _log_losses(
    loss: str,
    logs: Array,
    target: Array,
    weight: Array | None,
    reduction: str,
    ignore_index: int,
    smoothing: float = 0.0,
) -> Array:
    """Minus the log-probability of each label; `smoothing` of it is spread over all classes."""
    axis = min(logs.ndim - 1, 1)
    classes = logs.shape[axis]
    labels = logs.shape[:axis] + logs.shape[axis + 1 :]
    require(
        target.shape == labels,
        loss,
        f"x {describe(logs)} and target {describe(target)}",
        f"a target {list(labels)} of integers",
        "x lacks the batch axis, the target is one-hot, or the classes are not axis 1",
    )
    if jnp.issubdtype(target.dtype, jnp.integer) and jnp.iinfo(target.dtype).bits < 64:
        target = target.astype(jnp.int32)  # -100 and the number of classes may not fit in a byte
    keep = target != ignore_index
    target = jnp.where(keep, target, 0)
    require_indices(target, classes, loss, "labels count from 0, or there are more classes")
    chosen = lax.broadcasted_iota(target.dtype, logs.shape, axis) == jnp.expand_dims(target, axis)
    terms = -jnp.sum(jnp.where(chosen, logs, 0), axis)  # faster than a gather, backward above all
    weights = keep.astype(logs.dtype)
    if weight is not None:
        logs = logs * _class_weights(loss, weight, logs, axis)
        weights = weights * jnp.take(weight, target, mode="clip")
        terms = terms * weights
    if smoothing:
        terms = (1 - smoothing) * terms - smoothing / classes * jnp.sum(logs, axis)
    terms = jnp.where((target >= 0) & (target < classes), jnp.where(keep, terms, 0), jnp.nan)
    return _reduce(loss, terms, reduction, jnp.sum(weights))


def _class_weights(loss: str, weight: Array, x: Array, axis: int) -> Array:
    """Give each class its weight, in the shape of `x`."""
    require(
        weight.shape == (x.shape[axis],),
        loss,
        f"weight {describe(weight)}",
        f"({x.shape[axis]},), one for each class",
        "the classes are not axis 1 of x",
    )
    return lax.broadcast_in_dim(weight, x.shape, (axis,))


def nll(
    x: Array,
    target: Array,
    weight: Array | None = None,
    *,
    reduction: str = "mean",
    ignore_index: int = -100,
) -> Array:
    """Negative log-likelihood of the labels: `-x[target]` for log-probabilities `x`.

    x:      (batch, classes, *space)
    target: (batch, *space) int
    weight: (classes,), optional
    ->      ()

    Unbatched too: (classes,) with a target (). `ignore_index` marks positions that don't count;
    if none does, a mean is NaN. Other labels outside 0..classes-1 are an error, and NaN inside
    compiled code.

    Source: Torch7 `nn.ClassNLLCriterion`, PyTorch `nll_loss`.
    """
    return _log_losses("nll", x, jnp.asarray(target), weight, reduction, ignore_index)


def cross_entropy(
    x: Array,
    target: Array,
    weight: Array | None = None,
    *,
    reduction: str = "mean",
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
) -> Array:
    """`nll` of the log-softmax of scores `x`.

    x:      (batch, classes, *space)
    target: (batch, *space) int
    weight: (classes,), optional
    ->      ()

    A floating-point target of the shape of `x` gives the probability of each class; then a mean
    divides by the number of examples. `label_smoothing` is the share of the probability that is
    taken from the target and given to all classes alike.

    Source: Torch7 `nn.CrossEntropyCriterion`, PyTorch `cross_entropy`; Szegedy et al. 2015.
    """
    target, name = jnp.asarray(target), "cross_entropy"
    axis = min(x.ndim - 1, 1)
    logs = jax.nn.log_softmax(x, axis)
    if target.shape != x.shape or not jnp.issubdtype(target.dtype, jnp.floating):
        return _log_losses(name, logs, target, weight, reduction, ignore_index, label_smoothing)
    if label_smoothing:
        target = (1 - label_smoothing) * target + label_smoothing / x.shape[axis]
    if weight is not None:
        logs = logs * _class_weights(name, weight, x, axis)
    return _reduce(name, -jnp.sum(target * logs, axis), reduction)


def _weighted(loss: str, terms: Array, weight: Array | None, reduction: str) -> Array:
    if weight is not None:
        pairs = zip(weight.shape[::-1], terms.shape[::-1], strict=False)
        require(
            weight.ndim <= terms.ndim and all(w in (1, n) for w, n in pairs),
            loss,
            f"weight {describe(weight)}",
            f"a shape that broadcasts to {list(terms.shape)}",
            "weights of examples lack the axes of length 1 that follow the batch",
        )
        terms = jnp.broadcast_to(weight, terms.shape) * terms
    return _reduce(loss, terms, reduction)


def bce(x: Array, target: Array, weight: Array | None = None, *, reduction: str = "mean") -> Array:
    """Binary cross-entropy of probabilities: `-(y log x + (1 - y) log(1 - x))`.

    x:      (...)
    target: (...)
    weight: (...), optional
    ->      ()

    `weight` may broadcast to the others; a mean divides by the number of elements all the same.
    Logarithms are at least -100, so that a certain mistake costs 100 and has gradient 0.

    Source: PyTorch `binary_cross_entropy`.
    """
    _require_alike("bce", x, target)
    right, wrong = _floored(jnp.log, x, x == 0), _floored(jnp.log1p, -x, x == 1)
    return _weighted("bce", -(target * right + (1 - target) * wrong), weight, reduction)


def _floored(log: Callable[[Array], Array], x: Array, zero: Array) -> Array:
    """`max(log(x), -100)`, without an infinite derivative where the result is log(0)."""
    return jnp.where(zero, -100, jnp.maximum(log(jnp.where(zero, 0.5, x)), -100))


def bce_with_logits(
    x: Array, target: Array, weight: Array | None = None, *, reduction: str = "mean"
) -> Array:
    """Binary cross-entropy of `sigmoid(x)`, exact for large `x` of either sign.

    x:      (...)
    target: (...)
    weight: (...), optional
    ->      ()

    `weight` as for `bce`.

    Source: Torch7 `nn.BCECriterion` after `nn.Sigmoid`, PyTorch `binary_cross_entropy_with_logits`.
    """
    _require_alike("bce_with_logits", x, target)
    terms = target * jax.nn.softplus(-x) + (1 - target) * jax.nn.softplus(x)
    return _weighted("bce_with_logits", terms, weight, reduction)

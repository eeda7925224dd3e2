"""Losses of labels: how improbable the right class is.

As in PyTorch, a mean weighted by class divides by the sum of the weights of the labels.
"""

import jax
import jax.numpy as jnp
from jax import Array

from fnn.errors import describe, require
from fnn.initializers import uniform_fan_in
from fnn.loss.labels import (
    class_weights,
    is_class,
    labels_of,
    one_hot,
    require_labels,
    score_of,
)
from fnn.loss.reduction import reduce

__all__ = [
    "cross_entropy",
    "linear_cross_entropy",
    "linear_cross_entropy_init",
    "nll",
    "total_weight",
]


def _log_losses(
    loss: str,
    logs: Array,
    target: Array,
    weight: Array | None,
    reduction: str,
    ignore_index: int,
    smoothing: float = 0.0,
    empty_is_zero: bool = False,
) -> Array:
    """Minus the log-probability of each label; `smoothing` of it is spread over all classes."""
    axis = min(logs.ndim - 1, 1)
    classes = logs.shape[axis]
    target = labels_of(loss, logs, target, axis)
    keep = target != ignore_index
    target = jnp.where(keep, target, 0)
    require_labels(loss, target, classes)
    terms = -score_of(logs, one_hot(target, logs, axis), axis)
    weights = _label_weights(logs, target, weight, keep)
    if weight is not None:
        logs = logs * class_weights(loss, weight, logs, axis)
        terms = terms * weights
    if smoothing:
        terms = (1 - smoothing) * terms - smoothing / classes * jnp.sum(logs, axis)
    terms = jnp.where(is_class(target, classes), jnp.where(keep, terms, 0), jnp.nan)
    total = jnp.sum(weights)
    total = jnp.where(total == 0, 1, total) if empty_is_zero else total
    return reduce(loss, terms, reduction, total)


def _label_weights(x: Array, target: Array, weight: Array | None, keep: Array) -> Array:
    """The weight of each label; 0 where it doesn't count."""
    weights = keep.astype(x.dtype)
    return weights if weight is None else weights * jnp.take(weight, target, mode="clip")


def total_weight(
    x: Array, target: Array, weight: Array | None = None, *, ignore_index: int = -100
) -> Array:
    """The sum of the weights of the labels, by which a mean of `nll` divides.

    x:      (batch, classes, *space)
    target: (batch, *space) int
    weight: (classes,), optional
    ->      ()

    Source: the second result of Torch7's `nn.ClassNLLCriterion`.
    """
    target = labels_of("total_weight", x, target, min(x.ndim - 1, 1))
    keep = target != ignore_index
    return jnp.sum(_label_weights(x, jnp.where(keep, target, 0), weight, keep))


def nll(
    x: Array,
    target: Array,
    weight: Array | None = None,
    *,
    reduction: str = "mean",
    ignore_index: int = -100,
    empty_is_zero: bool = False,
) -> Array:
    """Negative log-likelihood of the labels: `-x[target]` for log-probabilities `x`.

    x:      (batch, classes, *space)
    target: (batch, *space) int
    weight: (classes,), optional
    ->      ()

    Unbatched too: (classes,) with a target (). `ignore_index` marks positions that don't count;
    if none does, a mean is NaN, or with `empty_is_zero` 0, as in Torch7. Other labels outside
    0..classes-1 are an error, and NaN inside compiled code.

    Source: Torch7 `nn.ClassNLLCriterion` and `nn.SpatialClassNLLCriterion`, PyTorch `nll_loss`.
    """
    return _log_losses(
        "nll", x, target, weight, reduction, ignore_index, empty_is_zero=empty_is_zero
    )


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
    require(
        0 <= label_smoothing <= 1,
        name,
        f"label_smoothing={label_smoothing}",
        "a share, from 0 to 1",
        "a percentage, or another option's value",
    )
    axis = min(x.ndim - 1, 1)
    logs = jax.nn.log_softmax(x, axis)
    if target.shape != x.shape or not jnp.issubdtype(target.dtype, jnp.floating):
        return _log_losses(name, logs, target, weight, reduction, ignore_index, label_smoothing)
    if label_smoothing:
        target = (1 - label_smoothing) * target + label_smoothing / x.shape[axis]
    if weight is not None:
        logs = logs * class_weights(name, weight, x, axis)
    return reduce(name, -jnp.sum(target * logs, axis), reduction)


def linear_cross_entropy(
    params: dict[str, Array],
    x: Array,
    target: Array,
    weight: Array | None = None,
    *,
    reduction: str = "mean",
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
) -> Array:
    """`cross_entropy` of scores that are an affine map of `x`.

    params: weight (classes, *space, inputs); bias (classes, *space), optional
    x:      (batch, inputs)
    target: (batch, *space) int
    weight: (classes,), optional
    ->      ()

    Unbatched too, without space: (inputs,) with a target ().

    Source: PyTorch `linear_cross_entropy`.
    """
    weights = params["weight"]
    require(
        x.shape[-1:] == weights.shape[-1:],
        "linear_cross_entropy",
        f"x {describe(x)}",
        f"(batch, {weights.shape[-1]})",
        "the layer was made for another width, or its input was not flattened",
    )
    scores = jnp.tensordot(x, weights, ((-1,), (-1,)))
    if "bias" in params:
        scores = scores + jnp.broadcast_to(params["bias"], scores.shape)
    return cross_entropy(
        scores,
        target,
        weight,
        reduction=reduction,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
    )


def linear_cross_entropy_init(
    key: Array, inputs: int, classes: int, *space: int, bias: bool = False
) -> dict[str, Array]:
    """Weights and biases uniform in +-1/sqrt(inputs), as in PyTorch."""
    shape = (classes, *space)
    return uniform_fan_in(key, inputs, weight=(*shape, inputs), bias=shape if bias else None)

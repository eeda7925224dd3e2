"""Losses with a margin: nothing is lost by what is right by more than the margin."""

import jax.numpy as jnp
from jax import Array

from fnn.activation import relu
from fnn.elements import clamp_min
from fnn.errors import describe, require
from fnn.loss.labels import (
    is_class,
    labels_of,
    one_hot,
    require_class_weights,
    require_labels,
    score_of,
    widened,
)
from fnn.loss.reduction import reduce, require_alike, signs

__all__ = ["hinge", "hinge_embedding", "margin_ranking", "multi_label_margin", "multi_margin"]


def hinge(x: Array, target: Array, *, reduction: str = "mean", margin: float = 1.0) -> Array:
    """`max(0, margin - target x)` for targets 1 and -1; the gradient at the margin is 0.

    x:      (...)
    target: (...)
    ->      ()

    Source: Torch7 `nn.MarginCriterion`.
    """
    target = signs(target, x)
    require_alike("hinge", x, target)
    return reduce("hinge", relu(margin - target * x), reduction)


def hinge_embedding(
    x: Array, target: Array, *, reduction: str = "mean", margin: float = 1.0
) -> Array:
    """The distance `x` where the target is 1, and `max(0, margin - x)` where it is -1.

    x:      (...)
    target: (...) int
    ->      ()

    Where the target is neither, both count.

    Source: Torch7 `nn.HingeEmbeddingCriterion`, PyTorch `hinge_embedding_loss`.
    """
    target = jnp.asarray(target)
    require_alike("hinge_embedding", x, target)
    near = jnp.where(target == -1, 0, x)
    far = jnp.where(target == 1, 0, clamp_min(margin - x, 0))
    return reduce("hinge_embedding", near + far, reduction)


def margin_ranking(
    x1: Array, x2: Array, target: Array, *, reduction: str = "mean", margin: float = 0.0
) -> Array:
    """`max(0, margin - target (x1 - x2))`: target 1 wants `x1` above `x2`, -1 below.

    x1:     (...)
    x2:     (...)
    target: (...)
    ->      ()

    The gradient at the margin is that beside it where something is lost. Torch7's margin is 1
    where none is given.

    Source: Torch7 `nn.MarginRankingCriterion`, PyTorch `margin_ranking_loss`.
    """
    target = signs(target, x1)
    require_alike("margin_ranking", x1, x2, "x2")
    require_alike("margin_ranking", x1, target)
    return reduce("margin_ranking", clamp_min(margin - target * (x1 - x2), 0), reduction)


def multi_margin(
    x: Array,
    target: Array,
    weight: Array | None = None,
    *,
    reduction: str = "mean",
    p: int = 1,
    margin: float = 1.0,
) -> Array:
    """`max(0, margin - x[target] + x[other])^p`, summed over the others, over the classes' number.

    x:      (batch, classes)
    target: (batch,) int
    weight: (classes,), optional
    ->      ()

    Unbatched too: (classes,) with a target (). `weight` is that of the target; a mean divides by
    the number of examples.

    Source: Torch7 `nn.MultiMarginCriterion`, PyTorch `multi_margin_loss`.
    """
    name, axis, classes = "multi_margin", x.ndim - 1, x.shape[-1]
    require(p in (1, 2), name, f"p {p}", "1 or 2", "other powers have no name")
    target = labels_of(name, x, target, axis)
    require_labels(name, target, classes)
    chosen = one_hot(target, x, axis)
    losses = relu(margin - score_of(x, chosen, axis, keepdims=True) + x) ** p
    terms = jnp.sum(jnp.where(chosen, 0, losses), axis) / classes
    if weight is not None:
        require_class_weights(name, weight, classes)
        terms = terms * jnp.take(weight, target, mode="clip")
    return reduce(name, jnp.where(is_class(target, classes), terms, jnp.nan), reduction)


def multi_label_margin(x: Array, target: Array, *, reduction: str = "mean") -> Array:
    """`max(0, 1 - x[label] + x[other])`, summed over pairs, over the number of classes.

    x:      (..., classes)
    target: (..., classes) int
    ->      ()

    The labels of an example begin its row of the target; the first negative number ends them. The
    others are the classes that aren't among them.

    Source: Torch7 `nn.MultiLabelMarginCriterion`, PyTorch `multilabel_margin_loss`.
    """
    name, classes = "multi_label_margin", x.shape[-1]
    target = widened(jnp.asarray(target))
    require(
        target.shape == x.shape,
        name,
        f"x {describe(x)} and target {describe(target)}",
        "equal shapes",
        "the lists of labels are not filled up with -1 to the number of classes",
    )
    listed = jnp.cumsum(target < 0, -1) == 0
    labels = jnp.where(listed, target, 0)
    require_labels(name, labels, classes)
    square = (*x.shape, classes)
    chosen = one_hot(labels, jnp.broadcast_to(x[..., None], square), x.ndim)
    times = jnp.sum(chosen & listed[..., None], -2)
    losses = relu(1 - x[..., :, None] + x[..., None, :])
    losses = jnp.where((times == 0)[..., None, :], losses, 0)
    terms = jnp.sum(times.astype(x.dtype) * jnp.sum(losses, -1), -1) / classes
    known = jnp.all(is_class(labels, classes), -1)
    return reduce(name, jnp.where(known, terms, jnp.nan), reduction)

"""Losses of yes or no: of one question, or of several labels that don't exclude each other."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from fnn.loss.reduction import broadcast, reduce, require_alike, signs, weighted

__all__ = ["bce", "bce_with_logits", "multi_label_soft_margin", "soft_margin"]

LEAST = float(np.float32(1e-12))  # in PyTorch a float32, whatever x is


def bce(
    x: Array,
    target: Array,
    weight: Array | None = None,
    *,
    reduction: str = "mean",
    eps: float | None = None,
) -> Array:
    """Binary cross-entropy of probabilities: `-(y log x + (1 - y) log(1 - x))`.

    x:      (...)
    target: (...)
    weight: (...), optional
    ->      ()

    `weight` may broadcast to the others; a mean divides by the number of elements all the same.
    As in PyTorch logarithms are at least -100, so that a certain mistake costs 100, and the
    gradient divides by `x (1 - x)` or 1e-12, whichever is larger. With `eps` the logarithms are
    those of `x + eps` and `1 - x + eps`, and the gradient divides by these: Torch7's, with 1e-12.

    Source: Torch7 `nn.BCECriterion`, PyTorch `binary_cross_entropy`.
    """
    require_alike("bce", x, target)
    return reduce("bce", weighted("bce", _bce_terms(x, target, eps), weight), reduction)


@partial(jax.custom_jvp, nondiff_argnums=(2,))
def _bce_terms(x: Array, target: Array, eps: float | None) -> Array:
    right, wrong = _log_probabilities(x, eps)
    return -(target * right + (1 - target) * wrong)


@_bce_terms.defjvp
def _bce_terms_jvp(
    eps: float | None, primals: tuple[Array, Array], tangents: tuple[Array, Array]
) -> tuple[Array, Array]:
    x, target = primals
    right, wrong = _log_probabilities(x, eps)
    if eps is None:
        product = x * (1 - x)
        product = jnp.where(product < LEAST, LEAST, product)
    else:
        right_eps, wrong_eps = _above_zero(x, eps)
        product = right_eps * wrong_eps
    dx, dtarget = tangents
    terms = _bce_terms(x, target, eps)
    return terms, (x - target) / product * dx + (wrong - right) * dtarget


def _log_probabilities(x: Array, eps: float | None) -> tuple[Array, Array]:
    """Logarithms of `x` and of `1 - x`."""
    if eps is not None:
        right, wrong = _above_zero(x, eps)
        return jnp.log(right), jnp.log(wrong)
    return _floored(jnp.log, x, x == 0), _floored(jnp.log1p, -x, x == 1)


def _above_zero(x: Array, eps: float) -> tuple[Array, Array]:
    """`x + eps` and `1 - x + eps`, which XLA would round as `1 + eps - x`."""
    return x + eps, eps - (x - 1)


def _floored(log: Callable[[Array], Array], x: Array, zero: Array) -> Array:
    """`max(log(x), -100)`, without an infinite derivative where the result is log(0)."""
    return jnp.where(zero, -100, jnp.maximum(log(jnp.where(zero, 0.5, x)), -100))


def bce_with_logits(
    x: Array,
    target: Array,
    weight: Array | None = None,
    pos_weight: Array | None = None,
    *,
    reduction: str = "mean",
) -> Array:
    """Binary cross-entropy of `sigmoid(x)`, exact for large `x` of either sign.

    x:          (...)
    target:     (...)
    weight:     (...), optional
    pos_weight: (...), optional
    ->          ()

    `weight` as for `bce`; `pos_weight`, which may broadcast too, multiplies the part of the target
    that is 1: above 1 it is missed less often.

    Source: Torch7 `nn.BCECriterion` after `nn.Sigmoid`, PyTorch `binary_cross_entropy_with_logits`.
    """
    name = "bce_with_logits"
    require_alike(name, x, target)
    missed = target * jax.nn.softplus(-x)
    if pos_weight is not None:
        missed = missed * broadcast(name, "pos_weight", pos_weight, x.shape)
    terms = missed + (1 - target) * jax.nn.softplus(x)
    return reduce(name, weighted(name, terms, weight), reduction)


def multi_label_soft_margin(
    x: Array, target: Array, weight: Array | None = None, *, reduction: str = "mean"
) -> Array:
    """`bce_with_logits` averaged over the classes: the loss of an example.

    x:      (..., classes)
    target: (..., classes)
    weight: (classes,), optional
    ->      ()

    Torch7's sum, which is that of all classes and not of their means, is `bce_with_logits`'s.

    Source: Torch7 `nn.MultiLabelSoftMarginCriterion`, PyTorch `multilabel_soft_margin_loss`.
    """
    terms = bce_with_logits(x, target, weight, reduction="none")
    return reduce("multi_label_soft_margin", jnp.mean(terms, -1), reduction)


def soft_margin(x: Array, target: Array, *, reduction: str = "mean") -> Array:
    """`log(1 + e^(-target x))` for targets 1 and -1, exact for large `x` of either sign.

    x:      (...)
    target: (...)
    ->      ()

    Source: Torch7 `nn.SoftMarginCriterion`, PyTorch `soft_margin_loss`.
    """
    target = signs(target, x)
    require_alike("soft_margin", x, target)
    return reduce("soft_margin", jax.nn.softplus(-target * x), reduction)

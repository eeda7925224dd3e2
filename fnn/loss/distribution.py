"""Losses of distributions: how improbable the target is, or how far one is from another."""

from math import log, pi

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from fnn.errors import known, require
from fnn.loss.reduction import broadcast, reduce, require_alike

__all__ = ["gaussian_kl", "gaussian_nll", "kl_div", "poisson_nll"]


def kl_div(x: Array, target: Array, *, reduction: str = "mean", log_target: bool = False) -> Array:
    """Kullback-Leibler divergence `y (log y - x)` of log-probabilities `x` from probabilities `y`.

    x:      (...)
    target: (...)
    ->      ()

    0 where y is 0 or below. With `log_target` the target is `log y`. "mean" divides by the number
    of elements; "batchmean" by the length of the first axis, and is the divergence averaged over
    examples.

    Source: Torch7 `nn.DistKLDivCriterion`, PyTorch `kl_div`.
    """
    require_alike("kl_div", x, target)
    if log_target:
        terms = jnp.exp(target) * (target - x)
    else:
        nothing = target <= 0
        y = jnp.where(nothing, 1, target)
        terms = jnp.where(nothing, 0, y * (jnp.log(y) - x))
    if reduction == "batchmean":
        return jnp.sum(terms) / (x.shape[0] if x.ndim else 1)
    return reduce("kl_div", terms, reduction)


def gaussian_nll(
    x: Array,
    target: Array,
    variance: Array,
    *,
    reduction: str = "mean",
    full: bool = False,
    eps: float = 1e-6,
) -> Array:
    """`(log v + (x - y)^2 / v) / 2` of a target y, where x is its mean and v its variance.

    x:        (...)
    target:   (...)
    variance: (...)
    ->        ()

    `variance` may lack the last axis or have length 1 along any. Where it is below `eps` it counts
    as `eps`, but has the gradient of a variance of that size, so that it can grow. `full` adds the
    constant `log(2 pi) / 2`. A negative variance is refused, except in compiled code.

    Source: Nix and Weigend 1994, PyTorch `gaussian_nll_loss`.
    """
    require_alike("gaussian_nll", x, target)
    if variance.shape == x.shape[:-1] != x.shape:
        variance = variance[..., None]
    variance = broadcast("gaussian_nll", "variance", variance, x.shape)
    values = known(variance)
    require(
        values is None or not np.any(values < 0),
        "gaussian_nll",
        "a negative variance",
        "none below 0",
        "a network's output is used as it is; take its exponential or softplus",
    )
    variance = jnp.where(variance < eps, variance - lax.stop_gradient(variance) + eps, variance)
    terms = 0.5 * (jnp.log(variance) + jnp.square(x - target) / variance)
    return reduce("gaussian_nll", terms + 0.5 * log(2 * pi) if full else terms, reduction)


def gaussian_kl(mean: Array, log_variance: Array, *, reduction: str = "mean") -> Array:
    """Kullback-Leibler divergence of a Gaussian from the standard one, for each element.

    `(mean^2 + v - 1 - log v) / 2` for the variance v.

    mean:         (...)
    log_variance: (...)
    ->            ()

    Source: Kingma and Welling 2013, appendix B.
    """
    require_alike("gaussian_kl", mean, log_variance, "log_variance")
    terms = 0.5 * (jnp.square(mean) + jnp.expm1(log_variance) - log_variance)
    return reduce("gaussian_kl", terms, reduction)


def poisson_nll(
    x: Array,
    target: Array,
    *,
    reduction: str = "mean",
    log_input: bool = True,
    full: bool = False,
    eps: float = 1e-8,
) -> Array:
    """`e^x - y x` of a count y, where x is the logarithm of its mean.

    x:      (...)
    target: (...)
    ->      ()

    With `log_input=False` x is the mean itself: `x - y log(x + eps)`. `full` adds Stirling's
    approximation of `log y!` where y is above 1.

    Source: PyTorch `poisson_nll_loss`.
    """
    require_alike("poisson_nll", x, target)
    terms = jnp.exp(x) - target * x if log_input else x - target * jnp.log(x + eps)
    if full:
        large = target > 1
        y = jnp.where(large, target, 1)
        stirling = y * jnp.log(y) - y + 0.5 * jnp.log(2 * pi * y)
        terms = terms + jnp.where(large, stirling, 0)
    return reduce("poisson_nll", terms, reduction)

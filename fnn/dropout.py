"""Noise that keeps units from relying on each other."""

from math import sqrt

import jax
import jax.numpy as jnp
from jax import Array

from fnn.errors import describe, require

__all__ = ["alpha_dropout", "dropout", "white_noise"]


def dropout(
    x: Array,
    key: Array,
    *,
    train: bool,
    p: float = 0.5,
    shared: int = 0,
    rescale: bool = True,
    always: bool = False,
) -> Array:
    """In training, zero each element with probability `p` and divide the others by `1 - p`.

    x:      (...)
    ->      (...)

    One draw serves all elements along the last `shared` axes: with 2 of them whole images of
    features are dropped. Without `rescale` training divides nothing, and evaluation multiplies by
    `1 - p`. `always` treats evaluation as training.

    Source: Srivastava et al. 2014; PyTorch `nn.Dropout`, `nn.Dropout1d`, `2d`, `3d`; Torch7
    `nn.Dropout` (its `v1` does not rescale, `stochasticInference` is `always`), and without
    rescaling `nn.SpatialDropout`, `nn.VolumetricDropout`.
    """
    _require_options("dropout", x, p, shared)
    if p == 0 or not (train or always):
        return x if rescale else x * (1 - p)
    if p == 1:
        return jnp.zeros_like(x)
    return jnp.where(_kept(x, key, p, shared), x / (1 - p) if rescale else x, 0.0)


def alpha_dropout(x: Array, key: Array, *, train: bool, p: float = 0.5, shared: int = 0) -> Array:
    """Dropout for `selu`: to the value it saturates at, then scaled so that mean and variance stay.

    x:      (...)
    ->      (...)

    One draw serves all elements along the last `shared` axes.

    Source: Klambauer et al. 2017; PyTorch `nn.AlphaDropout`, `nn.FeatureAlphaDropout`.
    """
    _require_options("alpha_dropout", x, p, shared)
    if p == 0 or not train:
        return x
    if p == 1:
        return jnp.zeros_like(x)
    low = -1.7580993408473766
    scale = 1 / sqrt((low * low * p + 1) * (1 - p))
    return scale * (jnp.where(_kept(x, key, p, shared), x, low) - low * p)


def _kept(x: Array, key: Array, p: float, shared: int) -> Array:
    require(key is not None, "dropout", "no key", "a random key", "it is needed in training")
    shape = x.shape[: x.ndim - shared] + (1,) * shared
    return jax.random.bernoulli(key, 1 - p, shape)


def _require_options(layer: str, x: Array, p: float, shared: int) -> None:
    require(0 <= p <= 1, layer, f"p={p}", "a probability", "a percentage, or a typo")
    require(
        0 <= shared <= x.ndim,
        layer,
        f"x {describe(x)}, shared={shared}",
        f"at least {shared} axes",
        "the images were flattened",
    )


def white_noise(x: Array, key: Array, *, train: bool, mean: float = 0.0, std: float = 0.1) -> Array:
    """`x` plus Gaussian noise in training, plus its mean in evaluation.

    x:      (...)
    ->      (...)

    Source: Torch7 `nn.WhiteNoise`.
    """
    shifted = x + mean if mean else x
    return shifted + std * jax.random.normal(key, x.shape, x.dtype) if train else shifted

"""Normalisation by mean and variance: of each feature over a batch, or of each example alone."""

import jax.numpy as jnp
from jax import Array, lax

from fnn.errors import describe, require

__all__ = ["batch_norm", "batch_norm_init", "batch_norm_state", "layer_norm", "layer_norm_init"]


def batch_norm(
    params: dict[str, Array],
    state: dict[str, Array],
    x: Array,
    *,
    train: bool,
    eps: float = 1e-5,
    momentum: float = 0.1,
) -> tuple[Array, dict[str, Array]]:
    """Normalise each feature: `weight (x - mean) / sqrt(var + eps) + bias`.

    params: weight, bias (features,), optional
    state:  running_mean, running_var (features,)
    x:      (batch, features, *space)
    ->      (batch, features, *space)

    In training mean and (biased) variance are those over the batch and space; `momentum` is their
    weight (unbiased) in the running ones, which are used otherwise.
    Source: Ioffe and Szegedy 2015; Torch7 `nn.SpatialBatchNormalization`, PyTorch `nn.BatchNorm2d`.
    """
    width = state["running_mean"].shape
    require(
        x.shape[1:2] == width,
        "batch_norm",
        f"x {describe(x)}",
        f"(batch, {width[0]}, *space)",
        "the batch axis is missing, or the layer was made for another width",
    )
    count = x.size // width[0]
    require(
        count > 1 or not train,
        "batch_norm",
        f"x {describe(x)} in training",
        "more than one value for each feature",
        "the last batch holds a single example, or train should be False",
    )

    def along(vector: Array) -> Array:
        return lax.broadcast_in_dim(vector, x.shape, (1,))

    if train:
        axes = (0, *range(2, x.ndim))
        mean = x.mean(axes)
        centred = x - along(mean)
        var = jnp.square(centred).mean(axes)
        new = {"running_mean": mean, "running_var": var * (count / (count - 1))}
        state = {name: (1 - momentum) * state[name] + momentum * new[name] for name in new}
    else:
        centred, var = x - along(state["running_mean"]), state["running_var"]
    scale = lax.rsqrt(var + eps)
    y = centred * along(scale * params["weight"] if "weight" in params else scale)
    return (y + along(params["bias"]) if "bias" in params else y), state


def batch_norm_init(key: Array, features: int, *, affine: bool = True) -> dict[str, Array]:
    """Weights one and biases zero, or nothing at all when not `affine`."""
    return {"weight": jnp.ones(features), "bias": jnp.zeros(features)} if affine else {}


def batch_norm_state(features: int) -> dict[str, Array]:
    """Mean zero and variance one, until a batch was seen."""
    return {"running_mean": jnp.zeros(features), "running_var": jnp.ones(features)}


def layer_norm(
    params: dict[str, Array], x: Array, *, dimensions: int = 1, eps: float = 1e-5
) -> Array:
    """Normalise each example over its last `dimensions` axes, then scale and shift each element.

    params: weight (*shape), optional; bias (*shape), optional
    x:      (..., *shape)
    ->      (..., *shape)

    Source: Ba, Kiros and Hinton 2016; PyTorch `nn.LayerNorm`.
    """
    axes = tuple(range(x.ndim - dimensions, x.ndim))
    require(
        0 < dimensions <= x.ndim
        and all(array.shape == x.shape[-dimensions:] for array in params.values()),
        "layer_norm",
        f"x {describe(x)}, params {describe(params)}",
        f"params of the shape of the last axes of x, {dimensions} of them",
        "the layer was made for another shape, or dimensions is not the number of its axes",
    )
    centred = x - x.mean(axes, keepdims=True)
    y = centred * lax.rsqrt(jnp.square(centred).mean(axes, keepdims=True) + eps)
    if "weight" in params:
        y = y * lax.broadcast_in_dim(params["weight"], x.shape, axes)
    if "bias" in params:
        y = y + lax.broadcast_in_dim(params["bias"], x.shape, axes)
    return y


def layer_norm_init(key: Array, *shape: int, bias: bool = True) -> dict[str, Array]:
    """Weights one and, unless without `bias`, biases zero."""
    params = {"weight": jnp.ones(shape)}
    return params | {"bias": jnp.zeros(shape)} if bias else params

"""Normalisation by mean and variance: of each feature over a batch, or of each example alone."""

from math import prod

import jax.numpy as jnp
from jax import Array, lax

from fnn.errors import describe, require

__all__ = [
    "batch_norm",
    "batch_norm_init",
    "batch_norm_state",
    "group_norm",
    "group_norm_init",
    "instance_norm",
    "instance_norm_init",
    "instance_norm_state",
    "layer_norm",
    "layer_norm_init",
    "rms_norm",
    "rms_norm_init",
]


def batch_norm(
    params: dict[str, Array],
    state: dict[str, Array],
    x: Array,
    *,
    train: bool,
    eps: float = 1e-5,
    momentum: float | None = 0.1,
) -> tuple[Array, dict[str, Array]]:
    """Normalise each feature: `weight (x - mean) / sqrt(var + eps) + bias`.

    params: weight, bias (features,), optional
    state:  running_mean, running_var (features,), optional; num_batches_tracked () int, optional
    x:      (batch, features, *space)
    ->      (batch, features, *space)

    In training mean and (biased) variance are those over the batch and space; `momentum` is their
    weight (unbiased) in the running ones, which are used otherwise. The running ones of all batches
    weigh the same if `momentum` is None, for which the batches must be counted. Without running
    ones those of the batch are used always.
    Source: Ioffe and Szegedy 2015; Torch7 `nn.SpatialBatchNormalization`, PyTorch `nn.BatchNorm2d`.
    """
    _require_features("batch_norm", params | state, x)
    count = x.size // max(x.shape[1], 1)
    if "running_mean" in state and not train:
        centred, var = x - _along(x, state["running_mean"]), state["running_var"]
    else:
        _require_several("batch_norm", x, count)
        mean, centred, var = batch_moments(x)
        if train:
            state = _updated("batch_norm", state, mean, var * (count / (count - 1)), momentum)
    scale = lax.rsqrt(var + eps)
    y = centred * _along(x, scale * params["weight"] if "weight" in params else scale)
    return (y + _along(x, params["bias"]) if "bias" in params else y), state


def batch_moments(x: Array) -> tuple[Array, Array, Array]:
    """Of each feature of a batch: the mean, `x` less the mean, and the (biased) variance.

    x:      (batch, features, *space)
    ->      (features,); (batch, features, *space); (features,)

    Source: Ioffe and Szegedy 2015; the `save_mean` of Torch7's `nn.BatchNormalization`.
    """
    axes = (0, *range(2, x.ndim))
    mean = x.mean(axes)
    centred = x - _along(x, mean)
    return mean, centred, jnp.square(centred).mean(axes)


def batch_norm_init(
    key: Array, features: int, *, affine: bool = True, bias: bool = True
) -> dict[str, Array]:
    """Weights one and, unless without `bias`, biases zero; nothing at all when not `affine`."""
    return _ones_and_zeros((features,), affine, bias)


def batch_norm_state(
    features: int, *, track: bool = True, momentum: float | None = 0.1
) -> dict[str, Array]:
    """Mean zero and variance one, until a batch was seen; nothing at all when not to `track` them.

    Batches are counted if `momentum` is None, which needs their number.
    """
    if not track:
        return {}
    state = {"running_mean": jnp.zeros(features), "running_var": jnp.ones(features)}
    counted = {"num_batches_tracked": jnp.zeros((), jnp.int32)} if momentum is None else {}
    return state | counted


def instance_norm(
    params: dict[str, Array],
    state: dict[str, Array],
    x: Array,
    *,
    train: bool,
    eps: float = 1e-5,
    momentum: float = 0.1,
) -> tuple[Array, dict[str, Array]]:
    """Normalise each feature of each example over space, then scale and shift each feature.

    params: weight, bias (features,), optional
    state:  running_mean, running_var (features,), optional
    x:      (batch, features, *space)
    ->      (batch, features, *space)

    If there are running mean and variance, they follow those of the examples in training, averaged
    over the batch, and are used otherwise. Without them it is `group_norm` of groups of 1.
    Source: Ulyanov, Vedaldi and Lempitsky 2016; PyTorch `nn.InstanceNorm2d`.
    """
    _require_features("instance_norm", params | state, x)
    if "running_mean" in state and not train:
        y = (x - _along(x, state["running_mean"])) * _along(
            x, lax.rsqrt(state["running_var"] + eps)
        )
    else:
        count = prod(x.shape[2:])
        _require_several("instance_norm", x, count)
        axes = tuple(range(2, x.ndim))
        mean = x.mean(axes, keepdims=True)
        centred = x - mean
        var = jnp.square(centred).mean(axes, keepdims=True)
        y = centred * lax.rsqrt(var + eps)
        if train and state:
            means = (of.reshape(x.shape[:2]).mean(0) for of in (mean, var))
            mean, var = means
            state = _updated("instance_norm", state, mean, var * (count / (count - 1)), momentum)
    return _affine(params, y, (1,)), state


def instance_norm_init(
    key: Array, features: int, *, affine: bool = False, bias: bool = True
) -> dict[str, Array]:
    """Weights one and, unless without `bias`, biases zero if `affine`, by default nothing."""
    return _ones_and_zeros((features,), affine, bias)


def instance_norm_state(features: int, *, track: bool = False) -> dict[str, Array]:
    """Mean zero and variance one if they are to be tracked, by default nothing."""
    return batch_norm_state(features, track=track)


def group_norm(params: dict[str, Array], x: Array, *, groups: int, eps: float = 1e-5) -> Array:
    """Normalise each of `groups` of features of an example, then scale and shift each feature.

    params: weight, bias (features,), optional
    x:      (batch, features, *space)
    ->      (batch, features, *space)

    Source: Wu and He 2018; PyTorch `nn.GroupNorm`.
    """
    _require_features("group_norm", params, x)
    require(
        groups > 0 and x.shape[1] % groups == 0,
        "group_norm",
        f"x {describe(x)} in {groups} groups",
        "features divisible by the number of groups",
        "the features are not the second axis",
    )
    grouped = x.reshape(x.shape[0], groups, x.shape[1] // groups, *x.shape[2:])
    y = _standardised(grouped, tuple(range(2, grouped.ndim)), eps)
    return _affine(params, y.reshape(x.shape), (1,))


def group_norm_init(
    key: Array, features: int, *, affine: bool = True, bias: bool = True
) -> dict[str, Array]:
    """Weights one and, unless without `bias`, biases zero; nothing at all when not `affine`."""
    return _ones_and_zeros((features,), affine, bias)


def layer_norm(
    params: dict[str, Array], x: Array, *, dimensions: int = 1, eps: float = 1e-5
) -> Array:
    """Normalise each example over its last `dimensions` axes, then scale and shift each element.

    params: weight (*shape), optional; bias (*shape), optional
    x:      (..., *shape)
    ->      (..., *shape)

    Torch7 adds its `eps` to the sum of the n squares: that is `eps/n` here.
    Source: Ba, Kiros and Hinton 2016; PyTorch `nn.LayerNorm`, Torch7 `nn.LayerNormalization`.
    """
    axes = _last_axes("layer_norm", params, x, dimensions)
    return _affine(params, _standardised(x, axes, eps), axes)


def layer_norm_init(
    key: Array, *shape: int, affine: bool = True, bias: bool = True
) -> dict[str, Array]:
    """Weights one and, unless without `bias`, biases zero; nothing at all when not `affine`."""
    return _ones_and_zeros(shape, affine, bias)


def rms_norm(
    params: dict[str, Array], x: Array, *, dimensions: int = 1, eps: float | None = None
) -> Array:
    """Divide each example by its root mean square over the last `dimensions` axes, then scale.

    params: weight (*shape), optional
    x:      (..., *shape)
    ->      (..., *shape)

    The root is that of `mean(x^2) + eps`; None is the smallest step from 1 of x's type.
    Source: Zhang and Sennrich 2019; PyTorch `nn.RMSNorm`.
    """
    axes = _last_axes("rms_norm", params, x, dimensions)
    eps = float(jnp.finfo(x.dtype).eps) if eps is None else eps
    y = x * lax.rsqrt(jnp.square(x).mean(axes, keepdims=True) + eps)
    return _affine(params, y, axes)


def rms_norm_init(key: Array, *shape: int, affine: bool = True) -> dict[str, Array]:
    """Weights one, or nothing at all when not `affine`."""
    return _ones_and_zeros(shape, affine, bias=False)


def _standardised(x: Array, axes: tuple[int, ...], eps: float) -> Array:
    """With mean 0 and variance 1 over some axes."""
    centred = x - x.mean(axes, keepdims=True)
    return centred * lax.rsqrt(jnp.square(centred).mean(axes, keepdims=True) + eps)


def _along(x: Array, vector: Array) -> Array:
    """One number a feature, in the shape of `x`."""
    return lax.broadcast_in_dim(vector, x.shape, (1,))


def _affine(params: dict[str, Array], y: Array, axes: tuple[int, ...]) -> Array:
    """Scaled and shifted by what of weight and bias there is, which lie along some axes."""
    if "weight" in params:
        y = y * lax.broadcast_in_dim(params["weight"], y.shape, axes)
    return y + lax.broadcast_in_dim(params["bias"], y.shape, axes) if "bias" in params else y


def _ones_and_zeros(shape: tuple[int, ...], affine: bool, bias: bool) -> dict[str, Array]:
    """Weights one and biases zero, as far as there are any."""
    params = {"weight": jnp.ones(shape), "bias": jnp.zeros(shape)}
    return {name: params[name] for name in ("weight", "bias")[: affine * (1 + bias)]}


def _updated(
    layer: str, state: dict[str, Array], mean: Array, var: Array, momentum: float | None
) -> dict[str, Array]:
    """The running statistics after those of one more batch."""
    counted = {}
    if "num_batches_tracked" in state:
        counted = {"num_batches_tracked": state["num_batches_tracked"] + 1}
    if "running_mean" not in state:
        return state | counted
    require(
        momentum is not None or bool(counted),
        layer,
        f"momentum=None, state {describe(state)}",
        "num_batches_tracked among the state",
        f"the state was made without momentum=None: {layer}_state(features, momentum=None)",
    )
    share = 1 / counted["num_batches_tracked"].astype(mean.dtype) if momentum is None else momentum
    new = {"running_mean": mean, "running_var": var}
    return {name: (1 - share) * state[name] + share * new[name] for name in new} | counted


def _require_features(layer: str, arrays: dict[str, Array], x: Array) -> None:
    """Raise a `LayerError` unless the second axis is that of the features."""
    widths = {array.shape for array in arrays.values() if array.ndim}
    require(
        x.ndim > 1 and widths <= {x.shape[1:2]},
        layer,
        f"x {describe(x)}",
        f"(batch, {', '.join(str(w[0]) for w in widths) or 'features'}, *space)",
        "the batch axis is missing, or the layer was made for another width",
    )


def _require_several(layer: str, x: Array, count: int) -> None:
    """Raise a `LayerError` unless more than one value makes a mean."""
    require(
        count > 1,
        layer,
        f"x {describe(x)} in training",
        "more than one value for each feature",
        "the last batch holds a single example, or train should be False",
    )


def _last_axes(layer: str, params: dict[str, Array], x: Array, dimensions: int) -> tuple[int, ...]:
    """The last `dimensions` axes, of which the parameters have the shape."""
    require(
        isinstance(dimensions, int),
        layer,
        f"dimensions={dimensions}",
        "a number of axes",
        "PyTorch's normalized_shape: here the parameters have the shape",
    )
    require(
        0 < dimensions <= x.ndim
        and all(array.shape == x.shape[-dimensions:] for array in params.values()),
        layer,
        f"x {describe(x)}, params {describe(params)}",
        f"params of the shape of the last axes of x, {dimensions} of them",
        "the layer was made for another shape, or dimensions is not the number of its axes",
    )
    return tuple(range(x.ndim - dimensions, x.ndim))

"""Activations that are more than a function of each element: learned, random, or of several."""

import jax
import jax.numpy as jnp
from jax import Array, lax

from fnn.activation import leaky_relu, relu, sigmoid
from fnn.axes import axis_of
from fnn.errors import describe, require

__all__ = [
    "crelu",
    "glu",
    "maxout",
    "prelu",
    "prelu_init",
    "rrelu",
    "srelu",
    "srelu_init",
]


def glu(x: Array, *, axis: int = -1) -> Array:
    """The first half along an axis, times the sigmoid of the second.

    x:      (..., features)
    ->      (..., features')

    Source: Dauphin et al. 2017; PyTorch `nn.GLU`, Torch7 `nn.GatedLinearUnit`.
    """
    axis = axis_of("glu", x, axis)
    require(
        x.shape[axis] % 2 == 0,
        "glu",
        f"x {describe(x)}, axis={axis}",
        "an even size along the axis",
        "the layer before should have twice as many outputs as are wanted here",
    )
    first, second = jnp.split(x, 2, axis)
    return first * sigmoid(second)


def prelu(params: dict[str, Array], x: Array) -> Array:
    """`x` above 0, `weight x` elsewhere: one weight, or one for each feature.

    params: weight (features,)
    x:      (batch, features, ...)
    ->      (batch, features, ...)

    Source: He et al. 2015; PyTorch and Torch7 `nn.PReLU`.
    """
    return jnp.where(x > 0, x, _spread("prelu", params["weight"], x) * x)


def prelu_init(key: Array, features: int = 1) -> dict[str, Array]:
    """All slopes 0.25."""
    return {"weight": jnp.full(features, 0.25)}


def rrelu(
    x: Array, key: Array, *, train: bool, lower: float = 1 / 8, upper: float = 1 / 3
) -> Array:
    """`x` above 0, `slope x` elsewhere: in training a random slope, else the mean of the bounds.

    x:      (...)
    ->      (...)

    Source: Xu et al. 2015; PyTorch and Torch7 `nn.RReLU`.
    """
    if not train:
        return leaky_relu(x, slope=(lower + upper) / 2)
    slope = jax.random.uniform(key, x.shape, x.dtype, lower, upper)
    return jnp.where(x > 0, x, slope * x)


def crelu(x: Array, *, axis: int = -1, dimensions: int | None = None) -> Array:
    """The positive parts of `x`, then those of `-x`, joined along an axis.

    x:      (..., features)
    ->      (..., 2 * features)

    With `dimensions` the axis is that of one example with so many; `x` may have one more.

    Source: Shang et al. 2016; Torch7 `nn.CReLU`, along axis 0 of an example.
    """
    return lax.concatenate([relu(x), relu(-x)], axis_of("crelu", x, axis, dimensions))


def maxout(x: Array, *, pieces: int, axis: int = -1) -> Array:
    """The largest of `pieces` features, which lie a `pieces`-th of the axis apart.

    x:      (..., features)
    ->      (..., features / pieces)

    Of equal features the first has the gradient.

    Source: Goodfellow et al. 2013; Torch7 `nn.Maxout`, after `linear`.
    """
    axis = axis_of("maxout", x, axis)
    require(
        pieces > 0 and x.shape[axis] % pieces == 0,
        "maxout",
        f"x {describe(x)}, pieces={pieces}, axis={axis}",
        f"a multiple of {pieces} features",
        "the layer before should have as many outputs as are wanted here for each piece",
    )
    best, *others = jnp.split(x, pieces, axis)
    for other in others:
        best = jnp.where(other > best, other, best)
    return best


def srelu(params: dict[str, Array], x: Array) -> Array:
    """`x` between two thresholds; beyond each a line of its own, that meets `x` there.

    params: left, left_slope, right, right_slope (features,)
    x:      (batch, features, ...)
    ->      (batch, features, ...)

    Source: Jin et al. 2016.
    """
    spread = {name: _spread("srelu", array, x) for name, array in params.items()}
    left, right = spread["left"], spread["right"]
    below = left + spread["left_slope"] * (x - left)
    above = right + spread["right_slope"] * (x - right)
    return jnp.where(x >= right, above, jnp.where(x <= left, below, x))


def srelu_init(key: Array, features: int = 1) -> dict[str, Array]:
    """A leaky ReLU with slope 0.2 to begin with; learned from there."""
    values = {"left": 0.0, "left_slope": 0.2, "right": 1.0, "right_slope": 1.0}
    return {name: jnp.full(features, value) for name, value in values.items()}


def _spread(layer: str, weight: Array, x: Array) -> Array:
    """A weight for each feature, or one for all, with the axes of `x`."""
    axis = min(1, x.ndim - 1)
    require(
        x.ndim > 0 and weight.shape[0] in (1, x.shape[axis]),
        layer,
        f"x {describe(x)} for {weight.shape[0]} weights",
        f"{weight.shape[0]} features along axis {axis}",
        "the layer was made for another number of features",
    )
    return lax.expand_dims(weight, [i for i in range(x.ndim) if i != axis])

"""How far vectors are from each other, or from vectors that are learned.

A distance has gradient 0 where it is 0.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from fnn.axes import axis_of, require_alike
from fnn.elements import norm
from fnn.errors import describe, require
from fnn.gradient import scale_gradient
from fnn.initializers import uniform_fan_in

__all__ = [
    "centroid_shift",
    "cosine",
    "cosine_init",
    "cosine_similarity",
    "distance_matrix",
    "dot_product",
    "euclidean",
    "euclidean_init",
    "nearest_centroid",
    "nearest_centroid_init",
    "pairwise_distance",
    "point_distances",
    "weighted_euclidean",
    "weighted_euclidean_init",
]


def euclidean(params: dict[str, Array], x: Array, *, eps: float = 1e-7) -> Array:
    """Distance to each column of the weight: `y_j = |x - w_j|`.

    params: weight (inputs, outputs)
    x:      (..., inputs)
    ->      (..., outputs)

    Gradients divide by `y_j + eps`.

    Source: Torch7 `nn.Euclidean`.
    """
    return _length(_differences("euclidean", params["weight"], x), eps)


def euclidean_init(key: Array, inputs: int, outputs: int) -> dict[str, Array]:
    """Weight uniform in +-1/sqrt(inputs), as Torch7 draws it."""
    return uniform_fan_in(key, inputs, weight=(inputs, outputs))


def weighted_euclidean(params: dict[str, Array], x: Array, *, eps: float = 1e-7) -> Array:
    """Distance to each column of the weight in its own units: `y_j = |c_j (x - w_j)|`.

    params: weight (inputs, outputs); diagonal (inputs, outputs)
    x:      (..., inputs)
    ->      (..., outputs)

    Gradients divide by `y_j + eps`.

    Source: Torch7 `nn.WeightedEuclidean`, where the diagonal is called `diagCov`.
    """
    differences = _differences("weighted_euclidean", params["weight"], x)
    diagonal = jnp.broadcast_to(params["diagonal"], differences.shape)
    return _length(diagonal * differences, eps)


def weighted_euclidean_init(key: Array, inputs: int, outputs: int) -> dict[str, Array]:
    """Weight uniform in +-1/sqrt(inputs), diagonal 1, as Torch7 has them."""
    return euclidean_init(key, inputs, outputs) | {"diagonal": jnp.ones((inputs, outputs))}


def _differences(layer: str, weight: Array, x: Array) -> Array:
    _require_width(layer, x, weight.shape[0])
    shape = (*x.shape, weight.shape[1])
    return jnp.broadcast_to(x[..., None], shape) - jnp.broadcast_to(weight, shape)


def _length(x: Array, eps: float) -> Array:
    y = norm(x, p=2, axis=(-2,), keepdims=False)
    return scale_gradient(y, y / (y + eps))


def _require_width(layer: str, x: Array, width: int) -> None:
    require(
        x.shape[-1:] == (width,),
        layer,
        f"x {describe(x)}",
        f"(..., {width})",
        "the layer was made for another width",
    )


def cosine(params: dict[str, Array], x: Array, *, eps: float = 1e-12) -> Array:
    """Cosine of the angle to each row of the weight; `eps` is added to every length.

    params: weight (outputs, inputs)
    x:      (..., inputs)
    ->      (..., outputs)

    Source: Torch7 `nn.Cosine`.
    """
    weight = params["weight"]
    _require_width("cosine", x, weight.shape[1])
    rows = weight / (norm(weight, p=2, axis=(-1,), keepdims=True) + eps)
    return (x / (norm(x, p=2, axis=(-1,), keepdims=True) + eps)) @ rows.T


def cosine_init(key: Array, inputs: int, outputs: int) -> dict[str, Array]:
    """Weight uniform in +-1/sqrt(outputs), as Torch7 draws it."""
    return uniform_fan_in(key, outputs, weight=(outputs, inputs))


def dot_product(x: Array, y: Array) -> Array:
    """Sum of products along the last axis.

    x:      (..., features)
    y:      (..., features)
    ->      (...)

    Source: Torch7 `nn.DotProduct`.
    """
    require_alike("dot_product", x, y)
    return jnp.sum(x * y, -1)


def cosine_similarity(
    x: Array, y: Array, *, axis: int = -1, eps: float = 1e-8, squared: bool = False
) -> Array:
    """Cosine of the angle between vectors along an axis, whose lengths count at least as `eps`.

    x:      (..., features)
    y:      (..., features)
    ->      (...)

    As in PyTorch gradients are those of the lengths themselves, even of smaller ones. With
    `squared`, `eps` is added to the squared lengths instead: Torch7 has 1e-12 there.

    Source: PyTorch `nn.CosineSimilarity`, Torch7 `nn.CosineDistance`.
    """
    require_alike("cosine_similarity", x, y)
    axis = axis_of("cosine_similarity", x, axis)
    if squared:
        lengths = jnp.sqrt((jnp.sum(x * x, axis) + eps) * (jnp.sum(y * y, axis) + eps))
        return jnp.sum(x * y, axis) / lengths
    return jnp.sum(_unit(x, axis, eps) * _unit(y, axis, eps), axis)


def _unit(x: Array, axis: int, eps: float) -> Array:
    length = norm(x, p=2, axis=(axis,), keepdims=True)
    return x / (length + lax.stop_gradient(jnp.maximum(length, eps) - length))


def pairwise_distance(
    x: Array,
    y: Array,
    *,
    p: float = 2.0,
    eps: float = 1e-6,
    slack: float = 0.0,
    keepdims: bool = False,
) -> Array:
    """The p-norm `d` of `x - y + eps` along the last axis.

    x:      (..., features)
    y:      (..., features)
    ->      (...')

    Gradients divide by `(d + slack)^(p - 1)`.

    Source: PyTorch `nn.PairwiseDistance`; Torch7 `nn.PairwiseDistance`, with `eps` 0, `slack` 1e-6.
    """
    require_alike("pairwise_distance", x, y)
    d = norm(x - y + eps, p=p, axis=(-1,), keepdims=keepdims)
    return scale_gradient(d, (d / (d + slack)) ** (p - 1)) if slack and p != 1 else d


def distance_matrix(x: Array, y: Array, *, p: float = 2.0) -> Array:
    """The p-norm distance of every row of `x` to every row of `y`.

    x:      (..., rows, features)
    y:      (..., others, features)
    ->      (..., rows, others)

    Source: PyTorch `cdist`.
    """
    require(
        x.shape[:-2] == y.shape[:-2] and x.shape[-1:] == y.shape[-1:] and x.ndim > 1,
        "distance_matrix",
        describe((x, y)),
        "two batches of rows of one width",
        "one of the two lacks its batch axis",
    )
    shape = (*x.shape[:-1], *y.shape[-2:])
    pairs = [jnp.broadcast_to(a, shape) for a in (x[..., :, None, :], y[..., None, :, :])]
    return _distance(pairs[0] - pairs[1], p)


def point_distances(x: Array, *, p: float = 2.0) -> Array:
    """The p-norm distances of all pairs of rows, each pair once: (0, 1), (0, 2), ..., (1, 2), ....

    x:      (rows, features)
    ->      (pairs',)

    Source: PyTorch `pdist`.
    """
    require(x.ndim == 2, "point_distances", f"x {describe(x)}", "(rows, features)", "a batch")
    first, second = np.triu_indices(x.shape[0], 1)
    return _distance(x[first] - x[second], p)


def _distance(difference: Array, p: float) -> Array:
    """The norm along the last axis; of equal largest elements each has the whole gradient."""
    d = norm(difference, p=p, axis=(-1,), keepdims=False)
    if p != np.inf:
        return d
    largest = jnp.abs(difference) == jnp.broadcast_to(d[..., None], difference.shape)
    return scale_gradient(d, largest.sum(-1, dtype=d.dtype))


def nearest_centroid(params: dict[str, Array], x: Array) -> tuple[Array, Array]:
    """The index of the nearest row of the weight, the first of equally near ones; its distance^2.

    params: weight (count, features)
    x:      (batch, features)
    ->      (batch,) int; (batch,)

    Source: Torch7 `nn.Kmeans`, whose `loss` is the sum of the squared distances.
    """
    weight = params["weight"]
    _require_width("nearest_centroid", x, weight.shape[1])
    shape = (*x.shape[:-1], *weight.shape)
    differences = jnp.broadcast_to(x[..., None, :], shape) - jnp.broadcast_to(weight, shape)
    squares = jnp.sum(differences * differences, -1)
    nearest = jnp.argmin(squares, -1, keepdims=True)
    return nearest[..., 0], jnp.take_along_axis(squares, nearest, -1)[..., 0]


def nearest_centroid_init(key: Array, count: int, features: int) -> dict[str, Array]:
    """Centroids uniform in +-1, as Torch7 draws them."""
    return uniform_fan_in(key, 1, weight=(count, features))


def centroid_members(params: dict[str, Array], x: Array) -> Array:
    """A row for each centroid, with 1 for each example that is nearest to it, else 0.

    params: weight (count, features)
    x:      (batch, features)
    ->      (count, batch)

    Source: Torch7 `nn.Kmeans`, whose `clusterSampleCount` has the sums of the rows.
    """
    nearest, _ = nearest_centroid(params, x)
    return jax.nn.one_hot(nearest, params["weight"].shape[0], axis=0, dtype=x.dtype)


def centroid_shift(params: dict[str, Array], x: Array) -> Array:
    """Each centroid less the mean of the examples that are nearest to it; 0 if there are none.

    params: weight (count, features)
    x:      (batch, features)
    ->      (count, features)

    Source: Torch7 `nn.Kmeans`, which takes this for the gradient of the weight.
    """
    weight = params["weight"]
    members = centroid_members(params, x)
    count = jnp.broadcast_to(members.sum(1, keepdims=True), weight.shape)
    return (count * weight - members @ x) / (count + 1e-7)

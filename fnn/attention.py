"""Attention: each query takes the values whose keys match it.

A mask of booleans is true where a query may look (in PyTorch's modules, though not in its
`scaled_dot_product_attention`, it is the other way round); a mask of floats is added to the scores.
A query that may look nowhere gets zeros.
"""

from math import sqrt
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

from fnn.dropout import dropout
from fnn.errors import describe, require
from fnn.initializers import uniform_fan_in, xavier_normal, xavier_uniform
from fnn.matmul import linear_rows, transposed

__all__ = ["dot_product_attention", "multi_head_attention", "multi_head_attention_init"]


def dot_product_attention(
    query: Array,
    keys: Array,
    values: Array,
    mask: Array | None = None,
    key: Array | None = None,
    *,
    train: bool = False,
    p: float = 0.0,
    scale: float | None = None,
    causal: bool = False,
    grouped: bool = False,
) -> Array:
    """Mix the values by the softmax over `scale * query . keys`.

    query:  (..., length, features)
    keys:   (..., positions, features)
    values: (..., positions, width)
    mask:   (..., length, positions) bool, optional
    ->      (..., length, width)

    Heads are leading axes. `mask` is true where a query may look, or a number that is added to each
    score; it broadcasts. `causal` lets query i look at positions up to i. A query that may look
    nowhere gets zeros. `scale` is 1/sqrt(features) unless given. `p` is the probability of dropout
    of a weight in training. With `grouped` neighbouring heads of queries share a head of keys, and
    one of values.

    Source: Vaswani et al. 2017, Ainslie et al. 2023; PyTorch `scaled_dot_product_attention`.
    """
    name = "dot_product_attention"
    if grouped and query.ndim > 2:
        keys, values = _repeated(name, query, keys), _repeated(name, query, values)
    require(
        query.ndim >= 2
        and query.shape[:-2] == keys.shape[:-2] == values.shape[:-2]
        and query.shape[-1] == keys.shape[-1]
        and keys.shape[-2] == values.shape[-2],
        name,
        f"query {describe(query)}, keys {describe(keys)}, values {describe(values)}",
        "(..., length, features), (..., positions, features), (..., positions, width)",
        "the heads were not split alike, or keys and values come from different sequences",
    )
    scores = _scores(name, query, keys, mask, scale, causal)
    if train and p > 0:
        return _noisy(name, _softmax(scores), key, p) @ values
    return _mix(scores, transposed(values))


@jax.custom_jvp
def _mix(scores: Array, values: Array) -> Array:
    """Mean of the values, which are transposed, by the softmax of the scores."""
    weights, rate = _exponentials(scores)
    return (weights @ jnp.matrix_transpose(values)) * rate


@_mix.defjvp
def _mix_jvp(primals: tuple[Array, Array], tangents: tuple[Array, Array]) -> tuple[Array, Array]:
    """A change of the scores moves each mean towards the values that gain.

    So its gradient needs sums over the features, not over the positions, and no softmax again.
    """
    (scores, values), (gain, change) = primals, tangents
    weights, rate = _exponentials(scores)
    values, change = jnp.matrix_transpose(values), jnp.matrix_transpose(change)
    mean = (weights @ values) * rate
    gain = weights * gain
    away = jnp.sum(gain, -1, keepdims=True) * mean
    return mean, (gain @ values - away + weights @ change) * rate


def _exponentials(scores: Array) -> tuple[Array, Array]:
    """Weights that are not normalised yet, and by what they are: zeros for a row of only -inf."""
    top = lax.stop_gradient(jnp.max(scores, -1, keepdims=True, initial=-jnp.inf))
    weights = jnp.exp(scores - jnp.where(top == -jnp.inf, 0, top))
    total = jnp.sum(weights, -1, keepdims=True)
    some = total > 0
    return weights, jnp.where(some, 1 / jnp.where(some, total, 1), 0)


def _softmax(scores: Array) -> Array:
    weights, rate = _exponentials(scores)
    return weights * rate


def _repeated(layer: str, query: Array, shared: Array) -> Array:
    """Each head as often as there are heads of queries for it."""
    require(
        shared.ndim == query.ndim and query.shape[-3] % shared.shape[-3] == 0,
        layer,
        f"query {describe(query)} and keys or values {describe(shared)}",
        "a multiple of their heads, in axis -3",
        "heads are not the third axis from the end",
    )
    return jnp.repeat(shared, query.shape[-3] // shared.shape[-3], -3)


def _noisy(layer: str, weights: Array, key: Array | None, p: float) -> Array:
    """Dropout of weights in training."""
    require(key is not None, layer, "no key", "a random key", "p was set, but no key was given")
    return dropout(weights, key, train=True, p=p) if key is not None else weights


def _scores(
    layer: str, query: Array, keys: Array, mask: Array | None, scale: float | None, causal: bool
) -> Array:
    """How well each query matches each position; -inf where it may not look."""
    scores = query @ transposed(keys)
    scores = scores * (1 / sqrt(query.shape[-1]) if scale is None else scale)
    if causal:
        triangle = jnp.tri(*scores.shape[-2:], dtype=bool)
        scores = jnp.where(jnp.broadcast_to(triangle, scores.shape), scores, -jnp.inf)
    if mask is None:
        return scores
    pairs = zip(mask.shape[::-1], scores.shape[::-1], strict=False)
    require(
        mask.ndim <= scores.ndim
        and all(m in (1, s) for m, s in pairs)
        and (mask.dtype == bool or jnp.issubdtype(mask.dtype, jnp.floating)),
        layer,
        f"mask {describe(mask)}",
        f"booleans or floats that broadcast to {list(scores.shape)}",
        "the mask was made for other lengths, lacks an axis for the heads, or holds 0 and 1",
    )
    mask = jnp.broadcast_to(mask, scores.shape)
    return jnp.where(mask, scores, -jnp.inf) if mask.dtype == bool else scores + mask


def multi_head_attention(
    params: dict[str, Any],
    query: Array,
    keys: Array | None = None,
    values: Array | None = None,
    mask: Array | None = None,
    present: Array | None = None,
    key: Array | None = None,
    *,
    heads: int,
    train: bool,
    p: float = 0.0,
    causal: bool = False,
    zero: bool = False,
    weights: str = "none",
) -> Any:
    """Attention of several heads side by side, each on its own projections.

    params:  in_proj_weight (3 * features, features); in_proj_bias (3 * features,), optional;
             out_proj.weight (features, features); out_proj.bias (features,), optional;
             bias_k, bias_v (1, 1, features), optional
    query:   (..., length, features)
    keys:    (..., positions, features), optional
    values:  (..., positions, features), optional
    mask:    (length, positions) bool, optional
    present: (..., positions) bool, optional
    ->       (..., length, features)

    `keys` are `query` unless given, `values` are `keys`. Where they have other widths, instead of
    in_proj_weight there are q_proj_weight, k_proj_weight and v_proj_weight. `bias_k` and `bias_v`
    are one more position, and `zero` adds one of zeros; both may always be looked at.
    `mask` broadcasts to (..., heads, length, positions); `present` says which positions of each
    example exist. `weights` asks for (..., length, positions') as a second output: their "average"
    over the heads, or those of all "heads", which is an axis before length then.
    `p` is the probability of dropout of a weight.

    Source: Vaswani et al. 2017; PyTorch `nn.MultiheadAttention`, with the batch first.
    """
    name = "multi_head_attention"
    require(
        weights in ("none", "average", "heads")
        and query.ndim > 1
        and heads > 0
        and query.shape[-1] % heads == 0,
        name,
        f"query {describe(query)}, heads={heads}, weights={weights!r}",
        'a multiple of heads as the width, and "none", "average" or "heads"',
        "the heads do not divide the width, or weights is misspelt",
    )
    q, k, v = _projections(params, query, keys, values)
    require(
        k.shape[:-1] == v.shape[:-1] and k.ndim == q.ndim,
        name,
        f"keys {describe(keys)} and values {describe(values)} for query {describe(query)}",
        "as many keys as values, and as many axes as the query",
        "keys and values come from different sequences, or one lacks its batch axis",
    )
    positions = k.shape[-2]
    if "bias_k" in params:
        k, v = (
            jnp.concatenate(
                [x, jnp.broadcast_to(params[n][0], (*x.shape[:-2], 1, x.shape[-1]))], -2
            )
            for x, n in ((k, "bias_k"), (v, "bias_v"))
        )
    q, k, v = (_split(x, heads) for x in (q, k, v))
    if zero:
        k, v = (jnp.concatenate([x, jnp.zeros_like(x[..., :1, :])], -2) for x in (k, v))
    more = k.shape[-2] - positions
    if causal and more:
        triangle = jnp.tri(q.shape[-2], positions, dtype=bool)
        mask, causal = triangle if mask is None else _both(mask, triangle), False
    if present is not None:
        require(
            present.shape == (*k.shape[:-3], positions),
            name,
            f"present {describe(present)}",
            f"{[*k.shape[:-3], positions]}",
            "it was made for other lengths, or lacks the batch",
        )
        each = present[..., None, None, :]
        mask = each if mask is None else _both(mask, each)
    if mask is not None and more:
        rest = jnp.full((*mask.shape[:-1], more), mask.dtype == bool, mask.dtype)
        mask = jnp.broadcast_to(mask, (*mask.shape[:-1], positions))
        mask = jnp.concatenate([mask, rest], -1)
    scores, drop = _scores(name, q, k, mask, None, causal), train and p > 0
    taken = _softmax(scores) if drop or weights != "none" else scores
    taken = _noisy(name, taken, key, p) if drop else taken
    mixed = _mix(scores, transposed(v)) if taken is scores else taken @ v
    output = linear_rows(params["out_proj"], jnp.swapaxes(mixed, -2, -3).reshape(query.shape))
    if weights == "none":
        return output
    return output, taken.mean(-3) if weights == "average" else taken


def _projections(
    params: dict[str, Any], query: Array, keys: Array | None, values: Array | None
) -> list[Array]:
    """Query, keys and values through their own parts of the parameters."""
    alike = keys is None and values is None and "in_proj_weight" in params
    bias = {"bias": params["in_proj_bias"]} if "in_proj_bias" in params else {}
    if alike:
        return jnp.split(linear_rows({"weight": params["in_proj_weight"], **bias}, query), 3, -1)
    keys = query if keys is None else keys
    values = keys if values is None else values
    if "in_proj_weight" in params:
        weights = jnp.split(params["in_proj_weight"], 3)
    else:
        weights = [params[f"{n}_proj_weight"] for n in "qkv"]
    biases = [{"bias": b} for b in jnp.split(bias["bias"], 3)] if bias else [{}] * 3
    parts = zip(weights, biases, (query, keys, values), strict=True)
    return [linear_rows({"weight": w, **b}, x) for w, b, x in parts]


def _split(x: Array, heads: int) -> Array:
    """Give each head its features: (..., heads, length, features / heads)."""
    return jnp.swapaxes(x.reshape(*x.shape[:-1], heads, x.shape[-1] // heads), -2, -3)


def _both(mask: Array, other: Array) -> Array:
    """A mask for what two masks allow; they may be of booleans or floats, and broadcast."""
    shape = jnp.broadcast_shapes(mask.shape, other.shape)
    mask, other = jnp.broadcast_to(mask, shape), jnp.broadcast_to(other, shape)
    if mask.dtype == bool:
        mask, other = other, mask
    if other.dtype != bool:
        return mask + other
    return mask & other if mask.dtype == bool else jnp.where(other, mask, -jnp.inf)


def multi_head_attention_init(
    key: Array,
    features: int,
    keys: int | None = None,
    values: int | None = None,
    *,
    bias: bool = True,
    bias_kv: bool = False,
) -> dict[str, Any]:
    """Xavier's uniform weights, biases zero, as PyTorch draws them; `keys`, `values` are widths."""
    split = jax.random.split(key, 6)
    if keys in (None, features) and values in (None, features):
        params: dict[str, Any] = {
            "in_proj_weight": xavier_uniform(split[0], (3 * features, features))
        }
    else:
        widths = features, keys or features, values or features
        params = {
            f"{name}_proj_weight": xavier_uniform(own, (features, width))
            for name, own, width in zip("qkv", split, widths, strict=False)
        }
    params["out_proj"] = uniform_fan_in(split[3], features, weight=(features, features))
    if bias:
        params["in_proj_bias"] = jnp.zeros(3 * features)
        params["out_proj"]["bias"] = jnp.zeros(features)
    if bias_kv:
        for name, own in zip(("bias_k", "bias_v"), split[4:], strict=True):
            params[name] = xavier_normal(own, (1, 1, features))
    return params

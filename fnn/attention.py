"""Attention: each query takes the values whose keys match it."""

from math import sqrt

import jax
import jax.numpy as jnp
from jax import Array

from fnn.errors import describe, require

__all__ = ["dot_product_attention"]


def dot_product_attention(
    query: Array,
    keys: Array,
    values: Array,
    mask: Array | None = None,
    *,
    scale: float | None = None,
    causal: bool = False,
) -> Array:
    """Mix the values by the softmax over `scale * query . keys`.

    query:  (..., length, features)
    keys:   (..., positions, features)
    values: (..., positions, width)
    mask:   (..., length, positions) bool, optional
    ->      (..., length, width)

    Heads are leading axes. `mask` is true where a query may look, or a number that is added to each
    score; it broadcasts. `causal` lets query i look at positions up to i. A query that may look
    nowhere gets zeros. `scale` is 1/sqrt(features) unless given.

    Source: Vaswani et al. 2017; PyTorch `scaled_dot_product_attention`.
    """
    name = "dot_product_attention"
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
    scores = query @ jnp.matrix_transpose(keys)
    scores = scores * (1 / sqrt(query.shape[-1]) if scale is None else scale)
    if causal:
        triangle = jnp.tri(*scores.shape[-2:], dtype=bool)
        scores = jnp.where(jnp.broadcast_to(triangle, scores.shape), scores, -jnp.inf)
    if mask is None:
        return jax.nn.softmax(scores) @ values
    pairs = zip(mask.shape[::-1], scores.shape[::-1], strict=False)
    require(
        mask.ndim <= scores.ndim
        and all(m in (1, s) for m, s in pairs)
        and (mask.dtype == bool or jnp.issubdtype(mask.dtype, jnp.floating)),
        name,
        f"mask {describe(mask)}",
        f"booleans or floats that broadcast to {list(scores.shape)}",
        "the mask was made for other lengths, lacks an axis for the heads, or holds 0 and 1",
    )
    mask = jnp.broadcast_to(mask, scores.shape)
    masked = scores + mask if mask.dtype != bool else jnp.where(mask, scores, -jnp.inf)
    return _softmax_or_zeros(masked) @ values


def _softmax_or_zeros(scores: Array) -> Array:
    """Softmax, and zeros for a row of nothing but -inf; so are its gradients."""
    nowhere = jnp.all(scores == -jnp.inf, axis=-1, keepdims=True)
    weights = jax.nn.softmax(jnp.where(nowhere, 0, scores))
    return jnp.where(nowhere, 0, weights)

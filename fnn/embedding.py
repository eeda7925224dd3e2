"""Tables of vectors, looked up by whole numbers."""

import jax
from jax import Array

from fnn.errors import require_indices

__all__ = ["embedding", "embedding_init"]


def embedding(params: dict[str, Array], indices: Array) -> Array:
    """Row of `weight` for each index; inside compiled code, NaN for an index outside it.

    params:  weight (count, features)
    indices: (...) int
    ->       (..., features)

    Source: PyTorch `nn.Embedding`, Torch7 `nn.LookupTable`.
    """
    weight = params["weight"]
    require_indices(
        indices, weight.shape[0], "embedding", "the vocabulary is larger, or indices count from 1"
    )
    return weight.at[indices].get(mode="fill", wrap_negative_indices=False)


def embedding_init(key: Array, count: int, features: int) -> dict[str, Array]:
    """Rows of standard Gaussians, as Torch draws them."""
    return {"weight": jax.random.normal(key, (count, features))}

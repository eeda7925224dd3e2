"""Noise that keeps units from relying on each other."""

import jax
import jax.numpy as jnp
from jax import Array

from fnn.errors import require

__all__ = ["dropout"]


def dropout(x: Array, key: Array, *, train: bool, p: float = 0.5) -> Array:
    """In training, zero each element with probability `p` and divide the others by `1 - p`.

    x:      (...)
    ->      (...)

    Source: Srivastava et al. 2014; PyTorch and Torch7 `nn.Dropout`.
    """
    require(0 <= p <= 1, "dropout", f"p={p}", "a probability", "a percentage, or a typo")
    if not train or p == 0:
        return x
    if p == 1:
        return jnp.zeros_like(x)
    return jnp.where(jax.random.bernoulli(key, 1 - p, x.shape), x / (1 - p), 0.0)

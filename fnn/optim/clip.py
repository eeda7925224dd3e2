"""Gradients kept within bounds."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.core import Tracer

from fnn.errors import require
from fnn.optim.rule import like


def global_norm(tree: Any, order: float = 2) -> Array:
    """The norm of all numbers in a tree, of an order as for vectors, at least in single precision.

    It is the norm of the leaves' norms, as in PyTorch: with order 0, how many leaves are not zero.
    """
    leaves = jax.tree.leaves(tree)
    wide = max([jnp.float32, *(x.dtype for x in leaves)], key=lambda dtype: jnp.finfo(dtype).bits)
    norms = [jnp.linalg.norm(x.astype(wide).ravel(), order) for x in leaves]
    return jnp.linalg.norm(jnp.asarray(norms, wide), order)


def clip_by_global_norm(
    grads: Any,
    maximum: Any,
    *,
    order: float = 2,
    eps: Any = 0.0,
    error_if_nonfinite: bool = False,
) -> Any:
    """Scale gradients down so that their global norm is at most `maximum`.

    PyTorch adds `eps = 1e-6` to the norm. If the norm is not finite, gradients become NaN or zero;
    outside compiled code it can be an error instead.
    Source: Pascanu et al. 2013; PyTorch `clip_grad_norm_`.
    """
    norm = global_norm(grads, order)
    if error_if_nonfinite and not isinstance(norm, Tracer):
        require(
            bool(jnp.isfinite(norm)),
            "clip_by_global_norm",
            f"gradients of norm {norm}",
            "finite ones",
            "the loss overflowed: the learning rate is too high, or something is divided by zero",
        )
    factor = jnp.minimum(1, like(maximum, norm) / (norm + like(eps, norm)))
    return jax.tree.map(lambda g: g * like(factor, g), grads)


def clip_by_value(grads: Any, maximum: Any) -> Any:
    """Bring each number of the gradients into `[-maximum, maximum]`. PyTorch `clip_grad_value_`."""
    return jax.tree.map(lambda g: jnp.clip(g, like(-maximum, g), like(maximum, g)), grads)

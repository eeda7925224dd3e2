"""Weights made from other parameters: pure functions of any array, before the layer that uses it.

>>> import jax, fnn
>>> v, g = jax.numpy.ones((4, 3)), jax.numpy.full((4, 1), 2.0)
>>> round(float((fnn.weight_norm(v, g) ** 2).sum()), 3)  # four rows of norm 2
16.0
"""

import jax.numpy as jnp
from jax import Array, lax

from fnn.axes import axis_of
from fnn.errors import describe, require

__all__ = ["row_norms", "spectral_norm", "spectral_norm_state", "weight_norm"]


def weight_norm(
    v: Array, g: Array, *, axis: int | None = 0, eps: float = 0.0, least: float = 0.0
) -> Array:
    """Length and direction apart: `g v / |v|`, with a norm for each slice along an axis.

    v:      (*shape)
    g:      (*lengths)
    ->      (*shape)

    `g` has the axes of `v`, of length 1 but for `axis`; without an axis it is a single number.
    `eps` is added to the squared norm (Torch7 `nn.WeightNorm`: 1e-4); the norm is never taken to be
    less than `least` (Torch7 `nn.LinearWeightNorm`: 1e-16).

    Source: Salimans and Kingma 2016; PyTorch `weight_norm`.
    """
    norms = row_norms(v, axis=axis, eps=eps, least=least)
    require(
        g.shape == norms.shape,
        "weight_norm",
        f"g {describe(g)} for v {describe(v)}",
        f"g {norms.shape}",
        "the lengths belong to another axis, or lack the axes of length 1",
    )
    return v * jnp.broadcast_to(g / norms, v.shape)


def row_norms(
    weight: Array, *, axis: int | None = 0, eps: float = 0.0, least: float = 0.0
) -> Array:
    """The `g` with which `weight_norm(weight, g)` is `weight`: its norms along all axes but one.

    weight: (*shape)
    ->      (*shape')
    """
    if axis is None:
        return _norm(weight, None, eps, least)
    kept = axis_of("weight_norm", weight, axis)
    others = tuple(i for i in range(weight.ndim) if i != kept)
    return _norm(weight, others, eps, least)


def _norm(x: Array, axes: tuple[int, ...] | None, eps: float, least: float) -> Array:
    squares = jnp.sum(x * x, axes, keepdims=axes is not None) + eps
    return jnp.sqrt(jnp.maximum(squares, least**2))


def spectral_norm(
    state: dict[str, Array],
    weight: Array,
    *,
    train: bool,
    axis: int = 0,
    iterations: int = 1,
    eps: float = 1e-12,
    first: str = "u",
) -> tuple[Array, dict[str, Array]]:
    """The weight over its largest singular value, which power iteration follows in training.

    state:  u (rows,); v (columns,)
    weight: (rows, columns)
    ->      (rows, columns)

    The matrix has a row for each index along `axis`, the rest in columns. `u` and `v` are constants
    to gradients by the weight. `first` says which of them an iteration renews first: "u" as
    PyTorch's `parametrizations.spectral_norm` does, "v" as its older `utils.spectral_norm` does. A
    vector is divided by its length.

    Source: Miyato et al. 2018.
    """
    require(
        first in ("u", "v"), "spectral_norm", f"first={first!r}", '"u" or "v"', "it is misspelt"
    )
    if weight.ndim == 1:
        return weight / jnp.maximum(jnp.linalg.norm(weight), eps), state
    kept = axis_of("spectral_norm", weight, axis)
    matrix = jnp.moveaxis(weight, kept, 0).reshape(weight.shape[kept], -1)
    u, v = state["u"], state["v"]
    require(
        matrix.shape == (*u.shape, *v.shape),
        "spectral_norm",
        f"a matrix {matrix.shape} for u {describe(u)}, v {describe(v)}",
        "as many rows as in u, as many columns as in v",
        "the state was made for another axis or another weight",
    )
    if train:
        constant = lax.stop_gradient(matrix)
        for _ in range(iterations):
            if first == "v":
                v = _unit(u @ constant, eps)
            u = _unit(constant @ v, eps)
            if first == "u":
                v = _unit(u @ constant, eps)
    return weight / (u @ matrix @ v), {"u": u, "v": v}


def _unit(x: Array, eps: float) -> Array:
    return x / jnp.maximum(jnp.linalg.norm(x), eps)


def spectral_norm_state(rows: int, columns: int) -> dict[str, Array]:
    """Unit vectors to begin with: a few iterations in training bring them to the singular ones."""
    return {name: jnp.full(n, n**-0.5) for name, n in (("u", rows), ("v", columns))}

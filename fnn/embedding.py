"""Tables of vectors, looked up by whole numbers."""

import jax
import jax.numpy as jnp
from jax import Array, lax

from fnn.elements import norm
from fnn.errors import describe, require, require_indices
from fnn.gradient import scale_gradient

__all__ = ["embedding", "embedding_bag", "embedding_bag_init", "embedding_init", "limit_rows"]


def embedding(
    params: dict[str, Array],
    indices: Array,
    *,
    padding: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_by_frequency: bool = False,
) -> Array:
    """Row of `weight` for each index; inside compiled code, NaN for an index outside it.

    params:  weight (count, features)
    indices: (...) int
    ->       (..., features)

    The row `padding`, which may be counted from the last one, has no gradient. Rows longer than
    `max_norm` are shortened to it; the gradient is that by the shortened row, as if `limit_rows`
    had been written back before. With `scale_by_frequency` a row's gradient is divided by how often
    it was looked up.

    Source: PyTorch `nn.Embedding`, Torch7 `nn.LookupTable`.
    """
    weight = params["weight"]
    count = weight.shape[0]
    require_indices(
        indices, count, "embedding", "the vocabulary is larger, or indices count from 1"
    )
    rows = weight.at[indices].get(mode="fill", wrap_negative_indices=False)
    factor = None
    if scale_by_frequency:
        often = jnp.zeros(count, weight.dtype).at[indices].add(1, wrap_negative_indices=False)
        factor = 1 / often.at[indices].get(mode="clip")
    if padding is not None:
        real = (indices != _row("embedding", padding, count)).astype(weight.dtype)
        factor = real if factor is None else factor * real
    if factor is not None:
        rows = scale_gradient(rows, lax.broadcast_in_dim(factor, rows.shape, range(indices.ndim)))
    if max_norm is not None:
        shorter = lax.stop_gradient(_shortening(rows, max_norm, norm_type))
        rows = shorter * scale_gradient(rows, 1 / shorter)
    return rows


def embedding_init(
    key: Array, count: int, features: int, *, padding: int | None = None
) -> dict[str, Array]:
    """Rows of standard Gaussians, as Torch draws them; the row `padding` is 0, as in PyTorch."""
    weight = jax.random.normal(key, (count, features))
    if padding is not None:
        weight = weight.at[_row("embedding_init", padding, count)].set(0)
    return {"weight": weight}


def _row(layer: str, padding: int, count: int) -> int:
    """The number of the row `padding`, which may be counted from the last one."""
    require(
        -count <= padding < count,
        layer,
        f"padding={padding}",
        f"a row of {count}",
        "the table lacks a row for the padding, or rows count from 1",
    )
    return padding % count


def limit_rows(
    params: dict[str, Array], indices: Array, *, max_norm: float, norm_type: float = 2.0
) -> Array:
    """The weight with those of the rows at `indices` shortened that are longer than `max_norm`.

    params:  weight (count, features)
    indices: (...) int
    ->       (count, features)

    Source: PyTorch `embedding_renorm_`, Torch7 `nn.LookupTable` with `maxNorm`.
    """
    weight = params["weight"]
    require_indices(indices, weight.shape[0], "limit_rows", "indices count from 1")
    asked = jnp.zeros((weight.shape[0], 1), bool).at[indices].set(True, wrap_negative_indices=False)
    asked = jnp.broadcast_to(asked, weight.shape)
    return jnp.where(asked, weight * _shortening(weight, max_norm, norm_type), weight)


def _shortening(rows: Array, max_norm: float, norm_type: float) -> Array:
    """What rows are multiplied by so that none is longer than `max_norm`."""
    lengths = norm(rows, p=norm_type, axis=(-1,), keepdims=True)
    factor = jnp.where(lengths > max_norm, max_norm / (lengths + 1e-7), 1.0)
    return jnp.broadcast_to(factor, rows.shape)


def embedding_bag(
    params: dict[str, Array],
    indices: Array,
    offsets: Array | None = None,
    weights: Array | None = None,
    *,
    mode: str = "mean",
    padding: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_by_frequency: bool = False,
    include_last: bool = False,
) -> Array:
    """Sum, mean or largest elements of the rows of each bag; 0 for an empty bag.

    params:  weight (count, features)
    indices: (tokens,) int
    offsets: (bags,) int, optional
    weights: (tokens,), optional
    ->       (...', features)

    Without offsets a bag lies along the last axis of the indices, which may have any others before
    it; else the bags lie one after the other, each from its offset to the next, and with
    `include_last` the last offset is the end of the last bag. Rows are multiplied by their weights,
    and those of the index `padding` are left out. Of equal largest elements the first has the
    gradient. The rest is as in `embedding`.

    Source: PyTorch `nn.EmbeddingBag`.
    """
    require(
        mode in ("sum", "mean", "max"),
        "embedding_bag",
        f"mode={mode!r}",
        '"sum", "mean" or "max"',
        "it is misspelt",
    )
    require(
        (weights is None or weights.shape == indices.shape)
        and (offsets is None or indices.ndim == offsets.ndim == 1),
        "embedding_bag",
        describe({"indices": indices, "offsets": offsets, "weights": weights}),
        "a weight for each index, and one axis where there are offsets",
        "offsets are for bags one after the other, not for a batch of them",
    )
    if padding is not None:
        padding = _row("embedding_bag", padding, params["weight"].shape[0])
    rows = embedding(
        params,
        indices,
        padding=padding,
        max_norm=max_norm,
        norm_type=norm_type,
        scale_by_frequency=scale_by_frequency,
    )
    if weights is not None:
        rows = rows * lax.broadcast_in_dim(weights, rows.shape, range(indices.ndim))
    real = jnp.ones(indices.shape, bool) if padding is None else indices != padding
    if offsets is None:
        return _along(rows, real, mode)
    require_indices(offsets, indices.size + 1, "embedding_bag", "an offset beyond the last index")
    places = jnp.arange(indices.size, dtype=offsets.dtype)
    bags = jnp.searchsorted(offsets, places, side="right") - 1
    return _by_bag(rows, real, bags, offsets.size - include_last, mode)


def embedding_bag_init(
    key: Array, count: int, features: int, *, padding: int | None = None
) -> dict[str, Array]:
    """As of `embedding`."""
    return embedding_init(key, count, features, padding=padding)


def _along(rows: Array, real: Array, mode: str) -> Array:
    """The bags that lie along the last axis but one."""
    real = jnp.broadcast_to(real[..., None], rows.shape)
    if mode == "max":
        best = jnp.argmax(jnp.where(real, rows, -jnp.inf), -2, keepdims=True)
        values = jnp.take_along_axis(rows, best, -2)[..., 0, :]
        return jnp.where(real.any(-2), values, 0.0)
    total = jnp.sum(rows, -2, where=real)
    return total if mode == "sum" else total / jnp.maximum(real.sum(-2, dtype=rows.dtype), 1)


def _by_bag(rows: Array, real: Array, bags: Array, count: int, mode: str) -> Array:
    """The bags of rows that say which bag they belong to, in order; others belong to none."""
    shape = (count, rows.shape[1])
    real = jnp.broadcast_to(real[:, None], rows.shape)

    def add(values: Array) -> Array:
        into = jnp.zeros(shape, rows.dtype).at[bags]
        return into.add(values, mode="drop", wrap_negative_indices=False)

    if mode == "max":
        return _largest(rows, real, bags, shape)
    total = add(jnp.where(real, rows, 0.0))
    return total if mode == "sum" else total / jnp.maximum(add(real.astype(rows.dtype)), 1)


def _largest(rows: Array, real: Array, bags: Array, shape: tuple[int, int]) -> Array:
    """The largest elements of each bag, found by their places, so that one has the gradient."""
    known = lax.stop_gradient(jnp.where(real, rows, -jnp.inf))
    drop = {"mode": "drop", "wrap_negative_indices": False}
    peaks = jnp.full(shape, -jnp.inf, rows.dtype).at[bags].max(known, **drop)
    best = real & ((known == peaks.at[bags].get(mode="clip")) | jnp.isnan(known))
    end = rows.shape[0]
    places = jnp.where(best, lax.broadcasted_iota(bags.dtype, rows.shape, 0), end)
    first = jnp.full(shape, end, bags.dtype).at[bags].min(places, **drop)
    values = jnp.take_along_axis(rows, jnp.minimum(first, end - 1), 0)
    return jnp.where(first == end, 0.0, values)

"""Linear maps of inputs that are given by the indices of what isn't zero, and the values there."""

import jax.numpy as jnp
from jax import Array, lax

from fnn.embedding import embedding_bag
from fnn.errors import describe, require, require_indices
from fnn.initializers import uniform_fan_in

__all__ = [
    "decay_rows",
    "index_linear",
    "index_linear_init",
    "index_normalise",
    "index_normalise_init",
    "index_normalise_state",
    "sparse_linear",
    "sparse_linear_init",
]


def sparse_linear(
    params: dict[str, Array], indices: Array, values: Array, offsets: Array | None = None
) -> Array:
    """`y = x W^T + b` for x with these values at these indices, added where an index repeats.

    params:  weight (outputs, inputs); bias (outputs,), optional
    indices: (entries,) int
    values:  (entries,)
    offsets: (batch,) int, optional
    ->       (...', outputs)

    Indices and values are those of one example, or with leading axes of many, padded by values of
    0; or of all examples one after the other, each of which begins at its offset.

    Source: Torch7 `nn.SparseLinear`.
    """
    return index_linear(params | {"weight": params["weight"].T}, indices, values, offsets)


def sparse_linear_init(
    key: Array, inputs: int, outputs: int, *, bias: bool = True
) -> dict[str, Array]:
    """As of `linear`, but the bias is a millionth of that, as Torch7 draws them."""
    bias_shape = (outputs,) if bias else None
    found = uniform_fan_in(key, inputs, weight=(outputs, inputs), bias=bias_shape)
    return {name: array * 1e-6 if name == "bias" else array for name, array in found.items()}


def index_linear(
    params: dict[str, Array], indices: Array, values: Array, offsets: Array | None = None
) -> Array:
    """`sparse_linear` with a row of the weight for each input.

    params:  weight (inputs, outputs); bias (outputs,), optional
    indices: (entries,) int
    values:  (entries,)
    offsets: (batch,) int, optional
    ->       (...', outputs)

    Source: Torch7 `nn.IndexLinear`.
    """
    y = embedding_bag(params, indices, offsets, values, mode="sum")
    if "bias" not in params:
        return y
    return y + lax.broadcast_in_dim(params["bias"], y.shape, (y.ndim - 1,))


def index_linear_init(
    key: Array, inputs: int, outputs: int, *, bias: bool = True
) -> dict[str, Array]:
    """All 0, as Torch7 begins."""
    weight = {"weight": jnp.zeros((inputs, outputs))}
    return weight | ({"bias": jnp.zeros(outputs)} if bias else {})


def index_normalise(
    params: dict[str, Array], state: dict[str, Array], indices: Array, values: Array, *, train: bool
) -> tuple[Array, dict[str, Array]]:
    """Each value over the largest magnitude seen of its input, plus the input's bias.

    params:  bias (inputs,)
    state:   peak (inputs,)
    indices: (*entries) int
    values:  (*entries)
    ->       (*entries)

    In training an entry counts for itself and for those after it. What is not in training beyond
    the peak counts as the peak; the value of an input that was never seen, as its sign.

    Source: Torch7 `nn.IndexLinear` with `normalize`.
    """
    require(
        indices.shape == values.shape,
        "index_normalise",
        describe((indices, values)),
        "an index for each value",
        "they belong to different batches",
    )
    peak, magnitudes = state["peak"], jnp.abs(values)
    require_indices(indices, peak.size, "index_normalise", "the indices count from 1")
    if train:
        peak, peaks = _running_peaks(peak, indices.reshape(-1), magnitudes.reshape(-1))
        peaks = peaks.reshape(values.shape)
    else:
        peaks = jnp.maximum(_at(peak, indices), magnitudes)
    unseen = peaks == 0
    normalised = jnp.where(unseen, values, values / jnp.where(unseen, 1.0, peaks))
    return normalised + _at(params["bias"], indices), {"peak": peak}


def index_normalise_init(key: Array, inputs: int) -> dict[str, Array]:
    """All 0."""
    return {"bias": jnp.zeros(inputs)}


def index_normalise_state(inputs: int) -> dict[str, Array]:
    """All 0: nothing was seen."""
    return {"peak": jnp.zeros(inputs)}


def _at(table: Array, indices: Array) -> Array:
    return table.at[indices].get(mode="fill", wrap_negative_indices=False)


def _running_peaks(peak: Array, indices: Array, magnitudes: Array) -> tuple[Array, Array]:
    """The peaks after all entries, and the peak of each entry's input when its turn has come."""

    def later(left: tuple[Array, Array], right: tuple[Array, Array]) -> tuple[Array, Array]:
        (i, first), (j, second) = left, right
        return j, jnp.where(i == j, jnp.maximum(first, second), second)

    order = jnp.argsort(indices, stable=True)
    index = indices[order]
    _, running = lax.associative_scan(later, (index, magnitudes[order]))
    running = jnp.maximum(running, _at(peak, index))
    last = jnp.append(index[1:] != index[:-1], True)
    peak = peak.at[jnp.where(last, index, peak.size)].set(running, mode="drop")
    return peak, jnp.zeros_like(running).at[order].set(running)


def decay_rows(weight: Array, indices: Array, *, rate: float) -> Array:
    """The weight with a row shrunk by the factor `1 - rate` for each time that its index occurs.

    weight:  (count, features)
    indices: (entries,) int
    ->       (count, features)

    Source: Torch7 `nn.IndexLinear` with `weightDecay`.
    """
    require_indices(indices, weight.shape[0], "decay_rows", "the indices count from 1")
    often = jnp.zeros(weight.shape[0], weight.dtype).at[indices].add(1, wrap_negative_indices=False)
    factor = (1 - rate) ** often
    return weight * jnp.broadcast_to(factor[:, None], weight.shape)

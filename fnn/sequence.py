"""Whole sequences through recurrent cells, forwards or backwards; `fnn.stack` has layers of them.

The first axis is the time. With `lengths` an example ends before the others: its state stays as it
is at its end, its outputs after that are zero, and the way back begins there.
"""

import jax.numpy as jnp
from jax import Array, lax

from fnn.errors import describe, require
from fnn.recurrence import GRU, LSTM, RNN, Kind, State
from fnn.through_time import through_time

__all__ = [
    "gru",
    "gru_init",
    "lstm",
    "lstm_init",
    "rnn",
    "rnn_init",
]

Params = dict[str, Array]


def _sequence(
    kind: Kind,
    layer: str,
    params: Params,
    x: Array,
    state: tuple[Array | None, ...],
    lengths: Array | None,
    reverse: bool,
) -> tuple[Array, State]:
    """One layer in one direction."""
    gates = kind.from_input(layer, params, x)
    begun = kind.begin(layer, params, gates, state, time=1)
    valid = None
    if lengths is not None:
        require(
            getattr(lengths, "shape", None) == gates.shape[1:-1]
            and jnp.issubdtype(lengths.dtype, jnp.integer),
            layer,
            f"lengths {describe(lengths)} for x {describe(x)}",
            f"an array of integers {list(gates.shape[1:-1])}",
            "there must be one length for each example, and the first axis of x is the time",
        )
        shape = gates.shape[:-1]
        times = lax.broadcasted_iota(lengths.dtype, shape, 0)
        valid = (times < lax.broadcast_in_dim(lengths, shape, (*range(1, len(shape)),)))[..., None]
    hidden, last = through_time(
        kind, reverse, params["weight_hh"], valid, params.get("weight_hr"), gates, begun
    )
    return hidden if valid is None else jnp.where(valid, hidden, 0), last


def rnn(
    params: Params,
    x: Array,
    hidden: Array | None = None,
    lengths: Array | None = None,
    *,
    activation: str = "tanh",
    reverse: bool = False,
) -> tuple[Array, Array]:
    """`rnn_cell` over time: the hidden state at each time, and the last one.

    params:  weight_ih (hidden, inputs); weight_hh (hidden, hidden);
             bias_ih, bias_hh (hidden,), optional
    x:       (time, ..., inputs)
    hidden:  (..., hidden), optional
    lengths: (...) int, optional
    ->       (time, ..., hidden); (..., hidden)

    With `reverse` from the last time to the first. Integers x (time, ...) stand for one-hot
    vectors. Source: Elman 1990; PyTorch `nn.RNN`.
    """
    outputs, (last,) = _sequence(RNN[activation], "rnn", params, x, (hidden,), lengths, reverse)
    return outputs, last


def rnn_init(key: Array, inputs: int, hidden: int, *, bias: bool = True) -> Params:
    """Everything uniform in +-1/sqrt(hidden), as PyTorch draws it."""
    return RNN["tanh"].init(key, inputs, hidden, bias=bias)


def lstm(
    params: Params,
    x: Array,
    hidden: Array | None = None,
    cell: Array | None = None,
    lengths: Array | None = None,
    *,
    reverse: bool = False,
) -> tuple[Array, tuple[Array, Array]]:
    """`lstm_cell` over time: the hidden state at each time, and the last hidden state and cell.

    params:  weight_ih (4 * hidden, inputs); weight_hh (4 * hidden, hidden);
             bias_ih, bias_hh (4 * hidden,), optional
    x:       (time, ..., inputs)
    hidden:  (..., hidden), optional
    cell:    (..., hidden), optional
    lengths: (...) int, optional
    ->       (time, ..., hidden); (..., hidden); (..., hidden)

    With `reverse` from the last time to the first. Integers x (time, ...) stand for one-hot
    vectors; weight_hr projects as in `lstm_cell`. Source: PyTorch `nn.LSTM`.
    """
    outputs, (last, memory) = _sequence(LSTM, "lstm", params, x, (hidden, cell), lengths, reverse)
    return outputs, (last, memory)


def lstm_init(
    key: Array, inputs: int, hidden: int, *, bias: bool = True, projection: int = 0
) -> Params:
    """Everything uniform in +-1/sqrt(hidden), as PyTorch draws it."""
    return LSTM.init(key, inputs, hidden, bias=bias, projection=projection)


def gru(
    params: Params,
    x: Array,
    hidden: Array | None = None,
    lengths: Array | None = None,
    *,
    reverse: bool = False,
) -> tuple[Array, Array]:
    """`gru_cell` over time: the hidden state at each time, and the last one.

    params:  weight_ih (3 * hidden, inputs); weight_hh (3 * hidden, hidden);
             bias_ih, bias_hh (3 * hidden,), optional
    x:       (time, ..., inputs)
    hidden:  (..., hidden), optional
    lengths: (...) int, optional
    ->       (time, ..., hidden); (..., hidden)

    With `reverse` from the last time to the first. Integers x (time, ...) stand for one-hot
    vectors. Source: PyTorch `nn.GRU`.
    """
    outputs, (last,) = _sequence(GRU, "gru", params, x, (hidden,), lengths, reverse)
    return outputs, last


def gru_init(key: Array, inputs: int, hidden: int, *, bias: bool = True) -> Params:
    """Everything uniform in +-1/sqrt(hidden), as PyTorch draws it."""
    return GRU.init(key, inputs, hidden, bias=bias)

"""Recurrent cells: one step of a network that remembers.

Layouts and the order of the gates are PyTorch's. `fnn.sequence` repeats these steps.
"""

from jax import Array

from fnn.recurrence import GRU, LSTM, RNN

__all__ = [
    "gru_cell",
    "gru_cell_init",
    "lstm_cell",
    "lstm_cell_init",
    "rnn_cell",
    "rnn_cell_init",
]


def rnn_cell(
    params: dict[str, Array], x: Array, hidden: Array | None = None, *, activation: str = "tanh"
) -> Array:
    """One step of an Elman network: `tanh(W_ih x + b_ih + W_hh h + b_hh)`.

    params: weight_ih (hidden, inputs); weight_hh (hidden, hidden);
            bias_ih, bias_hh (hidden,), optional
    x:      (..., inputs)
    hidden: (..., hidden), optional
    ->      (..., hidden)

    `activation` is "tanh" or "relu". The state is zero unless given; integers x (...) stand for
    one-hot vectors. Source: PyTorch `nn.RNNCell`.
    """
    return RNN[activation].cell(params, x, hidden)[0]


def rnn_cell_init(key: Array, inputs: int, hidden: int, *, bias: bool = True) -> dict[str, Array]:
    """Everything uniform in +-1/sqrt(hidden), as PyTorch draws it."""
    return RNN["tanh"].init(key, inputs, hidden, bias=bias)


def lstm_cell(
    params: dict[str, Array], x: Array, hidden: Array | None = None, cell: Array | None = None
) -> tuple[Array, Array]:
    """One step of a long short-term memory: the new hidden state and the new cell.

        i, f, g, o = W_ih x + b_ih + W_hh h + b_hh
        c' = sigmoid(f) c + sigmoid(i) tanh(g)
        h' = sigmoid(o) tanh(c')

    params: weight_ih (4 * hidden, inputs); weight_hh (4 * hidden, hidden);
            bias_ih, bias_hh (4 * hidden,), optional
    x:      (..., inputs)
    hidden: (..., hidden), optional
    cell:   (..., hidden), optional
    ->      (..., hidden); (..., hidden)

    With weight_hr (projected, hidden) the hidden state is `W_hr h'`, and weight_hh is
    (4 * hidden, projected). States are zero unless given; integers x (...) stand for one-hot
    vectors. Source: Hochreiter and Schmidhuber 1997, Gers et al. 2000, Sak et al. 2014; PyTorch
    `nn.LSTMCell`.
    """
    after, memory = LSTM.cell(params, x, hidden, cell)
    return after, memory


def lstm_cell_init(
    key: Array, inputs: int, hidden: int, *, bias: bool = True, projection: int = 0
) -> dict[str, Array]:
    """Everything uniform in +-1/sqrt(hidden), as PyTorch draws it."""
    return LSTM.init(key, inputs, hidden, bias=bias, projection=projection)


def gru_cell(params: dict[str, Array], x: Array, hidden: Array | None = None) -> Array:
    """One step of a gated recurrent unit.

        r, z = sigmoid(W_ih x + b_ih + W_hh h + b_hh)
        n = tanh(W_ih x + b_ih + r (W_hh h + b_hh))
        h' = (1 - z) n + z h

    params: weight_ih (3 * hidden, inputs); weight_hh (3 * hidden, hidden);
            bias_ih, bias_hh (3 * hidden,), optional
    x:      (..., inputs)
    hidden: (..., hidden), optional
    ->      (..., hidden)

    The state is zero unless given; integers x (...) stand for one-hot vectors.
    Source: Cho et al. 2014, with the reset after the product as in cuDNN; PyTorch `nn.GRUCell`.
    """
    return GRU.cell(params, x, hidden)[0]


def gru_cell_init(key: Array, inputs: int, hidden: int, *, bias: bool = True) -> dict[str, Array]:
    """Everything uniform in +-1/sqrt(hidden), as PyTorch draws it."""
    return GRU.init(key, inputs, hidden, bias=bias)

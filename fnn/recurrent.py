"""Recurrent cells, and whole sequences of them: a cell scanned over the leading axis.

Layouts and the order of the gates are PyTorch's. `i`, `h` stand for the input and the hidden state.
"""

from collections.abc import Callable
from functools import cache, partial

import jax
import jax.numpy as jnp
from jax import Array, lax

from fnn.errors import describe, require
from fnn.initializers import uniform_fan_in
from fnn.linear import linear

__all__ = [
    "gru",
    "gru_cell",
    "gru_cell_init",
    "gru_init",
    "lstm",
    "lstm_cell",
    "lstm_cell_init",
    "lstm_init",
    "rnn",
    "rnn_cell",
    "rnn_cell_init",
    "rnn_init",
]


def _product(params: dict[str, Array], source: str, x: Array) -> Array:
    """`W x + b` with the parameters that belong to `source`, "ih" or "hh"."""
    own = {n: params[f"{n}_{source}"] for n in ("weight", "bias") if f"{n}_{source}" in params}
    return linear(own, x)


def _from_input(
    layer: str, gates: int, params: dict[str, Array], x: Array, *state: Array, time: int = 0
) -> Array:
    """Multiply the input into the gates; it has `time` more axes than the state."""
    width, hidden = params["weight_ih"].shape[-1], params["weight_hh"].shape[-1]
    require(
        params["weight_ih"].shape[0] == params["weight_hh"].shape[0] == gates * hidden,
        layer,
        describe(params),
        f"weight_ih ({gates} * hidden, inputs), weight_hh ({gates} * hidden, hidden)",
        "the parameters were made for another kind of cell",
    )
    require(
        x.shape[-1:] == (width,),
        layer,
        f"x {describe(x)}",
        f"(..., {width})",
        "the layer was made for another width",
    )
    wanted = (*x.shape[time:-1], hidden)
    for given in state:
        require(
            given.shape == wanted and x.ndim == given.ndim + time,
            layer,
            f"x {describe(x)} with state {describe(given)}",
            f"state {list(wanted)}" if x.ndim > time else "x (time, ..., inputs)",
            "the state was made for another batch or width, or x lacks the axis of time or batch",
        )
    return _product(params, "ih", x)


@cache
def _body(step: Callable) -> Callable:
    """Turn a step into the body of a scan: always the same one, so that it is compiled once."""

    def body(carry: tuple, from_input: Array) -> tuple:
        params, state = carry
        state = step(params, from_input, *state)
        return (params, state), state[0]

    return body


def _scan(step: Callable, params: dict[str, Array], from_input: Array, *state: Array) -> tuple:
    """Repeat a step: the hidden state at each time, and the state after the last."""
    inner = {name: value for name, value in params.items() if name.endswith("_hh")}
    (_, state), outputs = lax.scan(_body(step), (inner, state), from_input)
    return outputs, state


def _uniform(
    gates: int, key: Array, inputs: int, hidden: int, *, bias: bool = True
) -> dict[str, Array]:
    """Everything uniform in +-1/sqrt(hidden), as PyTorch draws it."""
    rows = gates * hidden
    return uniform_fan_in(
        key,
        hidden,
        weight_ih=(rows, inputs),
        weight_hh=(rows, hidden),
        bias_ih=(rows,) if bias else None,
        bias_hh=(rows,) if bias else None,
    )


def _rnn_step(activation: Callable, params: dict, from_input: Array, hidden: Array) -> tuple:
    return (activation(from_input + _product(params, "hh", hidden)),)


_RNN_STEPS = {"tanh": partial(_rnn_step, jnp.tanh), "relu": partial(_rnn_step, jax.nn.relu)}


def _rnn_step_of(layer: str, activation: str) -> Callable:
    require(
        activation in _RNN_STEPS,
        layer,
        f"activation {activation!r}",
        " or ".join(map(repr, _RNN_STEPS)),
        "it is misspelt",
    )
    return _RNN_STEPS[activation]


def rnn_cell(
    params: dict[str, Array], x: Array, hidden: Array, *, activation: str = "tanh"
) -> Array:
    """One step of an Elman network: `tanh(W_ih x + b_ih + W_hh h + b_hh)`.

    params: weight_ih (hidden, inputs); weight_hh (hidden, hidden);
            bias_ih, bias_hh (hidden,), optional
    x:      (..., inputs)
    hidden: (..., hidden)
    ->      (..., hidden)

    `activation` is "tanh" or "relu". Source: PyTorch `nn.RNNCell`.
    """
    step = _rnn_step_of("rnn_cell", activation)
    return step(params, _from_input("rnn_cell", 1, params, x, hidden), hidden)[0]


def rnn_cell_init(key: Array, inputs: int, hidden: int, *, bias: bool = True) -> dict[str, Array]:
    """Everything uniform in +-1/sqrt(hidden), as PyTorch draws it."""
    return _uniform(1, key, inputs, hidden, bias=bias)


def rnn(
    params: dict[str, Array], x: Array, hidden: Array, *, activation: str = "tanh"
) -> tuple[Array, Array]:
    """`rnn_cell` over time: the hidden state at each time, and the last one.

    params: weight_ih (hidden, inputs); weight_hh (hidden, hidden);
            bias_ih, bias_hh (hidden,), optional
    x:      (time, ..., inputs)
    hidden: (..., hidden)
    ->      (time, ..., hidden); (..., hidden)

    Source: PyTorch `nn.RNN`.
    """
    step = _rnn_step_of("rnn", activation)
    outputs, last = _scan(step, params, _from_input("rnn", 1, params, x, hidden, time=1), hidden)
    return outputs, last[0]


rnn_init = rnn_cell_init


def _lstm_step(params: dict, from_input: Array, hidden: Array, cell: Array) -> tuple[Array, Array]:
    gates = from_input + _product(params, "hh", hidden)
    enter, forget, new, leave = jnp.split(gates, 4, axis=-1)
    cell = jax.nn.sigmoid(forget) * cell + jax.nn.sigmoid(enter) * jnp.tanh(new)
    return jax.nn.sigmoid(leave) * jnp.tanh(cell), cell


def lstm_cell(
    params: dict[str, Array], x: Array, hidden: Array, cell: Array
) -> tuple[Array, Array]:
    """One step of a long short-term memory: the new hidden state and the new cell.

        i, f, g, o = W_ih x + b_ih + W_hh h + b_hh
        c' = sigmoid(f) c + sigmoid(i) tanh(g)
        h' = sigmoid(o) tanh(c')

    params: weight_ih (4 * hidden, inputs); weight_hh (4 * hidden, hidden);
            bias_ih, bias_hh (4 * hidden,), optional
    x:      (..., inputs)
    hidden: (..., hidden)
    cell:   (..., hidden)
    ->      (..., hidden); (..., hidden)

    Source: Hochreiter and Schmidhuber 1997, Gers et al. 2000; PyTorch `nn.LSTMCell`.
    """
    return _lstm_step(params, _from_input("lstm_cell", 4, params, x, hidden, cell), hidden, cell)


def lstm_cell_init(key: Array, inputs: int, hidden: int, *, bias: bool = True) -> dict[str, Array]:
    """Everything uniform in +-1/sqrt(hidden), as PyTorch draws it."""
    return _uniform(4, key, inputs, hidden, bias=bias)


def lstm(
    params: dict[str, Array], x: Array, hidden: Array, cell: Array
) -> tuple[Array, tuple[Array, Array]]:
    """`lstm_cell` over time: the hidden state at each time, and the last hidden state and cell.

    params: weight_ih (4 * hidden, inputs); weight_hh (4 * hidden, hidden);
            bias_ih, bias_hh (4 * hidden,), optional
    x:      (time, ..., inputs)
    hidden: (..., hidden)
    cell:   (..., hidden)
    ->      (time, ..., hidden); (..., hidden); (..., hidden)

    Source: PyTorch `nn.LSTM`.
    """
    from_input = _from_input("lstm", 4, params, x, hidden, cell, time=1)
    return _scan(_lstm_step, params, from_input, hidden, cell)


lstm_init = lstm_cell_init


def _gru_step(params: dict, from_input: Array, hidden: Array) -> tuple[Array]:
    reset, keep, new = jnp.split(from_input, 3, axis=-1)
    reset_h, keep_h, new_h = jnp.split(_product(params, "hh", hidden), 3, axis=-1)
    keep = jax.nn.sigmoid(keep + keep_h)
    new = jnp.tanh(new + jax.nn.sigmoid(reset + reset_h) * new_h)
    return ((1 - keep) * new + keep * hidden,)


def gru_cell(params: dict[str, Array], x: Array, hidden: Array) -> Array:
    """One step of a gated recurrent unit.

        r, z = sigmoid(W_ih x + b_ih + W_hh h + b_hh)
        n = tanh(W_ih x + b_ih + r (W_hh h + b_hh))
        h' = (1 - z) n + z h

    params: weight_ih (3 * hidden, inputs); weight_hh (3 * hidden, hidden);
            bias_ih, bias_hh (3 * hidden,), optional
    x:      (..., inputs)
    hidden: (..., hidden)
    ->      (..., hidden)

    Source: Cho et al. 2014, with the reset after the product as in cuDNN; PyTorch `nn.GRUCell`.
    """
    return _gru_step(params, _from_input("gru_cell", 3, params, x, hidden), hidden)[0]


def gru_cell_init(key: Array, inputs: int, hidden: int, *, bias: bool = True) -> dict[str, Array]:
    """Everything uniform in +-1/sqrt(hidden), as PyTorch draws it."""
    return _uniform(3, key, inputs, hidden, bias=bias)


def gru(params: dict[str, Array], x: Array, hidden: Array) -> tuple[Array, Array]:
    """`gru_cell` over time: the hidden state at each time, and the last one.

    params: weight_ih (3 * hidden, inputs); weight_hh (3 * hidden, hidden);
            bias_ih, bias_hh (3 * hidden,), optional
    x:      (time, ..., inputs)
    hidden: (..., hidden)
    ->      (time, ..., hidden); (..., hidden)

    Source: PyTorch `nn.GRU`.
    """
    from_input = _from_input("gru", 3, params, x, hidden, time=1)
    outputs, last = _scan(_gru_step, params, from_input, hidden)
    return outputs, last[0]


gru_init = gru_cell_init

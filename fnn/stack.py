"""Recurrent layers on each other, in one direction or in both.

Parameters have PyTorch's names, which also say how many layers and directions there are:
`weight_ih_l1_reverse` belongs to the second layer's way back. Where two directions end their
outputs stand side by side, and both are the next layer's input.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from fnn.dropout import dropout
from fnn.errors import describe, require
from fnn.sequence import gru, gru_init, lstm, lstm_init, rnn, rnn_init

__all__ = [
    "gru_stack",
    "gru_stack_init",
    "lstm_stack",
    "lstm_stack_init",
    "rnn_stack",
    "rnn_stack_init",
]

Params = dict[str, Array]


def _stack(
    name: str,
    layer: Callable,
    params: Params,
    x: Array,
    state: Sequence[Array | None],
    lengths: Array | None,
    key: Array | None,
    train: bool,
    p: float,
    batch_first: bool,
) -> tuple[Array, Any]:
    """Run all layers, with dropout between them."""
    directions = ["", "_reverse"] if "weight_ih_l0_reverse" in params else [""]
    layers = sum(f"weight_ih_l{i}" in params for i in range(len(params)))
    count = layers * len(directions)
    given = tuple(part for part in state if part is not None)
    require(
        layers > 0,
        name,
        f"parameters {', '.join(params)}",
        "weight_ih_l0, weight_hh_l0, ...",
        f"these are those of {name.removesuffix('_stack')}, or of another layer",
    )
    require(
        all(hasattr(part, "shape") and part.shape[:1] == (count,) for part in given),
        name,
        f"a state {describe(given)}",
        f"({count}, ..., hidden): {layers} layers, {len(directions)} directions",
        "the state lacks its first axis, was made for another number of layers, or is a tuple of "
        "states, each of which is an argument of its own",
    )
    noisy = train and p > 0 and layers > 1
    require(key is not None or not noisy, name, "no key", "a random key", "training with dropout")
    features = not jnp.issubdtype(x.dtype, jnp.integer)
    x = jnp.moveaxis(x, -1 - features, 0) if batch_first else x
    ends = []
    for i in range(layers):
        if i and key is not None and noisy:
            x = dropout(x, jax.random.fold_in(key, i), train=train, p=p)
        outputs = []
        for direction in directions:
            suffix = f"_l{i}{direction}"
            own = {n.removesuffix(suffix): a for n, a in params.items() if n.endswith(suffix)}
            begun = (None if part is None else part[len(ends)] for part in state)
            output, end = layer(own, x, *begun, lengths, reverse=bool(direction))
            outputs.append(output)
            ends.append(end)
        x = jnp.concatenate(outputs, -1)
    x = jnp.moveaxis(x, 0, -2) if batch_first else x
    return x, jax.tree.map(lambda *parts: jnp.stack(parts), *ends)


def _stack_init(
    init: Callable,
    key: Array,
    inputs: int,
    width: int,
    layers: int,
    bidirectional: bool,
) -> Params:
    """Parameters for each layer and direction, whose outputs have a `width`."""
    directions = ["", "_reverse"] if bidirectional else [""]
    keys = iter(jax.random.split(key, layers * len(directions)))
    params: Params = {}
    for i in range(layers):
        for direction in directions:
            own = init(next(keys), inputs)
            params |= {f"{name}_l{i}{direction}": array for name, array in own.items()}
        inputs = len(directions) * width
    return params


def rnn_stack(
    params: Params,
    x: Array,
    hidden: Array | None = None,
    lengths: Array | None = None,
    key: Array | None = None,
    *,
    train: bool,
    p: float = 0.0,
    batch_first: bool = False,
    activation: str = "tanh",
) -> tuple[Array, Array]:
    """Layers of `rnn`: the last one's outputs, and the last state of each layer and direction.

    params:  weight_ih_l0 (hidden, inputs); weight_hh_l0 (hidden, hidden);
             bias_ih_l0, bias_hh_l0 (hidden,), optional;
             weight_ih_l0_reverse (hidden, inputs), optional;
             weight_hh_l0_reverse (hidden, hidden), optional;
             bias_ih_l0_reverse, bias_hh_l0_reverse (hidden,), optional
    x:       (time, ..., inputs)
    hidden:  (2, ..., hidden), optional
    lengths: (...) int, optional
    ->       (time, ..., width'); (layers', ..., hidden)

    More layers have parameters `_l1`, `_l2`, ...; a state has an entry for each layer and, next to
    it, for its way back. `p` is the probability of dropout between layers. With `batch_first` the
    time is the axis before the last of x and of the outputs.
    Source: PyTorch `nn.RNN`.
    """
    return _stack(
        "rnn_stack",
        partial(rnn, activation=activation),
        params,
        x,
        (hidden,),
        lengths,
        key,
        train,
        p,
        batch_first,
    )


def rnn_stack_init(
    key: Array,
    inputs: int,
    hidden: int,
    *,
    layers: int = 1,
    bidirectional: bool = False,
    bias: bool = True,
) -> Params:
    """Everything uniform in +-1/sqrt(hidden), as PyTorch draws it."""
    init = partial(rnn_init, hidden=hidden, bias=bias)
    return _stack_init(init, key, inputs, hidden, layers, bidirectional)


def lstm_stack(
    params: Params,
    x: Array,
    hidden: Array | None = None,
    cell: Array | None = None,
    lengths: Array | None = None,
    key: Array | None = None,
    *,
    train: bool,
    p: float = 0.0,
    batch_first: bool = False,
) -> tuple[Array, tuple[Array, Array]]:
    """Layers of `lstm`: the last one's outputs, and all last hidden states and cells.

    params:  weight_ih_l0 (4 * hidden, inputs); weight_hh_l0 (4 * hidden, hidden);
             bias_ih_l0, bias_hh_l0 (4 * hidden,), optional;
             weight_ih_l0_reverse (4 * hidden, inputs), optional;
             weight_hh_l0_reverse (4 * hidden, hidden), optional;
             bias_ih_l0_reverse, bias_hh_l0_reverse (4 * hidden,), optional
    x:       (time, ..., inputs)
    hidden:  (2, ..., hidden), optional
    cell:    (2, ..., hidden), optional
    lengths: (...) int, optional
    ->       (time, ..., width'); (layers', ..., hidden); (layers', ..., hidden)

    Layers, states, `p` and `batch_first` are those of `rnn_stack`; `weight_hr_l0` projects.
    Source: PyTorch `nn.LSTM`.
    """
    return _stack(
        "lstm_stack", lstm, params, x, (hidden, cell), lengths, key, train, p, batch_first
    )


def lstm_stack_init(
    key: Array,
    inputs: int,
    hidden: int,
    *,
    layers: int = 1,
    bidirectional: bool = False,
    bias: bool = True,
    projection: int = 0,
) -> Params:
    """Everything uniform in +-1/sqrt(hidden), as PyTorch draws it."""
    init = partial(lstm_init, hidden=hidden, bias=bias, projection=projection)
    return _stack_init(init, key, inputs, projection or hidden, layers, bidirectional)


def gru_stack(
    params: Params,
    x: Array,
    hidden: Array | None = None,
    lengths: Array | None = None,
    key: Array | None = None,
    *,
    train: bool,
    p: float = 0.0,
    batch_first: bool = False,
) -> tuple[Array, Array]:
    """Layers of `gru`: the last one's outputs, and the last state of each layer and direction.

    params:  weight_ih_l0 (3 * hidden, inputs); weight_hh_l0 (3 * hidden, hidden);
             bias_ih_l0, bias_hh_l0 (3 * hidden,), optional;
             weight_ih_l0_reverse (3 * hidden, inputs), optional;
             weight_hh_l0_reverse (3 * hidden, hidden), optional;
             bias_ih_l0_reverse, bias_hh_l0_reverse (3 * hidden,), optional
    x:       (time, ..., inputs)
    hidden:  (2, ..., hidden), optional
    lengths: (...) int, optional
    ->       (time, ..., width'); (layers', ..., hidden)

    Layers, states, `p` and `batch_first` are those of `rnn_stack`.
    Source: PyTorch `nn.GRU`.
    """
    return _stack("gru_stack", gru, params, x, (hidden,), lengths, key, train, p, batch_first)


def gru_stack_init(
    key: Array,
    inputs: int,
    hidden: int,
    *,
    layers: int = 1,
    bidirectional: bool = False,
    bias: bool = True,
) -> Params:
    """Everything uniform in +-1/sqrt(hidden), as PyTorch draws it."""
    init = partial(gru_init, hidden=hidden, bias=bias)
    return _stack_init(init, key, inputs, hidden, layers, bidirectional)

"""Whole sequences through recurrent cells, forwards or backwards; `fnn.stack` has layers of them.

The first axis is the time. With `lengths` an example ends before the others: its state stays as it
is at its end, its outputs after that are zero, and the way back begins there.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

from fnn.errors import describe, require
from fnn.loop import loop, scan
from fnn.matmul import product, transposed
from fnn.recurrence import GRU, LSTM, RNN, Kind, Slopes, State, plus

__all__ = [
    "gru",
    "gru_init",
    "lstm",
    "lstm_init",
    "rnn",
    "rnn_init",
]

Params = dict[str, Array]


@partial(jax.jit, static_argnums=(0, 1), inline=True)  # so that eager calls compile it once
def _steps(
    kind: Kind,
    reverse: bool,
    weight: Array,
    valid: Array | None,
    project: Array | None,
    gates: Array,
    state: State,
) -> tuple[Array, State]:
    weight = transposed(weight)

    def body(state: State, each: tuple[Array, Array | None]) -> tuple[State, Array]:
        after = until(each[1], kind.after(each[0], weight, state, project), state)
        return after, after[0]

    state, hidden = lax.scan(body, state, (gates, valid), reverse=reverse)
    return hidden, state


@partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _scan(
    kind: Kind,
    reverse: bool,
    weight: Array,
    valid: Array | None,
    project: Array | None,
    gates: Array,
    state: State,
) -> tuple[Array, State]:
    """Repeat a step: the hidden state at each time, and the state after the last."""
    return _steps(kind, reverse, weight, valid, project, gates, state)


@_scan.defjvp
def _scan_jvp(kind: Kind, reverse: bool, primals: tuple, tangents: tuple) -> tuple[Any, Any]:
    """A change of weights acts through the gates and the outputs, for all times at once.

    So the gradient by weights is one product after the way back, not a sum over the steps of it.
    """
    weight, valid, project, gates, state = primals
    weights, _, projects, changes, states = tangents
    fixed = weight, valid, project
    slopes, shown, hidden, last = loop(Forward(kind, reverse), fixed, (gates, state))
    begun = state[0][None]
    parts = [hidden[1:], begun] if reverse else [begun, hidden[:-1]]
    changes = plus(changes, product(jnp.concatenate(parts), transposed(weights)))
    beside = None if project is None else product(shown, transposed(projects))
    ways = Change(kind, reverse), Back(kind, reverse)
    fixed = slopes, fixed
    return (hidden, last), loop(ways[0], fixed, (changes, beside, states), ways[1])


@dataclass(frozen=True)
class Forward:
    """All steps, and what the way back needs: slopes, and hidden states before a projection."""

    kind: Kind
    reverse: bool

    def __call__(self, fixed: tuple, x: tuple[Array, State]) -> tuple:
        """Run them."""
        (weight, valid, project), (gates, state) = fixed, x
        weight = transposed(weight)

        def step(state: State, each: tuple) -> tuple:
            gates, valid = each
            (shown, *others), slopes = self.kind.step(plus(gates, state[0] @ weight), state)
            hidden = shown if project is None else shown @ project.T
            after = until(valid, (hidden, *others), state)
            before = None if project is None else shown
            return after, (slopes[0], (slopes[1:], before, after[0]))

        last, (by_gates, found) = scan(step, state, gates, valid, reverse=self.reverse)
        slopes, shown, hidden = found
        return (by_gates, *slopes), shown, hidden, last


@dataclass(frozen=True)
class Change:
    """How hidden states and the last state change with gates, hidden states and the first state."""

    kind: Kind
    reverse: bool

    def __call__(self, fixed: tuple, x: tuple) -> tuple[Array, State]:
        """Run them."""
        (slopes, (weight, valid, project)), (gates, beside, state) = fixed, x

        def step(state: State, each: tuple) -> tuple[State, Array]:
            slopes, valid, *changes = each
            after = changed(self.kind, (weight, project), slopes, valid, (*changes, state))
            return after, after[0]

        times = slopes, valid, gates, beside
        last, hidden = lax.scan(step, state, times, reverse=self.reverse)
        return hidden, last


@dataclass(frozen=True)
class Back:
    """The transpose of `Change`."""

    kind: Kind
    reverse: bool

    def __call__(self, fixed: tuple, y: tuple[Array, State]) -> tuple:
        """Run them."""
        (slopes, (weight, valid, project)), (hidden, last) = fixed, y

        def step(state: State, each: tuple) -> tuple:
            by_gates, (others, valid, hidden) = each
            state = (state[0] + hidden, *state[1:])
            forms = by_gates, None if project is None else hidden, state
            way = partial(changed, self.kind, (weight, project), (by_gates, *others), valid)
            gates, beside, state = jax.linear_transpose(way, forms)(state)[0]
            return state, (gates, beside)

        others = slopes[1:], valid, hidden
        state, (gates, beside) = scan(step, last, slopes[0], others, reverse=not self.reverse)
        return gates, beside, state


def changed(
    kind: Kind, weights: tuple[Array, Array | None], slopes: Slopes, valid: Array | None, x: tuple
) -> State:
    """The change of the state after a step."""
    (weight, project), (gates, beside, state) = weights, x
    hidden, *others = kind.along(slopes, plus(gates, state[0] @ weight.T), state)
    if project is not None:
        hidden = hidden @ project.T + beside
    return until(valid, (hidden, *others), state)


def until(valid: Array | None, after: State, before: State) -> State:
    """The state after a step, or the one before where the sequence has ended."""
    if valid is None:
        return after
    return tuple(jnp.where(valid, a, b) for a, b in zip(after, before, strict=True))


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
    hidden, last = _scan(
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

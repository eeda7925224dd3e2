"""What happens in recurrent cells: products of the input and the hidden state, then gates.

Layouts and the order of the gates are PyTorch's. `i`, `h` stand for the input and the hidden state.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.typing import ArrayLike

from fnn.activation import relu
from fnn.embedding import embedding
from fnn.errors import describe, require
from fnn.initializers import uniform_fan_in
from fnn.kernels import stored
from fnn.matmul import product, transposed

State = tuple[Array, ...]
Slopes = tuple[Array, ...]


class Kind(NamedTuple):
    """What tells one recurrent network from another.

    `step(gates, state)` is all that comes after the products, but for a projection. It is given the
    sum of both products and their biases, and behind it what `apart` moves out of the sum. Beside
    the new state it returns slopes, the first ones by the gates: the new state changes as
    `along(slopes, gates, state)` says.
    """

    name: str
    gates: int
    step: Callable[[Array, State], tuple[State, Slopes]]
    along: Callable[[Slopes, Array, State], State]
    apart: Callable[[Array, Array | None], Array] | None = None

    def from_input(self, layer: str, params: dict[str, Array], x: Array) -> Array:
        """The input's part in the gates, with both biases. Integers stand for one-hot vectors."""
        require(
            {"weight_ih", "weight_hh"} <= {*params},
            layer,
            f"parameters {', '.join(params)}",
            "weight_ih and weight_hh",
            f"these are those of {self.name}_stack, or of another layer",
        )
        rows, hidden = params["weight_hh"].shape
        units = params["weight_hr"].shape[1] if "weight_hr" in params else hidden
        require(
            params["weight_ih"].shape[0] == rows == self.gates * units,
            layer,
            describe(params),
            f"weight_ih ({self.gates} * hidden, inputs), weight_hh ({self.gates} * hidden, hidden)",
            "the parameters were made for another kind of cell",
        )
        weight = transposed(params["weight_ih"])
        if jnp.issubdtype(x.dtype, jnp.integer):
            gates = embedding({"weight": weight}, x)
        else:
            require(
                x.shape[-1:] == weight.shape[:1],
                layer,
                f"x {describe(x)}",
                f"(..., {weight.shape[0]})",
                "the layer was made for another width",
            )
            gates = product(x, weight)
        own, other = params.get("bias_ih"), params.get("bias_hh")
        if self.apart is not None:
            return self.apart(gates if own is None else gates + along(own, gates), other)
        for bias in (own, other):
            gates = gates if bias is None else gates + along(bias, gates)
        return gates

    def begin(
        self, layer: str, params: dict[str, Array], gates: Array, state: tuple, *, time: int = 0
    ) -> State:
        """The state to begin with, zeros where none is given; `gates` has `time` more axes."""
        hidden = params["weight_hh"].shape[1]
        units = params["weight_hr"].shape[1] if "weight_hr" in params else hidden
        wanted = [(*gates.shape[time:-1], width) for width in (hidden, units)]
        for given, shape in zip(state, wanted, strict=False):
            require(
                gates.ndim > time and (given is None or getattr(given, "shape", None) == shape),
                layer,
                f"a state {describe(given)} for an input with leading axes {gates.shape[:-1]}",
                f"state {list(shape)}" if gates.ndim > time else "x (time, ..., inputs)",
                "the state was made for another batch or width, or x lacks the axis of time "
                "or batch",
            )
        return tuple(
            jnp.zeros(shape, gates.dtype) if given is None else given
            for given, shape in zip(state, wanted, strict=False)
        )

    def after(self, gates: Array, weight: Array, state: State, project: Array | None) -> State:
        """The state after a step; `weight` is the transposed one of the hidden state."""
        hidden, *others = _after(self, plus(gates, state[0] @ weight), state)
        return (hidden if project is None else hidden @ project.T, *others)

    def cell(self, params: dict[str, Array], x: Array, *state: Array | None) -> State:
        """One step."""
        layer = f"{self.name}_cell"
        gates = self.from_input(layer, params, x)
        begun = self.begin(layer, params, gates, state)
        return self.after(gates, params["weight_hh"].T, begun, params.get("weight_hr"))

    def init(
        self, key: Array, inputs: int, hidden: int, *, bias: bool = True, projection: int = 0
    ) -> dict[str, Array]:
        """Everything uniform in +-1/sqrt(hidden), as PyTorch draws it."""
        rows = self.gates * hidden
        return uniform_fan_in(
            key,
            hidden,
            weight_ih=(rows, inputs),
            weight_hh=(rows, projection or hidden),
            bias_ih=(rows,) if bias else None,
            bias_hh=(rows,) if bias else None,
            **({"weight_hr": (projection, hidden)} if projection else {}),
        )


def plus(gates: Array, product: Array) -> Array:
    """Add the hidden state's part to the gates that have one, which are first."""
    width = product.shape[-1]
    if width == gates.shape[-1]:
        return gates + product
    # or a loop that overwrites gates would still need them
    return stored(jnp.concatenate([gates[..., :width] + product, gates[..., width:]], -1))


def along(bias: ArrayLike, like: Array) -> Array:
    """A vector for every row of another array."""
    return lax.broadcast_in_dim(bias, like.shape, (like.ndim - 1,))


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _after(kind: Kind, gates: Array, state: State) -> State:
    """The state after a step, before a projection."""
    return kind.step(gates, state)[0]


@_after.defjvp
def _after_jvp(kind: Kind, primals: tuple, tangents: tuple) -> tuple[State, State]:
    """Products with slopes that are computed on the way forward: less to keep and to read again."""
    after, slopes = kind.step(*primals)
    return after, kind.along(slopes, *tangents)


def _lstm_step(gates: Array, state: State) -> tuple[State, Slopes]:
    cell = state[1]
    # sigmoid(x) = (tanh(x / 2) + 1) / 2: one function of all gates takes less time than four
    scale = np.repeat(np.array([0.5, 0.5, 1, 0.5], gates.dtype), cell.shape[-1])
    enter, forget, new, leave = jnp.split(jnp.tanh(gates * along(scale, gates)), 4, axis=-1)
    enter, forget, leave = (0.5 * gate + 0.5 for gate in (enter, forget, leave))
    after = forget * cell + enter * new
    shown = jnp.tanh(after)
    by_gates = [
        new * enter * (1 - enter),
        cell * forget * (1 - forget),
        enter * (1 - new * new),
        shown * leave * (1 - leave),
    ]
    by_after = leave * (1 - shown * shown)
    return (leave * shown, after), (jnp.concatenate(by_gates, -1), forget, by_after)


def _lstm_along(slopes: Slopes, gates: Array, state: State) -> State:
    by_gates, by_cell, by_after = slopes
    enter, forget, new, leave = jnp.split(by_gates * gates, 4, axis=-1)
    cell = by_cell * state[1] + enter + forget + new
    return by_after * cell + leave, cell


def _gru_step(gates: Array, state: State) -> tuple[State, Slopes]:
    reset, keep, new_h, new = jnp.split(gates, 4, axis=-1)
    reset, keep = lax.logistic(reset), lax.logistic(keep)
    new = jnp.tanh(new + reset * new_h)
    by_new = (1 - keep) * (1 - new * new)
    by_gates = [
        by_new * new_h * reset * (1 - reset),
        (state[0] - new) * keep * (1 - keep),
        by_new * reset,
        by_new,
    ]
    return ((1 - keep) * new + keep * state[0],), (jnp.concatenate(by_gates, -1), keep)


def _gru_along(slopes: Slopes, gates: Array, state: State) -> State:
    by_gates, by_state = slopes
    reset, keep, new_h, new = jnp.split(by_gates * gates, 4, axis=-1)
    return (by_state * state[0] + reset + keep + new_h + new,)


def _rnn_step(
    activation: Callable[[Array], Array],
    slope: Callable[[Array], Array],
    gates: Array,
    state: State,
) -> tuple[State, Slopes]:
    after = stored(activation(gates))
    return (after,), (slope(after),)


def _rnn_along(slopes: Slopes, gates: Array, state: State) -> State:
    return (slopes[0] * gates,)


def _gru_apart(gates: Array, bias: Array | None) -> Array:
    """The new state's input stays out of the sum: only its hidden part is reset."""
    width = gates.shape[-1] // 3
    both, new = gates[..., : 2 * width], gates[..., 2 * width :]
    if bias is None:
        return jnp.concatenate([both, jnp.zeros_like(new), new], -1)
    both = both + along(bias[: 2 * width], both)
    return jnp.concatenate([both, along(bias[2 * width :], new), new], -1)


LSTM = Kind("lstm", 4, _lstm_step, _lstm_along)
GRU = Kind("gru", 3, _gru_step, _gru_along, _gru_apart)


class _Known(dict[str, Kind]):
    """The kinds of `rnn`, by their activations."""

    def __missing__(self, activation: str) -> Kind:
        wanted = " or ".join(map(repr, self))
        require(False, "rnn", f"activation {activation!r}", wanted, "it is misspelt")
        raise KeyError(activation)


RNN = _Known(
    tanh=Kind("rnn", 1, partial(_rnn_step, jnp.tanh, lambda y: 1 - y * y), _rnn_along),
    relu=Kind("rnn", 1, partial(_rnn_step, relu, lambda y: (y > 0).astype(y.dtype)), _rnn_along),
)

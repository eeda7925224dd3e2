"""jax by hand: a dict of parameters, and the whole step in one program; the reference."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from benchmarks.sides.side import Side
from benchmarks.workloads import Workload, batch, parameters


def by_hand(workload: Workload) -> Side:
    """A step in plain jax, parameters and the optimiser's state donated."""
    begin, update = {"sgd": (dict, sgd), "adam": (adam_begin, adam)}[workload.optimiser]
    loss_of = {"mse": mse, "cross_entropy": cross_entropy}[workload.loss]

    def loss(params: Any, x: Any, y: Any) -> Any:
        return loss_of(forward(workload.layers, params, x), y)

    def train(params: Any, state: Any, x: Any, y: Any) -> Any:
        value, grads = jax.value_and_grad(loss)(params, x, y)
        return *update(params, state, grads, workload.rate), value

    compiled = jax.jit(train, donate_argnums=(0, 1))
    params: Any = jax.tree.map(jnp.array, parameters(workload))
    state: Any = begin() if begin is dict else begin(params)
    x, y = map(jnp.array, batch(workload))

    def step() -> Any:
        nonlocal params, state
        params, state, value = compiled(params, state, x, y)
        return value

    def finish(value: Any) -> np.ndarray:
        jax.block_until_ready(params)
        return np.asarray(value)

    return Side(step, finish)


def forward(layers: tuple, params: Any, x: Any) -> Any:
    """The network's output."""
    for place, (kind, *sizes) in enumerate(layers):
        p = params.get(str(place))
        if kind == "linear":
            x = x @ p["weight"].T + p["bias"]
        elif kind == "conv":
            names = ("NCHW", "OIHW", "NCHW")
            x = lax.conv_general_dilated(x, p["weight"], (1, 1), "VALID", dimension_numbers=names)
            x = x + p["bias"][:, None, None]
        elif kind == "pool":
            window = (1, 1, *sizes, *sizes)
            x = lax.reduce_window(x, -jnp.inf, lax.max, window, window, "VALID")
        elif kind == "relu":
            x = jax.nn.relu(x)
        else:
            x = x.reshape(x.shape[0], -1)
    return x


def mse(output: Any, target: Any) -> Any:
    """The mean of the squared differences."""
    return jnp.mean((output - target) ** 2)


def cross_entropy(output: Any, labels: Any) -> Any:
    """The mean negative log-probability of the labels."""
    return -jnp.take_along_axis(jax.nn.log_softmax(output), labels[:, None], 1).mean()


def sgd(params: Any, state: Any, grads: Any, rate: float) -> Any:
    """Parameters and state after a step of gradient descent."""
    return jax.tree.map(lambda p, g: p - rate * g, params, grads), state


def adam_begin(params: Any) -> Any:
    """No steps so far, and means of zero."""
    zeros = jax.tree.map(jnp.zeros_like, params)
    return jnp.zeros((), jnp.int32), zeros, jax.tree.map(jnp.copy, zeros)


def adam(params: Any, state: Any, grads: Any, rate: float) -> Any:
    """Parameters and state after a step of Adam."""
    t, m, v = state
    t = t + 1
    m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, grads)
    v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, grads)
    first, second = 1 - 0.9**t, 1 - 0.999**t

    def moved(p: Any, m: Any, v: Any) -> Any:
        return p - rate * (m / first) / (jnp.sqrt(v / second) + 1e-8)

    return jax.tree.map(moved, params, m, v), (t, m, v)

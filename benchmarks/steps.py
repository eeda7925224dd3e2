"""The demo's step of training, through each door, against one written by hand in jax."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from benchmarks.harness import compare
from fnn.datasets import digits
from fnn.demo import doors


def by_hand(params: Any) -> Any:
    """The same network, loss and update in plain jax, parameters and velocity donated."""

    def conv(p: Any, x: Any) -> Any:
        pads, names = ((2, 2), (2, 2)), ("NCHW", "OIHW", "NCHW")
        y = lax.conv_general_dilated(x, p["weight"], (1, 1), pads, dimension_numbers=names)
        return y + p["bias"][:, None, None]

    def pool(x: Any) -> Any:
        return lax.reduce_window(x, -jnp.inf, lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")

    def dense(p: Any, x: Any) -> Any:
        return x @ p["weight"].T + p["bias"]

    def loss(params: Any, x: Any, y: Any) -> Any:
        for name in ("0", "3"):
            x = pool(jax.nn.relu(conv(params[name], x)))
        x = x.reshape(x.shape[0], -1)
        for name in ("7", "9"):
            x = jax.nn.relu(dense(params[name], x))
        scores = jax.nn.log_softmax(dense(params["11"], x))
        return -jnp.take_along_axis(scores, y[:, None], 1).mean()

    def step(params: Any, velocity: Any, x: Any, y: Any) -> Any:
        value, grads = jax.value_and_grad(loss)(params, x, y)
        velocity = jax.tree.map(lambda v, g: doors.MOMENTUM * v + g, velocity, grads)
        return jax.tree.map(lambda p, v: p - doors.RATE * v, params, velocity), velocity, value

    compiled = jax.jit(step, donate_argnums=(0, 1))
    state = [jax.tree.map(jnp.array, params), jax.tree.map(jnp.zeros_like, params)]

    def call(x: Any, y: Any) -> Any:
        *state[:], value = compiled(*state, x, y)
        return value

    return call


def run() -> None:
    """Ratios to hand-written jax; the loss is read at every step."""
    for size in (32, 256):
        print(
            *compare(candidates(size), reference=f"jax by hand, batch {size}", seconds=0.1),
            sep="\n",
        )


def candidates(size: int) -> dict[str, Callable[[], object]]:
    """A step of each on one batch."""
    data = digits()
    x, y = data.train_images[:size], data.train_labels[:size]
    params = doors.initial_parameters(0)
    step = by_hand(params)
    found: dict[str, Callable[[], object]] = {
        f"jax by hand, batch {size}": lambda: np.asarray(step(x, y))
    }
    for name, door in doors.DOORS.items():
        learner = door(jax.tree.map(jnp.array, params))
        found[f"{name}, batch {size}"] = lambda step=learner.step: float(step(x, y))
    return found

"""The door of pure functions."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import fnn
from benchmarks.sides.side import Side
from benchmarks.workloads import Workload, batch, parameters

LAYERS = {
    "linear": lambda inputs, outputs: fnn.layer(fnn.linear, inputs, outputs),
    "conv": lambda inputs, outputs, k: fnn.layer(fnn.conv, inputs, outputs, (k, k)),
    "pool": lambda k: fnn.layer(fnn.max_pool, window=(k, k)),
    "relu": lambda: fnn.relu,
    "flatten": lambda *sizes: fnn.flatten,
}


def functions(workload: Workload) -> Side:
    """`training_step` under jit, with what it trains donated."""
    net = fnn.serial(*(LAYERS[kind](*sizes) for kind, *sizes in workload.layers))
    measure = getattr(fnn.loss, workload.loss)

    def loss(params: Any, x: Any, y: Any) -> Any:
        return measure(net(params, x), y)

    rule = fnn.optim.optimiser(getattr(fnn.optim, workload.optimiser), learning_rate=workload.rate)
    compiled = jax.jit(fnn.training_step(loss, rule), donate_argnums=0)
    params = jax.tree.map(jnp.array, parameters(workload))
    training = fnn.Training(params, {}, rule.init(params), None)
    x, y = map(jnp.array, batch(workload))

    def step() -> Any:
        nonlocal training
        training, value = compiled(training, x, y)
        return value

    def finish(value: Any) -> np.ndarray:
        jax.block_until_ready(training)
        return np.asarray(value)

    return Side(step, finish)

"""Equinox, as its documentation writes a step."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks.sides.hand import cross_entropy, mse
from benchmarks.sides.side import Side
from benchmarks.workloads import Workload, batch, parameters


def filter_jit(workload: Workload) -> Side:
    """A model as an argument of filter_jit, which is given everything but the batch to keep."""
    model = network(workload)
    optimiser = getattr(optax, workload.optimiser)(workload.rate)
    state = optimiser.init(eqx.filter(model, eqx.is_array))
    measure = {"mse": mse, "cross_entropy": cross_entropy}[workload.loss]

    @eqx.filter_value_and_grad
    def loss_of(model: Any, x: Any, y: Any) -> Any:
        return measure(jax.vmap(model)(x), y)

    @eqx.filter_jit(donate="all-except-first")
    def train(batch: Any, model: Any, state: Any) -> Any:
        loss, grads = loss_of(model, *batch)
        updates, state = optimiser.update(grads, state, eqx.filter(model, eqx.is_array))
        return eqx.apply_updates(model, updates), state, loss

    given = tuple(map(jnp.array, batch(workload)))

    def step() -> Any:
        nonlocal model, state
        model, state, loss = train(given, model, state)
        return loss

    def finish(loss: Any) -> np.ndarray:
        jax.block_until_ready(eqx.filter(model, eqx.is_array))
        return np.asarray(loss)

    return Side(step, finish)


def network(workload: Workload) -> Any:
    """The network for one example."""
    params, key, layers = parameters(workload), jax.random.key(0), []
    for place, (kind, *sizes) in enumerate(workload.layers):
        if kind == "relu":
            layers.append(eqx.nn.Lambda(jax.nn.relu))
        elif kind == "pool":
            layers.append(eqx.nn.MaxPool2d(*sizes, stride=sizes[0]))
        elif kind == "flatten":
            layers.append(eqx.nn.Lambda(jnp.ravel))
        else:
            layer = {"linear": eqx.nn.Linear, "conv": eqx.nn.Conv2d}[kind](*sizes, key=key)
            arrays = params[str(place)]
            arrays = (
                jnp.array(arrays["weight"]),
                jnp.array(arrays["bias"]).reshape(layer.bias.shape),
            )
            layers.append(eqx.tree_at(lambda layer: (layer.weight, layer.bias), layer, arrays))
    return eqx.nn.Sequential(layers)

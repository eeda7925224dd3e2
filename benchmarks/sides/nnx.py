"""Flax NNX, as its documentation writes a step."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from benchmarks.sides.hand import cross_entropy, mse
from benchmarks.sides.side import Side
from benchmarks.workloads import Workload, batch, parameters


def nnx_jit(workload: Workload) -> Side:
    """A model and an optimiser as arguments of nnx.jit."""
    model = network(workload)
    optimizer = nnx.Optimizer(
        model, getattr(optax, workload.optimiser)(workload.rate), wrt=nnx.Param
    )
    measure = {"mse": mse, "cross_entropy": cross_entropy}[workload.loss]

    @nnx.jit
    def train(model: Any, optimizer: Any, x: Any, y: Any) -> Any:
        loss, grads = nnx.value_and_grad(lambda model: measure(model(x), y))(model)
        optimizer.update(model, grads)
        return loss

    x, y = map(jnp.array, batch(workload))
    x = jnp.moveaxis(x, 1, -1)

    def finish(loss: Any) -> np.ndarray:
        jax.block_until_ready(nnx.state(model))
        return np.asarray(loss)

    return Side(lambda: train(model, optimizer, x, y), finish)


def network(workload: Workload) -> Any:
    """The network, which has its channels last."""
    params, rngs, layers, before = parameters(workload), nnx.Rngs(0), [], None
    for place, (kind, *sizes) in enumerate(workload.layers):
        if kind == "relu":
            layers.append(nnx.relu)
        elif kind == "pool":
            window = (*sizes, *sizes)
            layers.append(partial(nnx.max_pool, window_shape=window, strides=window))
        elif kind == "flatten":
            layers.append(lambda x: x.reshape(x.shape[0], -1))
        else:
            weight, bias = params[str(place)]["weight"], params[str(place)]["bias"]
            if kind == "conv":
                inputs, outputs, k = sizes
                layer = nnx.Conv(inputs, outputs, (k, k), padding="VALID", rngs=rngs)
                weight = weight.transpose(2, 3, 1, 0)
            else:
                layer = nnx.Linear(*sizes, rngs=rngs)
                if before is not None:
                    weight = weight.reshape(-1, *before).transpose(0, 2, 3, 1)
                weight = weight.reshape(sizes[1], -1).T
            layer.kernel, layer.bias = nnx.Param(jnp.array(weight)), nnx.Param(jnp.array(bias))
            layers.append(layer)
        before = sizes if kind == "flatten" else None
    return nnx.Sequential(*layers)

"""The door of Torch7, as its users write a step."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

import fnn.torch7 as torch
import transforms
from benchmarks.sides.side import Side
from benchmarks.workloads import Workload, batch, parameters
from fnn.torch7 import nn, optim

LAYERS = {
    "linear": nn.Linear,
    "conv": lambda inputs, outputs, k: nn.SpatialConvolution(inputs, outputs, k, k),
    "pool": lambda k: nn.SpatialMaxPooling(k, k, k, k),
    "relu": nn.ReLU,
    "flatten": lambda channels, height, width: nn.View(channels * height * width),
}


def written(workload: Workload, transform: Callable = lambda step: step) -> Side:
    """The step as written."""
    net = nn.Sequential()
    for kind, *sizes in workload.layers:
        net.add(LAYERS[kind](*sizes))
    if workload.loss == "cross_entropy":
        net.add(nn.LogSoftMax())
    net.load(jax.tree.map(jnp.array, parameters(workload)))
    criterion = nn.MSECriterion() if workload.loss == "mse" else nn.ClassNLLCriterion()
    x, y = batch(workload)
    input = torch.fromarray(x)
    target = torch.fromarray(y if workload.loss == "mse" else y + 1)
    train = transform({"sgd": descent, "adam": adam}[workload.optimiser](net, criterion, workload))

    def finish(loss: Any) -> float:
        net.get(1).weight.storage.array.block_until_ready()
        return float(loss)

    return Side(lambda: train(input, target), finish)


def descent(net: Any, criterion: Any, workload: Workload) -> Callable:
    """A step of gradient descent."""

    def train(input: Any, target: Any) -> Any:
        net.zeroGradParameters()
        loss = criterion.forward(net.forward(input), target)
        net.backward(input, criterion.backward(net.output, target))
        net.updateParameters(workload.rate)
        return loss

    return train


def adam(net: Any, criterion: Any, workload: Workload) -> Callable:
    """A step of optim.adam on the flat parameters."""
    params, gradParams = net.getParameters()
    config = {"learningRate": workload.rate}

    def train(input: Any, target: Any) -> Any:
        def feval(x: Any) -> Any:
            gradParams.zero()
            loss = criterion.forward(net.forward(input), target)
            net.backward(input, criterion.backward(net.output, target))
            return loss, gradParams

        _, losses = optim.adam(feval, params, config)
        return losses[1]

    return train


def read(workload: Workload) -> Side:
    """The step as written, and a look at its loss."""
    return written(workload).reading()


def compiled(workload: Workload) -> Side:
    """The step, unchanged, under transforms.jit."""
    return written(workload, transforms.jit)

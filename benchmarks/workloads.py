"""What is trained: networks as data, with their batches and their first parameters."""

from typing import Any, NamedTuple

import numpy as np


class Workload(NamedTuple):
    """A network, a loss, an optimiser; every side builds its own of it.

    Layers are counted as a Sequential counts them, and so are their parameters.
    """

    title: str
    layers: tuple[tuple, ...]
    loss: str
    optimiser: str
    rate: float
    input: tuple[int, ...]
    size: int


SINE = (
    ("linear", 1, 5),
    ("relu",),
    ("linear", 5, 5),
    ("relu",),
    ("linear", 5, 5),
    ("relu",),
    ("linear", 5, 1),
)
MLP = (("linear", 784, 128), ("relu",), ("linear", 128, 10))
LENET = (
    ("conv", 1, 6, 5),
    ("relu",),
    ("pool", 2),
    ("conv", 6, 16, 5),
    ("relu",),
    ("pool", 2),
    ("flatten", 16, 5, 5),
    ("linear", 400, 120),
    ("relu",),
    ("linear", 120, 84),
    ("relu",),
    ("linear", 84, 10),
)

WORKLOADS = {
    "sine": Workload("MLP 1-5-5-5-1, batch 32, Adam", SINE, "mse", "adam", 0.01, (1,), 32),
    "mlp": Workload("MLP 784-128-10, batch 64, SGD", MLP, "cross_entropy", "sgd", 0.01, (784,), 64),
    "lenet32": Workload(
        "LeNet 32x32, batch 32, SGD", LENET, "cross_entropy", "sgd", 0.05, (1, 32, 32), 32
    ),
    "lenet256": Workload(
        "LeNet 32x32, batch 256, SGD", LENET, "cross_entropy", "sgd", 0.05, (1, 32, 32), 256
    ),
}


def parameters(workload: Workload) -> dict[str, dict[str, np.ndarray]]:
    """The parameters that every side starts from: weights are (outputs, inputs, ...)."""
    draw, found = np.random.default_rng(1), {}
    for place, (kind, *sizes) in enumerate(workload.layers):
        if kind in ("linear", "conv"):
            inputs, outputs, *window = sizes
            shape = (outputs, inputs, *window, *window)
            bound = float(np.prod(shape[1:])) ** -0.5
            found[str(place)] = {
                "weight": draw.uniform(-bound, bound, shape).astype(np.float32),
                "bias": draw.uniform(-bound, bound, outputs).astype(np.float32),
            }
    return found


def batch(workload: Workload) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and targets; labels count from 0."""
    draw, shape = np.random.default_rng(2), (workload.size, *workload.input)
    if workload.loss == "mse":
        x = draw.uniform(0, 2 * np.pi, shape).astype(np.float32)
        return x, np.sin(x)
    x: Any = draw.normal(size=shape).astype(np.float32)
    return x, draw.integers(0, 10, workload.size).astype(np.int32)

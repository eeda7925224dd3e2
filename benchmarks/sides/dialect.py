"""PyTorch's names for a workload, for PyTorch itself and for the door that speaks like it."""

from typing import Any

from benchmarks.workloads import Workload

OPTIMISERS = {"sgd": "SGD", "adam": "Adam"}
LOSSES = {"mse": "MSELoss", "cross_entropy": "CrossEntropyLoss"}


def network(nn: Any, workload: Workload) -> Any:
    """The layers one after the other."""
    layers = {
        "linear": nn.Linear,
        "conv": nn.Conv2d,
        "pool": nn.MaxPool2d,
        "relu": nn.ReLU,
        "flatten": lambda *sizes: nn.Flatten(),
    }
    return nn.Sequential(*(layers[kind](*sizes) for kind, *sizes in workload.layers))


def criterion(nn: Any, workload: Workload) -> Any:
    """The loss."""
    return getattr(nn, LOSSES[workload.loss])()


def optimizer(optim: Any, workload: Workload, net: Any) -> Any:
    """The optimiser of a network's parameters."""
    return getattr(optim, OPTIMISERS[workload.optimiser])(net.parameters(), lr=workload.rate)

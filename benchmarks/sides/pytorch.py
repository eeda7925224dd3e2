"""The door of PyTorch, as its users write a step."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import fnn.pytorch as torch
import transforms
from benchmarks.sides import dialect
from benchmarks.sides.side import Side, Unavailable
from benchmarks.workloads import Workload, batch, parameters
from fnn.pytorch import nn, optim

EPOCH = 100


def trainer(workload: Workload) -> tuple[Any, Callable]:
    """A network, and a step of its training as written."""
    net = dialect.network(nn, workload)
    net.load(jax.tree.map(jnp.array, parameters(workload)))
    criterion = dialect.criterion(nn, workload)
    optimizer = dialect.optimizer(optim, workload, net)

    def train(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = criterion(net(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return net, train


def tensors(x: np.ndarray, y: np.ndarray) -> tuple[Any, Any]:
    """A batch as tensors; labels are longs."""
    target = torch.from_numpy(y)
    return torch.from_numpy(x), target if y.dtype == np.float32 else target.long()


def side(net: Any, train: Callable, x: Any, y: Any, steps: int = 1) -> Side:
    """Training on one batch, or on several at once."""

    def finish(losses: Any) -> Any:
        next(iter(net.parameters())).storage.array.block_until_ready()
        return float(losses) if steps == 1 else np.asarray(losses.detach())

    return Side(lambda: train(x, y), finish, steps)


def written(workload: Workload) -> Side:
    """The step as written."""
    net, train = trainer(workload)
    return side(net, train, *tensors(*batch(workload)))


def read(workload: Workload) -> Side:
    """The step as written, and a look at its loss."""
    return written(workload).reading()


def compiled(workload: Workload) -> Side:
    """The step, unchanged, under transforms.jit."""
    net, train = trainer(workload)
    return side(net, transforms.jit(train), *tensors(*batch(workload)))


def epochs(workload: Workload) -> Side:
    """Many of the unchanged steps in one program, each on a batch of its own."""
    if not hasattr(transforms, "epochs"):
        raise Unavailable("transforms has no epochs")
    net, train = trainer(workload)
    batches = (np.stack([array] * EPOCH) for array in batch(workload))
    return side(net, transforms.epochs(train), *tensors(*batches), EPOCH)

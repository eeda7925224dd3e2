"""PyTorch itself."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from benchmarks.sides import dialect
from benchmarks.sides.side import Side, Unavailable
from benchmarks.workloads import Workload, batch, parameters


def eager(workload: Workload, transform: Callable = lambda function: function) -> Side:
    """The step as written."""
    net = dialect.network(nn, workload)
    state = {
        f"{place}.{name}": torch.tensor(array)
        for place, arrays in parameters(workload).items()
        for name, array in arrays.items()
    }
    net.load_state_dict(state)
    criterion = dialect.criterion(nn, workload)
    optimizer = dialect.optimizer(torch.optim, workload, net)
    x, y = map(torch.tensor, batch(workload))
    y = y if workload.loss == "mse" else y.long()
    loss_of = transform(lambda x, y: criterion(net(x), y))
    update = transform(optimizer.step)

    def step() -> Any:
        optimizer.zero_grad()
        loss = loss_of(x, y)
        loss.backward()
        update()
        return loss

    return Side(step, lambda loss: loss.item())


def compiled(workload: Workload) -> Side:
    """The step, its two halves under torch.compile."""
    try:
        torch.compile(torch.sin)(torch.ones(2))
    except Exception as error:
        first = str(error).strip().splitlines()[0]
        raise Unavailable(f"torch.compile does not work here: {first}") from error
    return eager(workload, torch.compile)

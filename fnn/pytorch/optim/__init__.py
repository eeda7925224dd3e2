"""torch.optim."""

from fnn.pytorch.optim.optimizer import SGD, Adam, Optimizer

__all__ = ["SGD", "Adam", "Optimizer"]

"""Rows of fnn.reparametrise."""

from fnn.reparametrise import row_norms, spectral_norm, weight_norm
from tests.table.example import Example
from tests.table.original import torch

EXAMPLES = [
    Example(weight_norm, sizes={"*shape": (4, 3, 2), "*lengths": (4, 1, 1)}),
    Example(weight_norm, {"axis": -1}, {"*shape": (4, 3), "*lengths": (1, 3)}),
    Example(weight_norm, {"axis": None, "eps": 0.1}, {"*shape": (4, 3), "*lengths": ()}),
    Example(row_norms, sizes={"*shape": (4, 3, 2)}),
    Example(spectral_norm, {"train": False}, ranges={"state": (0.2, 1), "weight": (0.2, 1)}),
]


def torch_weight_norm(v, g, axis=0, eps=0.0):
    if eps:
        return g * v / torch.sqrt((v * v).sum() + eps)
    return torch._weight_norm(v, g, axis % v.ndim)


TORCH = {weight_norm: torch_weight_norm}

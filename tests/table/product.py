"""Rows of fnn.product."""

from fnn import product
from tests.table.example import Example
from tests.table.original import torch

EXAMPLES = [
    Example(product.matmul, sizes={"...": (2,)}),
    Example(
        product.matmul,
        {"transpose_x": True, "transpose_y": True},
        {"...": (), "rows": 4, "inner": 4, "columns": 4},
    ),
    Example(product.matvec, sizes={"...": (2,)}),
    Example(product.matvec, {"transpose": True}, {"...": (), "rows": 4, "columns": 4}),
    Example(product.cross),
]


def torch_matmul(x, y, transpose_x=False, transpose_y=False):
    return (x.mT if transpose_x else x) @ (y.mT if transpose_y else y)


def torch_matvec(x, y, transpose=False):
    return ((x.mT if transpose else x) @ y[..., None])[..., 0]


def torch_cross(x, y):
    return torch.linalg.cross(x, y)


TORCH = {
    product.matmul: torch_matmul,
    product.matvec: torch_matvec,
    product.cross: torch_cross,
}

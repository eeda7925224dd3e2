"""Rows of fnn.embedding."""

from fnn.embedding import embedding, embedding_bag, limit_rows
from tests.table.example import Example
from tests.table.original import F, torch

SIZES = {"count": 7}
ANY = {"indices": (0, 7)}
# all in the last bag: what is between the offsets has a test of its own
ONE = {"indices": (0, 7), "offsets": (0, 1)}
EXAMPLES = [
    Example(embedding, {}, SIZES, ANY),
    Example(embedding, {"padding": 2}, SIZES, ANY, differentiable=False),
    Example(embedding, {"padding": -3}, SIZES, ANY, differentiable=False),
    Example(embedding, {"max_norm": 0.8, "norm_type": 1.0}, SIZES, ANY, differentiable=False),
    Example(embedding, {"scale_by_frequency": True}, SIZES, ANY, differentiable=False),
    Example(limit_rows, {"max_norm": 0.8}, SIZES, ANY),
    Example(embedding_bag, {"mode": "sum"}, SIZES, ONE),
    Example(embedding_bag, {"mode": "max"}, SIZES, ONE),
    Example(embedding_bag, {"padding": 1}, SIZES, ONE, differentiable=False),
]


def torch_embedding(params, indices, padding=None, scale_by_frequency=False, **limit):
    weight = params["weight"]
    if limit:  # PyTorch writes the shorter rows into the weight
        weight.data = torch_limit_rows({"weight": weight.detach()}, indices, **limit)
    return F.embedding(indices, weight, padding, scale_grad_by_freq=scale_by_frequency)


def torch_limit_rows(params, indices, max_norm, norm_type=2.0):
    return torch.embedding_renorm_(params["weight"].clone(), indices, max_norm, norm_type)


TORCH = {embedding: torch_embedding}

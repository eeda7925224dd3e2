"""Rows of fnn.loss."""

from fnn import loss
from tests.table.example import Example

WEIGHTS = {"weight": (0.5, 2.0)}
EXAMPLES = [
    Example(loss.mse, ranges=WEIGHTS),
    Example(loss.mse, {"reduction": "sum"}),
    Example(loss.nll, ranges=WEIGHTS),
    Example(loss.nll, {"ignore_index": 1}, ranges=WEIGHTS),
    Example(loss.nll, {"reduction": "sum"}, {"*space": ()}),
    Example(loss.cross_entropy, ranges=WEIGHTS),
    Example(loss.cross_entropy, {"label_smoothing": 0.2}, ranges=WEIGHTS),
    Example(loss.cross_entropy, {"reduction": "sum"}, {"*space": ()}),
    Example(loss.bce, ranges={"x": (0.05, 0.95), "target": (0, 1)}),
    Example(loss.bce, {"reduction": "sum"}, ranges={"x": (0.05, 0.95), "target": (0, 1)}),
    Example(loss.bce_with_logits, ranges={"x": (-9, 9), "target": (0, 1)}),
    Example(loss.bce_with_logits, {"reduction": "sum"}, ranges={"target": (0, 1)}),
]

"""Rows of fnn.gradient."""

from fnn.gradient import gradient_reversal, gradient_stop, l1_penalty, scale_gradient
from tests.table.example import Example

EXAMPLES = [
    Example(scale_gradient, differentiable=False),
    Example(gradient_reversal, {"strength": 0.5}, differentiable=False),
    Example(gradient_stop, differentiable=False),
    Example(l1_penalty, {"weight": 0.1}, differentiable=False),
]

"""Rows of fnn.attention."""

from fnn import attention
from tests.table.example import Example

EXAMPLES = [
    Example(attention.dot_product_attention),
    Example(attention.dot_product_attention, {"scale": 0.3, "causal": True}),
]

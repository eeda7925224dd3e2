"""Rows of fnn.attention."""

from fnn import attention
from tests.table.example import Example

FEATURES = {"features": 4}
EXAMPLES = [
    Example(attention.dot_product_attention),
    Example(attention.dot_product_attention, {"scale": 0.3, "causal": True}),
    Example(attention.multi_head_attention, {"heads": 2, "train": False}, FEATURES),
    Example(
        attention.multi_head_attention,
        {"heads": 2, "train": True, "p": 0.5, "causal": True, "zero": True},
        FEATURES,
    ),
]

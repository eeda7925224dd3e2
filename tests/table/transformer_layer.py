"""Rows of fnn.transformer_layer."""

from fnn import transformer_layer
from tests.table.example import Example

SIZES = {"features": 4, "inner": 3, "...": (2,)}
EXAMPLES = [
    Example(transformer_layer.transformer_encoder_layer, {"heads": 2, "train": True}, SIZES),
    Example(
        transformer_layer.transformer_decoder_layer,
        {"heads": 2, "train": False, "norm_first": True, "activation": "gelu", "causal": True},
        SIZES,
    ),
]

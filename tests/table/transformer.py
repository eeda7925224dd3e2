"""Rows of fnn.transformer."""

from fnn.transformer import transformer, transformer_decoder, transformer_encoder
from tests.table.example import Example

SIZES = {"features": 4, "inner": 3, "...": (2,)}
EXAMPLES = [
    Example(transformer_encoder, {"heads": 2, "train": False}, SIZES),
    Example(transformer_decoder, {"heads": 2, "train": False}, SIZES),
    Example(transformer, {"heads": 2, "train": True}, SIZES),
]

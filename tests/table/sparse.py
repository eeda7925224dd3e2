"""Rows of fnn.sparse."""

from fnn.sparse import decay_rows, index_linear, index_normalise, sparse_linear
from tests.table.example import Example

# all entries in the last example: what is between the offsets has a test of its own
ONE = {"indices": (0, 5), "offsets": (0, 1)}
PEAK = {"indices": (0, 5), "peak": (0.3, 0.6)}
EXAMPLES = [
    Example(sparse_linear, sizes={"inputs": 5}, ranges=ONE),
    Example(index_linear, sizes={"inputs": 5}, ranges=ONE),
    Example(index_normalise, {"train": True}, {"inputs": 5, "*entries": (4, 3)}, PEAK),
    Example(index_normalise, {"train": False}, {"inputs": 5, "*entries": (4, 3)}, PEAK),
    Example(decay_rows, {"rate": 0.1}, {"count": 5}, {"indices": (0, 5)}),
]

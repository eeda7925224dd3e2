"""Rows of fnn.embedding."""

from fnn.embedding import embedding
from tests.table.example import Example
from tests.table.original import F

EXAMPLES = [
    Example(embedding, sizes={"count": 7}, ranges={"indices": (0, 7)}),
]

TORCH = {
    embedding: lambda params, indices: F.embedding(indices, **params),
}

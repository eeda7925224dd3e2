"""Rows of fnn.norm."""

from fnn.norm import batch_norm, layer_norm
from tests.table.example import Example
from tests.table.original import F

VARIANCE = {"running_var": (0.5, 2)}
EXAMPLES = [
    Example(batch_norm, {"train": True}, ranges=VARIANCE),
    Example(batch_norm, {"train": False}, ranges=VARIANCE),
    Example(batch_norm, {"train": True, "momentum": 0.3, "eps": 0.1}, {"*space": ()}, VARIANCE),
    Example(batch_norm, {"train": True}, {"*space": (4,)}, VARIANCE),
    Example(layer_norm, sizes={"*shape": (6,)}),
    Example(layer_norm, {"dimensions": 2, "eps": 0.1}, {"*shape": (3, 4)}),
]


def torch_batch_norm(params, state, x, train, **options):
    state = {name: buffer.clone() for name, buffer in state.items()}
    return F.batch_norm(x, **state, **params, training=train, **options), state


def torch_layer_norm(params, x, dimensions=1, **options):
    return F.layer_norm(x, x.shape[-dimensions:], **params, **options)


TORCH = {
    batch_norm: torch_batch_norm,
    layer_norm: torch_layer_norm,
}

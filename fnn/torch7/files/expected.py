"""What Torch7 expects in a file beside the fields that objects have here."""

from typing import Any

from fnn.torch7 import nn
from fnn.torch7.files.classes import is_own
from fnn.torch7.random import untouched_stream
from fnn.torch7.tensor import Tensor
from fnn.torch7.timer import Timer
from fnn.torch7.working import EMPTY, LONGS, buffer

VERSIONS = {
    "nn.BatchNormalization": 2,
    "nn.GradientReversal": 2,
    "nn.LookupTable": 4,
    "nn.SpatialBatchNormalization": 2,
    "nn.VolumetricMaxPooling": 2,
}
"""Of the formats of classes; all others have version 1."""


def partial_network(x: Any) -> Any:
    """The modules that compute what a PartialLinear does."""
    with untouched_stream():
        lookup = nn.LookupTable(x.outputsize, x.inputsize)
    lookup.weight, lookup.gradWeight = x.weight, x.gradWeight
    table = nn.ParallelTable().add(nn.Identity()).add(lookup)
    return nn.Sequential().add(table).add(nn.MM(False, True))


POOLING = {"indices": LONGS}
MODULE = {"module": lambda x: x.module}
EXPECTED: dict[str, dict[str, Any]] = {
    "ClassNLLCriterion": {
        "output_tensor": buffer(0),
        "target": buffer(0, kind="Long"),
        "total_weight_tensor": buffer(1),
    },
    "ClassSimplexCriterion": {"_target": lambda x: Tensor(x.nClasses)},
    "Euclidean": {"fastBackward": True},
    "MapTable": MODULE,
    "MultiLabelMarginCriterion": {"isTarget": EMPTY},
    "MultiLabelSoftMarginCriterion": {"sigmoid": lambda x: nn.Sigmoid()},
    "PartialLinear": {"network": partial_network},
    "Profile": MODULE | {"timer": lambda x: Timer()},
    "RReLU": {"noise": EMPTY},
    "ReLU": {"threshold": 0, "val": 0},
    "SoftPlus": {"threshold": 20},
    "SpatialConvolution": {"fgradInput": EMPTY, "finput": EMPTY},
    "SpatialMaxPooling": POOLING,
    "VolumetricMaxPooling": POOLING,
}
"""By class: fields that Torch7's constructor makes, and its methods rely on."""


def expected(x: Any) -> dict[str, Any]:
    """The fields that Torch7 expects of an object."""
    found: dict[str, Any] = {}
    for base in filter(is_own, reversed(type(x).__mro__)):
        found |= EXPECTED.get(base.__name__, {})
    return {name: value(x) if callable(value) else value for name, value in found.items()}

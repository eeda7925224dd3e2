"""What Torch7 expects in a file beside the fields that objects have here."""

from collections.abc import Callable
from typing import Any

from fnn.torch7.files.classes import is_own
from fnn.torch7.tensor import Tensor, data_storage
from fnn.torch7.types import TYPES

VERSIONS = {
    "nn.BatchNormalization": 2,
    "nn.GradientReversal": 2,
    "nn.LookupTable": 4,
    "nn.SpatialBatchNormalization": 2,
    "nn.VolumetricBatchNormalization": 2,
    "nn.VolumetricMaxPooling": 2,
}
"""Of the formats of classes; all others have version 1."""


def buffer(*values: float, kind: str | None = None) -> Callable[[Any], Tensor]:
    """A tensor to compute with, of the type of its module or of its own."""
    return lambda dtype: Tensor._around(data_storage(values, TYPES[kind] if kind else dtype))


EXPECTED: dict[str, dict[str, Any]] = {
    "BatchNormalization": {"train": True},
    "ClassNLLCriterion": {
        "output_tensor": buffer(0),
        "target": buffer(0, kind="Long"),
        "total_weight_tensor": buffer(1),
    },
    "Dropout": {"train": True},
    "RReLU": {"train": True, "noise": buffer()},
    "ReLU": {"threshold": 0, "val": 0},
    "SpatialConvolution": {"finput": buffer(), "fgradInput": buffer()},
    "SpatialMaxPooling": {"indices": buffer(kind="Long")},
}
"""By class: fields that Torch7's constructor makes, and its methods rely on."""


def expected(cls: Any, dtype: Any) -> dict[str, Any]:
    """The fields that Torch7 expects of an object whose tensors have a type."""
    found: dict[str, Any] = {}
    for base in filter(is_own, reversed(cls.__mro__)):
        found |= EXPECTED.get(base.__name__, {})
    return {name: x(dtype) if callable(x) else x for name, x in found.items()}

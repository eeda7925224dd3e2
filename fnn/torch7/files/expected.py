"""What Torch7 expects in a file beside the fields that objects have here."""

from collections.abc import Callable
from typing import Any

from fnn.torch7 import nn
from fnn.torch7.files.classes import is_own
from fnn.torch7.module import Module
from fnn.torch7.random import untouched_stream
from fnn.torch7.storage import size_storage
from fnn.torch7.table import Table
from fnn.torch7.tensor import Tensor, data_storage
from fnn.torch7.types import TYPES, default_type, dtype_of

VERSIONS = {
    "nn.BatchNormalization": 2,
    "nn.GradientReversal": 2,
    "nn.LookupTable": 4,
    "nn.SpatialBatchNormalization": 2,
    "nn.VolumetricBatchNormalization": 2,
    "nn.VolumetricMaxPooling": 2,
}
"""Of the formats of classes; all others have version 1."""


Make = Callable[[Any], Any]
"""Makes the value of a field for an object."""


def buffer(*values: float, kind: str | None = None) -> Make:
    """A tensor to compute with, of the type of its module or of its own."""
    return lambda x: Tensor._around(data_storage(values, TYPES[kind] if kind else type_of(x)))


def type_of(x: Any) -> Any:
    """The type of the elements of a module's tensors."""
    return dtype_of(x.type(), "Tensor") if isinstance(x, Module) else default_type()


def partial_network(x: Any) -> Any:
    """The modules that compute what a PartialLinear does."""
    with untouched_stream():
        lookup = nn.LookupTable(x.outputsize, x.inputsize)
    lookup.weight, lookup.gradWeight = x.weight, x.gradWeight
    table = nn.ParallelTable().add(nn.Identity()).add(lookup)
    return nn.Sequential().add(table).add(nn.MM(False, True))


EMPTY, LONGS, SIZES = buffer(), buffer(kind="Long"), lambda x: size_storage(())
POOLING = {"indices": LONGS}
EXPECTED: dict[str, dict[str, Any]] = {
    "Add": {"_ones": buffer(1)},
    "BatchNormalization": {"train": True},
    "CMaxTable": {"mask": EMPTY, "maxVals": EMPTY, "gradMaxVals": EMPTY},
    "CMinTable": {"mask": EMPTY, "minVals": EMPTY, "gradMaxVals": EMPTY},
    "ClassNLLCriterion": {
        "output_tensor": buffer(0),
        "target": buffer(0, kind="Long"),
        "total_weight_tensor": buffer(1),
    },
    "ClassSimplexCriterion": {"_target": lambda x: Tensor(x.nClasses)},
    "Dropout": {"train": True},
    "Euclidean": {"fastBackward": True},
    "FlattenTable": {"input_map": lambda x: Table()},
    "IndexLinear": {
        "cumSumSizesCache": LONGS,
        "gradWeightBuffer": EMPTY,
        "normalizedValues": EMPTY,
        "running": LONGS,
        "sizesCache": LONGS,
        "valuesBuffer": EMPTY,
    },
    "JoinTable": {"size": SIZES},
    "LinearWeightNorm": {"norm": EMPTY, "scale": EMPTY},
    "MaskedSelect": {
        "_gradBuffer": EMPTY,
        "_gradMask": buffer(kind="Byte"),
        "_maskIndexBuffer": LONGS,
        "_maskIndexBufferCPU": buffer(kind="Float"),
        "_maskIndices": LONGS,
    },
    "MixtureTable": {"batchSize": 0, "size": SIZES, "size2": SIZES},
    "MultiLabelMarginCriterion": {"isTarget": EMPTY},
    "MultiLabelSoftMarginCriterion": {"sigmoid": lambda x: nn.Sigmoid()},
    "Padding": {"outputSize": SIZES},
    "PairwiseDistance": {"diff": EMPTY},
    "PartialLinear": {"network": partial_network},
    "RReLU": {"noise": EMPTY, "train": True},
    "ReLU": {"threshold": 0, "val": 0},
    "Reshape": {"batchsize": lambda x: size_storage((1, *x.size))},
    "SoftPlus": {"threshold": 20},
    "SparseLinear": {"sparseUpdate": 0},
    "SpatialConvolution": {"fgradInput": EMPTY, "finput": EMPTY},
    "SpatialDropout": {"train": True},
    "SpatialFullConvolution": {"ones": EMPTY},
    "SpatialMaxPooling": POOLING,
    "VolumetricFullConvolution": {"fgradInput": EMPTY, "finput": EMPTY, "ones": EMPTY},
    "VolumetricMaxPooling": POOLING,
    "ZipTableOneToMany": {"gradInputEl": EMPTY},
}
"""By class: fields that Torch7's constructor makes, and its methods rely on."""


def expected(x: Any) -> dict[str, Any]:
    """The fields that Torch7 expects of an object."""
    found: dict[str, Any] = {}
    for base in filter(is_own, reversed(type(x).__mro__)):
        found |= EXPECTED.get(base.__name__, {})
    return {name: value(x) if callable(value) else value for name, value in found.items()}

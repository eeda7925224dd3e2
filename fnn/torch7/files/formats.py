"""What files have of single classes: tables, which hold for derived classes as well.

A constructor is called with fields under the names of its arguments. Where names don't suffice,
`ARGUMENTS` says what to do; `UPGRADES` makes fields of today from those of old versions. All this
is about records of a file: nothing is alive yet.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fnn.files import t7
from fnn.torch7.table import lua_name

Fields = dict[str, Any]


def size(name: str, axis: int) -> Callable[[Fields], Any]:
    """The length of a tensor's axis."""
    return lambda fields: fields[name].size[axis]


def first(name: str) -> Callable[[Fields], Any]:
    """The first of a table's values."""
    return lambda fields: fields[name].values()[0]


ARGUMENTS: dict[str, dict[str, str | Callable[[Fields], Any]]] = {
    "Linear": {"inputSize": size("weight", 1), "outputSize": size("weight", 0)},
    "BatchNormalization": {
        "nOutput": size("running_mean", 0),
        "affine": lambda fields: "weight" in fields,
    },
    "HardTanh": {"min_value": "min_val", "max_value": "max_val"},
    "Threshold": {"th": "threshold", "v": "val"},
    "RReLU": {"l": "lower", "u": "upper"},
    "Dropout": {
        "v1": lambda fields: not fields.get("v2", False),
        "stochasticInference": "stochastic_inference",
    },
    "View": {"sizes": "size"},
}
"""By class and argument: the field that has another name, or what is computed from the fields."""

COMMON: dict[str, str | Callable[[Fields], Any]] = {"bias": lambda fields: "bias" in fields}
"""What holds for all classes that the table above says nothing of."""


def source_of(cls: Any, argument: str) -> str | Callable[[Fields], Any]:
    """The field for an argument, or a function that finds the value."""
    for base in cls.__mro__:
        if found := ARGUMENTS.get(base.__name__, {}).get(argument):
            return found
    return COMMON.get(argument, lua_name(argument))


# What files of old versions lack or have in another form.


def running_variance(fields: Fields) -> None:
    """Old normalisations kept the inverse of the standard deviation."""
    if (std := fields.pop("running_std", None)) is not None:
        values = std.array().astype(np.float64) ** -2 - fields["eps"]
        fields["running_var"] = tensor(std.kind, values)


def padding(fields: Fields) -> None:
    """Old convolutions had one padding, or none."""
    both = fields.pop("padding", 0)
    fields.setdefault("padW", both)
    fields.setdefault("padH", both)


def weight_to_compute(fields: Fields) -> None:
    """The module inside is stored without the weight, which is computed."""
    module = fields["modules"].values()[0]
    if "weight" not in module.fields() and "weightSize" in fields:
        zeros = np.zeros(fields["weightSize"].array, t7.records.ELEMENTS["Double"])
        for name in ("weight", "gradWeight"):
            fields[name] = tensor(fields["v"].kind, zeros)
            module.content.entries.append((name, fields[name]))


def renamed(**names: str) -> Callable[[Fields], None]:
    """Fields of another package under their names here."""

    def rename(fields: Fields) -> None:
        for old, new in names.items():
            if old in fields:
                fields[new] = fields.pop(old)

    return rename


def tensor(kind: str, array: np.ndarray) -> t7.Tensor:
    """A tensor of its own with these elements."""
    elements = t7.records.ELEMENTS[kind.removeprefix("Cuda") or "Float"]
    flat = np.ascontiguousarray(array, elements)
    strides = tuple(s // flat.itemsize for s in flat.strides)
    return t7.Tensor(kind, flat.shape, strides, 0, t7.Storage(kind, flat.reshape(-1)))


UPGRADES: dict[str, Callable[[Fields], None]] = {
    "BatchNormalization": running_variance,
    "SpatialConvolution": padding,
    "WeightNorm": weight_to_compute,
    "SpatialCrossMapLRN": renamed(K="k"),
}


def upgrade(cls: Any, fields: Fields) -> None:
    """Change the fields of old versions into those of today."""
    for base in cls.__mro__:
        if base.__name__ in UPGRADES:
            UPGRADES[base.__name__](fields)

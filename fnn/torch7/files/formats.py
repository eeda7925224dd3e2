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


Source = str | Callable[[Fields], Any]
"""The name of a field, or a function of all fields that finds the value."""


def sizes(name: str, *arguments: str) -> dict[str, Source]:
    """Arguments that are the lengths of a tensor's axes, from the first on; "" for none."""
    return {a: length(name, axis) for axis, a in enumerate(arguments) if a}


def length(name: str, axis: int) -> Source:
    """The length of an axis of a tensor."""
    return lambda fields: fields[name].size[axis]


def has(name: str) -> Source:
    """Whether there is a field."""
    return lambda fields: name in fields


def either(*names: str) -> Source:
    """The first field that there is."""
    return lambda fields: next(fields[name] for name in names if name in fields)


def type_of(name: str) -> Source:
    """The type of a tensor, if there is one."""
    return lambda fields: f"torch.{plain(fields[name].kind)}Tensor" if name in fields else None


def plain(kind: str) -> str:
    """The kind of a tensor's elements, wherever they lie."""
    return kind.removeprefix("Cuda") or "Float"


def copied(name: str) -> Source:
    """A tensor of its own with the elements of a field, if there is one."""
    return lambda fields: (
        tensor(fields[name].kind, fields[name].array()) if name in fields else None
    )


def inner(fields: Fields) -> Any:
    """The first of the modules inside."""
    return next(iter(fields["modules"].values()), None)


def scale(fields: Fields) -> Any:
    """A factor, or the size that results."""
    names = [n for n in ("odepth", "owidth", "oheight") if n in fields]
    return fields.get("scale_factor") or t7.Table.of(**{n: fields[n] for n in names})


ARGUMENTS: dict[str, dict[str, Source]] = {
    "Add": sizes("bias", "inputSize"),
    "BatchNormalization": sizes("running_mean", "nOutput") | {"affine": has("weight")},
    "Bilinear": sizes("weight", "outputSize", "inputSize1", "inputSize2"),
    "Copy": {"inputType": type_of("gradInput"), "outputType": type_of("output")},
    "Cosine": sizes("weight", "outputSize", "inputSize"),
    "Decorator": {"module": inner},
    "Dropout": {
        "v1": lambda fields: not fields.get("v2", False),
        "stochasticInference": "stochastic_inference",
    },
    "Euclidean": sizes("weight", "inputSize", "outputSize"),
    "FractionalMaxPooling": {f"out{axis}": either(f"out{axis}", f"ratio{axis}") for axis in "TWH"},
    "HardTanh": {"min_value": "min_val", "max_value": "max_val"},
    "IndexLinear": {
        "keysOffset": lambda fields: fields["offset"] + 1,
        "normalize": lambda fields: bool(fields.get("normalize")),
        "weight": lambda fields: None,
        "bias": lambda fields: None,
    },
    "Linear": sizes("weight", "outputSize", "inputSize"),
    "LocalNormalization": {"kernel": copied("kernel")},
    "LookupTable": sizes("weight", "nIndex", "nOutput"),
    "MapTable": {"module": inner},
    "PReLU": sizes("weight", "nOutputPlane"),
    "RReLU": {"l": "lower", "u": "upper"},
    "Scaled": {"scale": scale},
    "SparseLinear": sizes("weight", "outputSize", "inputSize"),
    "Threshold": {"th": "threshold", "v": "val"},
    "View": {"sizes": "size"},
    "WeightedEuclidean": sizes("weight", "inputSize", "outputSize"),
}
"""By class and argument: where the value comes from, if not from a field of the same name."""

COMMON: dict[str, Source] = {"bias": has("bias")}
"""For all classes that the table above says nothing of."""


def source_of(cls: Any, argument: str) -> Source:
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


def planes_of_full_convolution(fields: Fields) -> None:
    """Old volumetric full convolutions had the planes of a convolution's weight."""
    if "adjW" not in fields:
        renamed(pT="padT", pW="padW", pH="padH")(fields)
        for name in fields.keys() & {"weight", "gradWeight"}:
            fields[name] = tensor(fields[name].kind, fields[name].array().swapaxes(0, 1))


def weight_to_compute(fields: Fields) -> None:
    """The module inside is stored without its weight, which is made of the direction and length."""
    module = inner(fields)
    if "weight" not in module.fields() and "weightSize" in fields:
        zeros = np.zeros(fields["weightSize"].array)
        for name in ("weight", "gradWeight"):
            fields[name] = tensor(fields["v"].kind, zeros)
            module.content.entries.append((name, fields[name]))


def partial_weight(fields: Fields) -> None:
    """The weight was that of a LookupTable, in a network inside."""
    if (network := fields.pop("network", None)) is not None:
        lookup = inner(network.fields()).fields()["modules"].values()[1].fields()
        fields |= {name: lookup[name] for name in ("weight", "gradWeight")}


def gathered_gradients(fields: Fields) -> None:
    """The original gathers gradients in `running`: rows for the keys of each backward.

    With `normalize` those by the output come before them, of which the keys' biases have theirs.
    """
    found, weight, gradient = (fields.pop(n, None) for n in ("running", "weight", "gradWeight"))
    dense = np.zeros(weight.size)
    updated = fields.pop("updateKeys", None)  # those of rows in gradWeight, which are old
    if gradient is not None and gradient.size == weight.size and updated is None:
        dense += gradient.array()
    first, rows = fields.get("normalize") or 0, weight.array()
    gathered = found.fields() if found else {"counter": 1}
    for i in range(gathered["counter"] - 1):
        keys, values = (gathered[n].values()[i].array() for n in ("keys", "gradWeight"))
        places, outputs = keys + fields["offset"], weight.size[1] - first
        np.add.at(dense[:, first:], places, values[:, -outputs:])
        if first:
            biases = (values[:, :outputs] * rows[places, first:]).sum(1)
            np.add.at(dense[:, first - 1], places, biases)
    fields |= {"weight": weight, "gradWeight": tensor(weight.kind, dense)}


def count_of_inputs(fields: Fields) -> None:
    """Old graphs did not say how many inputs they have: as many as are split off the first node."""
    if "nInputs" not in fields:
        first, *_ = fields["innode"].fields()["children"].values()
        fields["nInputs"] = first.fields()["data"].fields().get("nSplitOutputs", 1)


def renamed(**names: str) -> Callable[[Fields], None]:
    """Fields of another package under their names here."""

    def rename(fields: Fields) -> None:
        for old, new in names.items():
            if old in fields:
                fields[new] = fields.pop(old)

    return rename


def tensor(kind: str, array: np.ndarray) -> t7.Tensor:
    """A tensor of its own with these elements."""
    elements = t7.records.ELEMENTS[plain(kind)]
    flat = np.ascontiguousarray(array, elements)
    strides = tuple(s // flat.itemsize for s in flat.strides)
    return t7.Tensor(kind, flat.shape, strides, 0, t7.Storage(kind, flat.reshape(-1)))


UPGRADES: dict[str, Callable[[Fields], None]] = {
    "BatchNormalization": running_variance,
    "IndexLinear": gathered_gradients,
    "PartialLinear": partial_weight,
    "SpatialConvolution": padding,
    "SpatialCrossMapLRN": renamed(K="k"),
    "VolumetricFullConvolution": planes_of_full_convolution,
    "WeightNorm": weight_to_compute,
    "gModule": count_of_inputs,
}


def upgrade(cls: Any, fields: Fields) -> None:
    """Change the fields of old versions into those of today."""
    for base in cls.__mro__:
        if base.__name__ in UPGRADES:
            UPGRADES[base.__name__](fields)


def make_weight(module: Any) -> None:
    """Make the weight that was not stored; the gradient of `g` begins in another form than `g`."""
    module.gradG.resizeAs(module.g)
    if not np.asarray(module.weight).any():
        module.updateWeight()


FINISHES: dict[str, Callable[[Any], Any]] = {
    "WeightNorm": make_weight,
    "gModule": lambda module: module._own(),
}
"""What is left to do when all fields of an object are there."""


def finish(x: Any) -> None:
    """Have an object that has all its fields work."""
    for base in type(x).__mro__:
        if base.__name__ in FINISHES:
            FINISHES[base.__name__](x)

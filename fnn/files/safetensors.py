"""safetensors: a header that names arrays, and their bytes.

A file is 8 bytes with the length of the header, little-endian; the header in JSON, such as
`{"weight": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}`; and the elements, row by
row.

Source: the format's specification by Hugging Face.
"""

import json
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from fnn.files.errors import FileError

TYPES = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype(jnp.bfloat16),
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "I16": np.dtype("<i2"),
    "I8": np.dtype("i1"),
    "U8": np.dtype("u1"),
    "BOOL": np.dtype("?"),
}
NAMES = {dtype: name for name, dtype in TYPES.items()}


def save(path: Any, arrays: Mapping[str, Any]) -> None:
    """Write arrays under their names."""
    Path(path).write_bytes(dumps(arrays))


def load(path: Any) -> dict[str, np.ndarray]:
    """The arrays of a file, by name."""
    try:
        return loads(Path(path).read_bytes())
    except FileError as error:
        raise FileError(f"{path}: {error}") from None


def dumps(arrays: Mapping[str, Any]) -> bytes:
    """The bytes of a file with these arrays."""
    header: dict[str, Any] = {}
    parts, end = [], 0
    for name, given in arrays.items():
        array = np.asarray(given)
        if array.dtype not in NAMES:
            known = ", ".join(map(str, NAMES))
            raise TypeError(f"{name}: given {array.dtype}, wanted one of {known}")
        parts.append(array.tobytes())
        start, end = end, end + len(parts[-1])
        header[name] = {
            "dtype": NAMES[array.dtype],
            "shape": list(array.shape),
            "data_offsets": [start, end],
        }
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return b"".join([len(text).to_bytes(8, "little"), text, *parts])


def loads(data: bytes) -> dict[str, np.ndarray]:
    """The arrays in the bytes of a file, by name; a damaged one is a `FileError`."""
    start = 8 + int.from_bytes(data[:8], "little")
    if len(data) < 8 or start > len(data):
        raise FileError("the header is longer than the file\nlikely cause: no safetensors")
    try:
        header = json.loads(data[8:start])
        rows = [(name, row) for name, row in header.items() if name != "__metadata__"]
        return {
            name: _array(
                memoryview(data)[start:], TYPES[row["dtype"]], row["shape"], *row["data_offsets"]
            )
            for name, row in rows
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise FileError(f"the header is not one of safetensors: {error!r}") from None


def _array(
    data: memoryview, dtype: np.dtype, shape: list[int], start: int, stop: int
) -> np.ndarray:
    if min([*shape, start], default=0) < 0 or stop > len(data):
        raise ValueError(f"{shape} from {start} to {stop} of {len(data)} bytes")
    if prod(shape) * dtype.itemsize != stop - start:
        raise ValueError(f"{shape} of {dtype} in {stop - start} bytes")
    return np.frombuffer(data[start:stop], dtype).reshape(shape)

"""Examples put together into batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fnn.pytorch import dtypes
from fnn.pytorch.creation import made, tensor
from fnn.pytorch.rearranging import stack
from fnn.pytorch.tensor import Tensor
from fnn.tensor.run import known
from fnn.tensor.types import from_data

__all__ = ["default_collate", "default_convert"]


def default_collate(batch: Sequence[Any]) -> Any:
    """Examples as one: tensors, arrays and numbers stacked, inside dicts and sequences too."""
    first = batch[0]
    if isinstance(first, Tensor):
        found = stacked(batch)
        return stack(batch) if found is None else made(from_data(found, found.dtype))
    if isinstance(first, np.ndarray | np.generic):
        return tensor(np.stack(batch))
    if isinstance(first, int | float):
        return tensor(batch, dtype=dtypes.float64 if isinstance(first, float) else None)
    if isinstance(first, str | bytes):
        return batch
    if isinstance(first, Mapping):
        kind: Any = type(first)
        return kind({key: default_collate([x[key] for x in batch]) for key in first})
    if isinstance(first, Sequence):
        if any(len(x) != len(first) for x in batch):
            raise RuntimeError("each element in list of batch should be of equal size")
        parts = [default_collate(part) for part in zip(*batch, strict=True)]
        return type(first)(*parts) if hasattr(first, "_fields") else parts
    raise TypeError(
        "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; "
        f"found {type(first)}"
    )


def stacked(batch: Sequence[Tensor]) -> np.ndarray | None:
    """Tensors along a new axis, if they can be read in the host's memory, where they lie."""
    first = batch[0]
    storages = {x.storage for x in batch}
    if (
        first.is_cuda
        or any(x.requires_grad or x.geometry.size != first.geometry.size for x in batch)
        or not all(map(known, storages))
    ):
        return None
    if len(storages) > 1 or any(x.geometry.stride != first.geometry.stride for x in batch):
        return np.stack([x._peek() for x in batch])
    memory = np.asarray(first.storage.array).reshape(-1)
    within = np.zeros(first.geometry.size, np.int64)
    for axis, step in enumerate(first.geometry.stride):
        within += step * np.arange(within.shape[axis]).reshape(-1, *[1] * (within.ndim - axis - 1))
    return memory[np.add.outer([x.geometry.offset for x in batch], within)]


def default_convert(example: Any) -> Any:
    """An example with tensors in the place of its arrays."""
    return tensor(example) if isinstance(example, np.ndarray | np.generic) else example

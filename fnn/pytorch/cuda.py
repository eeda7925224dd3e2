"""torch.cuda: whether there are GPUs, and what programs ask of them."""

from __future__ import annotations

from typing import Any

import jax

from fnn.pytorch import types
from fnn.pytorch.creation import legacy
from fnn.pytorch.dtypes import dtype
from fnn.pytorch.random import manual_seed
from fnn.pytorch.types import device

__all__ = [
    "current_device",
    "device_count",
    "empty_cache",
    "get_device_name",
    "is_available",
    "manual_seed",
    "manual_seed_all",
    "synchronize",
]

manual_seed_all = manual_seed


def is_available() -> bool:
    """Whether there is a GPU that jax can use."""
    return bool(types.gpus())


def device_count() -> int:
    """How many GPUs there are."""
    return len(types.gpus())


def current_device() -> int:
    """The number of the GPU that "cuda" means."""
    return device("cuda").jax.id


def get_device_name(device: Any = 0) -> str:
    """What the maker calls a GPU."""
    return types.gpus()[device].device_kind


def synchronize(on: Any = None) -> None:
    """Wait until all that was computed so far is done."""
    jax.effects_barrier()


def empty_cache() -> None:
    """Nothing is kept that could be given back."""


for _kind in dtype.known.values():
    globals()[f"{_kind.word}Tensor"] = legacy(_kind, "cuda")

"""Parts of tensors: x[...] read and written, and elements that other tensors point to."""

from __future__ import annotations

import builtins
import operator
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from fnn import elements
from fnn.pytorch import dtypes
from fnn.pytorch.aliasing import rewrite
from fnn.pytorch.autograd import is_grad_enabled, record
from fnn.pytorch.promotion import Row, compute
from fnn.pytorch.tensor import Tensor, axis_of, method
from fnn.pytorch.types import place
from fnn.pytorch.views import select, slice_along, unsqueeze
from fnn.tensor.run import known
from fnn.tensor.storage import Storage
from fnn.tensor.types import from_data

__all__ = [
    "argwhere",
    "gather",
    "index_add",
    "index_select",
    "masked_fill",
    "masked_select",
    "narrow_copy",
    "nonzero",
    "scatter",
    "scatter_add",
    "take",
    "take_along_dim",
    "where",
]
__all__.remove("narrow_copy")


def steps_of(input: Tensor, index: Any) -> list[Any]:
    """An index as a list with one entry for each axis that it names or makes."""
    given = list(index) if isinstance(index, tuple) else [index]
    given = [as_index(x) for x in given]
    named = builtins.sum(
        x.ndim if masks(x) else 1 for x in given if x is not None and x is not ...
    )
    rank = input.ndim
    if not rank and any(not isinstance(x, Tensor) and x is not None and x is not ... for x in given):
        raise IndexError(
            "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or "
            "`tensor.item<T>()` in C++ to convert a 0-dim tensor to a number"
        )
    if named > rank:
        raise IndexError(f"too many indices for tensor of dimension {rank}")
    if any(x is ... for x in given):
        at = next(i for i, x in enumerate(given) if x is ...)
        given[at : at + 1] = [slice(None)] * (rank - named)
    return given

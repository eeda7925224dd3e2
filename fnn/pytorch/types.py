"""Sizes, devices, and the type of a result."""

from __future__ import annotations

import numbers
from collections.abc import Iterable
from functools import cache
from math import e, inf, nan, pi, prod
from typing import Any

import jax
import jax.numpy as jnp

from fnn.pytorch import dtypes
from fnn.pytorch.dtypes import dtype
from fnn.tensor.number import Number
from fnn.tensor.tensor import TensorBase
from transforms.survey import ambient

__all__ = [
    "Size",
    "can_cast",
    "device",
    "e",
    "finfo",
    "get_default_dtype",
    "iinfo",
    "inf",
    "nan",
    "newaxis",
    "pi",
    "promote_types",
    "result_type",
    "set_default_dtype",
]

newaxis = None


class _Default:
    """The type of tensors made of Python floats."""

    dtype = dtypes.float32


ambient.append(lambda: _Default.dtype)


class Size(tuple[int, ...]):
    """The lengths of a tensor's axes."""

    def numel(self) -> int:
        """How many elements there are."""
        return prod(self)

    def __getitem__(self, index: Any) -> Any:
        found = tuple.__getitem__(self, index)
        return Size(found) if isinstance(index, slice) else found

    def __add__(self, other: tuple) -> Size:
        return Size(tuple.__add__(self, tuple(other)))

    def __repr__(self) -> str:
        return f"torch.Size({list(self)})"


class device:
    """Where a tensor lies: the CPU, or one of the GPUs."""

    def __init__(self, type: str | int | device, index: int | None = None):
        if isinstance(type, device):
            type, index = type.type, type.index
        if isinstance(type, int):
            type, index = "cuda", type
        name, colon, number = type.partition(":")
        if name not in ("cpu", "cuda", "meta", "mps", "xpu", "xla"):
            raise RuntimeError(
                f"Expected one of cpu, cuda, meta, mps, xpu, xla device type at start of device "
                f"string: {name}"
            )
        if colon and (index is not None or not number.isdigit()):
            raise RuntimeError(f"Invalid device string: '{type}'")
        self.type, self.index = name, int(number) if colon else index

    @property
    def jax(self) -> Any:
        """The device by jax's name."""
        if self.type == "cpu":
            return jax.devices("cpu")[0]
        if self.type != "cuda":
            raise RuntimeError(f"no tensor can lie on a device of type {self.type}")
        found = gpus()
        if not found:
            raise AssertionError("Torch not compiled with CUDA enabled")
        if (self.index or 0) >= len(found):
            raise RuntimeError("CUDA error: invalid device ordinal")
        return found[self.index or 0]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device) and (self.type, self.index) == (other.type, other.index)

    def __hash__(self) -> int:
        return hash((self.type, self.index))

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __repr__(self) -> str:
        index = "" if self.index is None else f", index={self.index}"
        return f"device(type='{self.type}'{index})"


@cache
def gpus() -> list[Any]:
    """The GPUs, if there are any."""
    try:
        return jax.devices("gpu")
    except RuntimeError:
        return []


def where(array: Any) -> device:
    """Where an array lies; inside a compiled program, where the program runs by default."""
    known = isinstance(array, jax.Array) and not isinstance(array, jax.core.Tracer)
    found = next(iter(array.devices())) if known else jax.devices()[0]
    return device("cuda", gpus().index(found)) if found in gpus() else device("cpu")


def place(array: jax.Array, on: str | int | device | None = None) -> jax.Array:
    """The array on a device; without one, on the CPU, where PyTorch makes tensors."""
    on = device("cpu" if on is None else on)
    if on.type == "cpu" and jax.default_backend() == "cpu":
        return array
    return jax.device_put(array, on.jax)


def get_default_dtype() -> dtype:
    """The type of tensors made of Python floats."""
    return _Default.dtype


def set_default_dtype(d: dtype) -> None:
    """Make tensors of Python floats with this type from now on."""
    if not d.is_floating_point:
        raise TypeError(f"only floating-point types are supported as the default type, not {d}")
    _Default.dtype = d


def promote_types(type1: dtype, type2: dtype) -> dtype:
    """The smallest type of the higher category to which both can be converted."""
    low, high = sorted((type1, type2), key=lambda t: (t.category, t.itemsize))
    if low.category < high.category or low is high:
        return high
    if low.itemsize == high.itemsize and high.is_floating_point:  # float16 and bfloat16
        return dtypes.float32
    if dtypes.uint8 in (low, high) and high.itemsize == 1:
        return dtypes.int16
    return high


def result_type(*operands: Any) -> dtype:
    """The type of what is computed from tensors and numbers.

    A number changes the type of a 0-d tensor, and either that of others, only if it is of a higher
    category: bool, integer, floating point.
    """
    ranks: list[dtype | None] = [None, None, None]
    for x in operands:
        if isinstance(x, TensorBase):
            rank, found = (0 if x.geometry.size else 1), dtype.of(x.storage)
        else:
            rank, found = 2, number_type(x)
        before = ranks[rank]
        ranks[rank] = found if before is None or before is found else promote_types(before, found)
    result = None
    for found in ranks:
        if found is not None and (result is None or found.category > result.category):
            result = found
    assert result is not None
    return result


def number_type(x: Any) -> dtype:
    """The type of a tensor made of a number."""
    if isinstance(x, bool):
        return dtypes.bool
    if isinstance(x, Number):
        category = dtype.of(x.storage).category
        return (dtypes.bool, dtypes.int64, get_default_dtype())[category]
    return dtypes.int64 if isinstance(x, numbers.Integral) else get_default_dtype()


def can_cast(from_: dtype, to: dtype) -> bool:
    """Whether a result of one type may be written into a tensor of another."""
    return from_.category <= to.category


def finfo(type: dtype | None = None) -> Any:
    """The limits of a floating-point type."""
    return jnp.finfo((type or get_default_dtype()).numpy)


def iinfo(type: dtype) -> Any:
    """The limits of an integer type."""
    return jnp.iinfo(type.numpy)


def shape_of(sizes: Iterable[Any]) -> tuple[int, ...]:
    """A shape given as separate integers or as one sequence."""
    given = tuple(sizes)
    if len(given) == 1 and not hasattr(given[0], "__index__"):
        given = tuple(given[0])
    return tuple(int(n) for n in given)

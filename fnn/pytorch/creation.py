"""Tensors made of data, of sizes, and of other tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnn.pytorch import dtypes
from fnn.pytorch.dtypes import dtype
from fnn.pytorch.tensor import Tensor, method, sized_or_filled
from fnn.pytorch.types import get_default_dtype, number_type, place, result_type, shape_of
from fnn.tensor.number import Number
from fnn.tensor.run import run
from fnn.tensor.storage import Storage
from fnn.tensor.types import from_data

LEGACY = [f"{kind.word}Tensor" for kind in dtypes.dtype.known.values()]
__all__ = [  # pyright: ignore[reportUnsupportedDunderAll]
    "arange",
    "as_tensor",
    "asarray",
    "empty",
    "empty_like",
    "eye",
    "from_numpy",
    "full",
    "full_like",
    "linspace",
    "logspace",
    "ones",
    "ones_like",
    "range",
    "scalar_tensor",
    "tensor",
    "zeros",
    "zeros_like",
    *LEGACY,
]


def made(array: Any, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A new tensor of an array that nothing else changes."""
    found = Tensor._around(Storage(place(array, device)))
    if requires_grad and not found.is_floating_point():
        raise RuntimeError("Only Tensors of floating point and complex dtype can require gradients")
    if requires_grad:
        found._requires_grad = True
    return found


def tensor(
    data: Any, *, dtype: dtype | None = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A tensor of a copy of the data: numbers, nested sequences of them, arrays, tensors."""
    if isinstance(data, Tensor):
        found = data.detach().clone().to(dtype=dtype, device=device)
        return found.requires_grad_(requires_grad)
    if isinstance(data, jax.Array):
        found = data
    elif isinstance(data, np.ndarray | np.generic):
        found = np.asarray(data)
    else:
        found = nested(data)
        dtype = dtype or inferred(found, data)
    kind = dtype or dtypes.dtype.of(found)
    return made(from_data(found, kind.numpy), device, requires_grad)


def nested(data: Any) -> np.ndarray:
    """Nested sequences of numbers, arrays and tensors as one array."""
    try:
        found = np.asarray(detached(data))
    except ValueError as error:
        if "inhomogeneous" not in str(error):
            raise
        first, other = ragged(data)
        raise ValueError(f"expected sequence of length {first} at dim 1 (got {other})") from None
    if found.dtype.kind not in "biufV":
        raise TypeError(f"new(): invalid data type '{type(first_of(data)).__name__}'")
    return found


def first_of(data: Any) -> Any:
    """The first of all that nested sequences hold."""
    while isinstance(data, list | tuple) and data:
        data = data[0]
    return data


def detached(data: Any) -> Any:
    """The data, with arrays in the place of tensors."""
    if isinstance(data, Tensor):
        return data._peek()
    if isinstance(data, list | tuple) and isinstance(first_of(data), Tensor):
        return [detached(x) for x in data]
    return data


def ragged(data: Any) -> tuple[int, int]:
    """Two lengths of sequences that should be equal."""
    lengths = [len(x) if isinstance(x, Sequence) else 0 for x in data]
    other = next((n for n in lengths if n != lengths[0]), None)
    return ragged(data[0]) if other is None else (lengths[0], other)


def inferred(found: np.ndarray, data: Any) -> dtype:
    """The type of a tensor of Python's numbers; arrays and tensors among them keep theirs."""
    if isinstance(first_of(data), np.ndarray | np.generic | Tensor):
        return dtypes.dtype.of(found)
    return number_type(found.dtype.type(0).item())


def as_tensor(data: Any, dtype: dtype | None = None, device: Any = None) -> Tensor:
    """The data itself if it is a tensor, else a tensor of it; a jax array is not copied."""
    if isinstance(data, Tensor):
        return data.to(dtype=dtype, device=device)
    return tensor(data, dtype=dtype, device=device)


def from_numpy(ndarray: np.ndarray) -> Tensor:
    """A tensor of a copy of the array; in PyTorch the two share memory, which can't be here."""
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(ndarray).__name__})")
    return tensor(ndarray)


asarray = as_tensor


def scalar_tensor(s: Any, *, dtype: dtype | None = None, device: Any = None) -> Tensor:
    """A tensor of one number."""
    return tensor(s, dtype=dtype or get_default_dtype(), device=device)


def sizes_of(size: Any) -> tuple[int, ...]:
    """A shape; raise if a length is negative."""
    shape = shape_of(size)
    if any(n < 0 for n in shape):
        bad = next(n for n in shape if n < 0)
        raise RuntimeError(f"Trying to create tensor with negative dimension {bad}: {list(shape)}")
    return shape


def full(
    size: Any,
    fill_value: Any,
    *,
    dtype: dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor that holds one number everywhere."""
    kind = dtype or result_type(fill_value)
    shape = sizes_of(size)
    if isinstance(fill_value, Number | Tensor):
        array = run(filled, fill_value, shape=shape, dtype=kind.numpy).array
    else:
        array = from_data(np.full(shape, fill_value), kind.numpy)
    return made(array, device, requires_grad)


def filled(value: Any, *, shape: tuple[int, ...], dtype: Any) -> jax.Array:
    """An array of one number that is computed."""
    return jnp.full(shape, value, dtype)


def zeros(*size: Any, **options: Any) -> Tensor:
    """Zeros."""
    return full(size, 0, **{"dtype": get_default_dtype(), **options})


def ones(*size: Any, **options: Any) -> Tensor:
    """Ones."""
    return full(size, 1, **{"dtype": get_default_dtype(), **options})


def empty(*size: Any, **options: Any) -> Tensor:
    """A tensor whose elements don't matter: zeros."""
    return zeros(*size, **options)


@method
def new_full(self: Tensor, size: Any, fill_value: Any, **options: Any) -> Tensor:
    """One number everywhere, in the type and place of this tensor."""
    return full((size,), fill_value, **{"dtype": self.dtype, "device": self.device, **options})


@method
def new_zeros(self: Tensor, *size: Any, **options: Any) -> Tensor:
    """Zeros, in the type and place of this tensor."""
    return new_full(self, shape_of(size), 0, **options)


@method
def new_ones(self: Tensor, *size: Any, **options: Any) -> Tensor:
    """Ones, in the type and place of this tensor."""
    return new_full(self, shape_of(size), 1, **options)


@method
def new_tensor(self: Tensor, data: Any, **options: Any) -> Tensor:
    """A copy of the data, in the type and place of this tensor."""
    return tensor(data, **{"dtype": self.dtype, "device": self.device, **options})


Tensor.new_empty = new_zeros


def full_like(input: Tensor, fill_value: Any, **options: Any) -> Tensor:
    """One number everywhere, in the shape, type and place of another tensor."""
    return new_full(input, input.shape, fill_value, **options)


def zeros_like(input: Tensor, **options: Any) -> Tensor:
    """Zeros, in the shape, type and place of another tensor."""
    return full_like(input, 0, **options)


def ones_like(input: Tensor, **options: Any) -> Tensor:
    """Ones, in the shape, type and place of another tensor."""
    return full_like(input, 1, **options)


empty_like = zeros_like


def arange(
    start: Any, end: Any = None, step: Any = 1, *, dtype: dtype | None = None, **options: Any
) -> Tensor:
    """Numbers from `start` on, before `end`."""
    start, end = (0, start) if end is None else (start, end)
    kind = dtype or result_type(start, end, step)
    return made(from_data(np.arange(start, end, step), kind.numpy), **options)


def range(start: Any, end: Any, step: Any = 1, **options: Any) -> Tensor:
    """Numbers from `start` to `end`, both included."""
    options.setdefault("dtype", get_default_dtype())
    return arange(start, end + step / 2, step, **options)


def linspace(
    start: Any, end: Any, steps: int, *, dtype: dtype | None = None, **options: Any
) -> Tensor:
    """So many numbers from `start` to `end`, both included, at equal distances."""
    kind = dtype or get_default_dtype()
    found = np.linspace(start, end, steps)
    return made(from_data(found, kind.numpy), **options)


def logspace(
    start: Any,
    end: Any,
    steps: int,
    base: float = 10.0,
    *,
    dtype: dtype | None = None,
    **options: Any,
) -> Tensor:
    """Powers of `base` whose exponents lie at equal distances."""
    kind = dtype or get_default_dtype()
    return made(from_data(np.logspace(start, end, steps, base=base), kind.numpy), **options)


def eye(n: int, m: int | None = None, *, dtype: dtype | None = None, **options: Any) -> Tensor:
    """Ones on the diagonal of a matrix of zeros."""
    return made(from_data(np.eye(n, m), (dtype or get_default_dtype()).numpy), **options)


class Legacy(type):
    """The type of `FloatTensor` and its kin: constructors, and the types of what they make."""

    kind: dtype
    place: str

    def __instancecheck__(cls, x: Any) -> bool:
        return isinstance(x, Tensor) and x.dtype is cls.kind and x.device.type == cls.place


def legacy(kind: dtype, place: str = "cpu") -> Any:
    """A constructor of tensors of one type, of sizes or of data."""

    def make(cls: Legacy, *data: Any) -> Tensor:
        return Tensor._around(sized_or_filled(data, kind, place))

    entries = {"__new__": make, "kind": kind, "place": place, "__doc__": f"Tensors of {kind}."}
    return Legacy(f"{kind.word}Tensor", (), entries)


for _kind in dtypes.dtype.known.values():
    globals()[f"{_kind.word}Tensor"] = legacy(_kind)

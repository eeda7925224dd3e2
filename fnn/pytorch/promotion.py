"""Operands of several types and shapes brought to one type and rank, as PyTorch promotes them."""

from __future__ import annotations

import numbers
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jax import Array

from fnn.pytorch import dtypes
from fnn.pytorch.aliasing import rewrite
from fnn.pytorch.autograd import record
from fnn.pytorch.dtypes import dtype
from fnn.pytorch.tensor import Tensor
from fnn.pytorch.types import can_cast, get_default_dtype, result_type
from fnn.tensor.number import Number
from fnn.tensor.run import known
from fnn.tensor.types import cast

NOT_OF_TRUTHS = {
    "neg": "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to "
    "invert a mask, use the `~` or `logical_not()`",
    "sub": "Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying "
    "to invert a mask, use the `~` or `logical_not()`",
    "sub both": "Subtraction, the `-` operator, with two bool tensors is not supported. Use the "
    "`^` or `logical_xor()`",
}


@dataclass(frozen=True)
class Row:
    """A function of elements; `kind` says what its operands become, `result` what comes out.

    Operands become of their common type; "floating": of the default type if that is not floating;
    or of a type that is given.
    """

    function: Callable
    kind: str | dtype | None = None
    result: dtype | None = None


@dataclass(frozen=True)
class Aligned:
    """A function whose operands are cast to one type, and given axes in front to one rank."""

    function: Callable
    dtype: np.dtype

    def __call__(self, *operands: Any, **hyper: Any) -> Array:
        """Cast, align, call."""
        arrays = [cast(x, self.dtype) for x in operands]
        rank = max(x.ndim for x in arrays)
        return self.function(
            *(x.reshape((1,) * (rank - x.ndim) + x.shape) if x.ndim else x for x in arrays),
            **hyper,
        )


def prepare(name: str, row: Row, operands: tuple[Any, ...]) -> tuple[Callable, list[Any], dtype]:
    """The function and the operands to record it with, and the type of what comes out."""
    operands = tuple(plain(name, x) for x in operands)
    kind = row.kind if isinstance(row.kind, dtype) else result_type(*operands)
    if row.kind == "floating" and not kind.is_floating_point:
        kind = get_default_dtype()
    refuse(name, kind, operands)
    fits = one_rank(operands) and all(
        x.storage.dtype == kind.numpy if isinstance(x, Tensor) else type(x) in (int, float)
        for x in operands
    )
    function = row.function if fits else Aligned(row.function, kind.numpy)
    return function, list(operands), row.result or kind


def plain(name: str, x: Any) -> Any:
    """An operand as a tensor or as one of Python's own numbers."""
    if isinstance(x, Tensor | bool | Number) or type(x) in (int, float):
        return x
    if isinstance(x, np.generic | numbers.Real):
        return x.item() if isinstance(x, np.generic) else float(x)
    raise TypeError(f"{name}(): argument must be Tensor or number, not {type(x).__name__}")


def one_rank(operands: tuple[Any, ...]) -> bool:
    """Whether no operand needs axes in front; raise if they can't be broadcast together."""
    shapes = dict.fromkeys(x.geometry.size for x in operands if isinstance(x, Tensor))
    if len(shapes) == 1:
        return True
    rank = max(map(len, shapes))
    for i in range(1, rank + 1):
        lengths = [s[-i] for s in shapes if len(s) >= i]
        wanted = next((n for n in lengths if n != 1), 1)
        for n in lengths:
            if n not in (1, wanted):
                raise RuntimeError(
                    f"The size of tensor a ({wanted}) must match the size of tensor b ({n}) at "
                    f"non-singleton dimension {rank - i}"
                )
    return all(len(s) in (0, rank) for s in shapes)


def refuse(name: str, kind: dtype, operands: tuple[Any, ...]) -> None:
    """Raise if an operation isn't defined for a type, or for values that can be looked at."""
    truths = [x.dtype is dtypes.bool if isinstance(x, Tensor) else x is True for x in operands]
    if name in NOT_OF_TRUTHS and any(truths):
        text = NOT_OF_TRUTHS[f"{name} both" if len(truths) > 1 and all(truths) else name]
        raise RuntimeError(f"{text} operator instead.")
    if kind.is_floating_point and name.startswith("bitwise"):  # the error that PyTorch has
        raise NotImplementedError(f"\"{name}_cpu\" not implemented for '{kind.word}'")
    if kind.is_floating_point or len(operands) < 2:
        return
    second = operands[1]
    number = not isinstance(second, Tensor)
    if name == "pow" and number and second < 0:
        raise RuntimeError("Integers to negative integer powers are not allowed.")
    divides = name in ("floor_divide", "remainder", "fmod") and (number or known(second.storage))
    if divides and not np.all(second if number else second._peek()):
        raise RuntimeError("ZeroDivisionError")


def compute(name: str, row: Row, *operands: Any, **hyper: Any) -> Tensor:
    """The result as a new tensor."""
    function, operands_, _ = prepare(name, row, operands)
    return record(function, *operands_, **hyper)


def compute_in(name: str, row: Row, tensor: Tensor, *operands: Any, **hyper: Any) -> Tensor:
    """The result in the place of the first operand."""
    function, (_, *others), kind = prepare(name, row, (tensor, *operands))
    fits_in(tensor, kind, *others)
    return rewrite(tensor, function, *others, **hyper)


def fits_in(tensor: Tensor, kind: dtype, *others: Any) -> None:
    """Raise unless a result of this type, broadcast with these operands, can be written."""
    if not can_cast(kind, tensor.dtype):
        raise RuntimeError(
            f"result type {kind.word} can't be cast to the desired output type {tensor.dtype.word}"
        )
    shapes = [x.geometry.size for x in others if isinstance(x, Tensor)]
    size = np.broadcast_shapes(tensor.geometry.size, *shapes)
    if size != tensor.geometry.size:
        raise RuntimeError(
            f"output with shape {list(tensor.geometry.size)} doesn't match the broadcast shape "
            f"{list(size)}"
        )

"""Tensors as other types, on other devices, and as tensors of their own."""

from collections.abc import Callable
from typing import Any

import jax

from fnn.pytorch import dtypes
from fnn.pytorch.autograd import Node, is_grad_enabled, needs_gradient, record
from fnn.pytorch.dtypes import dtype
from fnn.pytorch.tensor import Tensor, method
from fnn.pytorch.types import device
from fnn.tensor.storage import Storage
from fnn.tensor.tensor import copied
from fnn.tensor.types import cast

__all__ = ["clone"]


@method
def clone(input: Tensor) -> Tensor:
    """A copy, through which gradients flow."""
    return record(copied, input)


@method
def contiguous(self: Tensor) -> Tensor:
    """The tensor, or a copy whose elements follow each other in memory."""
    return self if self.is_contiguous() else clone(self)


@method
def to(self: Tensor, *wanted: Any, **keywords: Any) -> Tensor:
    """The tensor as another type, on another device, or as another tensor is."""
    kind, on = keywords.get("dtype"), keywords.get("device")
    for x in wanted:
        if isinstance(x, Tensor):
            kind, on = x.dtype, x.device
        elif isinstance(x, dtype):
            kind = x
        elif isinstance(x, str | device | int):
            on = x
    found = self
    if kind is not None and kind is not found.dtype:
        found = record(cast, found, dtype=kind.numpy)
    if on is not None and device(on).jax != found.device.jax:
        found = moved(found, device(on).jax)
    return clone(self) if found is self and keywords.get("copy") else found


class Move:
    """The way back of a move to another device, which no compiled program makes."""

    def __init__(self, back: Any):
        self.back = back

    def eager(self, gradients: list[Any]) -> list[Storage]:
        """Move gradients back."""
        return [Storage(jax.device_put(getattr(g, "array", g), self.back)) for g in gradients]


def moved(tensor: Tensor, goal: Any) -> Tensor:
    """A copy on another device, through which gradients flow."""
    found = tensor._plain._around(Storage(jax.device_put(tensor.array, goal)))
    if is_grad_enabled() and needs_gradient(tensor):
        Node("ToCopyBackward0", Move(tensor.device.jax), [tensor], [found])
    return found


@method
def type(self: Tensor, dtype: Any = None) -> Any:
    """The type in words, as `torch.FloatTensor`; or the tensor as another type."""
    if dtype is None:
        return f"torch.{'cuda.' if self.is_cuda else ''}{self.dtype.word}Tensor"
    if not isinstance(dtype, dtypes.dtype):
        word = str(getattr(dtype, "__name__", dtype)).rpartition(".")[2]
        named = {f"{kind.word}Tensor": kind for kind in dtypes.dtype.known.values()}
        if word not in named:
            raise ValueError(f"invalid type: '{dtype}'")
        dtype = named[word]
    return to(self, dtype)


@method
def type_as(self: Tensor, other: Tensor) -> Tensor:
    """The tensor as the type of another."""
    return to(self, other.dtype)


@method
def cpu(self: Tensor) -> Tensor:
    """The tensor, or a copy, on the CPU."""
    return to(self, "cpu")


@method
def cuda(self: Tensor, device: Any = 0) -> Tensor:
    """The tensor, or a copy, on a GPU."""
    return to(self, device)


def conversion(kind: dtype) -> Callable[[Tensor], Tensor]:
    """A method that converts to a type."""

    def convert(self: Tensor) -> Tensor:
        return to(self, kind)

    convert.__doc__ = f"This tensor as {kind}."
    return convert


for _name in ("half", "bfloat16", "float", "double", "int", "long", "short", "bool"):
    setattr(Tensor, _name, conversion(getattr(dtypes, _name)))
Tensor.byte, Tensor.char = conversion(dtypes.uint8), conversion(dtypes.int8)

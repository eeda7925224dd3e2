"""Functions of several operands, and what is assigned to a tensor in place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax import Array

from fnn import elements
from fnn.pytorch import dtypes
from fnn.pytorch.aliasing import assigned, rewrite
from fnn.pytorch.autograd import record
from fnn.pytorch.promotion import Row, compute, compute_in
from fnn.pytorch.tensor import Tensor, method
from fnn.pytorch.views import expand

__all__ = [
    "addcdiv",
    "addcmul",
    "allclose",
    "clamp",
    "clamp_max",
    "clamp_min",
    "clip",
    "equal",
    "isclose",
    "lerp",
    "masked_fill",
    "nan_to_num",
]

CLAMP = {
    (True, True): Row(elements.clamp),
    (True, False): Row(elements.clamp_min),
    (False, True): Row(elements.clamp_max),
}


def twins(name: str, row: Row, doc: str) -> Callable:
    """A function of tensors and numbers, as a method too, and its twin in place."""

    def operation(input: Tensor, *others: Any) -> Tensor:
        return compute(name, row, input, *others)

    def in_place(self: Tensor, *others: Any) -> Tensor:
        return compute_in(name, row, self, *others)

    operation.__name__, operation.__doc__ = name, doc
    in_place.__name__, in_place.__doc__ = f"{name}_", f"{doc[:-1]}; in place."
    method(in_place)
    return method(operation)


clamp_min = twins("clamp_min", CLAMP[True, False], "The elements, but not below a bound.")
clamp_max = twins("clamp_max", CLAMP[False, True], "The elements, but not above a bound.")
lerp = twins("lerp", Row(elements.lerp), "The point between two tensors at a weight.")


def bounded(min: Any, max: Any) -> tuple[Row, list[Any]]:
    """The row for the bounds that there are."""
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    return CLAMP[min is not None, max is not None], [b for b in (min, max) if b is not None]


@method
def clamp(input: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """The elements, but not below `min` or above `max`."""
    row, bounds = bounded(min, max)
    return compute("clamp", row, input, *bounds)


@method
def clamp_(self: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """The elements, but not below `min` or above `max`; in place."""
    row, bounds = bounded(min, max)
    return compute_in("clamp", row, self, *bounds)


Tensor.clip = clip = clamp
Tensor.clip_ = clamp_


def scaled(name: str, function: Callable, doc: str) -> Callable:
    """x + value y z, or x + value y / z."""
    row = Row(function)

    def operation(input: Tensor, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Tensor:
        return compute(name, row, input, tensor1, tensor2, value)

    def in_place(self: Tensor, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Tensor:
        return compute_in(name, row, self, tensor1, tensor2, value)

    operation.__name__, operation.__doc__ = name, doc
    in_place.__name__, in_place.__doc__ = f"{name}_", f"{doc[:-1]}; in place."
    method(in_place)
    return method(operation)


addcmul = scaled("addcmul", elements.addcmul, "x + value tensor1 tensor2.")
addcdiv = scaled("addcdiv", elements.addcdiv, "x + value tensor1 / tensor2.")


def masked(x: Array, mask: Array, value: Array) -> Array:
    """`value` where the mask is true, x elsewhere."""
    shape = jnp.broadcast_shapes(x.shape, mask.shape)
    return jnp.where(
        jnp.broadcast_to(mask, shape),
        jnp.broadcast_to(jnp.asarray(value).astype(x.dtype), shape),
        jnp.broadcast_to(x, shape),
    )


def check_mask(mask: Tensor) -> None:
    """Raise unless a mask is of truth values."""
    if mask.dtype is not dtypes.bool:
        raise RuntimeError(
            "masked_fill_ only supports boolean masks, but got mask with dtype "
            f"{mask.dtype.word.lower()}"
        )


@method
def masked_fill(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """`value` where the mask is true, the elements elsewhere."""
    check_mask(mask)
    return record(masked, input, mask, value)


@method
def masked_fill_(self: Tensor, mask: Tensor, value: Any) -> Tensor:
    """Write `value` where the mask is true."""
    check_mask(mask)
    return rewrite(self, masked, mask, value)


@method
def nan_to_num(
    input: Tensor, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Tensor:
    """The elements, with numbers in the place of NaN and of infinities."""
    return record(jnp.nan_to_num, input, nan=nan, posinf=posinf, neginf=neginf)


@method
def isclose(
    input: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Tensor:
    """Whether |x - y| <= atol + rtol |y|."""
    row = Row(jnp.isclose, None, dtypes.bool)
    return compute("isclose", row, input, other, rtol=rtol, atol=atol, equal_nan=equal_nan)


@method
def allclose(
    input: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> bool:
    """Whether all elements are close."""
    return bool(isclose(input, other, rtol, atol, equal_nan).all())


@method
def equal(input: Tensor, other: Tensor) -> bool:
    """Whether two tensors have the same shape and elements."""
    return input.shape == other.shape and bool((input == other).all())


@method
def copy_(self: Tensor, src: Tensor, non_blocking: bool = False) -> Tensor:
    """Write the elements of another tensor, as this one's type."""
    source = src if src.shape == self.shape else expand(src, self.shape)
    return rewrite(self, assigned, source.to(self.device))


@method
def fill_(self: Tensor, value: Any) -> Tensor:
    """Write one number everywhere."""
    return rewrite(self, assigned, value)


@method
def zero_(self: Tensor) -> Tensor:
    """Write zeros."""
    return rewrite(self, jnp.zeros_like)

"""Products of matrices and vectors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax import Array, lax

from fnn.pytorch.autograd import record
from fnn.pytorch.tensor import Tensor, method

__all__ = [
    "addmm",
    "addmv",
    "baddbmm",
    "bmm",
    "dot",
    "einsum",
    "ger",
    "inner",
    "matmul",
    "mm",
    "mv",
    "outer",
    "tensordot",
    "trace",
]


def check_types(a: Tensor, b: Tensor) -> None:
    """Raise if two factors are of different types: nothing is converted."""
    if a.dtype is not b.dtype:
        first, second = (x.dtype.word.lower() for x in (a, b))
        raise RuntimeError(
            f"expected m1 and m2 to have the same dtype, but got: {first} != {second}"
        )


def check_ranks(name: str, *wanted: tuple[str, Tensor, int]) -> None:
    """Raise if a factor has another number of axes than its operation wants."""
    words = {1: "vector", 2: "matrix", 3: "3D tensor"}
    for what, x, rank in wanted:
        if x.ndim != rank:
            raise RuntimeError(f"{name}: {what} must be a {words[rank]}, but it is {x.ndim}D")


@method
def mm(input: Tensor, mat2: Tensor) -> Tensor:
    """Matrix times matrix."""
    check_ranks("mm", ("self", input, 2), ("mat2", mat2, 2))
    (n, m), (k, p) = input.shape, mat2.shape
    if m != k:
        raise RuntimeError(f"mat1 and mat2 shapes cannot be multiplied ({n}x{m} and {k}x{p})")
    check_types(input, mat2)
    return record(jnp.matmul, input, mat2)


@method
def mv(input: Tensor, vec: Tensor) -> Tensor:
    """Matrix times vector."""
    check_ranks("mv", ("self", input, 2), ("vec", vec, 1))
    (n, m), (k,) = input.shape, vec.shape
    if m != k:
        raise RuntimeError(f"size mismatch, got input ({n}), mat ({n}x{m}), vec ({k})")
    check_types(input, vec)
    return record(jnp.matvec, input, vec)


@method
def dot(input: Tensor, tensor: Tensor) -> Tensor:
    """The sum of products of two vectors' elements."""
    if input.ndim != 1 or tensor.ndim != 1:
        raise RuntimeError(f"1D tensors expected, but got {input.ndim}D and {tensor.ndim}D tensors")
    if input.shape != tensor.shape:
        (n,), (m,) = input.shape, tensor.shape
        raise RuntimeError(
            f"inconsistent tensor size, expected tensor [{n}] and src [{m}] to have the same "
            f"number of elements, but got {n} and {m} elements respectively"
        )
    check_types(input, tensor)
    return record(jnp.dot, input, tensor)


@method
def bmm(input: Tensor, mat2: Tensor) -> Tensor:
    """A matrix product for each example of a batch."""
    check_ranks("bmm", ("self", input, 3), ("mat2", mat2, 3))
    wanted, given = [input.shape[0], input.shape[2]], list(mat2.shape[:2])
    if wanted != given:
        raise RuntimeError(
            f"Expected size for first two dimensions of batch2 tensor to be: {wanted} but got: "
            f"{given}."
        )
    check_types(input, mat2)
    return record(lax.batch_matmul, input, mat2)


@method
def matmul(input: Tensor, other: Tensor) -> Tensor:
    """The product of matrices, vectors, or batches of matrices, by the numbers of axes."""
    a, b = input.ndim, other.ndim
    if not a or not b:
        raise RuntimeError(
            f"both arguments to matmul need to be at least 1D, but they are {a}D and {b}D"
        )
    if a == 1 and b == 1:
        return dot(input, other)
    if a == 2 and b == 1:
        return mv(input, other)
    if a == 1 and b == 2:
        return mm(input.unsqueeze(0), other).squeeze(0)
    if a == 2 and b == 2:
        return mm(input, other)
    if a == b == 3 and input.shape[0] == other.shape[0]:
        return bmm(input, other)
    check_types(input, other)
    inner = input.shape[-1], other.shape[-2] if b > 1 else other.shape[0]
    if inner[0] != inner[1]:
        raise RuntimeError(
            f"mat1 and mat2 shapes cannot be multiplied ({list(input.shape)} and "
            f"{list(other.shape)})"
        )
    if b <= 2:
        return record(jnp.tensordot, input, other, axes=1)
    return record(batched, input, other)


def batched(a: Array, b: Array) -> Array:
    """Products of matrices, with the axes in front broadcast."""
    front = jnp.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    if a.ndim > 1:
        a = jnp.broadcast_to(a, (*front, *a.shape[-2:]))
    return jnp.matmul(a, jnp.broadcast_to(b, (*front, *b.shape[-2:])))


@method
def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """All products of an element of one vector with one of the other."""
    check_ranks("outer", ("self", input, 1), ("vec2", vec2, 1))
    return input.unsqueeze(1) * vec2


@method
def inner(input: Tensor, other: Tensor) -> Tensor:
    """Sums of products along the last axes."""
    check_types(input, other)
    return record(jnp.inner, input, other)


@method
def addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """beta input + alpha mat1 mat2."""
    return combined(input, mm(mat1, mat2), beta, alpha)


@method
def addmv(input: Tensor, mat: Tensor, vec: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """beta input + alpha mat vec."""
    return combined(input, mv(mat, vec), beta, alpha)


@method
def baddbmm(
    input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Any = 1, alpha: Any = 1
) -> Tensor:
    """beta input + alpha batch1 batch2."""
    return combined(input, bmm(batch1, batch2), beta, alpha)


def combined(input: Tensor, product: Tensor, beta: Any, alpha: Any) -> Tensor:
    """beta input + alpha product."""
    return product * alpha if beta == 0 else (input * beta).add(product, alpha=alpha)


def tensordot(a: Tensor, b: Tensor, dims: Any = 2) -> Tensor:
    """Sums of products over several axes."""
    axes = dims if isinstance(dims, int) else tuple(tuple(axis) for axis in dims)
    check_types(a, b)
    return record(jnp.tensordot, a, b, axes=axes)


def einsum(equation: str, *operands: Any) -> Tensor:
    """Einstein's summation."""
    given = operands[0] if len(operands) == 1 and isinstance(operands[0], list) else operands
    return record(einsum_of, *given, equation=equation)


def einsum_of(*operands: Array, equation: str) -> Array:
    """Einstein's summation, with the equation as a setting."""
    return jnp.einsum(equation.replace(" ", ""), *operands)


@method
def trace(input: Tensor) -> Tensor:
    """The sum of a matrix's diagonal."""
    return input.diagonal().sum()


ger: Callable = outer


def _operator(swapped: bool) -> Callable:
    def product(self: Tensor, other: Any) -> Any:
        if not isinstance(other, Tensor):
            return NotImplemented
        return matmul(other, self) if swapped else matmul(self, other)

    return product


Tensor.__matmul__, Tensor.__rmatmul__ = _operator(False), _operator(True)

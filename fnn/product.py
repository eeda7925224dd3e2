"""Products of matrices and vectors that are both inputs."""

import jax.numpy as jnp
from jax import Array

from fnn.axes import axis_of, require_alike
from fnn.errors import describe, require

__all__ = ["cross", "matmul", "matvec"]


def matmul(x: Array, y: Array, *, transpose_x: bool = False, transpose_y: bool = False) -> Array:
    """Matrix product over the last two axes, one for each place of those in front.

    x:      (..., rows, inner)
    y:      (..., inner, columns)
    ->      (..., rows, columns)

    Source: Torch7 `nn.MM`; PyTorch `mm`, `bmm`.
    """
    _require_axes("matmul", x, y, 2, 2)
    x, y = x.mT if transpose_x else x, y.mT if transpose_y else y
    _require_inner("matmul", x, y, y.shape[-2], 2)
    return x @ y


def matvec(x: Array, y: Array, *, transpose: bool = False) -> Array:
    """Matrix times vector, one for each place of the axes in front.

    x:      (..., rows, columns)
    y:      (..., columns)
    ->      (..., rows)

    Source: Torch7 `nn.MV`, PyTorch `mv`.
    """
    _require_axes("matvec", x, y, 2, 1)
    x = x.mT if transpose else x
    _require_inner("matvec", x, y, y.shape[-1], 1)
    return (x @ y[..., None])[..., 0]


def _require_axes(layer: str, x: Array, y: Array, first: int, second: int) -> None:
    require(
        x.ndim >= first and y.ndim >= second and x.ndim - first == y.ndim - second,
        layer,
        describe((x, y)),
        f"{first} and {second} axes, and as many in front of both",
        "one of the two lacks its batch axis",
    )


def _require_inner(layer: str, x: Array, y: Array, inner: int, axes: int) -> None:
    require(
        x.shape[-1] == inner and x.shape[:-2] == y.shape[:-axes],
        layer,
        describe((x, y)),
        "rows of the first as long as columns of the second, and equal axes in front",
        "one of the two should be transposed",
    )


def cross(x: Array, y: Array, *, axis: int = -1) -> Array:
    """Cross product of vectors of length 3 along an axis.

    x:      (..., 3)
    y:      (..., 3)
    ->      (..., 3)

    Source: PyTorch and Torch7 `cross`.
    """
    require_alike("cross", x, y)
    axis = axis_of("cross", x, axis)
    require(x.shape[axis] == 3, "cross", f"{describe(x)}, axis={axis}", "3 there", "another axis")
    return jnp.cross(x, y, axis=axis)

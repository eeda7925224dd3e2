"""Functions along axes: sums and means, extremes with their places, orders, running sums."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from fnn import distribution, elements
from fnn.pytorch import dtypes
from fnn.pytorch.autograd import record
from fnn.pytorch.dtypes import dtype
from fnn.pytorch.operations import PAIRS
from fnn.pytorch.tensor import Tensor, axis_of, method

__all__ = [
    "all",
    "amax",
    "amin",
    "any",
    "argmax",
    "argmin",
    "argsort",
    "count_nonzero",
    "cumprod",
    "cumsum",
    "kthvalue",
    "log_softmax",
    "logsumexp",
    "max",
    "mean",
    "median",
    "min",
    "norm",
    "prod",
    "softmax",
    "sort",
    "std",
    "std_mean",
    "sum",
    "topk",
    "var",
    "var_mean",
]

Dims = int | Sequence[int] | None


class _Pair(NamedTuple):
    values: Any
    indices: Any


def pair_type(name: str) -> type[_Pair]:
    """The type of results that are values and indices."""

    def text(self: _Pair) -> str:
        return f"torch.return_types.{name}(\nvalues={self.values!r},\nindices={self.indices!r})"

    return type(name, (_Pair,), {"__repr__": text, "__slots__": ()})


PAIR_TYPES = {
    name: pair_type(name) for name in ("max", "min", "sort", "topk", "kthvalue", "median")
}


def paired(name: str, function: Callable, input: Tensor, **hyper: Any) -> Any:
    """Values and indices; a single number is its own axis."""
    found = record(function, input if input.ndim else input.reshape(1), **hyper)
    return PAIR_TYPES[name](*(found if input.ndim else (x.reshape(()) for x in found)))


def along(input: Tensor, dim: Dims, keepdim: builtins.bool) -> dict[str, Any]:
    """What a reduction is told about its axes; nothing, if it is over all."""
    if dim is None or (isinstance(dim, Sequence) and not dim):
        every = tuple(range(input.ndim))
        return {"axis": every, "keepdims": True} if keepdim else {}
    if isinstance(dim, Sequence):
        axes = tuple(axis_of(input, d) for d in dim)
    else:
        axes = axis_of(input, dim)
    return {"axis": axes if input.ndim else None, "keepdims": keepdim}


def counted(input: Tensor, wanted: dtype | None) -> dict[str, Any]:
    """The type in which a sum or a product is taken: integers as 64 bits."""
    if wanted is None and not input.is_floating_point():
        wanted = dtypes.int64
    return {} if wanted is None or wanted is input.dtype else {"dtype": wanted.numpy}


def floating(name: str, input: Tensor, wanted: dtype | None = None) -> Tensor:
    """The tensor as the type that is wanted; raise if that isn't floating-point."""
    kind = wanted or input.dtype
    if not kind.is_floating_point:
        raise RuntimeError(
            f"{name}(): could not infer output dtype. Input dtype must be either a floating point "
            f"or complex dtype. Got: {kind.word}"
        )
    return input.to(kind)


@method
def sum(
    input: Tensor, dim: Dims = None, keepdim: builtins.bool = False, *, dtype: dtype | None = None
) -> Tensor:
    """The sum."""
    return record(jnp.sum, input, **along(input, dim, keepdim), **counted(input, dtype))


@method
def prod(
    input: Tensor, dim: Dims = None, keepdim: builtins.bool = False, *, dtype: dtype | None = None
) -> Tensor:
    """The product."""
    return record(jnp.prod, input, **along(input, dim, keepdim), **counted(input, dtype))


@method
def mean(
    input: Tensor, dim: Dims = None, keepdim: builtins.bool = False, *, dtype: dtype | None = None
) -> Tensor:
    """The mean."""
    return record(jnp.mean, floating("mean", input, dtype), **along(input, dim, keepdim))


def spread(name: str, function: Callable) -> Callable:
    """Variance and its root, divided by one less than the number of elements."""

    def reduce(
        input: Tensor,
        dim: Any = None,
        unbiased: builtins.bool = True,
        keepdim: builtins.bool = False,
        *,
        correction: float | None = None,
    ) -> Tensor:
        if isinstance(dim, builtins.bool):
            dim, unbiased = None, dim
        less = float(unbiased) if correction is None else correction
        return record(
            function, floating(name, input), **along(input, dim, keepdim), correction=less
        )

    reduce.__name__, reduce.__doc__ = name, f"The {name} of a sample."
    return method(reduce)


std, var = spread("std", jnp.std), spread("var", jnp.var)


def std_mean(input: Tensor, *arguments: Any, **keywords: Any) -> tuple[Tensor, Tensor]:
    """`std` and `mean`."""
    keep = {n: v for n, v in keywords.items() if n in ("dim", "keepdim")}
    return std(input, *arguments, **keywords), mean(input, *arguments[:1], **keep)


def var_mean(input: Tensor, *arguments: Any, **keywords: Any) -> tuple[Tensor, Tensor]:
    """`var` and `mean`."""
    keep = {n: v for n, v in keywords.items() if n in ("dim", "keepdim")}
    return var(input, *arguments, **keywords), mean(input, *arguments[:1], **keep)


def plain(name: str, function: Callable, doc: str) -> Callable:
    """A reduction without options."""

    def reduce(input: Tensor, dim: Dims = None, keepdim: builtins.bool = False) -> Tensor:
        return record(function, input, **along(input, dim, keepdim))

    reduce.__name__, reduce.__doc__ = name, doc
    return method(reduce)


all = plain("all", jnp.all, "Whether all elements are true.")
any = plain("any", jnp.any, "Whether an element is true.")
amax = plain("amax", jnp.max, "The largest; equal ones share the gradient.")
amin = plain("amin", jnp.min, "The smallest; equal ones share the gradient.")
argmax = plain("argmax", jnp.argmax, "The place of the first largest element.")
argmin = plain("argmin", jnp.argmin, "The place of the first smallest element.")
logsumexp = plain("logsumexp", jax.nn.logsumexp, "log sum e^x.")
count_nonzero = plain("count_nonzero", jnp.count_nonzero, "How many elements aren't 0.")


def extreme(name: str, whole: Callable, pairwise: Callable, of_axis: Callable) -> Callable:
    """`max` and `min`: of all elements, along an axis with places, or of pairs."""

    def reduce(input: Tensor, dim: Any = None, keepdim: builtins.bool = False) -> Any:
        if isinstance(dim, Tensor):
            return pairwise(input, dim)
        if dim is not None:
            return paired(name, of_axis, input, axis=axis_of(input, dim), keepdims=keepdim)
        if not input.length:
            raise RuntimeError(
                f"{name}(): Expected reduction dim to be specified for input.numel() == 0. Specify "
                "the reduction dim with the 'dim' argument."
            )
        return record(whole, input)

    reduce.__name__ = name
    reduce.__doc__ = f"The {name}imum of all; along an axis with places; or of two tensors."
    return method(reduce)


max = extreme("max", jnp.max, PAIRS["maximum"][0], elements.max_along)
min = extreme("min", jnp.min, PAIRS["minimum"][0], elements.min_along)


@method
def median(input: Tensor, dim: int | None = None, keepdim: builtins.bool = False) -> Any:
    """The middle element, the lower of two; along an axis with its place."""
    if dim is None:
        return record(elements.median, input)
    axis = axis_of(input, dim)
    place = (input.geometry.size[axis] - 1) // 2
    return paired("median", elements.kth_along, input, axis=axis, place=place, keepdims=keepdim)


@method
def kthvalue(input: Tensor, k: int, dim: int = -1, keepdim: builtins.bool = False) -> Any:
    """The k-th smallest element along an axis, and its place."""
    axis = axis_of(input, dim)
    if not 1 <= k <= input.geometry.size[axis]:
        raise RuntimeError(f"kthvalue(): selected number k out of range for dimension {axis}")
    return paired("kthvalue", elements.kth_along, input, axis=axis, place=k - 1, keepdims=keepdim)


@method
def sort(
    input: Tensor, dim: int = -1, descending: builtins.bool = False, stable: builtins.bool = False
) -> Any:
    """The elements in order along an axis, and where they came from; always stable."""
    axis = axis_of(input, dim)
    return paired("sort", elements.sort_along, input, axis=axis, descending=descending)


@method
def argsort(
    input: Tensor, dim: int = -1, descending: builtins.bool = False, stable: builtins.bool = False
) -> Tensor:
    """Where the elements in order came from."""
    return sort(input, dim, descending).indices


@method
def topk(
    input: Tensor,
    k: int,
    dim: int = -1,
    largest: builtins.bool = True,
    sorted: builtins.bool = True,
) -> Any:
    """The k largest or smallest elements along an axis, in order, and their places."""
    axis = axis_of(input, dim)
    if not 0 <= k <= input.geometry.size[axis]:
        raise RuntimeError("selected index k out of range")
    return paired("topk", elements.sort_along, input, axis=axis, descending=largest, count=k)


@method
def norm(
    input: Tensor,
    p: Any = "fro",
    dim: Dims = None,
    keepdim: builtins.bool = False,
    dtype: dtype | None = None,
) -> Tensor:
    """(sum |x|^p)^(1/p), over all elements or along axes."""
    axes = range(input.ndim) if dim is None else [dim] if isinstance(dim, int) else dim
    axis = tuple(axis_of(input, d) for d in axes)
    power = 2.0 if p == "fro" else float(p)
    x = floating("linalg.vector_norm", input, dtype)
    return record(elements.norm, x, p=power, axis=axis, keepdims=keepdim)


def running(name: str, function: Callable, doc: str) -> Callable:
    """A sum or a product of all elements up to each."""

    def reduce(input: Tensor, dim: int, *, dtype: dtype | None = None) -> Tensor:
        return record(function, input, axis=axis_of(input, dim), **counted(input, dtype))

    reduce.__name__, reduce.__doc__ = name, doc
    return method(reduce)


cumsum = running("cumsum", jnp.cumsum, "The sum of the elements up to each.")
cumprod = running("cumprod", jnp.cumprod, "The product of the elements up to each.")


def normalised(name: str, function: Callable, doc: str) -> Callable:
    """A distribution along an axis."""

    def reduce(input: Tensor, dim: int, dtype: dtype | None = None) -> Tensor:
        x = input if dtype is None else input.to(dtype)
        if not x.is_floating_point():
            kernel = f'"{name}_lastdim_kernel_impl"'  # the error that PyTorch has
            raise NotImplementedError(f"{kernel} not implemented for '{x.dtype.word}'")
        return record(function, x, axis=axis_of(x, dim))

    reduce.__name__, reduce.__doc__ = name, doc
    return method(reduce)


softmax = normalised("softmax", distribution.softmax, "Probabilities in proportion to e^x.")
log_softmax = normalised("log_softmax", distribution.log_softmax, "Logarithms of `softmax`.")

"""Layers of several inputs, or with several outputs: Torch7's tables."""

from functools import reduce
from operator import add as plus
from operator import mul

import jax.numpy as jnp
from jax import Array, lax

from fnn.axes import axis_of, require_alike, require_arrays
from fnn.errors import describe, require

__all__ = [
    "add",
    "add_to_each",
    "divide",
    "join",
    "join_centred",
    "maximum",
    "minimum",
    "mixture",
    "multiply",
    "split",
    "subtract",
]


def add(*xs: Array) -> Array:
    """The sum of all inputs.

    xs: first, second, third (...)
    ->  (...)

    Source: Torch7 `nn.CAddTable`.
    """
    require_alike("add", *xs)
    return reduce(plus, xs)


def subtract(x: Array, y: Array) -> Array:
    """The first input less the second.

    x:  (...)
    y:  (...)
    ->  (...)

    Source: Torch7 `nn.CSubTable`.
    """
    require_alike("subtract", x, y)
    return x - y


def multiply(*xs: Array) -> Array:
    """The product of all inputs.

    xs: first, second, third (...)
    ->  (...)

    Source: Torch7 `nn.CMulTable`.
    """
    require_alike("multiply", *xs)
    return reduce(mul, xs)


def divide(x: Array, y: Array) -> Array:
    """The first input over the second.

    x:  (...)
    y:  (...)
    ->  (...)

    Source: Torch7 `nn.CDivTable`.
    """
    require_alike("divide", x, y)
    return x / y


def maximum(*xs: Array) -> Array:
    """The largest of all inputs, element by element; of equal ones the first has the gradient.

    xs: first, second, third (...)
    ->  (...)

    Source: Torch7 `nn.CMaxTable`.
    """
    require_alike("maximum", *xs)
    return reduce(lambda best, x: jnp.where(x > best, x, best), xs)


def minimum(*xs: Array) -> Array:
    """The smallest of all inputs, element by element; of equal ones the first has the gradient.

    xs: first, second, third (...)
    ->  (...)

    Source: Torch7 `nn.CMinTable`.
    """
    require_alike("minimum", *xs)
    return reduce(lambda best, x: jnp.where(x < best, x, best), xs)


def extreme_places(*xs: Array, largest: bool) -> tuple[Array, Array]:
    """`maximum`, or else `minimum`, and which input each element is of, counted from 0.

    xs: first, second, third (...)
    ->  (...); (...) int

    Source: Torch7 `nn.CMaxTable`, whose `maxIdx` counts from 1.
    """
    best, place = xs[0], jnp.zeros(xs[0].shape, int)
    for i, x in enumerate(xs[1:], 1):
        better = x > best if largest else x < best
        best, place = jnp.where(better, x, best), jnp.where(better, i, place)
    return best, place


def add_to_each(x: Array, *xs: Array) -> tuple[Array, ...]:
    """The first input added to each of the others.

    x:  (...)
    xs: first, second (...)
    ->  (...); (...)

    Source: Torch7 `nn.CAddTensorTable`.
    """
    require_alike("add_to_each", x, *xs)
    return tuple(x + other for other in xs)


def join(*xs: Array, axis: int = 0, dimensions: int | None = None) -> Array:
    """All inputs one after the other along an axis.

    xs: first, second (...)
    ->  (...')

    With `dimensions` the axis is that of one example with so many; inputs may have one more.

    Source: Torch7 `nn.JoinTable`, PyTorch `cat`.
    """
    require_arrays("join", *xs)
    found = axis_of("join", xs[0], axis, dimensions)
    require(
        len({(*x.shape[:found], *x.shape[found + 1 :]) for x in xs}) == 1,
        "join",
        f"{describe(xs)}, axis={axis}",
        "equal shapes but for that axis",
        "one of them lacks the batch axis, or another axis was meant",
    )
    return lax.concatenate(xs, found)


def join_centred(*xs: Array, axis: int = 0) -> Array:
    """All inputs one after the other along an axis; smaller ones lie in the middle of zeros.

    xs: first, second (...)
    ->  (...')

    Source: Torch7 `nn.DepthConcat`.
    """
    require_arrays("join_centred", *xs)
    found = axis_of("join_centred", xs[0], axis)
    require(
        len({x.ndim for x in xs}) == 1,
        "join_centred",
        describe(xs),
        "as many axes in each",
        "one of them lacks the batch axis",
    )
    sizes = [max(lengths) for lengths in zip(*(x.shape for x in xs), strict=True)]
    missing = [[n - m for n, m in zip(sizes, x.shape, strict=True)] for x in xs]
    for widths in missing:
        widths[found] = 0
    padded = [
        lax.pad(x, jnp.zeros((), x.dtype), [(n // 2, n - n // 2, 0) for n in widths])
        for x, widths in zip(xs, missing, strict=True)
    ]
    return join(*padded, axis=found)


def split(x: Array, *, axis: int = 0, dimensions: int | None = None) -> tuple[Array, ...]:
    """The slices along an axis, which is dropped.

    x:  (2, ...)
    ->  (...); (...)

    With `dimensions` the axis is that of one example with so many; `x` may have one more.

    Source: Torch7 `nn.SplitTable`, PyTorch `unbind`.
    """
    axis = axis_of("split", x, axis, dimensions)
    return tuple(lax.index_in_dim(x, i, axis, keepdims=False) for i in range(x.shape[axis]))


def mixture(gates: Array, *xs: Array, axis: int | None = None) -> Array:
    """The experts' outputs, each times its gate, added up.

    gates: (..., 2)
    xs:    first, second (..., features)
    ->     (..., features)

    With an axis there is one array, whose slices along that axis are the experts.

    Source: Torch7 `nn.MixtureTable`.
    """
    experts = split(xs[0], axis=axis) if axis is not None else xs
    require(
        gates.shape[-1:] == (len(experts),)
        and all(e.shape[: gates.ndim - 1] == gates.shape[:-1] for e in experts),
        "mixture",
        f"gates {describe(gates)} for {describe(experts)}",
        "a gate for each expert, and the same examples",
        "the batch axis is missing, or an axis of experts should be named",
    )
    parts = zip(split(gates, axis=-1), experts, strict=True)
    return add(*(lax.broadcast_in_dim(g, e.shape, range(g.ndim)) * e for g, e in parts))

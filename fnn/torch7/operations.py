"""The table of what tensors compute, and their operators."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

import jax
import jax.numpy as jnp
from jax import lax

from fnn import arithmetic, elements
from fnn.tensor.number import number
from fnn.tensor.run import run
from fnn.torch7.algebra import ALGEBRA
from fnn.torch7.indexing import Indexing
from fnn.torch7.maths import (
    Addition,
    Elementwise,
    Operation,
    Product,
    Reduction,
    kinds,
    summary,
    wrapped,
)

FLOATING: dict[str, Callable] = {
    "acos": jnp.arccos,
    "asin": jnp.arcsin,
    "atan": jnp.arctan,
    "ceil": jnp.ceil,
    "cinv": jnp.reciprocal,
    "cos": jnp.cos,
    "cosh": jnp.cosh,
    "exp": jnp.exp,
    "floor": jnp.floor,
    "frac": elements.frac,
    "log": jnp.log,
    "log1p": jnp.log1p,
    "round": arithmetic.round_half_away,
    "rsqrt": lax.rsqrt,
    "sigmoid": jax.nn.sigmoid,
    "sin": jnp.sin,
    "sinh": jnp.sinh,
    "sqrt": jnp.sqrt,
    "tan": jnp.tan,
    "tanh": jnp.tanh,
    "trunc": jnp.trunc,
}
ELEMENTWISE: dict[str, tuple[Callable, tuple[str, ...]]] = {
    "abs": (jnp.abs, ("",)),
    "neg": (jnp.negative, ("",)),
    "sign": (elements.sign, ("",)),
    "add": (arithmetic.add_scaled, ("n", "t", "nt")),
    "csub": (arithmetic.subtract_scaled, ("n", "t", "nt")),
    "mul": (jnp.multiply, ("n",)),
    "div": (arithmetic.divide, ("n",)),
    "fmod": (jnp.fmod, ("n",)),
    "remainder": (jnp.remainder, ("n",)),
    "mod": (jnp.remainder, ("n",)),
    "pow": (jnp.power, ("n",)),
    "clamp": (jnp.clip, ("nn",)),
    "cmul": (jnp.multiply, ("t",)),
    "cdiv": (arithmetic.divide, ("t",)),
    "cfmod": (jnp.fmod, ("t",)),
    "cremainder": (jnp.remainder, ("t",)),
    "cmod": (jnp.remainder, ("t",)),
    "cpow": (jnp.power, ("t",)),
    "cmax": (jnp.maximum, ("n", "t")),
    "cmin": (jnp.minimum, ("n", "t")),
    "atan2": (jnp.arctan2, ("t",)),
    "lerp": (elements.lerp, ("tn",)),
    "addcmul": (arithmetic.add_product, ("tt", "ntt")),
    "addcdiv": (arithmetic.add_quotient, ("tt", "ntt")),
}
COMPARISONS: dict[str, Callable] = {
    "lt": jnp.less,
    "le": jnp.less_equal,
    "gt": jnp.greater,
    "ge": jnp.greater_equal,
    "eq": jnp.equal,
    "ne": jnp.not_equal,
}
ALONG = {"axis": None}
REDUCTIONS: dict[str, tuple[Callable, dict[str, Any]]] = {
    "sum": (arithmetic.total, ALONG),
    "prod": (arithmetic.product, ALONG),
    "max": (arithmetic.largest, ALONG),
    "min": (arithmetic.smallest, ALONG),
    "cumsum": (arithmetic.running_total, {"axis": 1}),
    "cumprod": (arithmetic.running_product, {"axis": 1}),
}
MOMENTS: dict[str, tuple[Callable, dict[str, Any]]] = {
    "mean": (arithmetic.mean, ALONG),
    "var": (arithmetic.variance, {**ALONG, "biased": False}),
    "std": (arithmetic.deviation, {**ALONG, "biased": False}),
    "norm": (arithmetic.norm, {"p": 2, **ALONG}),
}
NUMBERS = ("", "n", "nn")

OPERATIONS: dict[str, Operation] = {
    **{n: Elementwise(n, f, ("",), in_place=True, floating=True) for n, f in FLOATING.items()},
    **{n: Elementwise(n, f, forms, in_place=True) for n, (f, forms) in ELEMENTWISE.items()},
    **{n: Elementwise(n, f, ("n", "t"), result="uint8") for n, f in COMPARISONS.items()},
    **{n: Reduction(n, f, NUMBERS, options=options) for n, (f, options) in REDUCTIONS.items()},
    **{
        n: Reduction(n, f, NUMBERS, floating=True, options=options)
        for n, (f, options) in MOMENTS.items()
    },
    "dot": Elementwise("dot", arithmetic.dot, ("t",)),
    "mm": Product("mm", jnp.matmul),
    "mv": Product("mv", jnp.matmul, sizes="nm,m->n"),
    "ger": Product("ger", jnp.outer, sizes="n,m->nm"),
    "addmm": Addition("addmm", arithmetic.add_matmul),
    "addmv": Addition("addmv", arithmetic.add_matmul, sizes="nm,m->n"),
    "addr": Addition("addr", arithmetic.add_outer, sizes="n,m->nm"),
    "bmm": Product("bmm", jnp.matmul, sizes="bnm,bmp->bnp"),
    "addbmm": Addition("addbmm", arithmetic.add_matmuls, sizes="bnm,bmp->np"),
    "baddbmm": Addition("baddbmm", arithmetic.add_matmul, sizes="bnm,bmp->bnp"),
    **ALGEBRA,
}
SWAPPED_POWER = Elementwise("pow", arithmetic.power_of, ("n",), floating=True)
SUBTRACTION = Elementwise("-", arithmetic.subtract_from, ("n", "t"))
MULTIPLICATIONS = {(1, 1): "dot", (2, 1): "mv", (2, 2): "mm"}


class Maths(Indexing):
    """The part of `Tensor` that computes; the methods of the table come below."""

    def __mul__(self, other: Any) -> Any:
        if kinds([other]) == "n":
            return OPERATIONS["mul"].call(self, other)
        if not isinstance(other, Maths):
            return NotImplemented
        dimensions = self.dim(), other.dim()
        if dimensions not in MULTIPLICATIONS:
            raise ValueError(
                f"multiplication between {dimensions[0]}D and {dimensions[1]}D tensors not yet "
                "supported; elements are multiplied by cmul"
            )
        return OPERATIONS[MULTIPLICATIONS[dimensions]].call(self, other)

    __matmul__ = __mul__

    def __rmul__(self, other: Any) -> Any:
        return OPERATIONS["mul"].call(self, other) if kinds([other]) == "n" else NotImplemented

    def __neg__(self) -> Self:
        return OPERATIONS["neg"].call(self)

    def dist(self, other: Any, p: float = 2) -> Any:
        """The norm of the difference."""
        return (self - other).norm(p)

    def equal(self, other: Self) -> bool:
        """Whether sizes and elements are equal."""
        return self._size == other._size and not self.ne(other).any()

    def all(self) -> Any:
        """Whether no element of a ByteTensor is zero."""
        return number(run(jnp.all, self))

    def any(self) -> Any:
        """Whether an element of a ByteTensor is not zero."""
        return number(run(jnp.any, self))

    def diag(self, k: int = 0) -> Self:
        """A matrix's diagonal, or the matrix of a diagonal."""
        return self._around(run(jnp.diag, self, k=k))

    def tril(self, k: int = 0) -> Self:
        """The lower triangle of a matrix."""
        return self._around(run(jnp.tril, self, k=k))

    def triu(self, k: int = 0) -> Self:
        """The upper triangle of a matrix."""
        return self._around(run(jnp.triu, self, k=k))

    def trace(self) -> Any:
        """The sum of a matrix's diagonal."""
        return number(run(jnp.trace, self))

    if TYPE_CHECKING:  # the methods that are set below

        def __getattr__(self, name: str) -> Any: ...


def method(operation: Operation) -> Callable:
    """An operation as a method."""

    def computed(self: Maths, *arguments: Any) -> Any:
        return operation.method(self, *arguments)

    computed.__name__, computed.__doc__ = operation.name, summary(operation.function)
    return computed


def operator(operation: Operation) -> Callable:
    """An operation as an operator, which always makes something new."""

    def computed(self: Maths, other: Any) -> Any:
        if kinds([other]) not in operation.forms:
            return NotImplemented
        return wrapped(self, operation.compute(self, other))

    return computed


OPERATORS = {
    "__add__": OPERATIONS["add"],
    "__radd__": OPERATIONS["add"],
    "__sub__": OPERATIONS["csub"],
    "__rsub__": SUBTRACTION,
    "__truediv__": OPERATIONS["div"],
    "__mod__": OPERATIONS["remainder"],
}
for _name, _operation in OPERATIONS.items():
    setattr(Maths, _name, method(_operation))
for _name, _operation in OPERATORS.items():
    setattr(Maths, _name, operator(_operation))

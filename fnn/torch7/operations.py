"""The table of what tensors compute, and their operators."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnn import arithmetic, elements, ordering
from fnn.tensor.number import number
from fnn.tensor.run import run
from fnn.torch7.algebra import ALGEBRA
from fnn.torch7.maths import (
    Addition,
    Elementwise,
    Operation,
    Power,
    Product,
    kinds,
    summary,
    wrapped,
)
from fnn.torch7.memory import require_type
from fnn.torch7.reduction import LAST, Ordering, Reduction
from fnn.torch7.selection import Selection

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
    "mod": (jnp.fmod, ("n",)),
    "remainder": (arithmetic.remainder, ("n",)),
    "lshift": (arithmetic.shift_left, ("n",)),
    "rshift": (arithmetic.shift_right, ("n",)),
    "clamp": (arithmetic.clamp, ("nn",)),
    "cmul": (jnp.multiply, ("t",)),
    "cdiv": (arithmetic.divide, ("t",)),
    "cfmod": (jnp.fmod, ("t",)),
    "cmod": (jnp.fmod, ("t",)),
    "cremainder": (arithmetic.remainder, ("t",)),
    "clshift": (arithmetic.shift_left, ("t",)),
    "crshift": (arithmetic.shift_right, ("t",)),
    "cpow": (arithmetic.power, ("t",)),
    "cmax": (arithmetic.larger, ("n", "t")),
    "cmin": (arithmetic.smaller, ("n", "t")),
    "atan2": (jnp.arctan2, ("t",)),
    "lerp": (elements.lerp, ("tn",)),
    "addcmul": (arithmetic.add_product, ("tt", "ntt")),
    "addcdiv": (arithmetic.add_quotient, ("tt", "ntt")),
}
BITS: dict[str, Callable] = {"and": jnp.bitwise_and, "or": jnp.bitwise_or, "xor": jnp.bitwise_xor}
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
    "trace": (arithmetic.trace, {}),
    "diag": (jnp.diag, {"k": 0}),
    "tril": (jnp.tril, {"k": 0}),
    "triu": (jnp.triu, {"k": 0}),
}
PAIRS = ("max", "min")  # along a dimension these give places too
MOMENTS: dict[str, tuple[Callable, dict[str, Any]]] = {
    "mean": (arithmetic.mean, ALONG),
    "var": (arithmetic.variance, {**ALONG, "biased": False}),
    "std": (arithmetic.deviation, {**ALONG, "biased": False}),
    "norm": (arithmetic.norm, {"p": 2, **ALONG}),
}
IN_ORDER: dict[str, tuple[Callable, dict[str, Any]]] = {
    "sort": (ordering.sort, {"axis": LAST, "descending": False}),
    "median": (ordering.median, {"axis": LAST}),
    "mode": (ordering.mode, {"axis": LAST}),
    "kthvalue": (ordering.kthvalue, {"k": 1, "axis": LAST}),
    "topk": (ordering.topk, {"k": 1, "axis": LAST, "largest": False, "ordered": False}),
}


def counts(options: dict[str, Any], least: int = 0) -> tuple[str, ...]:
    """The forms that give some of the options, in order."""
    return tuple("n" * count for count in range(least, len(options) + 1))


SWAPPED_POWER = Elementwise("pow", arithmetic.power_of, ("n",), floating=True)

OPERATIONS: dict[str, Operation] = {
    **{n: Elementwise(n, f, ("",), in_place=True, floating=True) for n, f in FLOATING.items()},
    **{n: Elementwise(n, f, forms, in_place=True) for n, (f, forms) in ELEMENTWISE.items()},
    **{
        n: Elementwise(n, f, forms, in_place=True, whole=True)
        for kind, f in BITS.items()
        for n, forms in {f"bit{kind}": ("n",), f"cbit{kind}": ("t",)}.items()
    },
    "pow": Power("pow", arithmetic.power, ("n",), in_place=True, swapped=SWAPPED_POWER),
    **{n: Elementwise(n, f, ("n", "t"), result="uint8") for n, f in COMPARISONS.items()},
    **{
        n: Reduction(n, f, counts(options), options=options, results=2 if n in PAIRS else 1)
        for n, (f, options) in REDUCTIONS.items()
    },
    **{
        n: Ordering(n, f, counts(options, least=n == "kthvalue"), options=options)
        for n, (f, options) in IN_ORDER.items()
    },
    **{
        n: Reduction(n, f, counts(options), floating=True, options=options)
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
SUBTRACTION = Elementwise("-", arithmetic.subtract_from, ("n", "t"))
MULTIPLICATIONS = {(1, 1): "dot", (2, 1): "mv", (2, 2): "mm"}


class Maths(Selection):
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
        return number(run(jnp.all, require_mask("all", self)))

    def any(self) -> Any:
        """Whether an element of a ByteTensor is not zero."""
        return number(run(jnp.any, require_mask("any", self)))

    if TYPE_CHECKING:  # the methods that are set below

        def __getattr__(self, name: str) -> Any: ...


def require_mask(name: str, x: Maths) -> Maths:
    """What is to be true or false has to be a ByteTensor."""
    require_type(name, x, np.uint8)
    return x


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

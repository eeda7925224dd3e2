"""Functions of each element, from one table: name -> pure function.

A row gives `torch.name`, the method `name`, its twin in place `name_`, and an operator if Python
has one. Operands are brought to one type as PyTorch promotes them, and to one shape.
"""

from __future__ import annotations

import numbers
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.scipy import special

from fnn import activation, elements
from fnn.pytorch import dtypes
from fnn.pytorch.promotion import Row, compute, compute_in
from fnn.pytorch.tensor import Tensor
from fnn.tensor.number import Number

if TYPE_CHECKING:

    def __getattr__(name: str) -> Any: ...


FLOATING = {
    name: Row(function, "floating")
    for name, function in {
        "acos": jnp.arccos,
        "acosh": jnp.arccosh,
        "asin": jnp.arcsin,
        "asinh": jnp.arcsinh,
        "atan": jnp.arctan,
        "atan2": jnp.arctan2,
        "atanh": jnp.arctanh,
        "copysign": jnp.copysign,
        "cos": jnp.cos,
        "cosh": jnp.cosh,
        "deg2rad": jnp.deg2rad,
        "digamma": lax.digamma,
        "erf": lax.erf,
        "erfc": lax.erfc,
        "erfinv": lax.erf_inv,
        "exp": jnp.exp,
        "exp2": jnp.exp2,
        "expm1": jnp.expm1,
        "hypot": jnp.hypot,
        "lgamma": lax.lgamma,
        "log": jnp.log,
        "log10": jnp.log10,
        "log1p": jnp.log1p,
        "log2": jnp.log2,
        "logaddexp": jnp.logaddexp,
        "logit": special.logit,
        "rad2deg": jnp.rad2deg,
        "reciprocal": jnp.reciprocal,
        "rsqrt": lax.rsqrt,
        "sigmoid": activation.sigmoid,
        "sin": jnp.sin,
        "sinc": jnp.sinc,
        "sinh": jnp.sinh,
        "sqrt": jnp.sqrt,
        "tan": jnp.tan,
        "tanh": activation.tanh,
        "true_divide": jnp.true_divide,
        "xlogy": special.xlogy,
    }.items()
}
SAME = {
    name: Row(function)
    for name, function in {
        "abs": elements.absolute,
        "add": jnp.add,
        "bitwise_and": jnp.bitwise_and,
        "bitwise_left_shift": jnp.left_shift,
        "bitwise_not": jnp.bitwise_not,
        "bitwise_or": jnp.bitwise_or,
        "bitwise_right_shift": jnp.right_shift,
        "bitwise_xor": jnp.bitwise_xor,
        "ceil": jnp.ceil,
        "floor": jnp.floor,
        "floor_divide": jnp.floor_divide,
        "fmax": jnp.fmax,
        "fmin": jnp.fmin,
        "fmod": jnp.fmod,
        "frac": elements.frac,
        "gcd": jnp.gcd,
        "lcm": jnp.lcm,
        "maximum": jnp.maximum,
        "minimum": jnp.minimum,
        "mul": jnp.multiply,
        "neg": jnp.negative,
        "pow": jnp.power,
        "relu": activation.relu,
        "remainder": jnp.remainder,
        "round": jnp.round,
        "sign": elements.sign,
        "square": jnp.square,
        "sub": jnp.subtract,
        "trunc": jnp.trunc,
    }.items()
}
TRUTH = {
    name: Row(function, kind, dtypes.bool)
    for name, function, kind in [
        ("eq", jnp.equal, None),
        ("ge", jnp.greater_equal, None),
        ("gt", jnp.greater, None),
        ("isfinite", jnp.isfinite, None),
        ("isinf", jnp.isinf, None),
        ("isnan", jnp.isnan, None),
        ("isneginf", jnp.isneginf, None),
        ("isposinf", jnp.isposinf, None),
        ("le", jnp.less_equal, None),
        ("logical_and", jnp.logical_and, dtypes.bool),
        ("logical_not", jnp.logical_not, dtypes.bool),
        ("logical_or", jnp.logical_or, dtypes.bool),
        ("logical_xor", jnp.logical_xor, dtypes.bool),
        ("lt", jnp.less, None),
        ("ne", jnp.not_equal, None),
        ("signbit", jnp.signbit, None),
    ]
}
TABLE = FLOATING | SAME | TRUTH
ALIASES = {
    "absolute": "abs",
    "arccos": "acos",
    "arcsin": "asin",
    "arctan": "atan",
    "arctan2": "atan2",
    "divide": "div",
    "fix": "trunc",
    "greater": "gt",
    "greater_equal": "ge",
    "less": "lt",
    "less_equal": "le",
    "multiply": "mul",
    "negative": "neg",
    "not_equal": "ne",
    "subtract": "sub",
}
OPERATORS = {
    "add": "add",
    "sub": "sub",
    "mul": "mul",
    "truediv": "div",
    "floordiv": "floor_divide",
    "mod": "remainder",
    "pow": "pow",
    "and": "bitwise_and",
    "or": "bitwise_or",
    "xor": "bitwise_xor",
    "lshift": "bitwise_left_shift",
    "rshift": "bitwise_right_shift",
}
COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")


def pair(name: str, row: Row) -> tuple[Callable, Callable]:
    """A row's function, and its twin in place."""

    def operation(input: Tensor, *others: Any) -> Tensor:
        return compute(name, row, input, *others)

    def in_place(self: Tensor, *others: Any) -> Tensor:
        return compute_in(name, row, self, *others)

    return operation, in_place


def scaled(name: str, row: Row, with_alpha: Row) -> tuple[Callable, Callable]:
    """Addition and subtraction: `alpha` times the second operand."""

    def operation(input: Tensor, other: Any, *, alpha: Any = 1) -> Tensor:
        if type(alpha) is int and alpha == 1:
            return compute(name, row, input, other)
        return compute(name, with_alpha, input, other, alpha)

    def in_place(self: Tensor, other: Any, *, alpha: Any = 1) -> Tensor:
        if type(alpha) is int and alpha == 1:
            return compute_in(name, row, self, other)
        return compute_in(name, with_alpha, self, other, alpha)

    return operation, in_place


def division() -> tuple[Callable, Callable]:
    """Division, rounded if so wanted."""
    rows = {
        None: ("div", TABLE["true_divide"]),
        "floor": ("floor_divide", TABLE["floor_divide"]),
        "trunc": ("fmod", Row(elements.divide_towards_zero)),
    }

    def operation(input: Tensor, other: Any, *, rounding_mode: str | None = None) -> Tensor:
        return compute(*rows[rounding_mode], input, other)

    def in_place(self: Tensor, other: Any, *, rounding_mode: str | None = None) -> Tensor:
        return compute_in(*rows[rounding_mode], self, other)

    return operation, in_place


def power() -> tuple[Callable, Callable]:
    """Powers; small whole exponents are products, as exact as in PyTorch."""

    def chosen(x: Any, exponent: Any) -> tuple[Row, tuple[Any, ...], dict[str, int]]:
        small = type(exponent) in (int, float) and exponent in (-2, -1, 2, 3)
        if small and isinstance(x, Tensor) and x.is_floating_point():
            return Row(lax.integer_pow), (x,), {"y": int(exponent)}
        if type(exponent) is float and exponent == 0.5:
            return TABLE["sqrt"], (x,), {}
        return TABLE["pow"] if isinstance(exponent, Tensor) else Row(jnp.pow), (x, exponent), {}

    def operation(input: Any, exponent: Any) -> Tensor:
        row, operands, hyper = chosen(input, exponent)
        return compute("pow", row, *operands, **hyper)

    def in_place(self: Tensor, exponent: Any) -> Tensor:
        row, operands, hyper = chosen(self, exponent)
        return compute_in("pow", row, *operands, **hyper)

    return operation, in_place


def rounding() -> tuple[Callable, Callable]:
    """Rounding, to a number of decimals."""

    def operation(input: Tensor, *, decimals: int = 0) -> Tensor:
        return compute("round", TABLE["round"], input, decimals=decimals)

    def in_place(self: Tensor, *, decimals: int = 0) -> Tensor:
        return compute_in("round", TABLE["round"], self, decimals=decimals)

    return operation, in_place


PAIRS = {name: pair(name, row) for name, row in TABLE.items()}
PAIRS |= {
    "add": scaled("add", TABLE["add"], Row(elements.add_scaled)),
    "sub": scaled("sub", TABLE["sub"], Row(elements.subtract_scaled)),
    "div": division(),
    "pow": power(),
    "round": rounding(),
}
PAIRS |= {alias: PAIRS[name] for alias, name in ALIASES.items()}


def operator(operation: Callable, swapped: bool = False) -> Callable:
    """An operator, which leaves operands that are neither tensors nor numbers to them."""

    def method(self: Tensor, other: Any) -> Any:
        if not isinstance(other, Tensor | Number | numbers.Real | np.generic):
            return NotImplemented
        return operation(other, self) if swapped else operation(self, other)

    return method


for _name, (_operation, _in_place) in PAIRS.items():
    for _found, _full in ((_operation, _name), (_in_place, f"{_name}_")):
        if _name not in ALIASES:
            _found.__name__ = _found.__qualname__ = _full
        setattr(Tensor, _full, _found)
    globals()[_name] = _operation
for _name, _full in OPERATORS.items():
    _operation, _in_place = PAIRS[_full]
    setattr(Tensor, f"__{_name}__", operator(_operation))
    setattr(Tensor, f"__r{_name}__", operator(_operation, swapped=True))
    setattr(Tensor, f"__i{_name}__", operator(_in_place))
for _name in COMPARISONS:
    setattr(Tensor, f"__{_name}__", operator(PAIRS[_name][0]))
for _name, _full in {"neg": "neg", "abs": "abs", "invert": "bitwise_not"}.items():
    setattr(Tensor, f"__{_name}__", PAIRS[_full][0])
Tensor.__pos__ = lambda self: self

__all__ = list(PAIRS)  # pyright: ignore[reportUnsupportedDunderAll]

"""Torch7's text for numbers, tensors and storages, to the last blank (torch7/Tensor.lua)."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import product
from math import copysign, floor, isfinite, isnan, log10, nan, nextafter
from numbers import Real
from sys import float_info
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

LINE = 80


class Form(NamedTuple):
    """How to print the numbers of one tensor: a C format, a common factor, the width."""

    format: str
    scale: float | None
    width: float

    def text(self, x: float) -> str:
        """One number."""
        return formatted(self.format, x if self.scale is None else x / self.scale)

    @property
    def head(self) -> str:
        """The common factor's own text."""
        return "" if self.scale is None else f"{self.scale:g} *\n"


def magnitude(x: float) -> float:
    """How many digits a number has before the point; 0 has one."""
    if x == 0:
        return 1
    return floor(log10(x)) + 1 if isfinite(x) else x


def form(values: NDArray[np.float64]) -> Form:
    """The form that suits all `values`."""
    if not values.size:
        return Form("", None, 0)
    absolute = np.abs(values)
    low, high = magnitude(absolute.min()), magnitude(absolute.max())
    if np.array_equal(values, np.ceil(values)):
        if high > 9:
            return Form("%11.4e", None, 11)
        return Form(f"%{high + 1}d", None, high + 1)
    if isnan(high):
        return Form("%f", None, nan)
    if high - low > 4:
        width = 12 if abs(high) > 99 or abs(low) > 99 else 11
        return Form(f"%{width}.4e", None, width)
    if high > 5 or high < 0:
        return Form("%7.4f", max(10.0 ** (high - 1), nextafter(0, 1)), 7)
    width = 7 if high == 0 else high + 6
    return Form(f"%{width}.4f", None, width)


def tensor_text(values: NDArray, name: str) -> str:
    """A tensor or a storage, with its last line."""
    if not values.size:
        return f"[{name} with no dimension]\n"
    values = values.astype(np.float64)
    how = form(values)
    if values.ndim == 1:
        body = lines(values, how)
    elif values.ndim == 2:
        body = matrix(values, how, "")
    else:
        body = "\n".join(slices(values, how))
    return f"{body}[{name} of size {'x'.join(map(str, values.shape))}]\n"


def storage_text(values: NDArray, name: str) -> str:
    """A storage, one element a line."""
    values = values.reshape(-1).astype(np.float64)
    return f"{lines(values, form(values))}[{name} of size {values.size}]\n"


def lines(values: NDArray[np.float64], how: Form) -> str:
    """A vector, one element a line."""
    return how.head + "".join(f"{how.text(x)}\n" for x in values.tolist())


def matrix(values: NDArray[np.float64], how: Form, indent: str) -> str:
    """A matrix, in blocks of as many columns as a line takes."""
    columns = values.shape[1]
    # A width of nan, like Lua's, fits everything into one line.
    fit = columns if isnan(how.width) else int((LINE - len(indent)) // (how.width + 1))
    margin = indent if how.scale is None else f"{indent} "
    blocks = []
    for start in range(0, columns, fit):
        end = min(start + fit, columns)
        title = f"Columns {start + 1} to {end}\n{indent}" if fit < columns else ""
        head = title + (f"{how.head}{margin}" if how.scale is not None else "")
        rows = (" ".join(map(how.text, row)) for row in values[:, start:end].tolist())
        blocks.append(head + f"\n{margin}".join(rows) + "\n")
    return indent + "\n".join(blocks)


def slices(values: NDArray[np.float64], how: Form) -> Iterator[str]:
    """The matrices of a tensor of more dimensions; the first index runs fastest."""
    for reverse in product(*(range(n) for n in reversed(values.shape[:-2]))):
        index = tuple(reversed(reverse))
        counted = ",".join(str(i + 1) for i in index)
        yield f"({counted},.,.) = \n{matrix(values[index], how, ' ')}"


def formatted(form: str, x: float) -> str:
    """A number in a C format; what lies in the middle is rounded away from zero, as LuaJIT does."""
    largest = copysign(float_info.max, x)
    found, outward = form % x, form % (nextafter(x, largest) if isfinite(x) else x)
    if found == outward or Fraction(found) + Fraction(outward) != 2 * Fraction(x):
        return found
    return outward


def number_text(x: float) -> str:
    """A number as Lua prints it."""
    return formatted("%.14g", x)


def tostring(x: Any) -> str:
    """Anything as Lua's tostring has it."""
    if x is None or isinstance(x, bool):
        return {None: "nil", True: "true", False: "false"}[x]
    return number_text(float(x)) if isinstance(x, Real) else str(x)

"""Arithmetic, reductions and products: each name is one pure function in a table.

From a row come the method and the function. A method of elementwise arithmetic works in place;
`result.f(x, ...)` and `torch.f(result, x, ...)` write into a given result, which gets the size of
what is computed; all else gives a new tensor, or a number.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from fnn.errors import describe, require
from fnn.tensor.number import number
from fnn.tensor.run import run
from fnn.torch7.memory import element_type, is_number, require_type, size_of
from fnn.torch7.shapes import Shapes
from fnn.torch7.types import name_of

DIVISIONS = ("div", "cdiv", "addcdiv", "fmod", "cfmod", "remainder", "cremainder", "mod", "cmod")


@dataclass(frozen=True)
class Operation(ABC):
    """One name. `forms` says what may follow the first tensor: t a tensor, n a number."""

    name: str
    function: Callable
    forms: tuple[str, ...] = ("",)
    in_place: bool = False
    floating: bool = False
    whole: bool = False

    @abstractmethod
    def compute(self, x: Any, *others: Any) -> Any:
        """The result in new storages."""

    def method(self, x: Any, *arguments: Any) -> Any:
        """`x.f(...)`, `x.f(source, ...)`."""
        form = kinds(arguments)
        if form in self.forms:
            result = self.compute(x, *arguments)
            return x._receive(result) if self.in_place else wrapped(x, result)
        if form[:1] == "t" and form[1:] in self.forms:
            return self.write(x, *arguments)
        raise self.refusal(arguments)

    def call(self, *arguments: Any) -> Any:
        """`torch.f(x, ...)`, `torch.f(result, x, ...)`, and of numbers alone."""
        form = kinds(arguments)
        if form[:1] == "t" and form[1:] in self.forms:
            return wrapped(arguments[0], self.compute(*arguments))
        if form[:2] == "tt" and form[2:] in self.forms:
            return self.write(*arguments)
        if form[:1] == "n" and form[1:] in [f.replace("t", "n") for f in self.forms]:
            return number(run(Paired(self.function), *map(float, arguments)))
        raise self.refusal(arguments)

    def write(self, result: Any, x: Any, *others: Any) -> Any:
        """The result in a given tensor, of the type of the others or of the result."""
        found = self.compute(x, *others)
        if result.element_type != element_type(x):
            require_type(self.name, result, found.dtype)
        return result._receive(found)

    def refusal(self, arguments: tuple[Any, ...]) -> TypeError:
        """What to say of arguments that fit no form."""
        words = {"t": "tensor", "n": "number"}
        forms = [", ".join(words[kind] for kind in f"t{form}") for form in self.forms]
        given = ", ".join(map(said, arguments))
        return TypeError(f"{self.name}: given ({given}), wanted ({') or ('.join(forms)})")

    def check(self, *operands: Any) -> None:
        """All tensors have one type, and one that the operation has."""
        first = common_type(self.name, *operands)
        if self.floating and first.kind != "f":
            raise TypeError(
                f"{self.name}: given a {name_of(first, 'Tensor')}, wanted floating-point numbers\n"
                "likely cause: the tensor was not converted: use double"
            )
        if self.whole and first.kind == "f":
            raise TypeError(
                f"{self.name}: given a {name_of(first, 'Tensor')}, wanted integers\n"
                "likely cause: floating-point numbers have no bits to speak of: use long"
            )


def common_type(name: str, *operands: Any) -> np.dtype:
    """The type of all tensors: Torch7 converts nothing."""
    first, *others = (np.dtype(element_type(x)) for x in operands if kinds([x]) == "t")
    for other in others:
        if other != first:
            raise TypeError(
                f"{name}: given a {name_of(first, 'Tensor')} and a {name_of(other, 'Tensor')}, "
                "wanted tensors of one type\n"
                "likely cause: Torch7 converts only when it is told to: use typeAs, or double"
            )
    return first


@dataclass(frozen=True)
class Elementwise(Operation):
    """Elements in the same place; only their number has to be equal, as nothing is broadcast."""

    result: str | None = None

    def compute(self, x: Any, *others: Any) -> Any:
        """The result in a new storage."""
        self.check(x, *others)
        return run(Paired(self.function, self.result), x, *others)

    def check(self, *operands: Any) -> None:
        """Types, numbers of elements, and divisors."""
        super().check(*operands)
        sizes = [size_of(x) for x in operands if kinds([x]) == "t"]
        require(
            len({prod(size) if size else 0 for size in sizes}) == 1,
            self.name,
            " and ".join(f"size {list(size)}" for size in sizes),
            "equal numbers of elements",
            "Torch7 does not broadcast: use expandAs",
        )
        whole = np.dtype(element_type(operands[0])).kind != "f"
        if whole and self.name in DIVISIONS and not np.asarray(operands[-1]).all():
            raise ZeroDivisionError(f"{self.name}: an integer divided by zero")

    def method(self, x: Any, *arguments: Any) -> Any:
        """In place in one program."""
        if self.in_place and kinds(arguments) in self.forms:
            self.check(x, *arguments)
            return x._update(Paired(self.function), *arguments)
        return super().method(x, *arguments)


@dataclass(frozen=True)
class Paired:
    """A function whose operands are brought to the first one's size, and numbers to its type."""

    function: Callable
    result: str | None = None

    @property
    def __name__(self) -> str:
        return getattr(self.function, "__name__", type(self.function).__name__)

    def __call__(self, x: Any, *others: Any) -> Array:
        """Compute."""
        x, *rest = map(jnp.asarray, (x, *others))
        rest = [other.reshape(x.shape) if other.ndim else other.astype(x.dtype) for other in rest]
        found = self.function(x, *rest)
        return found if self.result is None else found.astype(self.result)


@dataclass(frozen=True)
class Power(Elementwise):
    """`x ^ number`, and `number ^ x`, which `swapped` computes."""

    swapped: Operation | None = None

    def method(self, x: Any, *arguments: Any) -> Any:
        """`x.pow(number)`, `result.pow(x, number)`, `result.pow(number, x)`."""
        swapped = kinds(arguments) == "nt"
        return self.call(x, *arguments) if swapped else super().method(x, *arguments)

    def call(self, *arguments: Any) -> Any:
        """`torch.pow([result,] x, number)`, `torch.pow([result,] number, x)`."""
        if self.swapped and kinds(arguments)[-2:] == "nt":
            *results, number, x = arguments
            return self.swapped.call(*results, x, number)
        return super().call(*arguments)


@dataclass(frozen=True)
class Product(Operation):
    """A product of matrices and vectors, of sizes such as "nm,mp->np".

    A given result must have the right size already.
    """

    forms: tuple[str, ...] = ("t",)
    sizes: str = "nm,mp->np"

    def compute(self, x: Any, *others: Any) -> Any:
        """The result in a new storage."""
        self.check(x, *others)
        product_size(self.name, self.sizes, x, *others)
        return run(self.function, x, *others)

    def method(self, x: Any, *arguments: Any) -> Any:
        """`result.mm(a, b)`: the tensor itself is no factor."""
        if kinds(arguments) != "tt":
            raise self.refusal(arguments)
        return self.write(x, *arguments)

    def write(self, result: Any, x: Any, *others: Any) -> Any:
        """Torch7 resizes results on a GPU only; a FloatTensor is what a CudaTensor is here."""
        self.check(result, x)
        found = self.compute(x, *others)
        require(
            result._size == found.form.shape or result.element_type == np.float32,
            self.name,
            f"a result of size {list(result._size)}",
            f"size {list(found.form.shape)}",
            "the result of a product is not resized: make it of the right size",
        )
        return result._receive(found)


@dataclass(frozen=True)
class Addition(Operation):
    """`v1 M + v2 a b`: in `r.addmm([v1,] [M,] [v2,] a, b)` the matrix M is r by default."""

    sizes: str = "nm,mp->np"

    def method(self, x: Any, *arguments: Any) -> Any:
        """Write into `x`."""
        *front, a, b = arguments
        form = kinds(front)
        if "t" not in form:  # the second of two numbers, or the only one, belongs to the product
            front = [*front[:-1], x, *front[-1:]]
        return x._receive(self.compute(*front, a, b))

    def call(self, *arguments: Any) -> Any:
        """`torch.addmm([result,] [v1,] M, [v2,] a, b)`."""
        if kinds(arguments[:-2]).count("t") == 2:
            return arguments[0]._receive(self.compute(*arguments[1:]))
        x = next(x for x in arguments if kinds([x]) == "t")
        return wrapped(x, self.compute(*arguments))

    def compute(self, x: Any, *others: Any) -> Any:
        """The result in a new storage."""
        *front, a, b = arguments = (x, *others)
        form = kinds(front)
        if form not in ("t", "nt", "tn", "ntn") or kinds((a, b)) != "tt":
            raise self.refusal(arguments)
        at = form.index("t")
        scale, product_scale = [*front[:at], 1][0], [*front[at + 1 :], 1][0]
        self.check(front[at], a, b)
        size = product_size(self.name, self.sizes, a, b)
        require(
            size_of(front[at]) == size,
            self.name,
            f"a summand of size {list(size_of(front[at]))}",
            f"size {list(size)}, that of the product",
            "Torch7 does not broadcast: use expand",
        )
        return run(self.function, front[at], a, b, scale, product_scale)


def product_size(name: str, sizes: str, *operands: Any) -> tuple[int, ...]:
    """The size of a product such as "nm,mp->np", if the operands fit."""
    *wanted, result = sizes.replace("->", ",").split(",")
    given = [size_of(x) for x in operands]
    lengths = dict(zip("".join(wanted), sum(given, ()), strict=False))
    require(
        [tuple(map(lengths.get, letters)) for letters in wanted] == given,
        name,
        f"sizes {' and '.join(str(list(size)) for size in given)}",
        " and ".join(" x ".join(letters) for letters in wanted),
        "an operand has to be transposed, or has another size than the code was written for",
    )
    return tuple(lengths[letter] for letter in result)


def kinds(arguments: Any) -> str:
    """A letter for each argument: t a tensor or an array, n a number, ? anything else."""
    return "".join(
        "t" if isinstance(x, Shapes) or size_of(x) else "n" if is_number(x) else "?"
        for x in arguments
    )


def wrapped(x: Any, storages: Any) -> Any:
    """New results: a number if there are no axes, a tuple if there are several."""
    return jax.tree.map(lambda s: x._around(s) if s.form.shape else number(s), storages)


def said(x: Any) -> str:
    """An argument in an error's text."""
    return x.brief() if hasattr(x, "brief") else describe(x)


def summary(function: Callable) -> str:
    """The first line of a function's text, without examples in another library's words."""
    return (function.__doc__ or "").strip().partition("\n")[0]

"""nn's functions of several inputs, element by element."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from jax import Array

from fnn import table
from fnn.layer import Given
from fnn.torch7.deriving import Derived
from fnn.torch7.found import Found, seen
from fnn.torch7.in_place import InPlace
from fnn.torch7.passing import held
from fnn.torch7.table import Table
from fnn.torch7.tensor import Tensor
from fnn.torch7.working import extremes

__all__ = [
    "CAddTable",
    "CAddTensorTable",
    "CDivTable",
    "CMaxTable",
    "CMinTable",
    "CMulTable",
    "CSubTable",
]


def of_one_size(function: Callable) -> Callable:
    """A function whose inputs get the size of the first: Torch7 only counts elements."""

    @wraps(function)
    def computed(x: Array, *others: Array) -> Array:
        return function(x, *(y.reshape(x.shape) if y.size == x.size else y for y in others))

    return computed


class _OfTable(Derived):
    """A function of the tensors of a table, whose gradients are a table from the beginning."""

    first_gradient = Table


class CAddTable(_OfTable, InPlace):
    """The sum of all tensors of a table; in place, it is written into the first."""

    function = of_one_size(table.add)

    def __init__(self, inplace: bool = False):
        self.inplace = bool(inplace)
        super().__init__()


class CSubTable(_OfTable):
    """x_1 - x_2 of {x_1, x_2}."""

    function = of_one_size(table.subtract)


class CMulTable(_OfTable):
    """The product of all tensors of a table."""

    function = of_one_size(table.multiply)

    def updateGradInput_efficient(self, input: Any, gradOutput: Any) -> Any:
        """The gradients as the output over each input, which must not be 0."""
        gradients = [gradOutput.clone().cmul(self.output.clone().cdiv(x)) for x in input]
        return self._hold_gradient(Table(gradients))


class CDivTable(_OfTable):
    """x_1 / x_2 of {x_1, x_2}."""

    function = of_one_size(table.divide)


class CMaxTable(_OfTable):
    """The largest of all tensors, element by element; the first of equal ones has the gradient."""

    function = of_one_size(table.maximum)
    reads_input = False
    maxIdx = Found(lambda self, old: places_of(self, old, True))
    mask, maxVals, gradMaxVals = extremes("max")


class CMinTable(_OfTable):
    """The smallest of all tensors, element by element; the first of equal ones has the gradient."""

    function = of_one_size(table.minimum)
    reads_input = False
    minIdx = Found(lambda self, old: places_of(self, old, False))
    mask, minVals, gradMaxVals = extremes("min")


def places_of(module: Derived, old: Tensor | None, largest: bool) -> Tensor:
    """Which table entry each element of the output was taken from, counted from 1."""
    found = seen(module, extreme_places, largest=largest)
    before = Tensor().type(module.type()) if old is None else old
    return before if found is None else held(before, found)


def extreme_places(given: Given, *xs: Array, largest: bool) -> Array:
    """`extreme_places` from 1, in the type of the inputs."""
    _, places = table.extreme_places(*xs, largest=largest)
    return (places + 1).astype(xs[0].dtype)


def add_to_each(x: Array, xs: Any) -> tuple[Array, ...]:
    """`add_to_each` of a tuple."""
    return table.add_to_each(x, *xs)


class CAddTensorTable(_OfTable):
    """{x + a, x + b} of {x, {a, b}}."""

    function = add_to_each

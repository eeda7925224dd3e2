"""torch.*: functions of tensors, and the methods that fill one."""

from collections.abc import Callable
from math import floor
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from fnn.errors import require
from fnn.tensor.run import run
from fnn.tensor.types import from_data
from fnn.torch7 import random
from fnn.torch7.counting import axis, sizes, whole
from fnn.torch7.maths import Elementwise, kinds
from fnn.torch7.operations import OPERATIONS, SWAPPED_POWER
from fnn.torch7.random import Generator, chosen, initialSeed, manualSeed, seed
from fnn.torch7.storage import Storage
from fnn.torch7.table import Table
from fnn.torch7.tensor import ByteTensor, Tensor, fromarray
from fnn.torch7.types import getdefaulttensortype, setdefaulttensortype, type_of


def filling(values: Callable[..., NDArray]) -> Callable[..., Tensor]:
    """`torch.f(...)` from a function that gives the values; also `torch.f(x, ...)`, `x.f(...)`."""

    def fill(*arguments: Any) -> Tensor:
        result, rest = leading(arguments)
        return result._receive(Storage(from_data(values(*rest), result.element_type)))

    fill.__name__, fill.__doc__ = values.__name__.strip("_"), values.__doc__
    return fill


def leading(arguments: tuple[Any, ...]) -> tuple[Tensor, tuple[Any, ...]]:
    """The tensor that is to be filled, a new one if none is given, and the other arguments."""
    if arguments and isinstance(arguments[0], Tensor):
        return arguments[0], arguments[1:]
    return Tensor(), arguments


@filling
def zeros(*size: Any) -> NDArray:
    """Zeros."""
    return np.zeros(sizes(size))


@filling
def ones(*size: Any) -> NDArray:
    """Ones."""
    return np.ones(sizes(size))


@filling
def eye(rows: int, columns: int | None = None) -> NDArray:
    """The identity matrix."""
    return np.eye(rows, columns)


@filling
def range_(first: float, last: float, step: float = 1) -> NDArray:
    """first, first + step, ... up to `last`, which belongs to it."""
    require(
        step != 0 and (last - first) / step >= 0,
        "range",
        f"{first} to {last} in steps of {step}",
        "bounds in the order of the step's sign",
        "a range includes its end, so it is never empty",
    )
    return first + step * np.arange(floor((last - first) / step) + 1)


@filling
def linspace(first: float, last: float, count: int = 100) -> NDArray:
    """`count` equally spaced numbers from `first` to `last`."""
    return np.linspace(first, last, count)


@filling
def logspace(first: float, last: float, count: int = 100) -> NDArray:
    """`count` powers of ten, their exponents equally spaced from `first` to `last`."""
    return np.logspace(first, last, count)


@filling
def randperm(*arguments: Any) -> NDArray:
    """The numbers 1..n in random order."""
    stream, (count,) = chosen(arguments)
    return stream.permutation(whole(count)) + 1


def rand(*arguments: Any) -> Tensor:
    """Uniform in [0, 1)."""
    return drawn("uniform", arguments)


def randn(*arguments: Any) -> Tensor:
    """Normal, of mean 0 and standard deviation 1."""
    return drawn("normal", arguments)


def drawn(name: str, arguments: tuple[Any, ...]) -> Tensor:
    """A tensor of a size, filled with draws: `([result,] [generator,] size...)`."""
    result, rest = leading(arguments)
    stream, size = chosen(rest)
    return result.resize(*size)._draw(name, stream)


def cat(*arguments: Any) -> Tensor:
    """Tensors joined along a dimension, the last one by default; `cat([a, b], dim)` also."""
    tables = [x for x in arguments if isinstance(x, list | tuple | Table)]
    tensors = [x for x in (tables[0] if tables else arguments) if kinds([x]) == "t"]
    tensors = [x for x in map(fromarray, tensors) if x.length]
    if not tensors:
        return Tensor()
    dimension = arguments[-1] if kinds(arguments[-1:]) == "n" else tensors[0].dim()
    joined = axis(dimension, max(tensors[0].dim(), whole(dimension)))
    return tensors[0]._around(run(jnp.concatenate, tensors, axis=joined))


def isTensor(x: Any) -> bool:
    """Whether this is a tensor."""
    return isinstance(x, Tensor)


def isStorage(x: Any) -> bool:
    """Whether this is a storage."""
    return isinstance(x, Storage)


def getRNGState(*arguments: Any) -> Tensor:
    """The state of the random stream, as a ByteTensor."""
    return fromarray(chosen(arguments)[0].get_state())


def setRNGState(*arguments: Any) -> None:
    """Go on from a state of the random stream."""
    stream, (state,) = chosen(arguments)
    stream.set_state(np.asarray(state))


def pow(*arguments: Any) -> Any:
    """`torch.pow(x, number)`, `torch.pow(number, x)`."""
    if kinds(arguments) == "nt":
        return SWAPPED_POWER.call(arguments[1], arguments[0])
    return OPERATIONS["pow"].call(*arguments)

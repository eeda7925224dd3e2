"""torch.*: functions of tensors, and the methods that fill one."""

from collections.abc import Callable
from math import floor
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from fnn.errors import require
from fnn.tensor.run import run
from fnn.tensor.types import from_data
from fnn.torch7 import storage, tensor
from fnn.torch7.counting import axis, sizes, whole
from fnn.torch7.maths import common_type, kinds, summary
from fnn.torch7.multinomial import SAMPLING
from fnn.torch7.operations import OPERATIONS, SWAPPED_POWER
from fnn.torch7.random import (
    DISTRIBUTIONS,
    Generator,
    chosen,
    draw,
    initialSeed,
    manualSeed,
    restart,
    seed,
)
from fnn.torch7.storage import Storage
from fnn.torch7.table import Table
from fnn.torch7.tensor import Tensor, fromarray
from fnn.torch7.types import NAMES, getdefaulttensortype, setdefaulttensortype, type_of


def filling(values: Callable[..., NDArray]) -> Callable[..., Tensor]:
    """`torch.f(...)` from a function that gives the values; also `torch.f(x, ...)`, `x.f(...)`."""

    def fill(*arguments: Any) -> Tensor:
        result, rest = leading(arguments)
        return result._receive(Storage(from_data(values(*rest), result.element_type)))

    fill.__name__, fill.__doc__ = values.__name__.rstrip("_"), values.__doc__
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
    first = arguments[0]
    tensors = first if isinstance(first, list | tuple | Table) else arguments
    found = [x for x in map(fromarray, filter(is_tensor, tensors)) if x.length]
    if not found:
        return Tensor()
    common_type("cat", *found)
    last = max(x.dim() for x in found)
    dimension = last if is_tensor(arguments[-1]) or len(arguments) == 1 else whole(arguments[-1])
    return found[0]._around(run(joined, found, axis=axis(dimension, max(last, dimension))))


def joined(arrays: list[Array], *, axis: int) -> Array:
    """Arrays joined along an axis, which they get if they lack it."""
    short = [axis + 1 - x.ndim for x in arrays]
    return jnp.concatenate(
        [x.reshape(x.shape + (1,) * n) for x, n in zip(arrays, short, strict=True)], axis=axis
    )


def is_tensor(x: Any) -> bool:
    """Whether this is a tensor, or an array that may stand for one."""
    return kinds([x]) == "t"


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
    restart(stream)


def pow(*arguments: Any) -> Any:
    """`torch.pow(x, number)`, `torch.pow(number, x)`."""
    if kinds(arguments) == "nt":
        return SWAPPED_POWER.call(fromarray(arguments[1]), arguments[0])
    return function("pow")(*arguments)


def function(name: str) -> Callable:
    """A row of the table as a function."""
    operation = OPERATIONS[name]

    def computed(*arguments: Any) -> Any:
        return operation.call(*(fromarray(x) if is_tensor(x) else x for x in arguments))

    computed.__name__, computed.__doc__ = name, summary(operation.function)
    return computed


def of_method(name: str) -> Callable:
    """`torch.f(x, ...)` for `x.f(...)`."""

    def call(x: Any, *arguments: Any) -> Any:
        return getattr(fromarray(x), name)(*arguments)

    call.__name__, call.__doc__ = name, getattr(Tensor, name).__doc__
    return call


def distribution(name: str) -> Callable:
    """`torch.f(...)` is one number; `torch.f(x, ...)` is `x.f(...)`."""

    def call(*arguments: Any) -> Any:
        if arguments and isinstance(arguments[0], Tensor):
            return arguments[0]._draw(name, *arguments[1:])
        return draw(name, *arguments)

    call.__name__, call.__doc__ = name, DISTRIBUTIONS[name].__doc__
    return call


FILLS = (zeros, ones, eye, range_, linspace, logspace, randperm, rand, randn)
METHODS = """all any apply chunk clone contiguous diag dist equal expand expandAs map narrow numel
    permute repeatTensor reshape select split squeeze t trace transpose tril triu unfold view"""
FUNCTIONS: dict[str, Callable] = {
    **{name: function(name) for name in OPERATIONS},
    **{name: of_method(name) for name in METHODS.split()},
    **{name: distribution(name) for name in DISTRIBUTIONS},
    **{f.__name__: f for f in (*FILLS, cat, pow, fromarray, isTensor, isStorage)},
    **{f.__name__: f for f in (manualSeed, seed, initialSeed, getRNGState, setRNGState)},
    **{f.__name__: f for f in (getdefaulttensortype, setdefaulttensortype)},
    **{f"{name}Tensor": getattr(tensor, f"{name}Tensor") for name in ("", "Cuda", *NAMES.values())},
    **{f"{name}Storage": getattr(storage, f"{name}Storage") for name in NAMES.values()},
    **SAMPLING,
    "Generator": Generator,
    "type": type_of,
}
"""Everything that `torch` has of tensors, by name."""

for _fill in FILLS:
    setattr(Tensor, _fill.__name__, _fill)

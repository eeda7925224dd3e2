"""torch.*: functions of tensors, and the methods that fill one."""

from collections.abc import Callable
from functools import partial
from math import floor
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from fnn.errors import require
from fnn.tensor.generator import SIZES
from fnn.tensor.run import run
from fnn.tensor.types import from_data
from fnn.torch7 import storage, tensor
from fnn.torch7.counting import axis, cut, sizes, whole
from fnn.torch7.maths import common_type, kinds, summary
from fnn.torch7.multinomial import SAMPLING
from fnn.torch7.operations import OPERATIONS
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
from fnn.torch7.reduction import LAST
from fnn.torch7.storage import Storage
from fnn.torch7.table import Table
from fnn.torch7.tensor import Tensor, fromarray
from fnn.torch7.types import (
    NAMES,
    TYPES,
    default_type,
    getdefaulttensortype,
    setdefaulttensortype,
    type_of,
)
from fnn.torch7.utility import UTILITIES, isTensor


def filling(values: Callable[..., NDArray], series: bool = False) -> Callable[..., Tensor]:
    """`torch.f(...)` from a function that gives the values; also `torch.f(x, ...)`, `x.f(...)`.

    A series fills a tensor that has as many elements without changing its size; that of a tensor
    of integers goes from an integer to an integer, as Torch7 computes it in the tensor's type.
    """

    def fill(*arguments: Any) -> Tensor:
        result, rest = leading(arguments)
        if series and result.element_type.kind != "f":
            rest = tuple(map(int, rest))
        found = values(*rest)
        if series and found.size == result.length:
            return result.copy(found)
        return result._receive(Storage(from_data(found, result.element_type)))

    fill.__name__, fill.__doc__ = values.__name__.rstrip("_"), values.__doc__
    return fill


def leading(arguments: tuple[Any, ...]) -> tuple[Tensor, tuple[Any, ...]]:
    """The tensor that is to be filled, a new one if none is given, and the other arguments.

    The name of a type may come last, and says what is to be made.
    """
    if arguments and isinstance(arguments[-1], str):
        return Tensor().type(arguments[-1]), arguments[:-1]
    if arguments and isinstance(arguments[0], Tensor):
        return arguments[0], arguments[1:]
    return Tensor(), arguments


@filling
def zeros(*size: Any) -> NDArray:
    """Zeros."""
    return np.zeros(sizes(size) or 0)


@filling
def ones(*size: Any) -> NDArray:
    """Ones."""
    return np.ones(sizes(size) or 0)


@filling
def eye(rows: int, columns: int | None = None) -> NDArray:
    """The identity matrix."""
    return np.eye(cut(rows), columns and cut(columns))


@partial(filling, series=True)
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


@partial(filling, series=True)
def linspace(first: float, last: float, count: int = 100) -> NDArray:
    """`count` equally spaced numbers from `first` to `last`."""
    return steps(first, last, count)


@partial(filling, series=True)
def logspace(first: float, last: float, count: int = 100) -> NDArray:
    """`count` powers of ten, their exponents equally spaced from `first` to `last`."""
    return 10.0 ** steps(first, last, count)


def steps(first: float, last: float, count: int) -> NDArray:
    """Equally spaced numbers; a single one has to be both ends."""
    count = cut(count)
    require(
        count > 1 or (count == 1 and first == last),
        "linspace",
        f"{count} numbers from {first} to {last}",
        "two at least",
        "the ends belong to the numbers",
    )
    return first + np.arange(count) * (last - first) / max(count - 1, 1)


@filling
def randperm(*arguments: Any) -> NDArray:
    """The numbers 1..n in random order."""
    stream, (count,) = chosen(arguments)
    return stream.permutation(cut(count)) + 1


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
    """Tensors joined along a dimension, the last one by default: `([result,] a, b[, dim])`.

    Also `([result,] [a, b, ...][, dim])`. Empty tensors are left out.
    """
    *front, dimension = arguments if kinds(arguments)[-1:] == "n" else (*arguments, LAST)
    several = isinstance(front[-1], list | tuple | Table)
    results, tensors = (front[:-1], front[-1]) if several else (front[:-2], front[-2:])
    if len(results) > 1:
        raise TypeError(f"cat: given {len(front)} tensors, wanted more than two in a list")
    require(len(tensors) > 0, "cat", "an empty table", "a tensor at least", "nothing was gathered")
    found = [x for x in map(fromarray, tensors) if x.length]
    if not found:
        return results[0] if results else Tensor()
    common_type("cat", *results, *found)
    last = max(x.dim() for x in found)
    dimension = last if dimension == LAST else whole(dimension)
    made = run(joined, found, axis=axis(dimension, max(last, dimension)))
    return results[0]._receive(made) if results else found[0]._around(made)


def joined(arrays: list[Array], *, axis: int) -> Array:
    """Arrays joined along an axis, which they get if they lack it."""
    short = [axis + 1 - x.ndim for x in arrays]
    found = [x.reshape(x.shape + (1,) * n) for x, n in zip(arrays, short, strict=True)]
    require(
        len({x.shape[:axis] + x.shape[axis + 1 :] for x in found}) == 1,
        "cat",
        ", ".join(str(list(x.shape)) for x in found),
        f"equal sizes in all dimensions but {axis + 1}",
        "another dimension was meant",
    )
    return jnp.concatenate(found, axis=axis)


def is_tensor(x: Any) -> bool:
    """Whether this is a tensor, or an array that may stand for one."""
    return kinds([x]) == "t"


def getRNGState(*arguments: Any) -> Tensor:
    """The state of the random stream, as a ByteTensor with the bytes that Torch7 has."""
    return fromarray(chosen(arguments)[0].get_state()[: SIZES[0]])


def setRNGState(*arguments: Any) -> Tensor:
    """Go on from a state of the random stream, and return it."""
    stream, (state,) = chosen(arguments)
    stream.set_state(np.asarray(state))
    restart(stream)
    return state


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
        if isinstance(x, Table | list):  # which is to hold the tables that are made
            return refilled(x, call(*arguments))
        return getattr(fromarray(x), name)(*arguments)

    call.__name__, call.__doc__ = name, getattr(Tensor, name).__doc__
    return call


def refilled(table: Any, items: Table) -> Any:
    """A table with other items."""
    for _ in range(len(table)):
        table.pop() if isinstance(table, list) else table.remove()
    for item in items:
        table.append(item)
    return table


def default_storage(*arguments: Any) -> Storage:
    """A storage of the type that `torch.Tensor` has."""
    return getattr(storage, f"{NAMES[default_type()]}Storage")(*arguments)


def distribution(name: str) -> Callable:
    """`torch.f(...)` is one number; `torch.f(x, ...)` is `x.f(...)`."""

    def call(*arguments: Any) -> Any:
        if arguments and isinstance(arguments[0], Tensor):
            return arguments[0]._draw(name, *arguments[1:])
        return draw(name, *arguments)

    call.__name__, call.__doc__ = name, DISTRIBUTIONS[name].__doc__
    return call


FILLS = (zeros, ones, eye, range_, linspace, logspace, randperm, rand, randn)
METHODS = """all any apply chunk clone contiguous dist equal expand expandAs fill gather map map2
    narrow nonzero numel permute repeatTensor reshape scatter select split squeeze t transpose
    unfold view viewAs zero"""
FUNCTIONS: dict[str, Callable] = {
    **{name: function(name) for name in OPERATIONS},
    **{name: of_method(name) for name in METHODS.split()},
    **{name: distribution(name) for name in DISTRIBUTIONS},
    **{f.__name__: f for f in (*FILLS, cat, fromarray, *UTILITIES)},
    **{f.__name__: f for f in (manualSeed, seed, initialSeed, getRNGState, setRNGState)},
    **{f.__name__: f for f in (getdefaulttensortype, setdefaulttensortype)},
    **{f"{name}Tensor": getattr(tensor, f"{NAMES[dtype]}Tensor") for name, dtype in TYPES.items()},
    **{f"{n}Storage": getattr(storage, f"{NAMES[dtype]}Storage") for n, dtype in TYPES.items()},
    "Tensor": Tensor,
    "Storage": default_storage,
    **SAMPLING,
    "Generator": Generator,
    "type": type_of,
}
"""Everything that `torch` has of tensors, by name."""

for _function in (*FILLS, cat, isTensor):
    setattr(Tensor, _function.__name__, _function)

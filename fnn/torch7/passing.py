"""What passes through modules: tensors and tables of them, in and out of pure layers."""

from collections.abc import Callable
from functools import wraps
from operator import is_
from types import FunctionType
from typing import Any

import jax
import numpy as np

from fnn.errors import describe, require
from fnn.tensor.gradient import differentiable
from fnn.tensor.run import run
from fnn.tensor.types import cast
from fnn.torch7.lua_call import as_in_lua
from fnn.torch7.table import Table
from fnn.torch7.tensor import Tensor, fromarray
from fnn.torch7.types import dtype_of


def type_name(x: Any) -> str:
    """The name of a module's class: `nn.Linear`, or what a class says in `typename`."""
    return getattr(x, "typename", f"nn.{type(x).__name__}")


def gradient_name(name: str) -> str:
    """`gradWeight` is the gradient of `weight`."""
    return f"grad{name[0].upper()}{name[1:]}"


def leaves(tree: Any) -> list[Any]:
    """The tensors in nested dicts, tuples and lists."""
    return jax.tree.leaves(tree)


def tensors_in(x: Any) -> list[Tensor]:
    """The tensors of an input, in the order of its nested tables."""
    if isinstance(x, Table | list | tuple):
        return [tensor for each in x for tensor in tensors_in(each)]
    return [x] if isinstance(x, Tensor) else []


def as_inputs(x: Any) -> tuple:
    """The inputs of a layer: a tensor is one, a table has one in each element."""
    return tuple(map(as_input, x)) if isinstance(x, Table | list | tuple) else (as_input(x),)


def as_input(x: Any) -> Any:
    """One input: a tensor, or a table of them inside a table."""
    if isinstance(x, Table | list | tuple):
        return tuple(map(as_input, x))
    if isinstance(x, Tensor):
        return x
    require(
        hasattr(x, "__array__"),
        "forward",
        describe(x),
        "a tensor, or a table of tensors",
        "a number was given where the module takes a tensor",
    )
    return fromarray(x)


def tables(x: Any) -> Any:
    """A list or a tuple as a table, and so all that are inside of it."""
    if not isinstance(x, Table | list | tuple):
        return x
    found = [tables(y) for y in x]
    same = isinstance(x, Table) and all(map(is_, x, found))
    return x if same else Table(found)


def given_tables(method: Callable[..., Any]) -> Callable[..., Any]:
    """A method that finds its arguments' lists and tuples to be tables."""

    @wraps(method)
    def called(self: Any, *arguments: Any, **named: Any) -> Any:
        return method(self, *map(tables, arguments), **{k: tables(x) for k, x in named.items()})

    return called


def single(values: tuple) -> Any:
    """The only value of a tuple of one."""
    return values[0] if isinstance(values, tuple) and len(values) == 1 else values


def two_tensors() -> Table:
    """A table for two gradients."""
    return Table([Tensor(), Tensor()])


def held(old: Any, value: Any) -> Any:
    """New results in the old tensors, so that whoever has them sees the new numbers."""
    if isinstance(value, tuple | list | Table):
        before = old if isinstance(old, Table) and len(old) == len(value) else [None] * len(value)
        return Table([held(o, v) for o, v in zip(before, value, strict=True)])
    if isinstance(value, Tensor):
        return value
    old = old if isinstance(old, Tensor) else Tensor()
    shares = old.geometry.dense != len(old.storage)  # a result lets go of a longer storage
    return (old.set() if shares else old).hold(value)


def shaped(gradient: Tensor, shape: tuple[int, ...]) -> Tensor:
    """A gradient in the shape of the output; only the number of elements has to be right."""
    if gradient.geometry.size == shape:
        return gradient
    require(
        gradient.length == int(np.prod(shape)),
        "backward",
        f"gradOutput of size {list(gradient.geometry.size)}",
        f"as many elements as the output of size {list(shape)}",
        "gradOutput belongs to another output",
    )
    return gradient.contiguous().view(*shape)


def check_types(
    module: Any, first: list[Tensor], others: list[Tensor], what: str = "its parameters"
) -> None:
    """Torch7 does not convert: floating-point inputs have the type of the parameters."""
    for x in others:
        if first and differentiable(x.storage) and x.element_type != first[0].element_type:
            require(
                False,
                str(module),
                f"a {x.type()}",
                f"a {first[0].type()}, the type of {what}",
                "the module or the data was not converted: use double() or float()",
            )


PASSES = ("forward", "backward", "updateOutput", "updateGradInput", "accGradParameters")


class Convertible:
    """What modules and criterions share: their tensors have one type, which can be changed.

    A class is called `nn.` and its name, unless it has a `typename` of its own. Constructors of
    this package are called as in Lua: programs write `nn.Sigmoid(true)` and
    `nn.SpatialBatchNormalization(n, nil, nil, false)`. Methods of the user's own classes count from
    1 in what they are given, whether a container or a Python list gave it.
    """

    typename = "nn.Module"

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        if "typename" not in vars(cls):
            cls.typename = f"nn.{cls.__name__}"
        ours = cls.__module__.startswith("fnn.torch7.")
        for name, method in list(vars(cls).items()):
            if ours and name == "__init__":
                setattr(cls, name, as_in_lua(method))
            elif not ours and name in PASSES and isinstance(method, FunctionType):
                setattr(cls, name, given_tables(method))

    def type(self, name: str, tensorCache: dict | None = None) -> Any:
        """Convert all tensors among the fields; those that share memory share it afterwards.

        The tensors are new ones. Objects converted with one cache share what they shared before.
        """
        cache = {} if tensorCache is None else tensorCache
        if id(self) not in cache:
            cache[id(self)] = self, self
            for field in self._to_convert():
                value = vars(self)[field]
                if (new := converted(value, name, cache)) is not value:
                    setattr(self, field, new)
        return self

    def _to_convert(self) -> list[str]:
        """The fields to look for tensors in."""
        return list(vars(self))

    def float(self, tensorCache: dict | None = None) -> Any:
        """Convert to single precision."""
        return self.type("torch.FloatTensor", tensorCache)

    def double(self, tensorCache: dict | None = None) -> Any:
        """Convert to double precision."""
        return self.type("torch.DoubleTensor", tensorCache)

    def half(self, tensorCache: dict | None = None) -> Any:
        """Convert to half precision."""
        return self.type("torch.HalfTensor", tensorCache)

    cuda, cudaDouble, cudaHalf = float, double, half


def converted(x: Any, name: str, cache: dict) -> Any:
    """A value whose tensors have another type: a new tensor, or the same object changed inside."""
    if isinstance(x, Tensor):
        return retyped(x, dtype_of(name, "Tensor"), cache)
    if isinstance(x, Convertible):
        return x.type(name, cache)
    if isinstance(x, Table | list | dict):
        first = 1 if isinstance(x, Table) else 0
        for place in list(x) if isinstance(x, dict) else range(first, first + len(x)):
            if (new := converted(x[place], name, cache)) is not x[place]:
                x[place] = new
    return x


def retyped(x: Tensor, dtype: Any, cache: dict) -> Tensor:
    """A tensor in another type. The cache has what was converted and what became of it."""
    if x.element_type == dtype:
        return x
    if id(x) not in cache:
        if id(x.storage) not in cache:
            cache[id(x.storage)] = x.storage, run(cast, x.storage, dtype=dtype)
        cache[id(x)] = x, Tensor._around(cache[id(x.storage)][1], x.geometry)
    return cache[id(x)][1]

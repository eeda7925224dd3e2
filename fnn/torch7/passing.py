"""What passes through modules: tensors and tables of them, in and out of pure layers."""

from typing import Any

import jax
import numpy as np

from fnn.errors import describe, require
from fnn.tensor.gradient import differentiable
from fnn.tensor.types import cast
from fnn.torch7.table import Table
from fnn.torch7.tensor import Tensor, fromarray
from fnn.torch7.types import default_type, dtype_of, name_of


def type_name(x: Any) -> str:
    """The name of a module's class: `nn.Linear`, or what a class says in `typename`."""
    return getattr(x, "typename", f"nn.{type(x).__name__}")


def gradient_name(name: str) -> str:
    """`gradWeight` is the gradient of `weight`."""
    return f"grad{name[0].upper()}{name[1:]}"


def leaves(tree: Any) -> list[Any]:
    """The tensors in nested dicts, tuples and lists."""
    return jax.tree.leaves(tree)


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


def single(values: tuple) -> Any:
    """The only value of a tuple of one."""
    return values[0] if isinstance(values, tuple) and len(values) == 1 else values


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


def check_types(module: Any, params: list[Tensor], inputs: list[Tensor]) -> None:
    """Torch7 does not convert: floating-point inputs have the type of the parameters."""
    for x in inputs:
        if params and differentiable(x.storage) and x.element_type != params[0].element_type:
            require(
                False,
                str(module),
                f"a {x.type()}",
                f"a {params[0].type()}, the type of its parameters",
                "the module or the data was not converted: use double() or float()",
            )


class Convertible:
    """What modules and criterions share: their tensors have one type, which can be changed."""

    def listModules(self) -> Any:
        """The objects whose tensors are converted."""
        return [self]

    def type(self, name: str | None = None) -> Any:
        """Convert all floating-point tensors; without a name, tell their type."""
        holders = [vars(module).values() for module in self.listModules()]
        tensors = [x for values in holders for y in values for x in tensors_in(y)]
        if name is None:
            return tensors[0].type() if tensors else name_of(default_type(), "Tensor")
        dtype = dtype_of(name, "Tensor")
        for storage in {id(tensor.storage): tensor.storage for tensor in tensors}.values():
            storage.array = cast(storage.array, dtype)
        return self

    def float(self) -> Any:
        """Convert to single precision."""
        return self.type("torch.FloatTensor")

    def double(self) -> Any:
        """Convert to double precision."""
        return self.type("torch.DoubleTensor")

    cuda = float


def tensors_in(x: Any) -> list[Tensor]:
    """The floating-point tensors in nested tables."""
    if isinstance(x, Table):
        return [tensor for y in x for tensor in tensors_in(y)]
    return [x] if isinstance(x, Tensor) and differentiable(x.storage) else []

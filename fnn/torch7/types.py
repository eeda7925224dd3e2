"""The types of elements, and classes that differ in nothing else."""

from collections.abc import Iterator
from contextlib import contextmanager
from numbers import Real
from typing import Any

import numpy as np

from transforms.changes import Stateful
from transforms.survey import ambient

TYPES = {
    "Byte": np.dtype("uint8"),
    "Char": np.dtype("int8"),
    "Short": np.dtype("int16"),
    "Int": np.dtype("int32"),
    "Long": np.dtype("int64"),
    "Half": np.dtype("float16"),
    "Float": np.dtype("float32"),
    "Double": np.dtype("float64"),
}
NAMES = {dtype: name for name, dtype in TYPES.items()}
# jax itself decides on which device a tensor lies: types of the GPU are the same types.
CUDA = {f"Cuda{name}": dtype for name, dtype in TYPES.items() if name != "Float"}
TYPES |= {"Cuda": TYPES["Float"], **CUDA}
LUA = {bool: "boolean", Real: "number", str: "string", type(None): "nil"}


class ElementType(type):
    """The class of `Tensor` and of `DoubleTensor`, which is `Tensor` with one type of elements.

    Calling `DoubleTensor` makes a `Tensor`; `isinstance` looks at the type of the elements.
    """

    element: np.dtype | None

    def __new__(cls, name: str, bases: tuple, contents: dict, element: str | None = None) -> Any:
        """Make a class, of one type of elements if there is one."""
        made = super().__new__(cls, name, bases, contents)
        made.element = None if element is None else TYPES[element]
        return made

    def __init__(cls, name: str, bases: tuple, contents: dict, element: str | None = None):
        super().__init__(name, bases, contents)

    def __call__(cls, *arguments: Any) -> Any:
        """Make an instance: of the class below, if this is one for a type of elements."""
        if cls.element is None:
            return type.__call__(cls, *arguments)
        made: Any = object.__new__(cls.__base__)  # type: ignore[arg-type]
        made._construct(cls.element, arguments)
        return made

    def __instancecheck__(cls, x: Any) -> bool:
        if cls.element is None:
            return super().__instancecheck__(x)
        return isinstance(x, cls.__base__) and x.element_type == cls.element  # type: ignore[arg-type]


class _Default:
    """What `torch.Tensor` makes."""

    dtype = TYPES["Double"]


ambient.append(lambda: ("default tensor type", _Default.dtype))


def default_type() -> np.dtype:
    """The type of the elements that `torch.Tensor` makes."""
    return _Default.dtype


@contextmanager
def making(dtype: np.dtype) -> Iterator[None]:
    """Have `torch.Tensor` make tensors of another type for a while."""
    before, _Default.dtype = _Default.dtype, dtype
    try:
        yield
    finally:
        _Default.dtype = before


def getdefaulttensortype() -> str:
    """The type that `torch.Tensor` makes."""
    return name_of(_Default.dtype, "Tensor")


def setdefaulttensortype(name: str) -> None:
    """Have `torch.Tensor` make tensors of another type."""
    _Default.dtype = dtype_of(name, "Tensor")


def name_of(dtype: Any, kind: str) -> str:
    """`torch.DoubleTensor` for float64 and "Tensor"."""
    return f"torch.{NAMES[np.dtype(dtype)]}{kind}"


def dtype_of(name: str, kind: str) -> np.dtype:
    """The type of the elements of `torch.DoubleTensor`."""
    element = name.removeprefix("torch.").removesuffix(kind)
    if element not in TYPES:
        known = ", ".join(f"torch.{n}{kind}" for n in NAMES.values())
        raise TypeError(f"given {name!r}, wanted one of {known}")
    return TYPES[element]


def type_of(x: Any) -> str:
    """The name of a type, as Lua and Torch7 have it: `number`, `table`, `torch.LongStorage`."""
    if hasattr(x, "element_type"):
        return x.type()
    if isinstance(x, dict | list | tuple):
        return "table"
    name = getattr(x, "typename", None) or next(
        (name for kind, name in LUA.items() if isinstance(x, kind)), None
    )
    is_function = callable(x) and not isinstance(x, Stateful)  # modules can be called too
    return name or ("function" if is_function else f"nn.{type(x).__name__}")

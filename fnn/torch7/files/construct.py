"""Objects made for their fields: by their constructors, but without numbers."""

from __future__ import annotations

import inspect
from collections import OrderedDict
from functools import cache
from inspect import BoundArguments, Parameter
from math import prod
from typing import Any, NamedTuple

import numpy as np

from fnn.files import t7
from fnn.tensor.types import from_data
from fnn.tensor.views import Geometry
from fnn.torch7.containers import Container
from fnn.torch7.files.classes import is_own, name_of_class
from fnn.torch7.files.formats import Fields, source_of
from fnn.torch7.learner import Learner
from fnn.torch7.passing import gradient_name
from fnn.torch7.storage import Storage
from fnn.torch7.tensor import Tensor, filled_storage
from fnn.torch7.types import default_type

Shapes = dict[str, tuple[int, ...]]


class Construction(NamedTuple):
    """How to make an object: the class whose constructor to call, and what to give it."""

    cls: Any
    base: Any
    arguments: dict[str, Any]

    def __call__(self, arguments: dict[str, Any]) -> tuple[Any, Shapes]:
        """An object without numbers, and the shapes of the parameters that it needs."""
        shapes: Shapes = {}
        made: Any = object.__new__(self.cls)
        if isinstance(made, Learner):
            made.__class__ = blank_class(self.cls)
            vars(made)["_shapes"] = shapes
        init = self.base.__init__
        call = BoundArguments(inspect.signature(init), OrderedDict(self=made, **arguments))
        init(*call.args, **call.kwargs)
        if isinstance(made, Learner):
            made.__class__ = self.cls
            del vars(made)["_shapes"]
        return made, shapes


def construction(cls: Any, fields: Fields) -> Construction:
    """How to make an object: with those of its fields that its constructor has arguments for."""
    base = maker(cls, fields)
    sources = {p.name: source_of(base, p.name) for p in parameters(base)}
    given = {
        name: source(fields) if callable(source) else fields[source]
        for name, source in sources.items()
        if callable(source) or source in fields
    }
    return Construction(cls, base, given)


def maker(cls: Any, fields: Fields) -> Any:
    """The class whose constructor makes an object: the first with all its arguments in the fields.

    A user's class may be made by the constructor of a class that it is derived from, since Torch7
    calls none; so may a container, which is no more than the modules in it.
    """
    lacking: list[Any] = []
    for base in cls.__mro__:
        sources = [source_of(base, p.name) for p in parameters(base) if is_needed(p)]
        lacking = [s for s in sources if not callable(s) and s not in fields]
        if not lacking:
            return base
        if is_own(base) and not issubclass(base, Container):
            break
    raise t7.FileError(f"{name_of_class(cls)} needs {', '.join(lacking)}, which no field says")


def parameters(cls: Any) -> list[Parameter]:
    """What a constructor can be given."""
    _, *found = inspect.signature(cls.__init__).parameters.values()
    return [p for p in found if p.kind is not Parameter.VAR_KEYWORD]


def is_needed(parameter: Parameter) -> bool:
    """Whether a constructor has to be given an argument."""
    return parameter.default is Parameter.empty and parameter.kind is not Parameter.VAR_POSITIONAL


class Blank:
    """Makes a module without numbers: its parameters have a shape and no memory."""

    def _add_parameter(self, name: str, shape: tuple[int, ...]) -> None:
        own_way: Any = super()
        if own_way._add_parameter.__func__ is not Learner._add_parameter:
            own_way._add_parameter(name, shape)
            return
        vars(self)["_shapes"][name] = shape
        for own in (name, gradient_name(name)):
            zero = Storage(from_data(np.zeros(1), default_type()))
            setattr(self, own, Tensor._around(zero, Geometry(0, shape, (0,) * len(shape))))

    def _begin(self) -> None:
        """Have no first values."""

    def _add_networks(self) -> None:
        """Have no networks in fields: the file has them."""


@cache
def blank_class(cls: Any) -> Any:
    """A class whose constructor makes a module of another one without numbers."""
    return type(cls.__name__, (Blank, cls), {"__module__": __name__})


def settle(module: Any, shapes: Shapes, fields: Fields) -> None:
    """Check the parameters that came with a file, and make up for those that did not."""
    for name, shape in shapes.items():
        gradient = gradient_name(name)
        if name in fields:
            give_shape(module, name, shape)
            if gradient in fields and getattr(module, gradient).length:
                give_shape(module, gradient, shape)
            else:
                dtype = getattr(module, name).element_type
                setattr(module, gradient, Tensor._around(filled_storage(shape, dtype)))
        elif name != "bias":
            raise t7.FileError(f"no {name}")
        elif hasattr(module, "noBias"):
            module.noBias()
        else:
            module.bias = module.gradBias = None


def give_shape(module: Any, name: str, shape: tuple[int, ...]) -> None:
    """Have a parameter in the shape of today, if the elements are as many."""
    x = getattr(module, name)
    if not isinstance(x, Tensor):
        raise t7.FileError(f"{name} is a {type(x).__name__}, wanted a tensor")
    if x.geometry.size != shape:
        if x.length != prod(shape):
            raise t7.FileError(f"{name} of size {list(x.geometry.size)}, wanted {list(shape)}")
        found = x.contiguous().view(*shape)
        x._hold(found.storage, found.geometry)

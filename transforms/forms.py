"""Shapes and types of what cells hold."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array


class Form:
    """The shape and type of what a cell holds. Equal forms are one object, with a number."""

    __slots__ = ("dtype", "number", "shape", "size", "structure")

    def __init__(self, shape: Any, dtype: Any, structure: Any, number: int):
        self.shape, self.dtype, self.structure, self.number = shape, dtype, structure, number
        self.size = int(np.prod(shape)) if structure is None else 0

    def abstract(self) -> Any:
        """What stands for the value in an abstract evaluation."""
        if self.structure is None:
            return jax.ShapeDtypeStruct(self.shape, self.dtype)
        leaves = [jax.ShapeDtypeStruct(s, d) for s, d in zip(self.shape, self.dtype, strict=True)]
        return jax.tree.unflatten(self.structure, leaves)


_forms: dict[Any, Form] = {}


def form(shape: tuple[int, ...], dtype: Any, structure: Any = None) -> Form:
    """The form of arrays of this shape and type, or of a pytree of them."""
    key = (shape, dtype, structure)
    found = _forms.get(key)
    if found is None:
        found = _forms.setdefault(key, Form(shape, dtype, structure, len(_forms) + 1))
    return found


def form_of(value: Any) -> Form:
    """The form of an array, or of a pytree of arrays that is one value, such as a pullback."""
    try:
        return _forms[value.shape, value.dtype, None]
    except (AttributeError, KeyError):
        pass
    if hasattr(value, "dtype"):
        return form(tuple(value.shape), value.dtype)
    leaves, structure = jax.tree.flatten(value)
    dtypes = tuple(getattr(leaf, "dtype", type(leaf)) for leaf in leaves)
    return form(tuple(map(np.shape, leaves)), dtypes, structure)


def owned(x: Any) -> Any:
    """A copy of a NumPy array, which may change before a program that is given it has run.

    jax does not wait: it may read the memory itself, whenever the program comes to it.
    """
    return x.copy() if isinstance(x, np.ndarray) else x


def as_array(x: Any) -> Array:
    """An array of jax that shares no memory with NumPy's."""
    return jnp.asarray(owned(x))

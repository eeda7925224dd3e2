"""torch.float32 and its kin: types of elements."""

from __future__ import annotations

import builtins
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np

__all__ = [
    "bfloat16",
    "bool",
    "double",
    "dtype",
    "float",
    "float16",
    "float32",
    "float64",
    "half",
    "int",
    "int8",
    "int16",
    "int32",
    "int64",
    "long",
    "short",
    "uint8",
]


class dtype:
    """A type of elements: PyTorch's name of it, numpy's type, and the word in `FloatTensor`."""

    known: ClassVar[dict[np.dtype, dtype]] = {}

    def __init__(self, name: str, word: str):
        self.name, self.word, self.numpy = name, word, np.dtype(jnp.dtype(name))
        self.is_floating_point: builtins.bool = jnp.issubdtype(self.numpy, jnp.floating)
        self.is_complex = False
        self.is_signed = self.is_floating_point or name.startswith("int")
        self.itemsize = self.numpy.itemsize
        # Among types of one category the wider wins; categories are bool, integers, floats.
        self.category = 2 if self.is_floating_point else builtins.int(name != "bool")
        self.known[self.numpy] = self

    @classmethod
    def of(cls, array: Any) -> dtype:
        """The type of the elements of an array or a storage."""
        kind = array.dtype
        try:
            return cls.known[kind]
        except KeyError:
            names = ", ".join(found.name for found in cls.known.values())
            raise TypeError(
                f"can't convert np.ndarray of type {kind}. The only supported types are: {names}."
            ) from None

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> str:
        return self.name


bool = dtype("bool", "Bool")
uint8 = dtype("uint8", "Byte")
int8 = dtype("int8", "Char")
int16 = short = dtype("int16", "Short")
int32 = dtype("int32", "Int")
int64 = long = dtype("int64", "Long")
float16 = half = dtype("float16", "Half")
bfloat16 = dtype("bfloat16", "BFloat16")
float32 = float = dtype("float32", "Float")
float64 = double = dtype("float64", "Double")
int = int32

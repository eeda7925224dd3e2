"""The types of elements, by the names that both dialects build theirs on."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array


def cast(array: Any, dtype: Any) -> Array:
    """`array` as another type, as C casts: integers wrap, and so do floats on their way to them."""
    dtype = jnp.dtype(dtype)
    with jax.enable_x64(True):
        array = jnp.asarray(array)
        floating = jnp.issubdtype(array.dtype, jnp.floating)
        if floating and jnp.issubdtype(dtype, jnp.integer) and dtype.itemsize < 8:
            array = array.astype(jnp.int64)
        return array.astype(dtype)


def from_data(data: Any, dtype: Any) -> Array:
    """Numbers, nested sequences or arrays as an array of a type, in 64 bits where it has them."""
    with jax.enable_x64(True):
        if isinstance(data, Array):
            return cast(data, dtype) if data.dtype != dtype else data
        found = np.array(data)  # jax may come to read it later, when the caller has changed it
        return cast(found, dtype) if found.dtype != dtype else jnp.asarray(found)

"""The stream of jax keys from which a facade's random layers draw."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from fnn.tensor.run import run
from fnn.tensor.storage import Storage


class KeyStorage(Storage):
    """The raw data of a key from which others are drawn."""

    __slots__ = ()

    def spread(self, count: int) -> Array:
        """Keys for this many streams, made of the next key, so that this stream goes on once."""
        (self.array,), key = split(self.array)
        keys = jax.random.split(jax.random.wrap_key_data(key), count)
        return jax.random.key_data(keys)


class KeyStream:
    """A key in a storage: drawing replaces it, so compiled steps draw what eager ones draw."""

    geometry = None

    def __init__(self, key_data: Any):
        self.storage = KeyStorage(jnp.asarray(key_data, jnp.uint32))

    def restart(self, key_data: Any) -> None:
        """Begin again from the raw data of a key."""
        self.storage.array = jnp.asarray(key_data, jnp.uint32)

    def draw(self) -> Storage:
        """The raw data of a fresh key."""
        return run(split, self, into=[self])


def split(key_data: Array) -> tuple[list[Array], Array]:
    """The next key of the stream, and one to use."""
    following, key = jax.random.split(jax.random.wrap_key_data(key_data))
    return [jax.random.key_data(following)], jax.random.key_data(key)

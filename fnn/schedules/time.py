"""Steps as numbers to compute with, and ways from one rate to another."""

from math import pi
from typing import Any

import jax.numpy as jnp
from jax import Array

from fnn.errors import require

SHAPES = ("cosine", "linear")


def time(count: Any) -> Array:
    """A step, or another number, in the widest type that there is."""
    return jnp.asarray(count, jnp.result_type(float))


def swing(start: Any, end: Any, part: Array) -> Array:
    """From start to end along half a cosine."""
    return end + (start - end) * (1 + jnp.cos(pi * part)) / 2


def between(shape: str, start: Any, end: Any, part: Array) -> Array:
    """From start to end along half a cosine or straight."""
    require(shape in SHAPES, "schedules", f"shape={shape!r}", " or ".join(SHAPES), "a typo")
    return swing(start, end, part) if shape == "cosine" else start + (end - start) * part

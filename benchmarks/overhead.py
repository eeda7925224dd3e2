"""What `transforms.jit` costs on a pure function."""

import jax
import jax.numpy as jnp

import transforms
from benchmarks.harness import compare


def add(x: jax.Array, y: jax.Array) -> jax.Array:
    """x + y."""
    return x + y


def run() -> float:
    """Microseconds that a call of transforms.jit(f) takes more than one of jax.jit(f)."""
    ours, theirs, x = transforms.jit(add), jax.jit(add), jnp.ones(8)
    found = compare(
        {"jax.jit": lambda: theirs(x, x), "transforms.jit": lambda: ours(x, x)},
        reference="jax.jit",
        rounds=31,
    )
    print(*found, sep="\n")
    more = found[1].microseconds - found[0].microseconds
    print(f"{'difference':44} {more:10.2f} us")
    return more

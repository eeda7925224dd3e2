"""Which input plane is connected to which output plane: tables of pairs (from, to)."""

import jax
import numpy as np
from jax import Array

from fnn.errors import require

__all__ = ["full", "one_to_one", "random"]

Table = tuple[tuple[int, int], ...]


def full(inputs: int, outputs: int) -> Table:
    """Every input to every output. Source: Torch7 `nn.tables.full`.

    >>> full(2, 2)
    ((0, 0), (1, 0), (0, 1), (1, 1))
    """
    return tuple((i, o) for o in range(outputs) for i in range(inputs))


def one_to_one(planes: int) -> Table:
    """Every input to the output of the same number. Source: Torch7 `nn.tables.oneToOne`."""
    return tuple((i, i) for i in range(planes))


def random(key: Array, inputs: int, outputs: int, each: int) -> Table:
    """To every output `each` different inputs, of which all are used equally often, or nearly.

    Source: Torch7 `nn.tables.random`.
    """
    require(
        0 < each <= inputs,
        "random",
        f"{each} of {inputs} inputs",
        "at most all of them",
        "inputs and outputs are exchanged",
    )
    shuffled: list[int] = []
    table = []
    for output in range(outputs):
        chosen: list[int] = []
        while len(chosen) < each:
            if not shuffled:
                key, used = jax.random.split(key)
                shuffled = np.asarray(jax.random.permutation(used, inputs)).tolist()
            fresh = next((i for i in shuffled if i not in chosen), None)
            if fresh is None:
                key, used = jax.random.split(key)
                shuffled += np.asarray(jax.random.permutation(used, inputs)).tolist()
                continue
            shuffled.remove(fresh)
            chosen.append(fresh)
        table += [(i, output) for i in chosen]
    return tuple(table)

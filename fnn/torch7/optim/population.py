"""optim's minimisers that need no gradient: they try many points and draw from Torch's stream."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from fnn import minimise
from fnn.errors import require
from fnn.torch7.counting import whole
from fnn.torch7.optim.objective import Names, Objective, values
from fnn.torch7.random import Generator, generator
from fnn.torch7.table import Table
from fnn.torch7.tensor import Tensor, fromarray


def cmaes(
    opfunc: Callable, x: Tensor, config: Names | None = None, state: Names | None = None
) -> tuple[Tensor, Table, int]:
    """CMA-ES: the best point, a table of the best values of all generations, evaluations.

    Settings, in `state`: sigma (the spread of the first points around `x`), popsize
    (4 + 3 log(n)), maxEval (1000 n^2), ftarget, min_iterations (1), verb_disp (0: the generations
    from one report to the next). `opfunc` may give a gradient, too. `x` stays as it is.
    """
    given = state or config or {}
    require(
        given.get("sigma") is not None,
        "optim.cmaes",
        "no sigma",
        "the standard deviation of the first points around x",
        "CMA-ES takes its settings from the state, or from the config if there is no state",
    )
    evaluate = Values(opfunc, x)
    size, every = x.nElement(), given.get("verb_disp") or 0
    people = given.get("popsize")

    def draw(generation: Any) -> np.ndarray:
        made = int(generation)
        count = (evaluate.count - 1) // max(made, 1)
        if every and made and (made <= 2 or made % every == 0):
            print(f"{made * count}: {min(evaluate.last(count)):.14g}")
        shape = people or 4 + int(np.floor(3 * np.log(size)))
        return generator.normal((shape, size))

    with jax.enable_x64(True):
        found = minimise.cmaes(
            evaluate,
            x.array,
            draw,
            sigma=given["sigma"],
            population=people,
            max_evaluations=given.get("maxEval"),
            target=given.get("ftarget", -jnp.inf),
            min_iterations=given.get("min_iterations", 1),
            compiled=False,
        )
    best = fromarray(found.params.reshape(-1))
    if every:
        print(f"best f-value =\t{float(found.value):.14g}\nsolution =\n{best}")
    return best, values(found), int(found.evaluations) - 1

"""optim's minimisers that need no gradient: they try many points and draw from Torch's stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from math import floor, log
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from fnn import minimise
from fnn.errors import require
from fnn.torch7.counting import whole
from fnn.torch7.optim.objective import Names, Objective, setting, values
from fnn.torch7.random import Generator, draw, generator
from fnn.torch7.table import Table
from fnn.torch7.tensor import Tensor, fromarray


def wanted(method: str, given: Names, *names: str) -> None:
    """Refuse to guess a setting that the original has no default for."""
    missing = [name for name in names if given.get(name) is None]
    require(
        not missing,
        method,
        f"no {' and no '.join(missing)}",
        f"a table with {', '.join(names)}",
        "these settings have no defaults; cmaes reads the state, if there is one, de the config",
    )


def cmaes(
    opfunc: Callable, x: Tensor, config: Names | None = None, state: Names | None = None
) -> tuple[Tensor, Table, int]:
    """CMA-ES: the best point, a table of the best values of all generations, evaluations.

    Settings, in `state`: sigma (the spread of the first points around `x`), popsize
    (4 + 3 log(n)), maxEval (1000 n^2), ftarget, min_iterations (1), verb_disp (0: how many
    generations from one report to the next). `opfunc` may also give a gradient. `x` stays as it is.
    """
    given = (config or {}) if state is None else state
    wanted("optim.cmaes", given, "sigma")
    size, every = x.nElement(), given.get("verb_disp") or 0
    people = given.get("popsize") or 4 + floor(3 * log(size))
    objective = Objective(opfunc, x.clone())

    def draws(generation: Any) -> NDArray:
        made = int(generation)
        if every and made and (made <= 2 or made % every == 0):
            print(f"{made * people}: {min(objective.found[-people:]):.14g}")
        return generator.normal((people, size))

    limits = {"target": given.get("ftarget"), "max_evaluations": given.get("maxEval")}
    with jax.enable_x64(True):
        found = minimise.cmaes(
            objective.value,
            x.array,
            draws,
            sigma=given["sigma"],
            population=people,
            min_iterations=setting(given, "min_iterations", 1),
            compiled=False,
            **{name: value for name, value in limits.items() if value is not None},
        )
    best = fromarray(found.params.reshape(-1))
    if every:
        print(f"best f-value =\t{float(found.value):.14g}\nsolution = \n{best}")
    return best, values(found), int(found.evaluations) - 1


def de(
    opfunc: Callable, x: Tensor, config: Names | None = None, state: Names | None = None
) -> tuple[Tensor, Tensor]:
    """Differential evolution: the best point, and a tensor of the values of all evaluations.

    Settings: maxFEs (evaluations), scaleFactor and crossoverRate have to be given; popsize (10 n),
    minRegion (-30), maxRegion (30). As in the original it draws from a stream of its own, and the
    worst of the first points is the best until a child is better. `x` stays as it is.
    """
    given = config or {}
    wanted("optim.de", given, "maxFEs", "scaleFactor", "crossoverRate")
    size, stream = x.nElement(), Generator(1)
    people = whole(given.get("popsize") or 10 * size)
    region = setting(given, "minRegion", -30), setting(given, "maxRegion", 30)
    first = stream.uniform((people, size), *region).astype(x.element_type)

    def others(own: int) -> Iterator[int]:
        drawn = (draw("random", stream, 1, people) - 1 for _ in count())
        one = next(i for i in drawn if i != own)
        yield one
        yield next(i for i in drawn if i not in (own, one))

    def draws(generation: Any) -> minimise.Draws:
        rows = [
            ([*others(i)], draw("random", stream, 1, size) - 1, stream.uniform((size,)))
            for i in range(people)
        ]
        pairs, entries, chances = map(np.array, zip(*rows, strict=True))
        return minimise.Draws(*map(jnp.asarray, (pairs, chances, entries)))

    with jax.enable_x64(True):
        found = minimise.differential_evolution(
            Objective(opfunc, x.clone()).value,
            x.array,
            draws,
            max_evaluations=whole(given["maxFEs"]),
            scale=given["scaleFactor"],
            crossover=given["crossoverRate"],
            first=list(first.reshape(people, *x.array.shape)),
            as_torch7=True,
            compiled=False,
        )
    return fromarray(found.params.reshape(-1)), fromarray(found.values[: int(found.recorded)])

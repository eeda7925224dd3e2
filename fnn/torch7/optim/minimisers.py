"""optim's minimisers by gradients, which evaluate a function many times a call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from fnn import minimise
from fnn.minimise.interpolate import lowest
from fnn.minimise.lbfgs import State, lbfgs_init
from fnn.minimise.wolfe import Point, level_point
from fnn.torch7.optim.objective import Names, Objective, keep, number, values, work
from fnn.torch7.table import Table
from fnn.torch7.tensor import Tensor, fromarray

Found = tuple[Tensor, Table, int | None]


def settings(config: Names, defaults: dict[str, tuple[str, Any]]) -> Names:
    """A minimiser's options, by the names of Torch7's settings."""
    given = {name: config.get(theirs) for name, (theirs, _) in defaults.items()}
    return {n: defaults[n][1] if x is None else x for n, x in given.items()}


def evaluations(config: Names) -> Names:
    """How long a minimiser may go on."""
    iterations = config.get("maxIter") or 20
    most = config.get("maxEval") or iterations * 1.25
    return {"max_iterations": int(iterations), "max_evaluations": abs(float(most))}


CG = {
    "rho": ("rho", 0.01),
    "sigma": ("sig", 0.5),
    "inside": ("int", 0.1),
    "outside": ("ext", 3.0),
    "ratio": ("ratio", 100.0),
}
LBFGS = {
    "learning_rate": ("learningRate", 1.0),
    "tolerance_gradient": ("tolFun", 1e-5),
    "tolerance_change": ("tolX", 1e-9),
    "history": ("nCorrection", 100),
}
WOLFE = {
    "c1": ("c1", 1e-4),
    "c2": ("c2", 0.9),
    "tolerance": ("tolX", 1e-9),
    "iterations": ("maxIter", 20),
}
FISTA = {
    "inverse_step": ("L", 0.1),
    "growth": ("Lstep", 1.5),
    "max_iterations": ("maxiter", 50),
    "max_searches": ("maxline", 20),
    "tolerance": ("errthres", 1e-4),
    "accelerate": ("doFistaUpdate", False),
}
COLUMNS = ("nline", "L", "F", "Fply", "Gply", "Q")
"""Of FISTA's history, in Torch7's words."""


def cg(
    opfunc: Callable, x: Tensor, config: Names | None = None, state: Names | None = None
) -> Found:
    """Conjugate gradients: `x`, a table of the values after each line search, evaluations.

    Settings: maxIter (20), maxEval (maxIter * 1.25), rho (0.01), sig (0.5), int (0.1), ext (3),
    ratio (100), verbose. As in the original, it ends with the first line search that fails.
    """
    config = {} if config is None else config
    state = config if state is None else state
    objective = Objective(opfunc, x, "optim.cg" if config.get("verbose") else "")
    with jax.enable_x64(True):
        found = minimise.cg(
            objective,
            x.array,
            retry=False,
            compiled=False,
            **evaluations(config),
            **settings(config, CG),
        )
    work(state, "df0 df1 df2 df3 x0 s", x)
    return x.copy(found.params), values(found), int(found.evaluations)


def lbfgs(
    opfunc: Callable, x: Tensor, config: Names | None = None, state: Names | None = None
) -> Found:
    """L-BFGS: `x`, a table of values, and the number of evaluations (None if it is minimal).

    Settings: maxIter (20), maxEval (maxIter * 1.25), tolFun (1e-5), tolX (1e-9), nCorrection (100),
    learningRate (1), lineSearch (such as `optim.lswolfe`), lineSearchOptions, verbose.
    """
    config = {} if config is None else config
    state = config if state is None else state
    options, search = settings(config, LBFGS), config.get("lineSearch")
    objective = Objective(opfunc, x, "optim.lbfgs" if config.get("verbose") else "")
    with jax.enable_x64(True):
        before = recalled(state, x.array, options["history"])
        found = minimise.lbfgs(
            objective,
            x.array,
            before,
            order=1,
            search=search and searching(search, objective, config.get("lineSearchOptions")),
            compiled=False,
            **evaluations(config),
            **options,
        )
    x.copy(found.params)
    made = int(found.state.iterations) - int(before.iterations)
    state["funcEval"] = state.get("funcEval", 0) + int(found.evaluations)
    state["nIter"] = int(found.state.iterations)
    work(state, "tmp1", x)
    if not made:
        return x, values(found), None
    store(state, found.state, x)
    state["f_old"] = float(found.values[made - 1])
    return x, values(found), int(found.evaluations)


def searching(search: Callable, objective: Objective, options: Any) -> Callable:
    """A line search of Torch7's, as one of arrays."""
    x = objective.x

    def found(
        evaluate: Callable, start: Array, t: Any, d: Array, f: Any, g: Array, slope: Any, **_: Any
    ) -> tuple[Array, Array, Array, int]:
        x.copy(start)
        way, gradient = (fromarray(y.reshape(x.array.shape)) for y in (d, g))
        value, gradient, _, length, used = search(
            objective.opfunc, x, float(t), way, float(f), gradient, float(slope), options
        )
        one = jnp.asarray
        return one(value, start.dtype), gradient.array.reshape(-1), one(length, start.dtype), used

    return found


def lswolfe(
    opfunc: Callable,
    x: Tensor,
    t: float,
    d: Tensor,
    f: float,
    g: Tensor,
    gtd: float,
    options: Names | None = None,
) -> tuple[float, Tensor, Tensor, float, int]:
    """A line search for Wolfe's strong conditions: value, gradient, `x`, length, evaluations.

    From `x` in the direction `d`, along which the slope is `gtd`, beginning with the length `t`.
    Options: c1 (1e-4), c2 (0.9), tolX (1e-9), maxIter (20), verbose.
    """
    options = {} if options is None else options
    search = minimise.Wolfe(stop="slope", extrapolate="best", **settings(options, WOLFE))
    objective = Objective(opfunc, x, "optim.lswolfe" if options.get("verbose") else "")
    with jax.enable_x64(True):
        start, way = x.array, d.array
        length, value, slope = (jnp.asarray(y, start.dtype) for y in (t, f, gtd))
        place = start, length, way, value, g.array, slope
        value, gradient, length, used = search(objective, *place, budget=None, compiled=False)
        x.copy(start + length * way)
    return float(value), fromarray(gradient), x, float(length), int(used)


def recalled(state: Names, x: Array, history: int) -> State:
    """The memory of L-BFGS that is in a state."""
    memory = lbfgs_init(x, history=history)
    if not state.get("nIter"):
        return memory

    def rows(name: str) -> Array:
        matrix = np.zeros(memory.steps.shape, x.dtype)
        for i, vector in enumerate(state[name]):
            matrix[i] = np.asarray(vector)
        return jnp.asarray(matrix)

    stored, inverses = len(state["old_dirs"]), np.zeros(history, x.dtype)
    inverses[:stored] = np.asarray(state["ro"])[:stored] if stored else 0
    return State(
        rows("old_dirs"),
        rows("old_stps"),
        jnp.asarray(inverses),
        jnp.asarray(stored, jnp.int32),
        jnp.asarray(state["Hdiag"], x.dtype),
        state["d"].array.reshape(-1),
        jnp.asarray(state["t"], x.dtype),
        state["g_old"].array.reshape(-1),
        jnp.asarray(state["nIter"], jnp.int32),
        memory.evaluations,
    )


def store(state: Names, memory: State, x: Tensor) -> None:
    """Put the memory of L-BFGS into a state, and the room that it has left."""
    stored = int(memory.stored)
    for rows, used, free in (
        (memory.steps, "old_dirs", "dir_bufs"),
        (memory.changes, "old_stps", "stp_bufs"),
    ):
        room = np.zeros((1, rows.shape[1]), rows.dtype)  # the original takes before it gives back
        matrix = fromarray(np.concatenate([np.asarray(rows), room]))
        vectors = [matrix.select(1, i + 1) for i in range(matrix.size(1))]
        state[used], state[free] = Table(vectors[:stored]), Table(vectors[stored:])
    for name, vector in (("d", memory.direction), ("g_old", memory.gradient)):
        keep(state, name, vector.reshape(x.array.shape))
    state["Hdiag"], state["t"] = float(memory.scale), float(memory.length)
    if int(memory.iterations) > 1:
        keep(state, "ro", memory.inverses)
        work(state, "al", state["ro"])


def polyinterp(points: Tensor, xmin: float | None = None, xmax: float | None = None) -> float:
    """Where the polynomial through points is lowest, between them or within the bounds given.

    A row of `points` is a place, the value and the slope there. Without bounds, two points give
    where their cubic levels out, or the middle.
    """
    rows = np.asarray(points, np.float64)
    if len(rows) != 2 or xmin is not None or xmax is not None:
        return lowest(rows, xmin, xmax)
    with jax.enable_x64(True):
        first, second = (Point(x, f, jnp.zeros(0), g) for x, f, g in jnp.asarray(rows))
        low, high = min(first.length, second.length), max(first.length, second.length)
        return float(level_point(first, second, low, high))


def FistaLS(
    f: Callable,
    g: Callable,
    pl: Callable,
    xinit: Tensor,
    params: Names | None = None,
) -> tuple[Tensor, Table]:
    """FISTA with a line search, from zero: the solution, and a table of what each iteration found.

    It minimises f + g. `f(x, "dx")` gives the smooth part's value and gradient, `g(x)` the value of
    the other, and `pl(x, L)` changes `x` to where `g + L/2 |. - x|^2` is lowest.
    Settings: L (0.1), Lstep (1.5), maxiter (50), maxline (20), errthres (1e-4), doFistaUpdate
    (ISTA without it, as in the original), verbose. `params` get the last L and the tensor returned.
    """
    params = {} if params is None else params
    start = xinit.clone().zero()
    params["y"] = y = params["y"].resizeAs(xinit) if "y" in params else start.clone()
    work(params, "xkm ply", start)
    shrunk = start.clone()
    smooth = Objective(lambda x: f(x, "dx"), y, "optim.FistaLS" if params.get("verbose") else "")

    def penalty(array: Array) -> float:
        return number(g(y.copy(array)))

    def proximal(array: Array, inverse: Array) -> Array:
        pl(shrunk.copy(array), float(inverse))
        return shrunk.array

    with jax.enable_x64(True):
        found = minimise.fista(
            smooth, penalty, proximal, start.array, compiled=False, **settings(params, FISTA)
        )
    count = int(found.recorded)
    rows = np.stack([np.asarray(column)[:count] for column in found.state], 1).tolist()
    history = Table(dict(zip(COLUMNS, row, strict=True)) for row in rows)
    params["L"] = rows[-1][1]
    xinit.copy(y.copy(found.params))
    return y, history

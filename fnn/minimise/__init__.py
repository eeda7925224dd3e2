"""Minimisers: they run a function until it is small, many evaluations a call.

    lbfgs, cg                        function(params) -> (value, gradient), as jax.value_and_grad
    fista                            a smooth part like that, and a penalty with its proximal step
    cmaes, differential_evolution    function(params) -> value, and a random key

Each returns a `Minimum`. The loop is part of the program and the function is traced, so that calls
that are repeated want `jax.jit` around them; with `compiled=False` the loop is Python's, for
functions that can't be traced.

>>> import jax, jax.numpy as jnp
>>> def bowl(params):
...     return jnp.sum((params["x"] - 3.0) ** 2)
>>> found = lbfgs(jax.value_and_grad(bowl), {"x": jnp.zeros(2)}, search=Wolfe())
>>> [round(x, 4) for x in found.params["x"].tolist()]
[3.0, 3.0]
"""

from fnn.minimise.cg import cg
from fnn.minimise.cmaes import cmaes
from fnn.minimise.differential_evolution import Draws, differential_evolution
from fnn.minimise.fista import fista
from fnn.minimise.lbfgs import lbfgs, lbfgs_init
from fnn.minimise.loop import Minimum
from fnn.minimise.wolfe import Wolfe

__all__ = [
    "Draws",
    "Minimum",
    "Wolfe",
    "cg",
    "cmaes",
    "differential_evolution",
    "fista",
    "lbfgs",
    "lbfgs_init",
]

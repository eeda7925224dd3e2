"""Indices that layers are given: looked at before a network runs as one program.

Inside the program a wrong index could only become NaN. What modules are given as indices is looked
at wherever the inputs of the network alone decide it: they are the indices, or these are made of
them by layers without parameters, which a small program does by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Jaxpr, Literal

from fnn.tensor.gradient import Filled, Operands
from fnn.tensor.replay import Path, calls_of
from fnn.torch7.counting import CountError, require_positions
from fnn.torch7.passing import leaves, type_name
from transforms.cells import tracing


@dataclass(frozen=True)
class Lookup:
    """Indices that the module at a path is given: an input of the network, or made of inputs."""

    path: Path
    size: int
    input: int | None


@dataclass(frozen=True)
class Plan:
    """All lookups of a network that its inputs decide, and what makes those that are no inputs."""

    lookups: tuple[Lookup, ...]
    program: Callable | None

    def indices(self, inputs: list[Any]) -> list[np.ndarray]:
        """The indices of all lookups."""
        places, made = [each.input for each in self.lookups], iter(())
        if self.program is not None:
            with jax.enable_x64(True):
                made = iter(self.program([x.array for x in inputs]))
        return [np.asarray(next(made) if i is None else inputs[i]) for i in places]


def check_lookups(network: Any, filled: Filled, operands: tuple) -> None:
    """Raise an error if indices that inputs of a network decide point to places that are none."""
    modules = network._once("indexed", indexed, network)
    inputs = leaves(operands[3:])
    if not modules or tracing():
        return
    forms = tuple([(x.geometry.size, x.storage.dtype) for x in inputs])
    plans = network._once("lookups", dict)
    key = filled.train, jax.tree.structure(operands[3:]), forms
    if key not in plans:
        plans[key] = plan(modules, filled, operands)
    found = plans[key]
    for lookup, values in zip(found.lookups, found.indices(inputs), strict=True):
        try:
            require_positions(values, lookup.size, type_name(modules[lookup.path]))
        except CountError as error:
            vars(error)["path"] = lookup.path
            raise


def indexed(network: Any) -> dict[Path, Any]:
    """The modules that are given indices, by path: the network itself, or some inside."""
    every = [((), network), *network._descendants()]
    return {path: module for path, module in every if module._lookups is not None}


def plan(modules: dict[Path, Any], filled: Filled, operands: tuple) -> Plan:
    """Find out how a network comes to its indices."""
    forms = jax.tree.map(form, operands)
    fixed, inputs = forms[:3], jax.tree.structure(forms[3:])
    rows: list[tuple[Path, int]] = []

    def indices(fixed: Any, values: list[Any]) -> list[Any]:
        given = *fixed, *jax.tree.unflatten(inputs, values)
        calls = calls_of(Operands(*given), filled=filled, inside=list(modules) != [()])
        found = [
            (path, *row)
            for path, module in modules.items()
            if path in calls
            for row in module._lookups(*calls[path][1])
        ]
        rows[:] = [(path, size) for path, _, size in found]
        return [array for _, array, _ in found]

    with jax.enable_x64(True):
        jaxpr = jax.make_jaxpr(indices)(fixed, leaves(forms[3:])).jaxpr
    first = len(leaves(fixed))
    places = {x: i for i, x in enumerate(jaxpr.invars[first:])}
    decided = [
        (i, None if isinstance(x, Literal) else places.get(x))
        for i, x in enumerate(jaxpr.outvars)
        if not reaches(jaxpr, x, first)
    ]
    made = [i for i, place in decided if place is None]

    def program(values: list[Any]) -> list[Any]:
        unused = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), fixed)
        found = indices(unused, values)
        return [found[i] for i in made]

    lookups = tuple([Lookup(*rows[i], place) for i, place in decided])
    return Plan(lookups, jax.jit(program) if made else None)


def form(x: Any) -> jax.ShapeDtypeStruct:
    """Shape and type of an operand."""
    shape = x.storage.form.shape if x.geometry is None else x.geometry.size
    return jax.ShapeDtypeStruct(shape, x.storage.dtype)


def reaches(jaxpr: Jaxpr, variable: Any, first: int) -> bool:
    """Whether a variable depends on any of the `first` arguments."""
    needed = set() if isinstance(variable, Literal) else {variable}
    for equation in reversed(jaxpr.eqns):
        if needed.intersection(equation.outvars):
            needed.update(x for x in equation.invars if not isinstance(x, Literal))
    return not needed.isdisjoint(jaxpr.invars[:first])

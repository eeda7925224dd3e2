"""Compile a function, be it pure or code that changes objects.

`jit(f)` is `jax.jit(f)` for a pure `f`; `train` and keyword-only arguments are static. An `f` that
touches cells (tensors, modules, optimisers; among its arguments, closed over, in globals or in
attributes) is lifted: traced once, its cells become inputs and outputs of one XLA program. Plain
settings around the cells (flags, numbers, names, the structure of objects) select the program: when
one changes, the next call runs another program, never a stale one.

Two rules for lifted code. Plain Python side effects (a print, an append, a counter in a plain
attribute) happen while tracing, not in later calls. Tensors and arrays given as arguments may be
others at each call; whatever is closed over is known by its identity.
"""

import sys
from collections.abc import Callable
from functools import update_wrapper
from inspect import Parameter, signature
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.core import Tracer
from jax.extend.core import jaxpr_as_fun

from transforms.cells import Cell, CellTouched, Purity, Stateful, Trace
from transforms.effects import Call, Effect, Recipes, Snapshot
from transforms.explain import report
from transforms.signature import keep, label
from transforms.survey import Survey, difference


class Jit:
    """A compiled function; see the module's text."""

    def __init__(self, function: Callable):
        update_wrapper(self, function)
        self.function = function
        self._lifted: Lifted | None = None

        def pure(*args: Any, **keywords: Any) -> Any:
            with Purity():
                return function(*args, **keywords)

        update_wrapper(pure, function)
        pure.__name__ = pure.__qualname__ = label(function)
        self._pure = jax.jit(pure, static_argnames=static(function))

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        """Run the program for these arguments, compiling it first if there is none."""
        if self._lifted is None:
            try:
                return self._pure(*args, **keywords)
            except CellTouched:
                pass
            except TypeError:
                if not any(isinstance(x, Stateful) for x in jax.tree.leaves((args, keywords))):
                    raise
            self._lifted = Lifted(self.function)
        return self._lifted(*args, **keywords)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Jit) and self.function == other.function

    def __hash__(self) -> int:
        return hash((Jit, self.function))

    def lower(self, *args: Any, **keywords: Any) -> Any:
        """Ahead-of-time lowering of a pure function, as `jax.jit` has it."""
        return self._pure.lower(*args, **keywords)


def jit(function: Callable) -> Jit:
    """Compile `function` into one XLA program for each distinct set of shapes and settings.

    >>> import jax.numpy as jnp
    >>> jit(lambda x, y: x + y)(jnp.ones(2), 1)
    Array([2., 2.], dtype=float32)
    """
    return keep(Jit(function))


def static(function: Callable) -> tuple[str, ...]:
    """The arguments whose values select a program: `train` and keyword-only ones."""
    try:
        found = signature(function).parameters.values()
    except (TypeError, ValueError):
        return ()
    return tuple(p.name for p in found if p.kind is Parameter.KEYWORD_ONLY or p.name == "train")


class Lifted:
    """Programs of a function that touches cells, by the settings that select them."""

    def __init__(self, function: Callable):
        self.function = function
        self.programs: dict[Any, list[Program]] = {}
        self.last: Survey | None = None

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        """Find the program, or trace it, and run it."""
        survey = Survey(self.function, args, keywords)
        programs = self.programs.setdefault(survey.key, [])
        program = next((p for p in programs if p.fits(survey)), None)
        if program is None:
            if self.last is not None:
                reason = difference(self.last, survey) or "a tensor has another shape or type"
                report(label(self.function), reason)
            program = Program(self.function, survey)
            programs.append(program)
        self.last = survey
        return program(survey)


class Program:
    """One XLA program, the cells that it reads and writes, and its effects on plain objects."""

    def __init__(self, function: Callable, survey: Survey):
        outside = bool(jax.config.jax_enable_x64)  # type: ignore[attr-defined]
        separate(survey)
        snapshot, trace = Snapshot(survey), Trace()
        self.structure: Any = None
        self.results: list[Callable[[Call], Any]] = []
        self.effects: list[Effect] = []
        self.written: list[Any] = []

        def flat(*arrays: Array) -> list[Array]:
            args, keywords = survey.refill(arrays)
            with jax.enable_x64(outside):
                output = function(*args, **keywords)
            recipes, cells = Recipes(survey, trace), trace.written()
            leaves, self.structure = jax.tree.flatten(output)
            self.results += [recipes.of(leaf) for leaf in leaves]
            self.effects += snapshot.effects(recipes)
            self.written += [survey.place(cell) for cell in cells]
            return [cell.array for cell in cells] + recipes.arrays

        with trace, jax.enable_x64(True):
            try:
                jaxpr = jax.make_jaxpr(flat)(*survey.arrays)
            finally:
                snapshot.restore()

        # Arrays that the trace met are constants of the jaxpr; those of older cells become inputs.
        position = {id(array): i for i, array in enumerate(jaxpr.consts)}
        met = [t for t in trace.before.values() if id(t.stand_in) in position]
        places = [position[id(t.stand_in)] for t in met]
        constants = [None if i in places else c for i, c in enumerate(jaxpr.consts)]
        self.cells = [(survey.place(t.cell), t.array.shape, t.array.dtype) for t in met]
        self.donated = [place in self.written for place, *_ in self.cells]
        self.objects = survey.objects  # alive as long as their identities select this program

        def run(*arrays: Array) -> list[Array]:
            consts = constants.copy()
            for place, array in zip(places, arrays, strict=False):
                consts[place] = array
            return jaxpr_as_fun(jaxpr.replace(consts=consts))(*arrays[len(places) :])

        run.__name__ = run.__qualname__ = label(function)
        self.run = jax.jit(run, donate_argnums=[i for i, d in enumerate(self.donated) if d])

    def fits(self, survey: Survey) -> bool:
        """Whether the cells hold arrays of the shapes and types that the program was traced for."""
        arrays = ((survey.at(place).array, shape, dtype) for place, shape, dtype in self.cells)
        return all(a.shape == shape and a.dtype == dtype for a, shape, dtype in arrays)

    def __call__(self, survey: Survey) -> Any:
        """Run on what the cells hold now, and leave everything as the function would have."""
        arrays = [
            private(survey.at(place)) if donated else survey.at(place).array
            for (place, *_), donated in zip(self.cells, self.donated, strict=True)
        ]
        with jax.enable_x64(True):
            results = self.run(*arrays, *survey.arrays)
        del arrays
        for place, array in zip(self.written, results, strict=False):
            survey.at(place).array = array
        call = Call(survey, results[len(self.written) :], {})
        for effect in self.effects:
            effect.apply(call)
        return jax.tree.unflatten(self.structure, [result(call) for result in self.results])


def separate(survey: Survey) -> None:
    """Inside another trace two cells may hold one tracer; here they have to be told apart."""
    seen: set[int] = set()
    for cell in survey.objects:
        if isinstance(cell, Cell) and isinstance(cell.array, Tracer):
            if id(cell.array) in seen:
                cell.array = jnp.copy(cell.array)
            seen.add(id(cell.array))


def private(cell: Cell) -> Array:
    """A cell's array for donation: a copy, if anything else holds the array."""
    array = cell.array
    # Held by the cell, by `array` and by the call of getrefcount: more are others.
    if sys.getrefcount(array) > 3:
        with jax.enable_x64(True):
            return jnp.copy(array)
    return array

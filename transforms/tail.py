"""Results that are computed only if somebody asks: the tail of a program, left for later.

The equations that nothing but late results need are left out of the program. What they start from
is kept: arrays that the program was given or computes anyway. An array that is kept can't be
donated; one that an earlier tail kept, and nobody has any more, is donated instead of it.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Sequence
from itertools import repeat
from operator import attrgetter, is_
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from transforms.cells import PENDING, Cell
from transforms.forms import form_of

MOVES = ("broadcast_in_dim", "reshape", "squeeze", "transpose")
"""Operations that are done again for the tail, which would otherwise keep what they make."""
STATE = attrgetter("record", "_array")


class Divided:
    """A function whose last result is a list of late ones, as two programs.

    The first arguments say for which shapes. `donated` ones come first; for those that the tail
    starts from, spare ones are.
    """

    def __init__(self, function: Callable, donated: int):
        self.function, self.donated = function, donated
        self.main: Callable | None = None

    def divided(self, args: Sequence[Any], cells: list[Cell]) -> tuple[Callable, list[Any], Tail]:
        """The program of all results but the late ones, its arguments, and the tail for the cells.

        What the cells have been waiting for until now nobody can ask for any more after the call.
        """
        if self.main is None:
            self.divide(args, len(jax.tree.leaves(args[: self.donated])))
        assert self.main is not None
        tail = cells[0].record
        if not (isinstance(tail, Tail) and tail.run is self.rest and tail.serves(cells)):
            tail = Tail(self.rest)
        given = jax.tree.leaves(args)
        for spare in self.spares:
            given.insert(spare.place, spare.instead_of(given[spare.place - 1], tail))
        return self.main, given, tail

    def joined(
        self,
        found: tuple[list[Any], list[Any]],
        given: Sequence[Any],
        tail: Tail,
        cells: list[Cell],
        forms: Sequence[Any],
    ) -> Any:
        """The results of that program; these cells, of these forms, wait for the late ones."""
        results, middle = found
        if not tail.cells:
            tail.serve(cells, forms)
        tail.held, tail.middle = [given[i] for i in self.held_at], middle
        return self.structure.unflatten(results)

    def needed(self, first: int) -> set[int]:
        """Which of the arguments from `first` on are not donated, because the tail needs them."""
        return set() if self.main is None else {i - first for i in self.held}

    def divide(self, args: Sequence[Any], donated: int) -> None:
        """Trace the function, and see which equations only the late results need."""
        closed, shapes = jax.make_jaxpr(self.function, return_shape=True)(*args)
        jaxpr = getattr(closed, "jaxpr", closed)
        now, self.structure = jax.tree.flatten(shapes[:-1])
        late = jax.tree.structure(shapes[-1])
        wanted = jaxpr.outvars[: len(now)]
        needed, _ = slice_of(jaxpr.eqns, wanted)
        rest = [equation for equation in jaxpr.eqns if id(equation) not in needed]
        asked = jaxpr.outvars[len(now) :]
        needed_later, start = slice_of(rest, asked)
        again, start = slice_of([e for e in jaxpr.eqns if e.primitive.name in MOVES], start)
        first = [equation for equation in jaxpr.eqns if id(equation) in needed]
        last = [equation for equation in jaxpr.eqns if id(equation) in needed_later | again]
        inputs = {variable: i for i, variable in enumerate(jaxpr.invars)}
        consts = dict(zip(jaxpr.constvars, closed.consts, strict=True))
        self.held = [inputs[v] for v in start if v in inputs]
        middle = [v for v in start if v not in inputs and v not in consts]
        beginning = [jaxpr.invars[i] for i in self.held] + middle

        # what is written takes the places of what is donated one by one: spare arrays come in order
        kept = sorted(i for i in self.held if i < donated)
        self.spares = [Spare(i + before + 1) for before, i in enumerate(kept)]
        spares = {spare.place for spare in self.spares}
        places = [i for i in range(len(inputs) + len(spares)) if i not in spares]
        self.held_at = [places[i] for i in self.held]

        def main(*given: Array) -> tuple[list[Any], list[Any]]:
            leaves = [given[i] for i in places]
            known = {**consts, **dict(zip(jaxpr.invars, leaves, strict=True))}
            evaluate(first, known)
            return [value(v, known) for v in wanted], [known[v] for v in middle]

        def tail(held: list[Array], middle: list[Array]) -> Any:
            known = {**consts, **dict(zip(beginning, [*held, *middle], strict=True))}
            evaluate(last, known)
            return jax.tree.unflatten(late, [value(v, known) for v in asked])

        main.__name__ = main.__qualname__ = self.function.__name__
        tail.__name__ = tail.__qualname__ = f"rest_of_{self.function.__name__}"
        gone = [*(places[i] for i in range(donated) if i not in self.held), *spares]
        self.main = jax.jit(main, donate_argnums=gone, keep_unused=True)
        self.rest = jax.jit(tail)


class Spare:
    """The last array that a tail has kept, which is free when another one takes its place."""

    def __init__(self, place: int):
        self.place = place
        self.kept: Array | None = None

    def instead_of(self, array: Array, tail: Tail) -> Array:
        """An array like this one, which the tail is about to keep, that nobody else has."""
        earlier, self.kept = self.kept, array
        # held by `earlier`, by the call itself, and by the tail, which is about to let go of it
        holders = 2 + sum(map(is_, tail.held, repeat(earlier)))
        if (
            earlier is not None
            and sys.getrefcount(earlier) == holders
            and earlier.sharding == array.sharding
        ):
            return earlier
        return jnp.empty_like(array, device=array.sharding)


def slice_of(equations: Sequence[Any], wanted: Sequence[Any]) -> tuple[set[int], list[Any]]:
    """The equations that variables need, and the variables that those start from."""
    needed = dict.fromkeys(v for v in wanted if not hasattr(v, "val"))
    found: set[int] = set()
    for equation in reversed(equations):
        if any(v in needed for v in equation.outvars):
            found.add(id(equation))
            for v in equation.outvars:
                needed.pop(v, None)
            needed.update(dict.fromkeys(v for v in equation.invars if not hasattr(v, "val")))
    return found, list(needed)


def evaluate(equations: Sequence[Any], known: dict[Any, Any]) -> None:
    """Compute equations one by one."""
    for equation in equations:
        params = equation.primitive.get_bind_params(equation.params)
        inputs = [value(v, known) for v in equation.invars]
        outputs = equation.primitive.bind(*inputs, **params)
        known.update(
            zip(
                equation.outvars,
                outputs if equation.primitive.multiple_results else [outputs],
                strict=True,
            )
        )


def value(variable: Any, known: dict[Any, Any]) -> Any:
    """What a variable or a literal stands for."""
    return variable.val if hasattr(variable, "val") else known[variable]


class Tail:
    """Late results that nobody has asked for yet: `run` computes them of arrays that it holds."""

    def __init__(self, run: Callable):
        self.run = run
        self.held: list[Array] = []
        self.middle: list[Array] = []
        # weakly, or what nobody wants any more would keep the tail, and that all it was given
        self.cells: list[weakref.ref[Cell]] = []

    def serves(self, cells: list[Cell]) -> bool:
        """Whether these cells have been waiting for it ever since."""
        waiting = [(self, PENDING)] * len(cells)
        return [ref() for ref in self.cells] == cells and [*map(STATE, cells)] == waiting

    def serve(self, cells: Sequence[Cell], forms: Sequence[Any]) -> None:
        """Have these cells, of these forms, wait for the results."""
        self.cells = [weakref.ref(cell) for cell in cells]
        for slot, (cell, form) in enumerate(zip(cells, forms, strict=True)):
            cell.slot = slot
            if cell.pack is not None:
                cell.pack.leave()
            cell._array, cell.record, cell.pack, cell.form = PENDING, self, None, form

    def settle(self, cell: Cell) -> None:
        """Compute all late results."""
        with jax.enable_x64(True):
            results = self.run(self.held, self.middle)
        for ref, result in zip(self.cells, results, strict=True):
            each = ref()
            if each is not None and each.record is self:
                each._array, each.record, each.form = result, None, form_of(result)
        self.cells, self.held, self.middle = [], [], []

    def release(self, cell: Cell) -> None:
        """A cell is about to hold something else, for which nothing has to be done."""

    def hand_over(self, cell: Cell) -> None:
        """Compute a result for another cell than the one that waited for it."""
        self.cells[cell.slot] = weakref.ref(cell)

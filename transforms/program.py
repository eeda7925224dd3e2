"""A compiled program between cells: what it writes is donated, and small arrays travel together.

A call of a compiled program costs a few microseconds for each array in it, so the small arrays
that it writes lie in one buffer of each type, a `Pack`. A cell in a pack has its array cut out only
when somebody asks for it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import cache
from itertools import accumulate
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from transforms.cells import PENDING, Cell, settled, tracing
from transforms.equations import all_equations
from transforms.forms import Form, form_of
from transforms.tail import Divided, Tail

SMALL = 4096
"""The elements up to which an array goes into a pack: large buffers are slow to cut."""


class Layout:
    """Where arrays lie in a buffer of one type, one after the other."""

    def __init__(self, forms: tuple[Form, ...]):
        self.forms = forms
        self.dtype = forms[0].dtype
        *self.starts, self.size = accumulate((form.size for form in forms), initial=0)

    def cut(self, buffer: Any, place: int) -> Any:
        """The array at a place."""
        start, form = self.starts[place], self.forms[place]
        return buffer[start : start + form.size].reshape(form.shape)

    def fill(self, buffer: Array, arrays: Sequence[Array]) -> Array:
        """The buffer with these arrays in it."""
        for start, array in zip(self.starts, arrays, strict=True):
            buffer = lax.dynamic_update_slice(buffer, array.reshape(-1), (start,))
        return buffer


layout = cache(Layout)


class Pack:
    """A buffer, and the cells whose arrays lie in it: each at its own place."""

    __slots__ = ("buffer", "cells", "intact", "layout")

    def __init__(self, layout: Layout, buffer: Any, cells: Sequence[Cell]):
        self.layout, self.buffer, self.cells = layout, buffer, tuple(cells)
        self.intact = True
        for place, cell in enumerate(self.cells):
            if cell.pack is not None:
                cell.pack.leave()
            cell.pack, cell.place, cell.form = self, place, layout.forms[place]

    def hold(self, buffer: Any) -> None:
        """Have new arrays for all cells."""
        self.buffer = buffer
        for cell in self.cells:
            cell._array = None

    def cut(self, cell: Cell) -> Array:
        """The array of a cell, cut out on the host, where nothing has to be compiled."""
        found = self.layout.cut(np.asarray(self.buffer), cell.place)
        with jax.enable_x64(True):
            return jax.device_put(found.copy(), self.buffer.sharding)

    def settle(self, cell: Cell) -> None:
        """Give a cell its array."""
        cell._array = self.cut(cell)

    def leave(self) -> None:
        """Note that a cell has got another array."""
        self.intact = False


class Write(NamedTuple):
    """What a program writes into a cell: its form, and which of the arrays read is the old one.

    A `kept` cell is the same one in every call; otherwise each call brings another one. A pytree
    that is one value, such as a pullback, has no form before there is one. A `late` result is
    computed only if somebody asks for it.
    """

    form: Form | None
    kept: bool
    read: int | None = None
    late: bool = False


class Group:
    """Written cells that share a pack."""

    def __init__(self, writes: Sequence[Write], members: list[int]):
        self.members = members
        self.reads = [writes[i].read for i in members]
        self.layout = layout(tuple(form for i in members if (form := writes[i].form)))

    def pack(self, reads: Sequence[Cell], values: Sequence[Any], writes: Sequence[Cell]) -> Pack:
        """The pack that the cells lie in, made if they don't lie in one."""
        cells = tuple([writes[i] for i in self.members])
        pack = cells[0].pack
        if isinstance(pack, Pack) and pack.intact and pack.cells == cells:
            return pack
        arrays = [
            np.zeros(form.size, form.dtype)
            if i is None
            else np.asarray(value_of(reads[i], values[i])).reshape(-1)
            for i, form in zip(self.reads, self.layout.forms, strict=True)
        ]
        device = next(
            (value_of(reads[i], values[i]).sharding for i in self.reads if i is not None), None
        )
        with jax.enable_x64(True):
            return Pack(self.layout, jax.device_put(np.concatenate(arrays), device), cells)

    def new(self, buffer: Array, writes: Sequence[Cell]) -> Pack:
        """A pack with another buffer for other cells."""
        return Pack(self.layout, buffer, [writes[i] for i in self.members])


class Program:
    """The function `(arrays read, others) -> (arrays written, outputs)` as one XLA program.

    A program that may fail while it runs, because it calls Python, donates nothing.
    """

    def __init__(
        self, function: Callable, reads: int, writes: Sequence[Write], donates: bool = True
    ):
        small: dict[tuple[bool, Any], list[int]] = {}
        for i, write in enumerate(writes):
            if write.form is not None and not write.late and 0 < write.form.size <= SMALL:
                small.setdefault((write.kept, write.form.dtype), []).append(i)
        groups = {key: members for key, members in small.items() if len(members) > 1}
        packed = {i for group in groups.values() for i in group}
        self.function = function
        self.traced = False
        self.kept = [Group(writes, g) for (kept, _), g in groups.items() if kept]
        self.fresh = [Group(writes, g) for (kept, _), g in groups.items() if not kept]
        self.late = [i for i, write in enumerate(writes) if write.late]
        alone = [i for i in range(len(writes)) if i not in {*packed, *self.late}]
        olds = {i: read for i in alone if writes[i].kept and (read := writes[i].read) is not None}
        # JAX has results written over donated arrays of their form in the order of both
        self.alone = [*olds, *(i for i in alone if i not in olds)]
        self.late_forms = [writes[i].form for i in self.late]
        self.forms = [writes[i].form for i in self.alone]
        self.donated = list(olds.values())
        elsewhere = {*self.donated, *(i for group in self.kept for i in group.reads)}
        self.read = [i for i in range(reads) if i not in elsewhere]

        def run(buffers: Any, donated: Any, read: Any, others: Any) -> Any:
            arrays: list[Any] = [None] * reads
            for group, buffer in zip(self.kept, buffers, strict=True):
                for place, i in enumerate(group.reads):
                    if i is not None:
                        arrays[i] = group.layout.cut(buffer, place)
            for i, array in zip([*self.donated, *self.read], [*donated, *read], strict=True):
                arrays[i] = array
            written, outputs = function(arrays, others)
            blank = [jnp.zeros(group.layout.size, group.layout.dtype) for group in self.fresh]
            full = [
                group.layout.fill(buffer, [written[i] for i in group.members])
                for group, buffer in zip(self.kept + self.fresh, [*buffers, *blank], strict=True)
            ]
            alone, late = ([written[i] for i in those] for those in (self.alone, self.late))
            return full, alone, outputs, late

        self.name = run.__name__ = run.__qualname__ = getattr(function, "__name__", "program")
        # An unused operand still says on which device to compute.
        donated = (0, 1) if donates else ()
        self.run: Any = jax.jit(run, donate_argnums=donated, keep_unused=True)
        if self.late:
            self.run = Divided(run, donated=len(donated))

    def __call__(
        self,
        reads: Sequence[Cell],
        values: Sequence[Any],
        writes: Sequence[Cell],
        others: Any,
        references: int = 0,
    ) -> Any:
        """Run, and have the cells in `writes` hold the results.

        `values` are the arrays that the cells in `reads` held when they were read; None where that
        is what they hold now. The caller has so many `references` to each of them.
        """
        if tracing():
            written, outputs = self.function([cell.array for cell in reads], others)
            for cell, array in zip(writes, written, strict=True):
                cell.array = array
            return outputs
        packs = [group.pack(reads, values, writes) for group in self.kept]
        return self.launch(packs, reads, values, writes, others, references)

    def launch(
        self,
        packs: Sequence[Pack],
        reads: Sequence[Cell],
        values: Sequence[Any],
        writes: Sequence[Cell],
        others: Any,
        references: int = 0,
    ) -> Any:
        """Run, where these are the packs that the written cells lie in."""
        kept = self.run.needed(len(packs)) if self.late else ()
        donated = [
            value_of(reads[i], values[i]) if k in kept else private(reads[i], values[i], references)
            for k, i in enumerate(self.donated)
        ]
        read = [value_of(reads[i], values[i]) for i in self.read]
        # Another thread that wants an array which is being donated waits for the new one. While
        # the first call traces the function, this thread may want it, too.
        hidden = self.donated if self.traced else []
        held = [(cell, cell._array) for cell in map(reads.__getitem__, hidden)]
        for cell, _ in held:
            cell._array = None
        given = [pack.buffer for pack in packs], donated, read, others
        run, tail, found = self.run, None, []
        try:
            with jax.enable_x64(True):
                if self.late:
                    run, given, tail = self.run.divided(given, [writes[i] for i in self.late])
                # Nothing can come between the end of the program and the keeping of its results.
                found.extend(map(run, *[(x,) for x in given]))
            return self.keep(found[0], given, tail, packs, writes)
        except BaseException:
            if found:  # an interrupt: what was donated is gone
                self.keep(found[0], given, tail, packs, writes)
            else:
                for cell, array in held:
                    cell._array = array
            raise

    def keep(
        self,
        results: Any,
        given: Sequence[Any],
        tail: Tail | None,
        packs: Sequence[Pack],
        writes: Sequence[Cell],
    ) -> Any:
        """Have the written cells hold the results; doing it twice is doing it once."""
        self.traced = True
        if tail is not None:
            waiting = [writes[i] for i in self.late]
            results = self.run.joined(results, given, tail, waiting, self.late_forms)
        full, alone, outputs, *_ = results
        for pack, buffer in zip(packs, full, strict=False):
            pack.hold(buffer)
        for group, buffer in zip(self.fresh, full[len(packs) :], strict=True):
            group.new(buffer, writes).hold(buffer)
        for i, form, array in zip(self.alone, self.forms, alone, strict=True):
            cell = writes[i]
            if cell.pack is not None:
                cell.pack.leave()
                cell.pack = None
            cell._array, cell.form = array, form or form_of(array)
        return outputs


def calls_python(jaxpr: Any) -> bool:
    """Whether a program may fail while it runs, because it calls back."""
    return any("callback" in equation.primitive.name for equation in all_equations(jaxpr))


def value_of(cell: Cell, value: Any) -> Any:
    """The array that a program reads from a cell."""
    if value is not None:
        return value
    found = cell._array
    if found is PENDING and isinstance(cell.pack, Pack):  # written since, but not run
        return cell.pack.cut(cell)
    return settled(cell) if found is None or found is PENDING else found


def private(cell: Cell, value: Any, references: int) -> Any:
    """The array of a cell for donation: a copy, if anything else holds the array."""
    array = value_of(cell, value)
    # Held by the cell, or by the caller and `value`; and by `array` and by the call itself.
    if sys.getrefcount(array) > (3 if value is None else references + 3):
        with jax.enable_x64(True):
            return jnp.copy(array)
    return array

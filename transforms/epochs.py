"""Many imperative steps as one program: a loop over data that lies on the device."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from transforms.cells import Trace, running, settlers
from transforms.changes import Stateful
from transforms.effects import Call
from transforms.forms import as_array
from transforms.functional import array_of
from transforms.lift import Lifted
from transforms.program import Program, Write
from transforms.repeat import Repeat
from transforms.signature import TransformError, label

Progress = Callable[[int, Any], Any]


class Epochs:
    """See `epochs`."""

    def __init__(self, function: Callable, times: int, progress: Progress | None, every: int):
        self.times, self.progress, self.every = times, progress, every
        self.__name__ = f"epochs({label(function)})"
        self.lifted = Lifted(function)
        self.loops: dict[Any, Loop] = {}

    def __call__(self, *batches: Any) -> Any:
        """The outputs of all steps, stacked."""
        leaves, structure = jax.tree.flatten(batches)
        with jax.enable_x64(True):
            arrays = arrays_of(leaves)
        lengths = {array.shape[0] if array.ndim else 0 for array in arrays}
        if len(lengths) != 1 or 0 in lengths:
            shapes = ", ".join(str(array.shape) for array in arrays) or "nothing"
            raise TransformError(
                f"{self.__name__}: given {shapes}, wanted arrays with one leading axis, of batches"
                "\nlikely cause: the data is not divided into batches: x.reshape(steps, batch, ...)"
            )
        (count,) = lengths

        def batch(i: int) -> tuple:
            return jax.tree.unflatten(
                structure,
                [like(leaf, a[i % count]) for leaf, a in zip(leaves, arrays, strict=True)],
            )

        total, done, rest = count * self.times, [], None
        while len(done) < total:
            rest = self.loop(batch(len(done)), arrays, len(done), total)
            if rest is not None:
                break
            if len(done) == 5:
                raise TransformError(
                    f"{self.__name__}: every step changes the structure of what it works on"
                    "\nlikely cause: it adds to a list, or keeps what it has computed"
                )
            outputs = arrays_of(self.lifted(*batch(len(done))))  # which later steps may change
            done.append(outputs)
            self.tell(len(done), outputs)
        last = len(done)
        if rest is not None:
            done.append(rest)
        stacked = jax.tree.map(
            lambda *parts: jnp.concatenate(
                [part if i == last else part[None] for i, part in enumerate(parts)]
            ),
            *done,
        )
        kind = next((type(leaf) for leaf in leaves if hasattr(leaf, "hold")), None)
        return jax.tree.map(lambda x: x if kind is None else kind.holding(x), stacked)

    def loop(self, example: tuple, arrays: list[Array], start: int, total: int) -> Any:
        """The outputs of the steps from `start` on, stacked; None if they are not all alike."""
        with running:
            for settle in settlers:
                settle()
            repeat = self.lifted.repeat
            if repeat is None or not repeat.fits(*jax.tree.flatten((example, {})), frozenset()):
                return None
            key = repeat, start, total, tuple((a.shape, a.dtype) for a in arrays)
            if key not in self.loops:
                self.loops = {k: loop for k, loop in self.loops.items() if k[0] is repeat}
                self.loops[key] = Loop(self, repeat, arrays, start, total)
            return self.loops[key](arrays)

    def tell(self, step: int, outputs: Any) -> None:
        """Report progress."""
        if self.progress is not None and step % self.every == 0:
            outputs = jax.tree.map(lambda x: np.asarray(x)[()], outputs)
            self.progress(step, outputs)


class Loop:
    """A loop of equal steps."""

    def __init__(self, epochs: Epochs, repeat: Repeat, arrays: list[Array], start: int, total: int):
        self.repeat, traced = repeat, repeat.traced
        rows = {a.cell: i for i, a in enumerate(repeat.arguments) if a and a.settings is not None}
        plain = [i for i, a in enumerate(repeat.arguments) if a and a.settings is None]
        kept = [(traced.made[k], place) for k, place in enumerate(repeat.kept)]
        places = [*traced.written, *(place for _, place in kept)]
        self.carried = [i for i, place in enumerate(places) if place is not None]
        if any(place in rows for place in places):
            raise TransformError(
                f"{epochs.__name__}: a batch is changed in place\nlikely cause: x.add_(y) or "
                "x[i] = y on the data; copy it before"
            )
        self.places = [places[i] for i in self.carried]
        self.read = [i for i, place in enumerate(traced.read) if place not in rows]
        carry_at = {place: k for k, place in enumerate(self.places)}
        forms = [traced.writes[i].form for i in self.carried]
        old = {place: k for k, place in enumerate(traced.read[i] for i in self.read)}
        count = arrays[0].shape[0]

        def run(cells: list[Array], others: tuple[list, list]) -> tuple[list[Array], Any]:
            data, numbers = others
            begin = [
                cells[old[place]] if place in old else jnp.zeros(form.shape, form.dtype)
                for place, form in zip(self.places, forms, strict=True)
            ]

            def step(carry: list[Array], i: Array) -> tuple[list[Array], Any]:
                row = [lax.dynamic_index_in_dim(a, i % count, keepdims=False) for a in data]
                reads = [
                    row[rows[place]]
                    if place in rows
                    else carry[carry_at[place]]
                    if place in carry_at
                    else cells[old[place]]
                    for place in traced.read
                ]
                written, raw = traced.program.function(reads, [row[k] for k in plain] + numbers)
                outputs = self.outputs(written, raw)
                if epochs.progress is not None:
                    dtypes = jax.tree.map(lambda x: x.dtype, outputs)

                    def tell(step: Array, halves: Any) -> None:
                        epochs.tell(int(step), jax.tree.map(joined, halves, dtypes))

                    def report() -> None:
                        halves = jax.tree.map(halved, outputs)
                        jax.debug.callback(tell, i + 1, halves, ordered=True)

                    lax.cond((i + 1) % epochs.every == 0, report, lambda: None)
                return [written[k] for k in self.carried], outputs

            return lax.scan(step, begin, jnp.arange(start, total))

        run.__name__ = run.__qualname__ = epochs.__name__
        writes = [
            Write(form, True, old.get(place))
            for place, form in zip(self.places, forms, strict=True)
        ]
        self.program = Program(run, len(self.read), writes)

    def outputs(self, written: list[Array], raw: list[Array]) -> Any:
        """The arrays of what a step returns, in the trace of the loop."""
        traced = self.repeat.traced
        known = len(traced.written)
        with Trace().watching():
            made = [kind.blank() for kind in traced.made]
            for place, array in zip(traced.written, written, strict=False):
                self.repeat.survey.at(place).array = array
            for cell, array in zip(made, written[known:], strict=True):
                cell.array = array
            found = traced.output(Call(self.repeat.survey, made, raw, {}))
            return arrays_of(found)

    def __call__(self, arrays: list[Array]) -> Any:
        """Run on what the cells hold now; the outputs, stacked."""
        repeat, traced = self.repeat, self.repeat.traced
        begin, alone = len(traced.written), repeat.alone
        cells = repeat.cells()
        if not alone:
            cells = cells[:begin] + [kind.blank() for kind in traced.made]
        reads = [repeat.survey.at(traced.read[i]) for i in self.read]
        others = arrays, repeat.data[len(repeat.data) - len(traced.data) :]
        try:
            outputs = self.program(
                reads, [None] * len(reads), [cells[i] for i in self.carried], others
            )
            if alone:
                repeat.renew(Call(repeat.survey, cells[begin:], [], repeat.made.copy()))
                repeat.remember()
            else:
                repeat.replace(Call(repeat.survey, cells[begin:], [], {}))
        finally:
            repeat.release()
        return outputs


def arrays_of(tree: Any) -> Any:
    """The arrays of tensors, arrays and numbers."""
    return jax.tree.map(lambda x: as_array(array_of(x)), tree)


def halved(x: Array) -> Array:
    """64-bit numbers in two halves: where jax calls back, it may know 32-bit types only."""
    wide = x.dtype in (jnp.float64, jnp.int64, jnp.uint64)
    return lax.bitcast_convert_type(x, jnp.uint32) if wide else x


def joined(x: Any, dtype: Any) -> np.ndarray:
    """The numbers of two halves."""
    found = np.asarray(x)
    return found if found.dtype == dtype else found.view(dtype)[..., 0]


def like(x: Any, array: Array) -> Any:
    """An array, or an object of the same kind around it."""
    return getattr(type(x), "holding")(array) if isinstance(x, Stateful) else array  # noqa: B009


def epochs(
    step: Callable, *, times: int = 1, progress: Progress | None = None, every: int = 1
) -> Epochs:
    """Call an imperative `step` with batch after batch, as one program.

    The arguments of the result are tensors or arrays with an axis of batches in front. Each step
    does what it does in a loop of Python, with the same numbers: parameters, optimisers, running
    statistics and random streams go on from step to step. The first steps run one by one, until the
    optimiser has its state; the others are a `lax.scan`. The result is what the steps return,
    stacked in order. `times` goes through the data again. `progress(step, outputs)` is called from
    inside the program after `every` so many steps, counted from 1, with NumPy's numbers and arrays.

    >>> import fnn.pytorch as torch
    >>> total = torch.zeros(())
    >>> def add(x):
    ...     return total.add_(x).clone()
    >>> epochs(add)(torch.arange(5.0))
    tensor([ 0.,  1.,  3.,  6., 10.])
    """
    return Epochs(step, times, progress, every)

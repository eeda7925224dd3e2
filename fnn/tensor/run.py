"""The one choke point: every computation of either facade is a call of `run`.

*When* something is computed is this file's business alone. A call is recorded: its shapes and types
are checked at once, and its results are cells that wait, until somebody wants an array. A record
also ends where a step of training does (when it writes what it has read), and before it becomes too
long.

In `eager` code each call is a record of its own. While a function is traced for `transforms.jit`,
calls are computed on what is being traced.
"""

import threading
from collections.abc import Callable, Sequence
from contextlib import ContextDecorator
from typing import Any

import jax
from jax import Array

from fnn.tensor.record import Foreign, Recorder, call_of
from fnn.tensor.steps import Call, look_at, put
from fnn.tensor.storage import Parcel, Storage
from transforms import cells
from transforms.cells import running
from transforms.forms import as_array


class _Local(threading.local):
    def __init__(self) -> None:
        self.recorder = Recorder()


_local = _Local()


def settle() -> None:
    """Run what this thread has put off."""
    record = _local.recorder.record
    if record.cells:
        record.flush()


cells.settlers.append(settle)


def run(function: Callable, *operands: Any, into: Sequence[Any] | None = None, **hyper: Any) -> Any:
    """Compute `function(*operands, **hyper)` and return its outputs in fresh storages.

    Operands are pytrees of tensors, storages, arrays and numbers; `hyper` is hashable. With `into`,
    the function returns a pair: a value to be written through each tensor of it, and the outputs.
    A function among the outputs, such as a pullback, is one value.
    """
    leaves, structure = jax.tree.flatten(operands)
    return perform(call_of(function, structure, hyper, into is not None), leaves, into or ())


def perform(call: Call, leaves: Sequence[Any], into: Sequence[Any]) -> Any:
    """Have a call computed, now or later."""
    if not cells.tracing():
        try:
            with running:
                return record(_local.recorder, call, leaves, into)
        except Foreign:
            pass
    return trace(call, leaves, into)


def record(recorder: Recorder, call: Call, leaves: Sequence[Any], into: Sequence[Any]) -> Any:
    """Put a call off, unless it is time to run."""
    found = recorder.record.add(call, leaves, into)
    if found is None:
        recorder.record.flush()
        found = recorder.record.add(call, leaves, into)
        assert found is not None
    step, results = found
    if step.closes or recorder.eager:
        recorder.record.flush()
    return results[0] if step.single else jax.tree.unflatten(step.structure, results)


def trace(call: Call, leaves: Sequence[Any], into: Sequence[Any]) -> Any:
    """Compute a call on arrays that are being traced."""

    def read(leaf: Any) -> Any:
        try:
            storage, geometry = leaf.storage, leaf.geometry
        except AttributeError:
            return as_array(leaf)
        if geometry is None:
            return storage.array
        start = None if geometry.dense == storage.form.size else geometry.offset
        return look_at(storage.array, geometry.view, start)

    with jax.enable_x64(True):
        written, outputs, structure = call([read(leaf) for leaf in leaves])
        for target, value in zip(into, written, strict=True):
            storage, geometry = target.storage, target.geometry
            if geometry is None or geometry.dense == storage.form.size:
                storage.array = put(storage.form, None, value, None, None)
            else:
                memory, view = storage.array, geometry.view
                storage.array = put(storage.form, memory, value, view, geometry.offset)
    results = [Parcel(x) if callable(x) else Storage(x) for x in outputs]
    return jax.tree.unflatten(structure, results)


class eager(ContextDecorator):
    """Compute everything at once, from now on or inside a context: the same numbers, step by step.

    As a decorator it holds inside calls of the function only.

    >>> with eager():
    ...     pass
    """

    def __init__(self, mode: bool = True):
        self.mode, self.before = mode, _local.recorder.eager
        self.switch(mode)

    def switch(self, mode: bool) -> None:
        """Switch it on or off, when what was put off has run."""
        settle()
        _local.recorder.eager = mode

    def __enter__(self) -> None:
        self.switch(self.mode)

    def __exit__(self, *_: object) -> None:
        self.switch(self.before)

    def __call__(self, function: Callable) -> Callable:
        """Decorate."""
        self.switch(self.before)
        return super().__call__(function)


def known(storage: Storage) -> bool:
    """Whether a storage's numbers can be looked at now, or only inside a compiled program."""
    return cells.known(storage)


def look(holder: Any) -> Array:
    """The elements of a tensor or a storage, whose numbers somebody is going to look at."""
    if not known(getattr(holder, "storage", holder)):
        raise RuntimeError(
            "the numbers of a tensor are not known while a function is compiled\n"
            "likely cause: a number, a comparison, a print or NumPy is asked for inside "
            "transforms.jit; return the tensor, and look at it outside"
        )
    return holder.array

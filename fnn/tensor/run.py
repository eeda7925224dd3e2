"""The one choke point: every computation of either facade is a call of `run`.

*When* something is computed is this file's business alone. Here it is computed at once, by a cached
compiled program for each (function, hyperparameters, geometry of the operands).
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

import jax
from jax import Array

from fnn.tensor import views
from fnn.tensor.storage import Storage
from transforms import cells

Form = tuple[tuple[int, ...], tuple[int, ...]]


class Program(NamedTuple):
    """What a compiled program is known by; shapes and types of arrays are jit's own business.

    A view is known by its size and strides. Its offset is data: another row is no other program.
    """

    function: Callable
    hyper: tuple[tuple[str, Any], ...]
    structure: Any
    operands: tuple[Form | None, ...]
    into: tuple[tuple[int, Form | None], ...] | None


def run(function: Callable, *operands: Any, into: Sequence[Any] | None = None, **hyper: Any) -> Any:
    """Compute `function(*operands, **hyper)` and return its outputs in fresh storages.

    Operands are pytrees of tensors, storages, arrays and numbers; `hyper` is hashable. With `into`,
    the function returns a pair: a value to be written through each tensor of it, and the outputs.
    """
    leaves, structure = jax.tree.flatten(operands)
    arrays, offsets, forms = [], [], []
    for leaf in leaves:
        holder = getattr(leaf, "storage", leaf)
        geometry = None if holder is leaf else leaf.layout
        arrays.append(holder.array if isinstance(holder, Storage) else leaf)
        offsets.append(None if geometry is None else geometry.offset)
        forms.append(None if geometry is None else geometry[1:])
    storages = list({id(target.storage): target.storage for target in into or ()}.values())
    numbers = {id(storage): i for i, storage in enumerate(storages)}
    places, starts = [], []
    for target in into or ():
        geometry = target.layout
        starts.append(None if geometry is None else geometry.offset)
        form = None if geometry is None else geometry[1:]
        places.append((numbers[id(target.storage)], form))
    program = Program(
        function,
        tuple(hyper.items()),
        structure,
        tuple(forms),
        None if into is None else tuple(places),
    )
    with jax.enable_x64(True):
        written, outputs = compiled(program)(
            arrays, offsets, [storage.array for storage in storages], starts
        )
    for storage, array in zip(storages, written, strict=True):
        storage.array = array
    return jax.tree.map(Storage, outputs)


@cache
def compiled(program: Program) -> Callable:
    """The compiled program of one kind of call."""

    def execute(
        arrays: list[Array], offsets: list[Any], memories: list[Array], starts: list[Any]
    ) -> tuple[list[Array], Any]:
        operands = [
            array if form is None else views.read(array, offset, size=form[0], stride=form[1])
            for array, offset, form in zip(arrays, offsets, program.operands, strict=True)
        ]
        tree = jax.tree.unflatten(program.structure, operands)
        outputs = program.function(*tree, **dict(program.hyper))
        if program.into is None:
            return [], outputs
        values, outputs = outputs
        for value, start, (i, form) in zip(values, starts, program.into, strict=True):
            new = value.astype(memories[i].dtype)
            if form is not None:
                new = views.write(memories[i], new, start, size=form[0], stride=form[1])
            memories[i] = new
        return memories, outputs

    execute.__name__ = execute.__qualname__ = getattr(
        program.function, "__name__", type(program.function).__name__
    )
    # An unused operand still says on which device to compute.
    return jax.jit(execute, keep_unused=True)


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

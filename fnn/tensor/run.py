"""The one choke point: every computation of either facade is a call of `run`.

*When* something is computed is this file's business alone. Here it is computed at once, by a cached
compiled program for each (function, hyperparameters, geometry of the operands).
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

import jax
from jax import Array
from jax.core import Tracer

from fnn.tensor import views
from fnn.tensor.storage import Storage
from transforms.cells import tracing


class Program(NamedTuple):
    """What a compiled program is known by; shapes and types of arrays are jit's own business."""

    function: Callable
    hyper: tuple[tuple[str, Any], ...]
    structure: Any
    operands: tuple[views.Geometry | None, ...]
    into: tuple[tuple[int, views.Geometry | None], ...] | None


def run(function: Callable, *operands: Any, into: Sequence[Any] | None = None, **hyper: Any) -> Any:
    """Compute `function(*operands, **hyper)` and return its outputs in fresh storages.

    Operands are pytrees of tensors, storages, arrays and numbers; `hyper` is hashable. With `into`,
    the function returns a pair: a value to be written through each tensor of it, and the outputs.
    """
    leaves, structure = jax.tree.flatten(operands)
    pairs = [operand(leaf) for leaf in leaves]
    targets = list({id(target.storage): target.storage for target in into or ()}.values())
    program = Program(
        function,
        tuple(hyper.items()),
        structure,
        tuple(geometry for _, geometry in pairs),
        None if into is None else tuple((targets.index(t.storage), t.layout) for t in into),
    )
    with jax.enable_x64(True):
        written, outputs = compiled(program)(
            [array for array, _ in pairs], [target.array for target in targets]
        )
    for target, array in zip(targets, written, strict=True):
        target.array = array
    return jax.tree.map(Storage, outputs)


def operand(leaf: Any) -> tuple[Any, views.Geometry | None]:
    """An operand's array, and how to read it if it is a view of one."""
    if isinstance(leaf, Storage):
        return leaf.array, None
    storage = getattr(leaf, "storage", None)
    return (storage.array, leaf.layout) if isinstance(storage, Storage) else (leaf, None)


@cache
def compiled(program: Program) -> Callable:
    """The compiled program of one kind of call."""

    def execute(arrays: list[Array], memories: list[Array]) -> tuple[list[Array], Any]:
        values = [
            array if geometry is None else views.read(array, geometry=geometry)
            for array, geometry in zip(arrays, program.operands, strict=True)
        ]
        operands = jax.tree.unflatten(program.structure, values)
        outputs = program.function(*operands, **dict(program.hyper))
        if program.into is None:
            return [], outputs
        values, outputs = outputs
        for value, (i, geometry) in zip(values, program.into, strict=True):
            whole = value.astype(memories[i].dtype)
            memories[i] = (
                whole if geometry is None else views.write(memories[i], whole, geometry=geometry)
            )
        return memories, outputs

    execute.__name__ = execute.__qualname__ = getattr(
        program.function, "__name__", type(program.function).__name__
    )
    return jax.jit(execute)


def known(storage: Storage) -> bool:
    """Whether a storage's numbers can be looked at now, or only inside a compiled program."""
    return not (tracing() and isinstance(storage.array, Tracer))

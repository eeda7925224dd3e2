"""What fields hold in which the original's modules work: found when somebody looks at them."""

from __future__ import annotations

from itertools import count
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from fnn.layer import Given
from fnn.torch7.found import Working, seen
from fnn.torch7.module import Module
from fnn.torch7.passing import as_inputs, held
from fnn.torch7.storage import size_storage
from fnn.torch7.table import Table
from fnn.torch7.tensor import LongTensor, Tensor, data_storage
from fnn.torch7.types import TYPES, default_type, dtype_of


def buffer(*values: float, kind: str | None = None) -> Any:
    """What makes a tensor to compute with, of the type of its module or of its own."""
    return lambda x: Tensor._around(data_storage(values, TYPES[kind] if kind else type_of(x)))


def type_of(x: Any) -> Any:
    """The type of the elements of a module's tensors."""
    return dtype_of(x.type(), "Tensor") if isinstance(x, Module) else default_type()


EMPTY, LONGS = buffer(), buffer(kind="Long")


def table(x: Any) -> Table:
    """A table with nothing in it."""
    return Table()


def size(x: Any) -> Any:
    """A size without dimensions."""
    return size_storage(())


def all_inputs(given: Given, *xs: Any) -> Any:
    """The inputs of a call."""
    return xs


def parameters(given: Given, *xs: Any, names: tuple[str, ...]) -> list[Array]:
    """The parameters of these names that a call had."""
    return [given.params[name] for name in names]


def inputs_of(module: Any) -> tuple:
    """What the last forward gave a module, as tensors."""
    return jax.tree.map(Tensor._around, seen(module, all_inputs))


def sizes_of(module: Any) -> tuple:
    """The sizes of what the last forward gave a module, and of what was in tables."""
    return jax.tree.map(lambda x: x.geometry.size, inputs_of(module))


def has_gradients(module: Any) -> bool:
    """Whether a module of tables has gradients by its inputs."""
    return isinstance(module.gradInput, Table) and len(module.gradInput) > 0


def has_gone_back(module: Any) -> bool:
    """Whether it has gradients by the inputs of its last forward, as far as their sizes tell."""
    found = jax.tree.map(lambda x: x.geometry.size, as_inputs(module.gradInput))
    return has_gradients(module) and found == sizes_of(module)


def output_size(module: Any, old: Any) -> Any:
    """The size of the output."""
    return size_storage(module.output.geometry.size)


# Linear layers.


def ones(old: Any, number: int) -> Tensor:
    """As many ones."""
    return old if old.nElement() == number else old.resize(number).fill(1)


def ones_for_bias(module: Any, old: Any) -> Tensor:
    """A one for each example that a bias was added to, if there was a batch."""
    (x,) = sizes_of(module)
    return old if module.scalar or x == module.bias.geometry.size else ones(old, x[0])


def ones_for_rows(module: Any, old: Any) -> Any:
    """A one for each row of a matrix."""
    x, *_ = sizes_of(module)
    return ones(EMPTY(module) if old is None else old, x[0]) if len(x) == 2 else old


def formatted(given: Given, *pairs: Array) -> Array:
    """Rows of {example, index, value} of all examples."""
    rows = [jnp.pad(x, ((0, 0), (1, 0)), constant_values=i) for i, x in enumerate(pairs, 1)]
    return jnp.concatenate(rows)


def formatted_input(module: Any, old: Any) -> Any:
    """All examples of a SparseLinear in one matrix, unless they were given as one tensor."""
    sizes = sizes_of(module)
    return held(old, seen(module, formatted)) if sizes and len(sizes[0]) == 2 else old


def lengths_of_examples(module: Any, old: Any) -> Any:
    """How many keys each example of an IndexLinear has, unless that was given."""
    keys, _, *sizes = sizes_of(module)
    if sizes:
        return old
    examples = (keys,) if isinstance(keys[0], int) else keys
    return Table([LongTensor([number for (number,) in examples])])


def ends_of_examples(module: Any, old: Any) -> Any:
    """Where the keys of each example end."""
    lengths = lengths_of_examples(module, old)
    return lengths if lengths is old else Table([lengths[1].cumsum(1)])


# Layers of tables.


def extremes(extreme: str) -> tuple[Working, Working, Working]:
    """Where the last of the inputs was taken: as a mask, its values there, and their gradients."""

    def mask(module: Any, old: Any) -> Tensor:
        last = len(sizes_of(module))
        return getattr(module, f"{extreme}Idx").eq(last).type(module.type())

    def values(module: Any, old: Any) -> Tensor:
        return module.output.maskedSelect(mask(module, old).byte())

    def gradients(module: Any, old: Any) -> Tensor:
        found = module.gradInput[len(module.gradInput)] if has_gone_back(module) else None
        return old if found is None else found.maskedSelect(mask(module, old).byte())

    return Working(EMPTY, mask), Working(EMPTY, values), Working(EMPTY, gradients, live=True)


def numbered(xs: Any, places: Any = None) -> Any:
    """Nested tables with 1, 2, ... in the place of tensors."""
    places = count(1) if places is None else places
    if isinstance(xs, Table | list | tuple):
        return Table([numbered(x, places) for x in xs])
    return next(places)


def input_map(module: Any, old: Any) -> Table:
    """The places that a FlattenTable gave to the tensors of nested tables."""
    return numbered(inputs_of(module))


def gate_size(module: Any, old: Any) -> Any:
    """The size in which the gates of a MixtureTable meet the experts."""
    gates, experts = sizes_of(module)
    dimensions = len(experts) if isinstance(experts[0], int) else len(experts[0]) + 1
    found = [gates[0] if len(gates) > 1 else 1, *[1] * (dimensions - 1)]
    found[(module.dim or len(gates)) - 1] = gates[-1]
    return size_storage(found)


def gate_batch(module: Any, old: Any) -> int:
    """How many examples a MixtureTable had."""
    gates, _ = sizes_of(module)
    return gates[0] if len(gates) > 1 else 1


def gradient_size(module: Any, old: Any) -> Any:
    """The size of gradOutput in which a MixtureTable has multiplied experts that are one tensor."""
    if not has_gone_back(module):
        return old
    gates, experts = sizes_of(module)
    if not isinstance(experts[0], int):
        return old
    found = list(experts)
    found[(module.dim or len(gates)) - 1] = 1
    return size_storage(found)


def part_of_gradient(index: int, first: Any) -> Working:
    """The tensor in which an entry of `gradInput` lies."""
    return Working(first, lambda x, old: x.gradInput[index] if has_gradients(x) else old, live=True)


def places_of_mask(module: Any, old: Any) -> Any:
    """1, 2, ... for all elements of a mask, after a backward."""
    if not has_gone_back(module):
        return old
    _, mask = inputs_of(module)
    return LongTensor().range(1, mask.nElement()).resize(mask.size())


def places_in_mask(module: Any, old: Any) -> Any:
    """The places of the elements that a mask has selected, after a backward."""
    if not has_gone_back(module):
        return old
    _, mask = inputs_of(module)
    return places_of_mask(module, old).maskedSelect(mask.byte())


# Others.


def powers(module: Any, old: Any) -> Tensor:
    """|x - y|^p for the rows of two matrices."""
    x, y = inputs_of(module)
    return x.clone().add(-1, y).abs().pow(module.norm) if x.dim() == 2 else old


def size_of_batch(module: Any, old: Any) -> Any:
    """The size of the output, if that has an axis of examples."""
    found = module.output.geometry.size
    return size_storage(found) if len(found) > len(module.size) else old


def ones_for_size(module: Any, old: Any) -> Tensor:
    """A one for each dimension of the tensor that says how large the output is to be."""
    return ones(old, len(sizes_of(module)[1])) if has_gone_back(module) else old

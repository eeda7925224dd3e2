"""nn's layers that rearrange tables, or what is in them."""

from __future__ import annotations

from typing import Any

import jax
from jax import Array

from fnn import table
from fnn.errors import describe, require
from fnn.torch7 import working
from fnn.torch7.counting import from_1, position
from fnn.torch7.deriving import Along, Derived, at_least_one
from fnn.torch7.found import Working
from fnn.torch7.passing import as_input, held, leaves, type_name
from fnn.torch7.sides import added
from fnn.torch7.table import Fields, Table
from fnn.torch7.tensor import Tensor

__all__ = [
    "FlattenTable",
    "JoinTable",
    "MixtureTable",
    "NarrowTable",
    "SelectTable",
    "SplitTable",
    "ZipTable",
    "ZipTableOneToMany",
]


class _Rearranged(Derived):
    """The tensors of a table in another one: by itself this computes nothing but sums of gradients.

    Its function works on anything in the place of arrays: here on the places of the tensors.
    """

    borrows = True
    first_output = first_gradient = Table

    def _find_fused(self, *_: Any) -> None:
        return None

    def _places(self, input: Any) -> tuple[list[Any], Any, Any]:
        """The tensors of the input, how they lie in it, and their places in the output."""
        tensors, structure = jax.tree.flatten(entries(input))
        places = jax.tree.unflatten(structure, range(len(tensors)))
        return tensors, structure, type(self).function(*places, **self._hyper())

    def updateOutput(self, input: Any) -> Any:
        """Rearrange the input."""
        tensors, _, places = self._places(input)
        self.output = tabulated(jax.tree.map(tensors.__getitem__, places))
        return self.output

    def updateGradInput(self, input: Any, gradOutput: Any) -> Any:
        """The gradients back in their places; 0 for what was left out."""
        tensors, structure, places = self._places(input)
        found: list[Any] = [None] * len(tensors)
        for place, gradient in zip(leaves(places), leaves(entries(gradOutput)), strict=True):
            before = found[place]
            found[place] = gradient if before is None else held(None, added(before, gradient))
        zeros = [x.clone().zero() if g is None else g for x, g in zip(tensors, found, strict=True)]
        tree = jax.tree.unflatten(structure, zeros)
        self.gradInput = tabulated(tree[0] if isinstance(input, dict) else tree)
        return self.gradInput


def entries(x: Any) -> tuple:
    """What a table or a dict holds; a dict comes as it is, alone."""
    found = entry(x)
    return found if isinstance(found, tuple) else (found,)


def entry(x: Any) -> Any:
    """A table or an array as layers take them; anything else, such as a string, as it is."""
    if isinstance(x, dict):
        return {name: entry(value) for name, value in x.items()}
    if isinstance(x, Table | list | tuple):
        return tuple(map(entry, x))
    return as_input(x) if hasattr(x, "__array__") else x


def tabulated(x: Any) -> Any:
    """Nested tuples as nested tables."""
    if isinstance(x, dict):
        return Fields({name: tabulated(value) for name, value in x.items()})
    return Table(map(tabulated, x)) if isinstance(x, tuple) else x


def selected(*xs: Any, index: Any) -> Any:
    """One of several inputs, from 1 or from the end; or what a dict has under a name."""
    if not isinstance(index, str):
        return xs[position(index, len(xs))]
    (given,) = xs
    require(
        isinstance(given, dict) and index in given,
        "nn.SelectTable",
        f"index {index!r} for {list(given) if isinstance(given, dict) else describe(given)}",
        "one that exists in the input table",
        "it is misspelt, or the table was made by another program",
    )
    return given[index]


class SelectTable(_Rearranged):
    """One entry of a table, or of a dict; a negative index counts from the end."""

    function = selected
    first_output = Tensor

    def __init__(self, index: Any):
        self.index = index
        super().__init__()

    @property
    def _acts(self) -> bool:
        return isinstance(self.index, str)

    def _hyper(self) -> dict[str, Any]:
        return {"index": self.index}

    def __tostring__(self) -> str:
        """The index."""
        return f"{type_name(self)}({self.index})"


def narrowed(*xs: Any, first: int, length: int) -> tuple:
    """`length` of several inputs from the first, counted from 1, on."""
    require(
        first >= 1 and length > 0 and first + length - 1 <= len(xs),
        "nn.NarrowTable",
        f"{length} entries from {first} on in a table of {len(xs)}",
        "entries that exist",
        "the table is shorter than was thought",
    )
    return xs[first - 1 : first - 1 + length]


class NarrowTable(_Rearranged):
    """`length` entries of a table from `offset` on."""

    function = narrowed

    def __init__(self, offset: int, length: int = 1):
        self.offset, self.length = offset, length
        super().__init__()

    def _hyper(self) -> dict[str, Any]:
        return {"first": self.offset, "length": self.length}


def flattened(*xs: Any) -> tuple:
    """All that is in nested tuples, depth first."""
    return tuple(leaves(xs))


class FlattenTable(_Rearranged):
    """{x, {y, {z}}} as {x, y, z}."""

    function = flattened
    input_map = Working(working.table, working.input_map)

    def updateOutput(self, input: Any) -> Any:
        """Rearrange the input."""
        self.input_map = working.numbered(input)
        return super().updateOutput(input)


def zipped(*xs: Any) -> tuple:
    """The first entries of all inputs, the second, and so on."""
    return tuple(zip(*xs, strict=True))


class ZipTable(_Rearranged):
    """{{a_1, a_2}, {b_1, b_2}} as {{a_1, b_1}, {a_2, b_2}}."""

    function = zipped


def zipped_with_one(x: Any, xs: Any) -> tuple:
    """One input with each of the others."""
    return tuple((x, other) for other in xs)


class ZipTableOneToMany(_Rearranged):
    """{x, {a, b}} as {{x, a}, {x, b}}."""

    function = zipped_with_one
    gradInputEl = working.part_of_gradient(1, working.EMPTY)


class SplitTable(Along):
    """The slices along an axis, which is dropped, as a table."""

    function = at_least_one(table.split)


class JoinTable(Along):
    """The tensors of a table one after the other along an axis."""

    function = table.join
    size = Working(working.size, working.output_size)
    first_gradient = Table


def mixture(gates: Array, experts: Any, *, axis: int | None) -> Array:
    """`mixture` of a tuple of experts, or of slices along an axis, by default the last of gates."""
    if isinstance(experts, tuple):
        return table.mixture(gates, *experts)
    return table.mixture(gates, experts, axis=gates.ndim - 1 if axis is None else axis)


class MixtureTable(Derived):
    """The sum of gates times experts of {gates, experts}; experts are a table, or along `dim`."""

    function = mixture
    size = Working(working.size, working.gate_size)
    size2 = Working(working.size, working.gradient_size, live=True)
    batchSize = Working(0, working.gate_batch)
    backwardSetup = Working(False)
    first_gradient = Table

    def __init__(self, dim: int | None = None):
        self.dim = dim
        super().__init__()

    def _hyper(self) -> dict[str, Any]:
        return {"axis": None if self.dim is None else from_1(self.dim, "dimension")}

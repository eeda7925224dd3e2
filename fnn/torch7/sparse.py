"""nn's linear layers of inputs that are given by the indices of what isn't zero."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

import jax.numpy as jnp
import numpy as np
from jax import Array

from fnn import sparse
from fnn.errors import require
from fnn.layer import Given, layer
from fnn.tensor.run import run
from fnn.torch7 import working
from fnn.torch7.counting import check_positions
from fnn.torch7.found import Working, seen
from fnn.torch7.functions import cat
from fnn.torch7.module import Module
from fnn.torch7.passing import as_inputs, held, leaves, type_name
from fnn.torch7.table import Fields, Table
from fnn.torch7.tensor import LongTensor, Tensor

__all__ = ["IndexLinear", "SparseLinear"]


def sparse_linear(params: dict[str, Array], *pairs: Array) -> Array:
    """`sparse_linear` for rows of {index from 1, value}: of one example, or of each of a batch."""
    if not pairs:
        return params["bias"]
    sizes = [len(rows) for rows in pairs]
    rows = jnp.concatenate(pairs)
    values = rows[..., 1]
    indices = jnp.where(values == 0, 0, rows[..., 0].astype(int) - 1)  # batches are filled up by 0
    offsets = offsets_of(sizes) if len(pairs) > 1 else None
    return sparse.sparse_linear(params, indices, values, offsets)


def offsets_of(sizes: list[int]) -> Array:
    """Where the parts of these sizes begin."""
    return jnp.asarray(np.cumsum([0, *sizes[:-1]]))


class _Sparse(Module):
    """A linear layer of sparse inputs, whose `gradInput` is dense, and made only on demand."""

    def reset(self, stdv: float | None = None) -> Self:
        """Draw the parameters anew, uniform in +-1/sqrt(fan in), the bias a millionth of that."""
        super().reset(stdv)
        if self.bias is not None:
            self.bias.mul(1e-6)
        return self

    @property
    def _acts(self) -> bool:
        return bool(self.doGradInput or self.weightDecay)

    def _go_back(self, input: Any, gradOutput: Any, scale: float) -> Any:
        self.accGradParameters(input, gradOutput, scale)
        return self.updateGradInput(input, gradOutput)

    def _back(self, gradOutput: Any, weight: Tensor) -> Tensor:
        """The gradient by all inputs, with a row for each example."""
        return gradOutput.contiguous().view(-1, weight.geometry.size[0]) * weight


class SparseLinear(_Sparse):
    """y = Wx + b for x given as rows of {index, value}: one tensor of them, or a table of tensors.

    `gradInput` is an empty table, unless `doGradInput`. Updates are never sparse: `sparseUpdate`
    stays 0.
    """

    lastInput = None
    sparseUpdate = Working(0)
    formatted_input = Working(None, working.formatted_input)
    first_gradient = Table

    def __init__(self, inputSize: int, outputSize: int, doGradInput: bool = False):
        self.doGradInput, self.weightDecay = bool(doGradInput), 0
        shapes = {"weight": (outputSize, inputSize), "bias": (outputSize,)}
        self.be(layer(sparse_linear), shapes, {})

    def reshapeInput(self, input: Any) -> tuple[Any, bool, bool]:
        """A table of examples; whether it is a batch, and whether that is one tensor."""
        if not isinstance(input, Tensor):
            return input, True, False
        return (Table([input]), False, False) if input.dim() == 2 else (input, True, True)

    def _operands(self, input: Any) -> tuple:
        pairs = as_inputs(input)
        if len(pairs) == 1 and isinstance(input, Table | list | tuple):
            return (pairs[0].view(1, *pairs[0].geometry.size),)
        return pairs

    def _lookups(self, *pairs: Array) -> Iterable[tuple[Array, int]]:
        columns = self.weight.geometry.size[1]
        used = (jnp.where(rows[..., 1] == 0, 1, rows[..., 0]) for rows in pairs)
        return [(indices, columns) for indices in used]

    def accGradParameters(self, input: Any, gradOutput: Any, scale: float = 1) -> None:
        """Add the gradients, and `weightDecay` times the weight."""
        super().accGradParameters(input, gradOutput, scale)
        if self.weightDecay:
            self.gradWeight.add(self.weightDecay, self.weight)

    def updateGradInput(self, input: Any, gradOutput: Any) -> Any:
        """Rows of {index, gradient} for all indices, if asked for."""
        if not self.doGradInput:
            self.gradInput = Table()
            return self.gradInput
        found = Tensor._around(run(with_places, self._back(gradOutput, self.weight)))
        legacy = isinstance(input, Tensor) and input.dim() == 3
        self.gradInput = found if legacy else Table(found)
        return self.gradInput


def with_places(values: Array) -> Array:
    """{index from 1, value} for each value."""
    places = jnp.broadcast_to(jnp.arange(1, values.shape[-1] + 1, dtype=values.dtype), values.shape)
    return jnp.stack([places, values], -1)


NORMALISED = 4
"""Columns of an IndexLinear's weight before those of the outputs: an input's largest magnitude, its
inverse, the factor of its updates, and its bias."""


def index_linear(
    params: dict[str, Array], keys: Any, values: Any, sizes: Any = None, *, offset: int, first: int
) -> Array:
    """`index_linear` for keys from -`offset` on and a weight with `first` columns more."""
    flat, _, starts = joined(keys, values, sizes, offset)
    weight, given = params["weight"], Given(params, {}, None, False)
    numbers = multiplied(given, keys, values, sizes, offset=offset, first=first)
    params = {"weight": weight[:, first:], "bias": params["bias"]}
    return sparse.index_linear(params, flat, numbers, starts)


def multiplied(
    given: Given, keys: Any, values: Any, sizes: Any = None, *, offset: int, first: int
) -> Array:
    """The values of all examples, with the biases of their keys in the column before `first`."""
    flat, numbers, _ = joined(keys, values, sizes, offset)
    if not first:
        return numbers
    biases = given.params["weight"].at[flat, first - 1]
    return numbers + biases.get(mode="fill", wrap_negative_indices=False)


def joined(keys: Any, values: Any, sizes: Any, offset: int) -> tuple[Array, Array, Array | None]:
    """Keys from 0 and values of all examples, and where each begins."""
    starts = None if sizes is None else jnp.cumsum(sizes) - sizes
    if isinstance(keys, tuple):
        starts, keys = offsets_of([len(k) for k in keys]), jnp.concatenate(keys)
    values = jnp.concatenate(values) if isinstance(values, tuple) else values
    return keys.astype(int) + offset, values, starts


def normalised(
    weight: Array, keys: Any, values: Any, sizes: Any = None, *, offset: int, train: bool
) -> tuple[tuple[Array], Array]:
    """The weight with the magnitudes seen in training, and `index_normalise` of the values."""
    flat, numbers, _ = joined(keys, values, sizes, offset)
    state, none = {"peak": weight[:, 0]}, {"bias": jnp.zeros_like(weight[:, 0])}
    found, state = sparse.index_normalise(none, state, flat, numbers, train=train)
    if train:
        peak = state["peak"]
        inverse = jnp.where(peak > 0, 1 / jnp.where(peak > 0, peak, 1.0), 0.0)
        weight = weight.at[:, :2].set(jnp.stack([peak, inverse], 1)).at[flat, 2].set(1)
    return (weight,), found


def decayed(weight: Array, keys: Array, *, rate: float, offset: int, first: int) -> Array:
    """The weight with `decay_rows` of the columns from `first` on."""
    rows = sparse.decay_rows(weight[:, first:], keys.astype(int) + offset, rate=rate)
    return weight.at[:, first:].set(rows)


def as_sizes(sizes: Iterable[Any]) -> list[Tensor]:
    """How many keys the examples have, as tensors; a number is that of the only one."""
    return [x if isinstance(x, Tensor) else LongTensor(np.atleast_1d(x).tolist()) for x in sizes]


class IndexLinear(_Sparse):
    """y = x W + b for x given as {keys, values}, one of each for every x that is not 0.

    For a batch both are tables, or {keys, values, sizes} has all examples one after the other.
    Keys count from `1 - keysOffset`, as in the original, whose manual has it otherwise. With
    `normalize`, values are divided by the largest magnitude of their key that was seen since
    `training`, and a bias of the key is added. `gradInput` is empty, unless `doGradInput`.
    Gradients are added up where they belong, not gathered in `running`.
    """

    gradWeightBuffer, valuesBuffer = Working(working.EMPTY), Working(working.EMPTY)
    normalizedValues = Working(working.EMPTY, lambda self, old: self._normalised(old))
    sizesCache = Working(working.table, working.lengths_of_examples)
    cumSumSizesCache = Working(working.table, working.ends_of_examples)
    running = Working(
        lambda x: Fields(cumSumSizes=Table(), keys=Table(), gradWeight=Table(), counter=1)
    )

    def __init__(
        self,
        inputSize: int,
        outputSize: int,
        doGradInput: bool = False,
        keysOffset: int = 0,
        weight: Any = None,
        bias: Any = None,
        normalize: bool = False,
    ):
        self.normalize = NORMALISED if normalize else 0
        if weight is not None:
            inputSize, outputSize = weight.size(1), weight.size(2) - self.normalize
        self.inputSize, self.outputSize, self.offset = inputSize, outputSize, keysOffset - 1
        self.doGradInput, self.weightDecay, self._touched = bool(doGradInput), 0, Table()
        shapes = {"weight": (inputSize, outputSize + self.normalize), "bias": (outputSize,)}
        self.be(layer(index_linear), shapes, {})
        self.weight = self.weight if weight is None else weight
        self.bias = self.bias if bias is None else bias

    def _begin(self) -> None:
        """All parameters are 0."""

    def reset(self, stdv: float | None = None) -> Self:
        """Draw the parameters anew; what `normalize` has seen is forgotten."""
        super().reset(stdv)
        if self.normalize:
            self.weight.narrow(2, 1, self.normalize).zero()
        return self

    @property
    def _mode(self) -> bool:
        return bool(self.train)

    @property
    def _acts(self) -> bool:
        return super()._acts or self.normalize > 0

    def _hyper(self) -> dict[str, Any]:
        return {"offset": self.offset, "first": self.normalize}

    def _normalised(self, old: Tensor) -> Tensor:
        """The values that were multiplied by the weight, if not those of the input."""
        hyper: dict[str, Any] = self._hyper()
        return held(old, seen(self, multiplied, **hyper)) if self.normalize else old

    def longTensor(self, *arguments: Any) -> LongTensor:
        """A tensor for keys."""
        return LongTensor(*arguments)

    def reshapeInput(self, input: Any) -> tuple[Any, ...]:
        """{keys, values} of each example in tables, or {keys, values, sizes} as they are."""
        self.isFlat, single = len(input) == 3, all(isinstance(x, Tensor) for x in input)
        self.noBatch = single and not self.isFlat
        keys, values, *sizes = tuple(input)
        return (
            (Table([keys]), Table([values])) if self.noBatch else (keys, values, *as_sizes(sizes))
        )

    def flattenInputs(self, input: Any) -> None:
        """Have `keys`, `values` and `sizes` of all examples one after the other."""
        keys, values, *sizes = self.reshapeInput(input)
        if self.isFlat:
            self.keys, self.values, (self.sizes,) = keys, values, sizes
        else:
            self.keys, self.values = cat(keys, 1), cat(values, 1)
            self.sizes = LongTensor([x.nElement() for x in keys])
        self.cumSumSizes = self.sizes.cumsum(1)

    def _operands(self, input: Any) -> tuple:
        keys, values = as_inputs(tuple(input)[:2])
        sizes = as_sizes(tuple(input)[2:])
        if self.normalize:
            for each in leaves(keys):
                counted = each.clone().add(self.offset + 1)
                check_positions(counted, self.inputSize, type_name(self))
            hyper: dict[str, Any] = {"offset": self.offset, "train": self._mode}
            found = run(normalised, self.weight, keys, values, *sizes, into=[self.weight], **hyper)
            values = Tensor._around(found)
        return keys, values, *sizes

    def _lookups(self, keys: Any, *others: Any) -> Iterable[tuple[Array, int]]:
        return [(each + (self.offset + 1), self.inputSize) for each in leaves(keys)]

    def accGradParameters(self, input: Any, gradOutput: Any, scale: float = 1) -> None:
        """Add the gradients; `weightDecay` will go to the keys seen."""
        super().accGradParameters(input, gradOutput, scale)
        if self.weightDecay:
            keys = as_inputs(tuple(input)[:1])
            self._touched.append(keys[0] if isinstance(keys[0], tuple) else keys)

    def zeroGradParameters(self) -> None:
        """Set all gradients to zero."""
        super().zeroGradParameters()
        if self._touched:
            self._touched = Table()

    def updateParameters(self, learningRate: float) -> None:
        """Take one step, after taking `weightDecay` of the rows of the keys seen."""
        hyper: dict[str, Any] = {"offset": self.offset, "first": self.normalize}
        for keys in (k for each in self._touched for k in each):
            self.weight._update(decayed, keys, rate=self.weightDecay, **hyper)
        super().updateParameters(learningRate)

    def updateGradInput(self, input: Any, gradOutput: Any) -> Any:
        """{keys, gradients} for all keys, if asked for, in the form of the input."""
        self.gradInput = Table()
        if not self.doGradInput:
            return self.gradInput
        require(
            not self.normalize,
            type_name(self),
            "doGradInput with normalize",
            "one of them",
            "the gradient by values that were normalised is not defined",
        )
        found = self._back(gradOutput, self.weight.t())
        keys = LongTensor(list(range(1, self.inputSize + 1)))
        rows = [found.select(1, i) for i in range(1, found.size(1) + 1)]
        if not isinstance(input[1 if isinstance(input, Table) else 0], Tensor):
            self.gradInput = Table([Table(keys.clone() for _ in rows), Table(rows)])
        elif len(input) == 2:
            self.gradInput = Table([keys, *rows])
        else:
            self.gradInput = Table([keys.repeatTensor(len(rows), 1), found])
        return self.gradInput

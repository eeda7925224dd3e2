"""nn's table of rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

from jax import Array

from fnn.embedding import embedding, limit_rows
from fnn.layer import layer
from fnn.torch7.counting import check_positions
from fnn.torch7.module import Module
from fnn.torch7.passing import type_name
from fnn.torch7.tensor import LongTensor

__all__ = ["LookupTable"]


def lookup(
    params: dict[str, Array], indices: Array, *, padding: int, scale_by_frequency: bool
) -> Array:
    """`embedding` for indices from 1, of which `padding` has no gradient."""
    known = 0 < padding <= params["weight"].shape[0]  # others are never looked up
    options: dict[str, Any] = {"padding": padding - 1} if known else {}
    places = indices.astype(int) - 1
    return embedding(params, places, scale_by_frequency=scale_by_frequency, **options)


class LookupTable(Module):
    """The row of the weight for each index, from 1.

    The row `paddingValue` has no gradient. With `maxNorm`, forward shortens the rows that it looks
    up where their `normType`-norm is larger.
    """

    keeps_gradients = True
    shouldScaleGradByFreq = False
    copiedInput = False
    """Whether the last indices were no contiguous LongTensor; backward goes by a copy of such."""

    def __init__(
        self,
        nIndex: int,
        nOutput: int,
        paddingValue: int = 0,
        maxNorm: float | None = None,
        normType: float | None = None,
    ):
        self.paddingValue, self.maxNorm, self.normType = paddingValue, maxNorm, normType
        self.be(layer(lookup), {"weight": (nIndex, nOutput)}, {})

    def _hyper(self) -> dict[str, Any]:
        return {"padding": self.paddingValue, "scale_by_frequency": self.shouldScaleGradByFreq}

    @property
    def _acts(self) -> bool:
        return self.maxNorm is not None

    def _operands(self, input: Any) -> tuple:
        (indices,) = super()._operands(input)
        copied = not isinstance(indices, LongTensor) or not indices.isContiguous()
        if copied != self.copiedInput:  # a change of settings is expensive
            self.copiedInput = copied
        self.renorm(indices)
        return (indices,)

    @property
    def reads_input(self) -> bool:
        """Whether backward reads the input, rather than what forward kept of it."""
        return not self.copiedInput

    def renorm(self, input: Any) -> None:
        """Shorten the rows looked up that are longer than `maxNorm`, if there is one."""
        if self.maxNorm is not None:
            check_positions(input, self.weight.geometry.size[0], type_name(self))
            self.weight._update(limited, input, max_norm=self.maxNorm, norm_type=self.normType or 2)

    def makeInputContiguous(self, input: Any) -> Any:
        """The indices as a LongTensor that is contiguous: the input itself, if it is one."""
        return input.long().contiguous()

    def backCompatibility(self) -> None:
        """Do nothing: files of old versions are of today once they are loaded."""

    def _lookups(self, indices: Array) -> Iterable[tuple[Array, int]]:
        return [(indices, self.weight.geometry.size[0])]

    def reset(self, stdv: float | None = None) -> Self:
        """Draw the weight anew from a Gaussian."""
        self.weight.normal(0, 1 if stdv is None else stdv)
        return self

    def accUpdateOnly(self) -> Self:
        """Have no gradient: only `accUpdateGradParameters` will be used."""
        self.gradWeight = None
        return self

    def setPadding(self, paddingValue: int) -> Self:
        """Say which row has no gradient; 0 is none."""
        self.paddingValue = paddingValue
        return self

    def setMaxNorm(self, maxNorm: float | None) -> Self:
        """Say how long rows may be."""
        self.maxNorm = maxNorm
        return self

    def setNormType(self, normType: float) -> Self:
        """Say which norm measures rows."""
        self.normType = normType
        return self

    def scaleGradByFreq(self) -> Self:
        """Divide a row's gradient by how often it was looked up."""
        self.shouldScaleGradByFreq = True
        return self


def limited(weight: Array, indices: Array, *, max_norm: float, norm_type: float) -> Array:
    """`limit_rows` for indices from 1."""
    places = indices.astype(int) - 1
    return limit_rows({"weight": weight}, places, max_norm=max_norm, norm_type=norm_type)

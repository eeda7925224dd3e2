"""optim.ConfusionMatrix: which class was taken for which."""

from __future__ import annotations

from math import ceil, log10, nan
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from fnn.confusion import class_rates, confusion, error_rates
from fnn.errors import require
from fnn.tensor.run import known, run
from fnn.torch7.memory import is_number
from fnn.torch7.optim import pictures
from fnn.torch7.printing import formatted, number_text
from fnn.torch7.table import Table
from fnn.torch7.tensor import FloatTensor, LongTensor, Tensor, fromarray

HERE = "optim.ConfusionMatrix"


class ConfusionMatrix:
    """Counts of what was predicted (columns) where something else was right (rows).

    `ConfusionMatrix(3)`, `ConfusionMatrix(3, names)` or `ConfusionMatrix(names)`. Targets below 1
    are not counted. Rates are kept in single precision.
    """

    typename = HERE

    def __init__(self, nclasses: Any, classes: Any = None):
        if not is_number(nclasses):
            nclasses, classes = len(nclasses), nclasses
        self.nclasses, self.classes = nclasses, Table(classes or ())
        self.mat = LongTensor(nclasses, nclasses)
        self.valids, self.unionvalids = FloatTensor(nclasses), FloatTensor(nclasses)
        self.totalValid = self.averageValid = self.averageUnionValid = 0.0

    def add(self, prediction: Any, target: Any) -> None:
        """Count one: a class, or the scores of all classes, for a class or a one-hot vector."""
        found = [x if is_number(x) else row(x) for x in (prediction, target)]
        self._count(*found)

    def batchAdd(self, predictions: Any, targets: Any) -> None:
        """Count many: classes, or a row of scores each, for classes or one-hot rows."""
        self._count(rows(predictions), rows(targets))

    def _count(self, *found: Any) -> None:
        for x, what in zip(found, ("predictions", "targets"), strict=True):
            self._check(x, what)
        run(counted, self.mat, *found, into=[self.mat])

    def _check(self, x: Any, what: str) -> None:
        """Refuse classes that there are not, if they can be looked at now."""
        if not is_number(x) and x.dim() == 2:
            top = x.size(2)
        elif is_number(x) or known(x.storage):
            top = np.max(np.asarray(x), initial=0)
        else:
            return
        require(
            top <= self.nclasses,
            HERE,
            f"{what} of class {top:g}",
            f"1..{self.nclasses}",
            "the matrix was made for fewer classes, or the network has more outputs than that",
        )

    def zero(self) -> None:
        """Forget all counts."""
        for tensor in (self.mat, self.valids, self.unionvalids):
            tensor.zero()
        self.totalValid = self.averageValid = self.averageUnionValid = 0.0

    def updateValids(self) -> None:
        """Find the rates: `valids` and `unionvalids` of classes, and their averages."""
        for tensor, rates in zip(
            (self.valids, self.unionvalids), run(class_rates, self.mat), strict=True
        ):
            tensor._receive(rates)
        valids, unions = (np.asarray(x, np.float64) for x in (self.valids, self.unionvalids))
        counts = np.asarray(self.mat)
        there = ~np.isnan(valids)
        self.averageValid = mean(valids[there])
        self.averageUnionValid = mean(unions[there & ~np.isnan(unions)])
        self.totalValid = np.trace(counts) / counts.sum().item() if counts.any() else nan

    def farFrr(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """False rejections and acceptances of all classes, -1 for empty ones; then of others."""
        rates = [np.asarray(fromarray(x.array)) for x in run(error_rates, self.mat)]
        there = ~np.isnan(rates[0])
        found = [np.where(there, x, -1) for x in rates] + [x[there] for x in rates]
        frrs, fars, some_frrs, some_fars = map(fromarray, found)
        return frrs, fars, some_frrs, some_fars

    def __str__(self) -> str:
        self.updateValids()
        counts = np.asarray(self.mat)
        most = counts.max(initial=0)
        width = max(8, 1 + ceil(log10(most))) if most else 8
        lines = []
        for i, (row, valid) in enumerate(zip(counts.tolist(), self.valids, strict=True), 1):
            start = "[[" if i == 1 else " ["
            end = "]]  " if i == len(counts) else "]   "
            name = self.classes[i] if i <= len(self.classes) else ""
            label = f"\t[class: {name}]" if len(self.classes) else ""
            numbers = "".join(f"{n:{width}d}" for n in row)
            share = formatted("%2.3f", 100 * valid)
            lines.append(f"{start}{numbers}{end}{share}% {label}\n")
        rates = self.averageValid, self.averageUnionValid, self.totalValid
        row, union, whole = (number_text(100 * rate) for rate in rates)
        return (
            f"ConfusionMatrix:\n{''.join(lines)} + average row correct: {row}% \n"
            f" + average rowUcol correct (VOC measure): {union}% \n + global correct: {whole}%"
        )

    __repr__ = __tostring__ = __str__

    def render(
        self,
        sortmode: str = "score",
        display: bool = False,
        block: float = 25,
        legendwidth: float = 200,
    ) -> Tensor:
        """A picture (3, height, width) of the rows' shares, which matplotlib draws.

        The classes come with the best known (`score`) or the most frequent (`occurrence`) first.
        A class takes `block` pixels, the names at the side `legendwidth`.
        """
        counts = np.asarray(self.mat, np.float64)
        sums = counts.sum(1)
        shares = counts / np.maximum(sums, 1)[:, None]
        orders = {"score": np.diag(shares), "occurrence": sums}
        require(
            sortmode in orders,
            HERE,
            f"sortmode {sortmode!r}",
            " or ".join(orders),
            "a typo",
        )
        order = np.argsort(-orders[sortmode], kind="stable")
        names = [str(i + 1) for i in order]
        if len(self.classes):
            names = [str(self.classes[i + 1]) for i in order.tolist()]
        notes = [f"[{x:.2f}% labels]" for x in 100 * sums[order] / max(sums.sum(), 1)]
        size = block, legendwidth
        image = pictures.pixels(pictures.squares(shares[np.ix_(order, order)], names, notes, *size))
        if display:
            drawn = pictures.figure(image.shape[2] / 100, image.shape[1] / 100, shown=True)
            drawn.figimage(image.transpose(1, 2, 0))
            pictures.show(drawn)
        return fromarray(image)


def counted(mat: Array, *found: Array) -> tuple[list[Array], tuple[()]]:
    """The counts with more; scores are compared in single precision, as Torch7 does it."""
    classes = (
        jnp.argmax(x.astype(jnp.float32), 1) if x.ndim == 2 else x.astype(jnp.int32) - 1
        for x in map(jnp.asarray, found)
    )
    return [confusion(mat, *(c.astype(jnp.int32) for c in classes))], ()


def row(x: Any) -> Tensor:
    """The scores of one example."""
    tensor = given(x)
    require(tensor.dim() == 1, HERE, f"{tensor.dim()} dimensions", "1", "batchAdd takes batches")
    return tensor.view(1, -1)


def rows(x: Any) -> Tensor:
    """Classes, also those in the only column of a matrix, or a row of scores for each example."""
    tensor = given(x)
    cause = "add takes single examples; other dimensions have to be in the first"
    require(tensor.dim() in (1, 2), HERE, f"{tensor.dim()} dimensions", "1 or 2", cause)
    return tensor.select(2, 1) if tensor.dim() == 2 and tensor.size(2) == 1 else tensor


def given(x: Any) -> Tensor:
    """A tensor, also of a table."""
    return Tensor(x) if isinstance(x, list | tuple | Table) else fromarray(x)


def mean(rates: np.ndarray) -> float:
    """The average; NaN if there is nothing."""
    return float(rates.sum()) / len(rates) if len(rates) else nan

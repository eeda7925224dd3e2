"""nn's criterions of labels, which count from 1."""

from typing import Any
from weakref import ref

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from fnn import loss as losses
from fnn.errors import require, require_indices
from fnn.tensor.number import Number
from fnn.tensor.run import known, run
from fnn.torch7.criterion import Criterion, Derived, Targeted, Weighted, element, place, unless_nil
from fnn.torch7.functions import eye, ones, zeros
from fnn.torch7.passing import as_input, held, type_name
from fnn.torch7.tensor import LongTensor, Tensor
from fnn.torch7.transfer import LogSoftMax

__all__ = [
    "ClassNLLCriterion",
    "ClassSimplexCriterion",
    "CrossEntropyCriterion",
    "MultiLabelMarginCriterion",
    "MultiMarginCriterion",
    "SpatialClassNLLCriterion",
]


class _Labelled(Derived):
    """A criterion whose targets are labels."""

    dimensions = (1, 2)
    first = 1
    ignoreIndex: int | None = None
    transient = (*Derived.transient, "_seen")
    _seen: tuple | None = None  # labels that were right: backward is given those of forward

    def _check(self, inputs: tuple, target: Any) -> None:
        size = inputs[0].geometry.size
        require(
            len(size) in self.dimensions,
            type_name(self),
            f"an input of size {list(size)}",
            "C, or N x C" if 1 in self.dimensions else "N x C x H x W",
            "the axis of examples is missing, or there is one too many",
        )
        alone = not hasattr(target, "storage")
        if isinstance(target, Tracer) or not (alone or known(target.storage)):
            return
        classes = size[min(len(size) - 1, 1)]
        array = target if alone else target.storage.array
        way = None if alone else target.geometry, classes, self.ignoreIndex
        if self._seen is not None and self._seen[0]() is array and self._seen[1] == way:
            return
        labels = np.asarray(target).astype(np.int64)
        require_indices(
            labels[labels != self.ignoreIndex],
            classes + 1 - self.first,
            type_name(self) + ("" if self.first else ", whose labels 0 may follow"),
            "labels that count from 0, or more classes than the network has outputs",
            self.first,
        )
        self._seen = None if alone else (ref(array), way)


BESIDE = "output_tensor", "total_weight_tensor", "target"


class ClassNLLCriterion(Weighted, _Labelled):
    """The negative log-probability of the target class; a mean divides by the labels' weights.

    `weights` are those of the classes. Examples labelled `ignoreIndex` do not count. After forward
    the sum of the labels' weights is in `total_weight_tensor`, and the labels are in `target`.
    """

    loss = Targeted(losses.nll, place, labels=True, options=(("empty_is_zero", True),))
    results = (*Derived.results, *BESIDE)
    renewed = (*results, "output")

    def __init__(self, weights: Any = None, sizeAverage: bool = True, ignoreIndex: int = -100):
        super().__init__(weights, sizeAverage)
        self.ignoreIndex = ignoreIndex
        self.output_tensor, self.total_weight_tensor, self.target = zeros(1), ones(1), LongTensor(1)

    def _hyper(self) -> dict[str, Any]:
        return {**super()._hyper(), "ignore_index": unless_nil(self.ignoreIndex, -100) - 1}

    def updateOutput(self, input: Any, target: Any = None) -> Any:
        """Compute `output`, and what is known of the labels beside it."""
        found = run(with_labels, *self._operands(input, target), **self._hyper())
        self.output = Number(found[0])
        for name, value in zip(BESIDE, found[1:], strict=True):
            value.late = True  # nobody looks at it, as a rule
            setattr(self, name, held(getattr(self, name), value))
        return self.output


TOTAL = Targeted(losses.total_weight, place, labels=True)


def with_labels(
    inputs: tuple, target: Any, weights: Any, *, reduction: str, ignore_index: int
) -> tuple[Array, Array, Array, Array]:
    """The loss, and what the tensors of `BESIDE` hold then: they keep their sizes."""
    operands, ignored = (inputs, target, weights), {"ignore_index": ignore_index}
    loss = ClassNLLCriterion.loss(*operands, reduction=reduction, **ignored)
    total = TOTAL(*operands, **ignored)
    return loss, loss.reshape(1), total.reshape(1), jnp.asarray(target).astype(jnp.int64)


class SpatialClassNLLCriterion(ClassNLLCriterion):
    """`ClassNLLCriterion` of every place in images: N x C x H x W with targets N x H x W."""

    dimensions = (4,)

    def __init__(self, weights: Any = None, sizeAverage: bool = True):
        super().__init__(weights, sizeAverage)


class CrossEntropyCriterion(Criterion):
    """`LogSoftMax` and `ClassNLLCriterion`: the negative log-probability by scores.

    Dimensions of size 1 are squeezed away, as in Torch7.
    """

    def __init__(self, weights: Any = None, sizeAverage: bool = True):
        super().__init__()
        self.sizeAverage = self.oldSizeAverage = sizeAverage
        self.lsm, self.nll = LogSoftMax(), ClassNLLCriterion(weights, sizeAverage)

    def _squeezed(self, input: Any) -> Any:
        """The input without dimensions of size 1; a change of `sizeAverage` is passed on."""
        if self.sizeAverage != self.oldSizeAverage:
            self.nll.sizeAverage = self.oldSizeAverage = self.sizeAverage
        input = as_input(input)
        return input.squeeze() if input.length > 1 else input

    def updateOutput(self, input: Any, target: Any = None) -> Any:
        """Compute `output`."""
        scores = self._squeezed(input)
        self.output = self.nll.updateOutput(self.lsm.updateOutput(scores), target)
        return self.output

    def updateGradInput(self, input: Any, target: Any = None) -> Any:
        """Compute `gradInput` in the size of the input."""
        scores = self._squeezed(input)
        gradient = self.nll.updateGradInput(self.lsm.output, target)
        gradient = self.lsm.updateGradInput(scores, gradient)
        view = gradient.view(as_input(input).size())
        self.gradInput._hold(view.storage, view.geometry)
        return self.gradInput


class ClassSimplexCriterion(_Labelled):
    """The mean squared distance from the target class's corner of a regular simplex."""

    loss = Targeted(losses.class_simplex, place, labels=True)

    def __init__(self, nClasses: int):
        super().__init__()
        self.nClasses, self._target = nClasses, Tensor(nClasses)  # for Torch7, in a file
        self.simplex = self.getPredictions(eye(nClasses)).t()

    def _check(self, inputs: tuple, target: Any) -> None:
        size = inputs[0].geometry.size
        require(
            size[-1] == self.nClasses,
            type_name(self),
            f"an input of size {list(size)}",
            f"{self.nClasses} numbers for each example",
            "the criterion was made for another number of classes",
        )
        super()._check(inputs, target)

    def getPredictions(self, input: Tensor) -> Tensor:
        """How far the inputs lie towards the corner of each class, examples x classes."""
        scores = Tensor._around(run(losses.class_simplex_scores, input))
        return scores if scores.dim() > 1 else scores.view(1, -1)

    def getTopPrediction(self, input: Tensor) -> Tensor:
        """The class whose corner is nearest, for each example."""
        return self.getPredictions(input).max(2)[1].view(-1)


class MultiMarginCriterion(_Labelled):
    """`max(0, margin - x[target] + x[other])^p`, summed, over the number of classes."""

    loss = Targeted(losses.multi_margin, place, labels=True)
    fields = ("p", "margin")

    def __init__(self, p: int = 1, weights: Any = None, margin: float = 1):
        super().__init__()
        self.p, self.margin = p, margin
        self.weights = None if weights is None else as_input(weights)


class MultiLabelMarginCriterion(_Labelled):
    """`max(0, 1 - x[label] + x[other])`, summed over pairs, over the number of classes.

    A row of the target has the labels of an example, and zeros behind them.
    """

    loss = Targeted(losses.multi_label_margin, element, labels=True)
    first = 0

    def __init__(self) -> None:
        super().__init__()
        self.isTarget = Tensor()  # for Torch7, in a file

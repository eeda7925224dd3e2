"""nn's criterions of numbers and vectors."""

from collections.abc import Callable
from typing import Any

import numpy as np
from jax import Array

from fnn import loss as losses
from fnn.errors import require
from fnn.tensor.run import known
from fnn.torch7.criterion import Derived, Targeted, Weighted, example, own, row
from fnn.torch7.passing import as_input, two_tensors, type_name
from fnn.torch7.table import Table
from fnn.torch7.tensor import Tensor
from fnn.torch7.transfer import Sigmoid

__all__ = [
    "AbsCriterion",
    "BCECriterion",
    "CosineEmbeddingCriterion",
    "DistKLDivCriterion",
    "DistanceRatioCriterion",
    "HingeEmbeddingCriterion",
    "L1Cost",
    "L1HingeEmbeddingCriterion",
    "MSECriterion",
    "MarginCriterion",
    "MarginRankingCriterion",
    "MultiLabelSoftMarginCriterion",
    "SmoothL1Criterion",
    "SoftMarginCriterion",
    "SpatialAutoCropMSECriterion",
    "WeightedMSECriterion",
]


class AbsCriterion(Derived):
    """The mean of the absolute differences, or their sum; the gradient is 1 where there is none."""

    loss = Targeted(losses.l1, options=(("slope_at_target", 1),))


class MSECriterion(Derived):
    """The mean of the squared differences, or their sum."""

    loss = Targeted(losses.mse)


class SpatialAutoCropMSECriterion(MSECriterion):
    """`MSECriterion` against the middle of a target that may be larger in space."""

    loss = Targeted(losses.centre_crop_mse, own)


class WeightedMSECriterion(MSECriterion):
    """`MSECriterion` against the target times a weight for each element, or each of an example."""

    loss = Targeted(losses.weighted_mse)

    def __init__(self, weight: Any):
        super().__init__()
        self.weight = as_input(weight).clone()

    @property
    def _weights(self) -> Any:
        return self.weight


class SmoothL1Criterion(Derived):
    """Half the squared difference, or where it is above 1 the absolute one less a half."""

    loss = Targeted(losses.smooth_l1)


class DistKLDivCriterion(Derived):
    """The divergence `y (log y - x)` of log-probabilities x from probabilities y."""

    loss = Targeted(losses.kl_div)


class SoftMarginCriterion(Derived):
    """`log(1 + e^(-y x))` for targets 1 and -1."""

    loss = Targeted(losses.soft_margin)


class L1Cost(Derived):
    """The sum of the absolute values; it takes no target."""

    loss = Targeted(losses.l1_cost, each=None)

    def __init__(self) -> None:
        super().__init__(False)


class DistanceRatioCriterion(Derived):
    """`-log(e^-x1 / (e^-x1 + e^-x2))` of two distances; it takes no target."""

    loss = Targeted(losses.distance_ratio, each=None)


class BCECriterion(Weighted):
    """Binary cross-entropy of probabilities: `-(y log x + (1 - y) log(1 - x))`."""

    loss = Targeted(losses.bce, options=(("eps", 1e-12),))

    def _check(self, inputs: tuple, target: Any) -> None:
        x = inputs[0]
        if x.storage.waiting or not known(x.storage):  # the loss of what lies outside is NaN
            return
        values = np.asarray(x)
        require(
            bool(((values >= 0) & (values <= 1)).all()),
            type_name(self),
            f"numbers from {values.min():g} to {values.max():g}",
            "probabilities: numbers from 0 to 1",
            "a Sigmoid is missing at the end of the network",
        )


class MultiLabelSoftMarginCriterion(Weighted):
    """Binary cross-entropy of `sigmoid(x)`: several labels that don't exclude each other."""

    loss = Targeted(losses.bce_with_logits)

    def __init__(self, weights: Any = None, sizeAverage: bool = True):
        super().__init__(weights, sizeAverage)
        self.sigmoid = Sigmoid()  # for Torch7, in a file


class _Margin(Derived):
    """A criterion with a margin."""

    fields = ("margin",)

    def __init__(self, margin: float = 1):
        super().__init__()
        self.margin = margin


class MarginCriterion(_Margin):
    """`max(0, margin - y x)` for targets 1 and -1."""

    loss = Targeted(losses.hinge)


class HingeEmbeddingCriterion(_Margin):
    """The distance x where the target is 1, and `max(0, margin - x)` where it is -1."""

    loss = Targeted(losses.hinge_embedding)


class _PairMargin(_Margin):
    """A criterion of two tensors, with a margin."""

    first_gradient: Callable[[], Table] = staticmethod(two_tensors)

    def __init__(self, margin: float = 1):
        super().__init__(margin)
        self.gradInput = self.first_gradient()


class MarginRankingCriterion(_PairMargin):
    """`max(0, margin - y (x1 - x2))`: target 1 wants x1 above x2, -1 below."""

    loss = Targeted(losses.margin_ranking)
    first_gradient = staticmethod(lambda: Table([Tensor(1), Tensor(1)]))


def l1_hinge(x1: Array, x2: Array, target: Array, **options: Any) -> Array:
    """`l1_hinge_embedding` of two arrays, each taken as one vector."""
    return losses.l1_hinge_embedding(x1.reshape(-1), x2.reshape(-1), target, **options)


class L1HingeEmbeddingCriterion(_PairMargin):
    """The L1 distance d of two tensors where the target is 1, `max(0, margin - d)` where -1."""

    loss = Targeted(l1_hinge, example)


class CosineEmbeddingCriterion(_PairMargin):
    """`1 - cos` of two vectors where the target is 1, `max(0, cos - margin)` where it is -1."""

    loss = Targeted(losses.cosine_embedding, row, options=(("active_at_margin", False),))

    def __init__(self, margin: float = 0):
        super().__init__(margin)

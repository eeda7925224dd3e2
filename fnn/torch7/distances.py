"""nn's distances: of the input to vectors that are learned, or of two inputs to each other."""

from __future__ import annotations

from math import ceil
from typing import Any, Self

import numpy as np
from jax import Array

from fnn import distance
from fnn.errors import require
from fnn.layer import layer
from fnn.tensor import updates
from fnn.tensor.number import Number
from fnn.tensor.run import run
from fnn.torch7 import working
from fnn.torch7.deriving import Derived, at_least_one
from fnn.torch7.found import Working
from fnn.torch7.module import Module
from fnn.torch7.passing import as_input, held, two_tensors, type_name
from fnn.torch7.random import draw
from fnn.torch7.table import Table
from fnn.torch7.tensor import Tensor

__all__ = [
    "Cosine",
    "CosineDistance",
    "DotProduct",
    "Euclidean",
    "Kmeans",
    "PairwiseDistance",
    "WeightedEuclidean",
]


class _ToWeights(Module):
    """A distance to vectors, whose number or length bounds their initial values."""

    @property
    def _fan_in(self) -> int:
        return self.weight.geometry.size[0]


class Euclidean(_ToWeights):
    """y_j = |w_j - x|, where the w_j are columns."""

    fastBackward = True
    reads_input = False

    def __init__(self, inputSize: int, outputSize: int):
        self.derive(distance.euclidean, inputSize, outputSize)


class WeightedEuclidean(_ToWeights):
    """y_j = |c_j (w_j - x)|, where the w_j and the c_j, in `diagCov`, are columns."""

    fastBackward = True

    def __init__(self, inputSize: int, outputSize: int):
        shape = (inputSize, outputSize)
        self.be(layer(weighted_euclidean), {"weight": shape, "diagCov": shape}, {})

    def reset(self, stdv: float | None = None) -> Self:
        """Draw the weight anew; the factors are 1."""
        bound = self._bound(stdv)
        self.weight.uniform(-bound, bound)
        self.diagCov.fill(1)
        return self


def weighted_euclidean(params: dict[str, Array], x: Array) -> Array:
    """`weighted_euclidean` with its diagonal under Torch7's name."""
    params = {"weight": params["weight"], "diagonal": params["diagCov"]}
    return distance.weighted_euclidean(params, x)


class Cosine(_ToWeights):
    """The cosine of x and each row of the weight."""

    def __init__(self, inputSize: int, outputSize: int):
        self.derive(distance.cosine, inputSize, outputSize)


class PairwiseDistance(Derived):
    """The p-norm of x_1 - x_2 of {x_1, x_2}, for each row."""

    function = at_least_one(distance.pairwise_distance)
    diff = Working(working.EMPTY, working.powers)
    first_gradient = Table

    def __init__(self, norm: float = 2):
        self.norm = norm
        super().__init__()

    def _hyper(self) -> dict[str, Any]:
        return {"p": self.norm, "eps": 0.0, "slack": 1e-6}


class DotProduct(Derived):
    """x_1 . x_2 of {x_1, x_2}, for each row."""

    function = at_least_one(distance.dot_product)
    first_gradient = staticmethod(two_tensors)


class CosineDistance(Derived):
    """The cosine of x_1 and x_2 of {x_1, x_2}, for each row."""

    function = at_least_one(distance.cosine_similarity)
    first_gradient = staticmethod(two_tensors)

    def _hyper(self) -> dict[str, Any]:
        return {"eps": 1e-12, "squared": True}


class Kmeans(Module):
    """The index of the nearest of k centroids for each row, whose gradient moves the centroids.

    `loss` is the sum of squared distances to them, `clusterSampleCount` the number of rows of each
    in the last `backward`. A `scale` given here is used for any given to `backward`.
    """

    renewed = (*Module.renewed, "loss", "clusterSampleCount")

    def __init__(self, k: int, dim: int, scale: float | None = None):
        require(k > 0 and dim > 0, type_name(self), f"{k} x {dim}", "sizes above 0", "a typo")
        self.k, self.dim, self.scale = k, dim, scale
        self.loss: Any = 0
        self.clusterSampleCount = Tensor(k)
        self.derive(distance.nearest_centroid, k, dim)

    @property
    def _acts(self) -> bool:
        return True

    def _find_fused(self, *_: Any) -> None:
        return None

    def reset(self, stdv: float | None = None) -> Self:
        """Draw the centroids anew, uniform in +-`stdv`, or in +-1."""
        bound = 1 if stdv is None else stdv
        self.weight.uniform(-bound, bound)
        return self

    def initRandom(self, input: Any) -> None:
        """Take random rows for centroids."""
        self._take(input, [random_row(as_input(input).geometry.size[0]) for _ in range(self.k)])

    def initKmeansPlus(self, input: Any, p: float | None = None) -> None:
        """Take rows that lie apart: each among the farthest 1 - p from those before."""
        self.p = p if p is not None else getattr(self, "p", 0.95)
        require(0 <= self.p <= 1, type_name(self), f"p = {self.p}", "0 to 1", "a percentage")
        rows = np.asarray(as_input(input))
        count = max(ceil((1 - self.p) * len(rows)), 1)
        chosen = [random_row(len(rows))]
        distances = np.full(len(rows), np.inf)
        while len(chosen) < self.k:
            squares = np.square(rows - rows[chosen[-1]]).sum(1)
            distances = np.minimum(distances, squares)
            farthest = np.argsort(-distances, kind="stable")
            chosen.append(farthest[random_row(count)])
        self._take(input, chosen)

    def _take(self, input: Any, rows: list[int]) -> None:
        """Have these rows for centroids."""
        array = np.asarray(as_input(input))
        require(
            array.ndim == 2 and array.shape[1] == self.dim and len(array) >= self.k,
            type_name(self),
            f"an input of size {list(array.shape)}",
            f"{self.k} rows of {self.dim} elements at least",
            "the batch is too small",
        )
        self.weight.copy(array[rows])

    def _params(self) -> dict[str, Tensor]:
        return {"weight": self.weight}

    def updateOutput(self, input: Any) -> Any:
        """Compute `output` and `loss`."""
        found, loss = run(assigned, self._params(), as_input(input))
        self.loss = Number(loss)
        return self._hold_output(found)

    def updateGradInput(self, input: Any, gradOutput: Any) -> Any:
        """Zeros."""
        return self._hold_gradient(as_input(input).clone().zero().storage)

    def accGradParameters(self, input: Any, gradOutput: Any, scale: float = 1) -> None:
        """Add what leads the centroids away from the means of their rows."""
        scale = scale if self.scale is None else self.scale
        counts = run(members, self._params(), as_input(input))
        counts.late = True  # nobody looks at them, as a rule
        self.clusterSampleCount = held(self.clusterSampleCount, counts)
        self.gradWeight._update(moved, self._params(), as_input(input), scale)


def assigned(params: dict[str, Array], x: Array) -> tuple[Array, Array]:
    """The centroids' indices from 1, in the type of the input, and the sum of squared distances."""
    places, squares = distance.nearest_centroid(params, x)
    return (places + 1).astype(x.dtype), squares.sum()


def members(params: dict[str, Array], x: Array) -> Array:
    """How many rows belong to each centroid."""
    return distance.centroid_members(params, x).sum(1)


def moved(gradient: Array, params: dict[str, Array], x: Array, scale: Any) -> Array:
    """The gradient with `centroid_shift` added."""
    return gradient + updates.typed(scale, gradient) * distance.centroid_shift(params, x)


def random_row(count: int) -> int:
    """A row, from 0."""
    return int(draw("random", count)) - 1

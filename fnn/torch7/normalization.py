"""nn's normalisations over a batch."""

from collections.abc import Callable, Hashable
from typing import Any, Self

import jax
from jax import Array, lax

from fnn.errors import describe, require
from fnn.layer import Given
from fnn.norm import batch_moments, batch_norm, batch_norm_init, batch_norm_state
from fnn.torch7.found import Found, seen
from fnn.torch7.module import Module
from fnn.torch7.passing import held, type_name
from fnn.torch7.tensor import Tensor

__all__ = [
    "BatchNormalization",
    "SpatialBatchNormalization",
    "VolumetricBatchNormalization",
]


def batch_norm_of_rank(
    params: dict[str, Array],
    state: dict[str, Array],
    x: Array,
    *,
    train: bool,
    rank: int,
    eps: float,
    momentum: float,
) -> tuple[Array, dict[str, Array]]:
    """`batch_norm`; a batch of one example is taken as in use, where that may lack its axis."""
    require_batch(x, rank, train)
    x = x if x.ndim == rank else x[None]
    return batch_norm(params, state, x, train=train and len(x) > 1, eps=eps, momentum=momentum)


def require_batch(x: Any, rank: int, train: bool) -> None:
    """Raise an error unless this has the axes of a batch, or in use those of an example."""
    require(
        x.ndim == rank or (x.ndim == rank - 1 and not train),
        "BatchNormalization",
        f"x {describe(x)}" + " in training" * train,
        f"{rank} axes, as only mini-batches are supported",
        "a single example can be normalised after evaluate() only",
    )


batch_norm_of_rank_init, batch_norm_of_rank_state = batch_norm_init, batch_norm_state


def batch_mean(given: Given, x: Array, before: Array) -> Array:
    """The mean of a batch in training, else what it was before."""
    return batch_moments(x)[0] if learns(given, x) else before


def batch_inverse_std(given: Given, x: Array, before: Array, *, eps: float) -> Array:
    """1 / sqrt(variance + eps) of a batch in training, else what it was before."""
    return lax.rsqrt(batch_moments(x)[2] + eps) if learns(given, x) else before


def learns(given: Given, x: Array) -> bool:
    """Whether a batch's own statistics are used."""
    return given.train and len(x) > 1


class BatchNormalization(Module):
    """weight (x - mean) / sqrt(variance + eps) + bias, for each feature of (batch, nOutput).

    In training mean and variance are the batch's, and have the weight `momentum` in `running_mean`
    and `running_var`, which are used otherwise, and for a batch of one example. Those of the last
    batch in training are `save_mean` and, as 1 / sqrt(variance + eps), `save_std`.
    """

    nDim = 2
    running_mean: Tensor
    running_var: Tensor

    def __init__(self, nOutput: int, eps: float = 1e-5, momentum: float = 0.1, affine: bool = True):
        require(
            not isinstance(nOutput, bool) and nOutput > 0,
            type_name(self),
            f"{nOutput} features",
            "1 or more",
            "the way without weight and bias is (nOutput, eps, momentum, False)",
        )
        self.eps = 1e-5 if eps is None else eps
        self.momentum = 0.1 if momentum is None else momentum
        self.affine, self.train = affine is not False, True
        self.derive(batch_norm_of_rank, nOutput, affine=self.affine, rank=self.nDim)

    def _hyper(self) -> dict[str, Hashable]:
        return {"eps": self.eps, "momentum": self.momentum}

    def _of_batch(self, function: Callable, old: Tensor | None, **hyper: float) -> Tensor | None:
        before = self.running_mean.clone().zero() if old is None else old
        found = seen(self, function, before, **hyper)
        return old if found is None else held(old, found)

    save_mean = Found(lambda self, old: self._of_batch(batch_mean, old))
    save_std = Found(lambda self, old: self._of_batch(batch_inverse_std, old, eps=self.eps))

    def checkInputDim(self, input: Tensor) -> None:
        """Raise an error unless the input has the dimensions of a batch, or in use of an example.

        So it is with the number of features.
        """
        x = jax.ShapeDtypeStruct(input.geometry.size, input.element_type)
        require_batch(x, self.nDim, self._mode)
        features, given = self.running_mean.nElement(), x.shape[x.ndim - self.nDim + 1]
        require(
            given == features,
            type_name(self),
            f"{given} features",
            f"{features}",
            "the layer was made for another number of features",
        )

    def reset(self, stdv: float | None = None) -> Self:
        """Draw the weights anew, uniform in [0, 1); forget the statistics."""
        if self.affine and self.bias is not None:
            self.weight.uniform()
            self.bias.zero()
        self.running_mean.zero()
        self.running_var.fill(1)
        return self

    @property
    def running_std(self) -> Tensor:
        """1 / sqrt(running_var + eps), which old files have in the place of `running_var`."""
        return self.running_var.clone().add(self.eps).pow(-0.5)

    @running_std.setter
    def running_std(self, value: Tensor) -> None:
        self.running_var = value.clone().pow(-2).add(-self.eps)

    def __tostring__(self) -> str:
        """The number of a batch's dimensions, and that of the features."""
        return f"{type_name(self)} ({self.nDim}D) ({self.running_mean.nElement()})"


class SpatialBatchNormalization(BatchNormalization):
    """BatchNormalization of each plane of (batch, nOutput, height, width)."""

    nDim = 4


class VolumetricBatchNormalization(BatchNormalization):
    """BatchNormalization of each plane of (batch, nOutput, time, height, width)."""

    nDim = 5

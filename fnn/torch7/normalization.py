"""nn's normalisations: over a batch, over neighbouring planes, and over neighbours in space."""

from collections.abc import Callable, Hashable
from functools import partial
from typing import Any, ClassVar, Self

import jax.numpy as jnp
import numpy as np
from jax import Array

from fnn.errors import describe, require
from fnn.local_norm import contrastive_norm, divisive_norm, local_response_norm, subtractive_norm
from fnn.norm import batch_norm, batch_norm_init, batch_norm_state
from fnn.torch7.counting import whole
from fnn.torch7.module import Module
from fnn.torch7.passing import type_name
from fnn.torch7.tensor import Tensor

__all__ = [
    "BatchNormalization",
    "SpatialBatchNormalization",
    "SpatialContrastiveNormalization",
    "SpatialCrossMapLRN",
    "SpatialDivisiveNormalization",
    "SpatialSubtractiveNormalization",
    "VolumetricBatchNormalization",
]

Kernel = tuple[Any, ...]


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
    require(
        x.ndim == rank or (x.ndim == rank - 1 and not train),
        "BatchNormalization",
        f"x {describe(x)}" + " in training" * train,
        f"{rank} axes, as only mini-batches are supported",
        "a single example can be normalised after evaluate() only",
    )
    x = x if x.ndim == rank else x[None]
    return batch_norm(params, state, x, train=train and len(x) > 1, eps=eps, momentum=momentum)


batch_norm_of_rank_init, batch_norm_of_rank_state = batch_norm_init, batch_norm_state


def of_planes(norm: Callable[[Array], Array], x: Array, planes: int | None) -> Array:
    """A normalisation of batches, for one example too."""
    require(
        x.ndim in (3, 4) and planes in (None, x.shape[-3]),
        "normalisation",
        f"x {describe(x)}",
        f"([batch,] {planes or 'planes'}, height, width)",
        "the module was made for another number of planes",
    )
    return norm(x) if x.ndim == 4 else norm(x[None])[0]


def cross_map_norm(x: Array, *, size: int, alpha: float, beta: float, k: float) -> Array:
    """`local_response_norm`."""
    norm = partial(local_response_norm, size=size, alpha=alpha, beta=beta, k=k)
    return of_planes(norm, x, None)


def subtractive(x: Array, *, planes: int, kernel: Kernel) -> Array:
    """`subtractive_norm`."""
    return of_planes(partial(subtractive_norm, kernel=jnp.array(kernel, x.dtype)), x, planes)


def divisive(x: Array, *, planes: int, kernel: Kernel, threshold: float, below: float) -> Array:
    """`divisive_norm`."""
    weights = jnp.array(kernel, x.dtype)
    norm = partial(divisive_norm, kernel=weights, threshold=threshold, below=below)
    return of_planes(norm, x, planes)


def contrastive(x: Array, *, planes: int, kernel: Kernel, threshold: float, below: float) -> Array:
    """`contrastive_norm`."""
    weights = jnp.array(kernel, x.dtype)
    norm = partial(contrastive_norm, kernel=weights, threshold=threshold, below=below)
    return of_planes(norm, x, planes)


class BatchNormalization(Module):
    """weight (x - mean) / sqrt(variance + eps) + bias, for each feature of (batch, nOutput).

    In training mean and variance are the batch's, and have the weight `momentum` in `running_mean`
    and `running_var`, which are used otherwise, and for a batch of one example.
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


class SpatialCrossMapLRN(Module):
    """x / (k + alpha / size sum x^2)^beta, a sum over the `size` planes around each."""

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1):
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k
        self.derive(cross_map_norm)

    def _hyper(self) -> dict[str, Hashable]:
        return {"size": whole(self.size), "alpha": self.alpha, "beta": self.beta, "k": self.k}


class LocalNormalization(Module):
    """A kernel weighs the neighbours in space, of all planes: a matrix, or the factor of one.

    The given tensor itself is divided by its sum times the number of planes, as in Torch7.
    """

    function: ClassVar[Callable]

    def _local(self, nInputPlane: int, kernel: Tensor | None, power: float = 1) -> None:
        """Set the fields, and be the pure layer; `power` is that of the planes for a factor."""
        self.nInputPlane = 1 if nInputPlane is None else nInputPlane
        self.kernel = Tensor(9, 9).fill(1) if kernel is None else kernel
        size = self.kernel.geometry.size
        require(
            len(size) in (1, 2) and all(n % 2 for n in size),
            type_name(self),
            f"a kernel of size {list(size)}",
            "1 or 2 dimensions of odd size",
            "a kernel of even size has no middle",
        )
        planes = self.nInputPlane ** (power if len(size) == 1 else 1)
        self.kernel.div(self.kernel.sum() * planes)
        weights = np.asarray(self.kernel).tolist()
        fixed = tuple(map(tuple, weights)) if len(size) == 2 else tuple(weights)
        self.derive(type(self).function, planes=self.nInputPlane, kernel=fixed)


class SpatialSubtractiveNormalization(LocalNormalization):
    """Subtracts the mean of the neighbours."""

    function = subtractive

    def __init__(self, nInputPlane: int = 1, kernel: Tensor | None = None):
        self._local(nInputPlane, kernel)


class SpatialDivisiveNormalization(LocalNormalization):
    """Divides by the neighbours' root mean square, or by `thresval` if it is below `threshold`."""

    function = divisive

    def __init__(
        self,
        nInputPlane: int = 1,
        kernel: Tensor | None = None,
        threshold: float | None = None,
        thresval: float | None = None,
    ):
        self.threshold = 1e-4 if threshold is None else threshold
        self.thresval = self.threshold if thresval is None else thresval
        self._local(nInputPlane, kernel, 0.5)

    def _hyper(self) -> dict[str, Hashable]:
        return {"threshold": self.threshold, "below": self.thresval}


class SpatialContrastiveNormalization(SpatialDivisiveNormalization):
    """SpatialSubtractiveNormalization, then SpatialDivisiveNormalization."""

    function = contrastive

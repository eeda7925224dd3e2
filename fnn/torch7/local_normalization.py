"""nn's normalisations by neighbours: planes, or places in space."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import partial
from math import prod
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
from jax import Array

from fnn.errors import describe, require
from fnn.local_norm import contrastive_norm, divisive_norm, local_response_norm, subtractive_norm
from fnn.torch7.arithmetic import Sqrt, Square
from fnn.torch7.connecting import SpatialConvolutionMap
from fnn.torch7.connections import oneToOne
from fnn.torch7.containers import Sequential
from fnn.torch7.convolution import SpatialConvolution
from fnn.torch7.counting import whole
from fnn.torch7.module import Module
from fnn.torch7.passing import type_name
from fnn.torch7.reshaping import Replicate
from fnn.torch7.resizing import SpatialZeroPadding
from fnn.torch7.table_functions import CDivTable, CSubTable
from fnn.torch7.tensor import Tensor
from fnn.torch7.transfer import Threshold

__all__ = [
    "SpatialContrastiveNormalization",
    "SpatialCrossMapLRN",
    "SpatialDivisiveNormalization",
    "SpatialSubtractiveNormalization",
]

Kernel = tuple[Any, ...]


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


class SpatialCrossMapLRN(Module):
    """x / (k + alpha / size sum x^2)^beta, a sum over the `size` planes around each."""

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1):
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k
        self.derive(cross_map_norm)

    def _hyper(self) -> dict[str, Hashable]:
        return {"size": whole(self.size), "alpha": self.alpha, "beta": self.beta, "k": self.k}


class LocalNormalization(Module):
    """A kernel weighs the neighbours in space, of all planes: a matrix, or the factor of one.

    The given tensor itself is divided by its sum times the number of planes, as in Torch7. There
    the networks in the fields compute; here they are for whoever looks at them, and for files.
    """

    function: ClassVar[Callable]

    def _local(self, nInputPlane: int, kernel: Tensor | None) -> None:
        """Set the fields, and be the pure layer."""
        self.nInputPlane = nInputPlane
        self.kernel = Tensor(9, 9).fill(1) if kernel is None else kernel
        size = self.kernel.geometry.size
        require(
            len(size) in (1, 2) and all(n % 2 for n in size),
            type_name(self),
            f"a kernel of size {list(size)}",
            "1 or 2 dimensions of odd size",
            "a kernel of even size has no middle",
        )
        self._add_networks()
        weights = np.asarray(self.kernel).tolist()
        fixed = tuple(map(tuple, weights)) if len(size) == 2 else tuple(weights)
        self.derive(type(self).function, planes=self.nInputPlane, kernel=fixed)

    def _normalise(self, power: float) -> None:
        """Divide the kernel; `power` is that of the planes for a factor."""
        planes = self.nInputPlane ** (power if self.kernel.dim() == 1 else 1)
        self.kernel.div(self.kernel.sum() * planes)

    def _add_networks(self) -> None:
        """Normalise the kernel, and make networks of it, which draw and then drop weights."""
        raise NotImplementedError  # by hand, as in Shell

    def _estimator(self, *before: Module) -> Sequential:
        """A network for the mean over the neighbours, of what modules `before` make."""
        size, planes = self.kernel.geometry.size, self.nInputPlane
        height, width = size if len(size) == 2 else size * 2
        if len(size) == 2:
            layers = [SpatialConvolution(planes, 1, width, height)]
        else:
            along = SpatialConvolutionMap(oneToOne(planes), width, 1)
            layers = [along, SpatialConvolution(planes, 1, 1, height)]
        for layer in layers:
            layer.weight.copy(self.kernel.contiguous().view(1, -1).expand(planes, prod(size)))
            layer.bias.zero()
        pad = SpatialZeroPadding(width // 2, width // 2, height // 2, height // 2)
        net = Sequential()
        for module in (*before, pad, *layers, Replicate(planes, 1, 3)):
            net.add(module)
        return net


class SpatialSubtractiveNormalization(LocalNormalization):
    """Subtracts the mean of the neighbours."""

    function = subtractive

    def __init__(self, nInputPlane: int = 1, kernel: Tensor | None = None):
        self._local(nInputPlane, kernel)

    def _add_networks(self) -> None:
        self._normalise(1)
        self.meanestimator = self._estimator()
        self.subtractor, self.divider = CSubTable(), CDivTable()
        self.coef = Tensor(1, 1, 1)


class WithThreshold(LocalNormalization):
    """A divisor is `thresval` if it is below `threshold`."""

    def __init__(
        self,
        nInputPlane: int = 1,
        kernel: Tensor | None = None,
        threshold: float = 1e-4,
        thresval: float | None = None,
    ):
        self.threshold = threshold
        self.thresval = threshold if thresval is None else thresval
        self._local(nInputPlane, kernel)

    def _hyper(self) -> dict[str, Hashable]:
        return {"threshold": self.threshold, "below": self.thresval}


class SpatialDivisiveNormalization(WithThreshold):
    """Divides by the neighbours' root mean square, or by `thresval` if it is below `threshold`."""

    function = divisive

    def _add_networks(self) -> None:
        self._normalise(0.5)
        self.meanestimator = self._estimator()
        self.stdestimator = self._estimator(Square()).add(Sqrt())
        self.normalizer, self.divider = CDivTable(), CDivTable()
        self.thresholder = Threshold(self.threshold, self.thresval)
        self.coef = Tensor(1, 1, 1)


class SpatialContrastiveNormalization(WithThreshold):
    """SpatialSubtractiveNormalization, then SpatialDivisiveNormalization."""

    function = contrastive
    reads_input = False

    def _add_networks(self) -> None:
        shared, bounds = (self.nInputPlane, self.kernel), (self.threshold, self.thresval)
        self.normalizer = Sequential().add(SpatialSubtractiveNormalization(*shared))
        self.normalizer.add(SpatialDivisiveNormalization(*shared, *bounds))

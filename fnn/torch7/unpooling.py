"""nn's unpoolings: maxima are put back where a pooling took them from."""

from collections.abc import Hashable
from typing import Any, ClassVar

import jax.numpy as jnp
from jax import Array

from fnn.errors import require
from fnn.layer import Applicable
from fnn.pool import max_unpool
from fnn.torch7.module import Module
from fnn.torch7.passing import as_input, type_name
from fnn.torch7.pooling import Emptied, MaxPooling, SpatialMaxPooling, VolumetricMaxPooling
from fnn.torch7.tensor import Tensor

__all__ = ["SpatialMaxUnpooling", "VolumetricMaxUnpooling"]


class Accompanied(Module):
    """A layer with a second input, which the module gives it: containers call the module itself."""

    reads_input = False

    def _companion(self, x: Tensor) -> Tensor:
        """The second input."""
        raise NotImplementedError  # by hand, as in Shell

    def updateOutput(self, input: Any) -> Any:
        """Compute `output`."""
        x = as_input(input)
        return super().updateOutput([x, self._companion(x)])

    def _hold_gradient(self, value: Any) -> Any:
        return super()._hold_gradient(value[0])


class MaxUnpooling(Accompanied, Emptied):
    """Each element at the place of its maximum in a space of the pooling's size; else zero."""

    pools: ClassVar[type[MaxPooling]]
    sizes: ClassVar[tuple[str, ...]] = ("height", "width")

    def __init__(self, pooling: MaxPooling):
        require(
            type(pooling) is self.pools,
            type_name(self),
            str(pooling),
            f"an nn.{self.pools.__name__}",
            "the pooling itself is wanted, not a module around it or derived from it",
        )
        require(
            pooling._each("k") == pooling._each("d"),
            type_name(self),
            str(pooling),
            "a pooling whose stride is the size of its windows",
            "windows that overlap can have the same maximum",
        )
        self.pooling = pooling
        self.derive(unpool)

    def _find_layer(self) -> Applicable | None:
        return None

    def _find_fused(self, *_: Any) -> Applicable | None:
        return self._as_set(self._derived) if self._derived is not None else None

    def _hyper(self) -> dict[str, Hashable]:
        return {"size": tuple(getattr(self, f"o{name}") for name in self.sizes)}

    def setParams(self) -> None:
        """Take the size from the pooling."""
        for name in self.sizes:
            size = getattr(self.pooling, f"i{name}")
            if getattr(self, f"o{name}", None) != size:  # or it would count as a new setting
                setattr(self, f"o{name}", size)

    @property
    def indices(self) -> Tensor:
        """Where the maxima were: the pooling's `indices`."""
        return self.pooling.indices

    @indices.setter
    def indices(self, value: Tensor) -> None:
        self.pooling.indices = value

    def _companion(self, x: Tensor) -> Tensor:
        self.setParams()
        return self.indices

    def __tostring__(self) -> str:
        """The pooling."""
        return f"{type_name(self)} associated to {self.pooling}"


class SpatialMaxUnpooling(MaxUnpooling):
    """Elements back at the places of an nn.SpatialMaxPooling's maxima."""

    pools = SpatialMaxPooling


class VolumetricMaxUnpooling(MaxUnpooling):
    """Elements back at the places of an nn.VolumetricMaxPooling's maxima."""

    pools = VolumetricMaxPooling
    sizes = ("time", *MaxUnpooling.sizes)


def unpool(x: Array, indices: Array, *, size: tuple[int, ...]) -> Array:
    """`max_unpool`, with indices that count from 1."""
    return max_unpool(x, (indices - 1).astype(jnp.int32), size=size)

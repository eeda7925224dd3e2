"""A row of the table."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

NOTHING: Mapping[str, Any] = MappingProxyType({})


class Example(NamedTuple):
    """A layer and what exercises it.

    hyper   its keyword-only arguments, `train` among them
    sizes   axes that must not be drawn: {"features": 6, "*space": (5, 4), "...": (2,)}
    ranges  bounds of the uniform draw for an argument or an entry of a dict: {"variance": (0.5, 2)}
            instead of (-1, 1), {"indices": (0, 7)} instead of (0, 3), where 7 and 3 are excluded
    differentiable  whether its gradient is the derivative; else another test has its gradient
    """

    apply: Callable
    hyper: Mapping[str, Any] = NOTHING
    sizes: Mapping[str, int | tuple[int, ...]] = NOTHING
    ranges: Mapping[str, tuple[float, float]] = NOTHING
    differentiable: bool = True

    @property
    def label(self) -> str:
        """The layer and its hyperparameters: the name of its tests."""
        return "-".join([self.apply.__name__, *(f"{k}={v}" for k, v in self.hyper.items())])

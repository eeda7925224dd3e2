"""The classes of objects, by the names that files have for them."""

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from fnn.torch7.criterion import Criterion
from fnn.torch7.module import Module

PACKAGES = ("torch", "nn", "nngraph", "graph", "optim")
STAND_INS = {
    "nn.SpatialConvolutionMM": "nn.SpatialConvolution",
    "nn.SpatialConvolutionCUDA": "nn.SpatialConvolution",
    "nn.VolumetricConvolutionMM": "nn.VolumetricConvolution",
}
"""Classes of old files, and those that compute the same."""


def class_named(name: str) -> type | None:
    """The class of this name, or the one that computes the same: `nn.ReLU` for `cudnn.ReLU`."""
    for known in (name, STAND_INS.get(name), name.replace("cudnn.", "nn.", 1)):
        if known and (found := _own(known) or _of_users(known)):
            return found
    return None


def name_of_class(cls: type) -> str:
    """What a class is called in files."""
    return getattr(cls, "typename", f"nn.{cls.__name__}")


def is_own(cls: type) -> bool:
    """Whether a class is one of fnn's, not of a user's."""
    return cls.__module__.partition(".")[0] == "fnn"


def part(module: str, name: str) -> Any:
    """Something in another file of this package, if there is such a file."""
    return getattr(_package(module), name, None)


def _own(name: str) -> type | None:
    package, _, own = name.partition(".")
    found = part(package, own) if package in PACKAGES else None
    return found if isinstance(found, type) and name_of_class(found) == name else None


@cache
def _package(name: str) -> Any:
    path = "fnn.torch7" if name == "torch" else f"fnn.torch7.{name}"
    return import_module(path) if find_spec(path) else None


def _of_users(name: str) -> type | None:
    """The last class of this name that a user has made."""
    found = [cls for base in (Module, Criterion) for cls in _below(base)]
    return next((c for c in reversed(found) if name_of_class(c) == name and not is_own(c)), None)


def _below(cls: type) -> Iterator[type]:
    for inner in cls.__subclasses__():
        yield inner
        yield from _below(inner)

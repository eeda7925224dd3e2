"""The one calling convention: a layer is a function that asks for what it needs by name.

    params  its parameters, a plain dict    state  its running statistics; returned after the output
    key     a random key                    train  whether this is training, a Python bool

`params` and `state` come first, then the inputs, then `key`; `train` and the hyperparameters are
keyword-only, hashable and static. Beside a layer `conv` stand `conv_init(key, *sizes, **options)`,
which makes its parameters, and where it has statistics `conv_state(*sizes)`.
"""

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, cached_property
from inspect import Parameter, Signature, signature
from typing import Any, NamedTuple

from jax import Array

from fnn.errors import LayerError

FIRST, LAST = ("params", "state"), ("key", "train")
RESERVED = FIRST + LAST


class Names(NamedTuple):
    """What a signature asks for: reserved names, inputs and hyperparameters."""

    reserved: frozenset[str]
    inputs: tuple[Parameter, ...]
    hyper: tuple[str, ...]


@cache
def names(apply: Callable) -> Names:
    """Read the signature of a layer."""
    found = signature(apply).parameters
    inputs = tuple(
        p for n, p in found.items() if n not in RESERVED and p.kind is not Parameter.KEYWORD_ONLY
    )
    hyper = tuple(
        n for n, p in found.items() if n not in RESERVED and p.kind is Parameter.KEYWORD_ONLY
    )
    return Names(frozenset(RESERVED).intersection(found), inputs, hyper)


class Given(NamedTuple):
    """A value for each reserved name; a layer takes the ones that it asks for."""

    params: Any = None
    state: Any = None
    key: Array | None = None
    train: bool = False


class Applicable(ABC):
    """What layers and networks share: they are called by the convention, and can be introspected.

    A subclass says what it needs (`reserved`, `inputs`), begins (`init`, `initial_state`) and
    `fill`s a call with values of all reserved names, giving the output and the state after it.
    """

    @cached_property
    @abstractmethod
    def reserved(self) -> frozenset[str]:
        """The reserved names that a call needs values for."""

    @property
    @abstractmethod
    def inputs(self) -> tuple[Parameter, ...]:
        """The inputs of a call."""

    @abstractmethod
    def init(self, key: Array) -> dict[str, Any]:
        """Fresh parameters."""

    @abstractmethod
    def initial_state(self) -> dict[str, Any]:
        """The state before any example was seen."""

    @abstractmethod
    def fill(self, given: Given, *inputs: Any) -> tuple[Any, Any]:
        """The output for `inputs`, and the state after it."""

    @cached_property
    def __signature__(self) -> Signature:
        kind = Parameter.POSITIONAL_OR_KEYWORD
        first = [Parameter(n, kind) for n in FIRST if n in self.reserved]
        last = [
            Parameter(n, Parameter.KEYWORD_ONLY if n == "train" else kind)
            for n in LAST
            if n in self.reserved
        ]
        inputs = [p.replace(annotation=Parameter.empty) for p in self.inputs]
        if any(p.kind is Parameter.VAR_POSITIONAL or p.default is not p.empty for p in inputs):
            last = [p.replace(kind=Parameter.KEYWORD_ONLY) for p in last]
        return Signature(first + inputs + last)

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        """The output; with `state`, the output and the state after it."""
        bound = self.__signature__.bind(*args, **keywords)
        given = Given(**{n: bound.arguments[n] for n in RESERVED if n in self.reserved})
        inputs: list[Any] = []
        for p in self.inputs:
            found = bound.arguments.get(p.name, ())
            if p.kind is Parameter.VAR_POSITIONAL:
                inputs += found
            elif p.name in bound.arguments:
                inputs.append(found)
        output, state = self.fill(given, *inputs)
        return (output, state) if "state" in self.reserved else output


@dataclass(frozen=True, repr=False)
class Layer(Applicable):
    """A function with its hyperparameters and its sizes: a hashable value that names a program."""

    function: Callable
    sizes: tuple[Hashable, ...] = ()
    hyper: tuple[tuple[str, Hashable], ...] = ()
    options: tuple[tuple[str, Hashable], ...] = ()

    @cached_property
    def reserved(self) -> frozenset[str]:
        """The reserved names that the function asks for."""
        return names(self.function).reserved

    @property
    def inputs(self) -> tuple[Parameter, ...]:
        """The function's inputs."""
        return names(self.function).inputs

    def init(self, key: Array) -> dict[str, Any]:
        """Fresh parameters, by the `_init` function beside the layer."""
        begin = beside(self.function, "_init")
        return begin(key, *self.sizes, **dict(self.options)) if begin else {}

    def initial_state(self) -> dict[str, Any]:
        """Fresh statistics, by the `_state` function beside the layer."""
        begin = beside(self.function, "_state")
        return begin(*self.sizes) if begin else {}

    def fill(self, given: Given, *inputs: Any) -> tuple[Any, Any]:
        """Call the function with what it asks for."""
        wanted = self.reserved
        first = [getattr(given, n) for n in FIRST if n in wanted]
        last = {n: getattr(given, n) for n in LAST if n in wanted}
        output = self.function(*first, *inputs, **last, **dict(self.hyper))
        return output if "state" in wanted else (output, given.state)

    def __repr__(self) -> str:
        keywords = {**dict(self.hyper), **dict(self.options)}
        arguments = [repr(s) for s in self.sizes] + [f"{n}={v!r}" for n, v in keywords.items()]
        return f"{self.function.__name__}({', '.join(arguments)})"


def beside(function: Callable, suffix: str) -> Callable | None:
    """The function that stands beside a layer under its name and a suffix, if there is one."""
    return getattr(sys.modules[function.__module__], function.__name__ + suffix, None)


def layer(function: Callable, *sizes: Hashable, **keywords: Hashable) -> Layer:
    """A layer for a network: a function, the sizes of its parameters, and its hyperparameters.

    A keyword belongs to the function, to its `_init`, or to both (`groups` of a convolution).

    >>> from fnn.linear import linear
    >>> layer(linear, 3, 4, bias=False)
    linear(3, 4, bias=False)
    """
    begin = beside(function, "_init")
    options = names(begin).hyper if begin else ()
    hyper = names(function).hyper
    if sizes and begin is None:
        raise LayerError(f"{function.__name__} has no parameters, so it takes no sizes: {sizes}")
    for name in keywords:
        if name not in hyper and name not in options:
            known = sorted({*hyper, *options})
            close = get_close_matches(name, known, 1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise LayerError(
                f"{function.__name__} has no hyperparameter {name!r}{hint}"
                f"\nit takes: {', '.join(known) or 'none'}"
            )
    return Layer(
        function,
        sizes,
        tuple((n, v) for n, v in keywords.items() if n in hyper),
        tuple((n, v) for n, v in keywords.items() if n in options),
    )

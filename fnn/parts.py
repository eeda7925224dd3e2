"""Networks whose layers see parts of the input: each of several, slices, or leading axes as one."""

from collections.abc import Callable
from dataclasses import dataclass
from inspect import Parameter
from math import prod
from typing import Any

import jax

from fnn.compose import Around, Parallel, Serial, as_layer
from fnn.errors import describe, locate, require
from fnn.layer import Applicable, Given


def together(*xs: Any) -> tuple[Any, ...]:
    """The inputs, in a tuple."""
    return xs


def everywhere(*xs: Any, count: int) -> tuple[tuple[Any, ...], ...]:
    """All inputs for each of `count` layers."""
    return (xs,) * count


@dataclass(frozen=True, repr=False)
class Each(Around):
    """A layer on each of its inputs: the outputs in a tuple."""

    @property
    def inputs(self) -> tuple[Parameter, ...]:
        """Any number."""
        return as_layer(together).inputs

    def at(self, place: int) -> Applicable:
        """The layer, as the one for a certain input."""
        return self.layer

    def fill(self, given: Given, *inputs: Any) -> tuple[Any, Any]:
        """Call the layer on one input after the other."""
        outputs, state = [], given.state
        for i, x in enumerate(inputs):
            key = None if given.key is None else jax.random.fold_in(given.key, i)
            parts = x if isinstance(x, tuple) else (x,)
            try:
                y, state = self.at(i).fill(given._replace(key=key, state=state), *parts)
            except (TypeError, ValueError, KeyError) as error:
                locate(error, str(i), self.layer, parts)
                raise
            outputs.append(y)
        return tuple(outputs), state


@dataclass(frozen=True, repr=False)
class Between(Parallel):
    """Each on its own part of the input: `before` makes the parts, `after` joins the outputs.

    Where there are fewer parts than children, only so many of them run.
    """

    before: Callable = together
    after: Callable = together

    @property
    def inputs(self) -> tuple[Parameter, ...]:
        """The inputs of `before`."""
        return as_layer(self.before).inputs

    def wire(self, run: Callable, *inputs: Any) -> Any:
        """Part, run and join."""
        parts = self.before(*inputs)
        return self.after(*Parallel(self.children[: len(parts)]).wire(run, *parts))


@dataclass(frozen=True, repr=False)
class Flattened(Serial):
    """A chain of rows: the last `axes` axes of the input are one to it, and are parted again.

    The first of them gets what the chain makes of a row's length.
    """

    axes: int = 1

    def wire(self, run: Callable, *inputs: Any) -> Any:
        """Join the axes of each example, and part them again; without a batch, there is one."""
        (x,) = inputs
        lead = x.shape[: x.ndim - self.axes]
        y = super().wire(run, x.reshape(*(lead or (1,)), -1))
        return y.reshape(*lead, -1, *x.shape[len(lead) + 1 :])


@dataclass(frozen=True, repr=False)
class Bottled(Serial):
    """A chain that sees leading axes as one, where the input has more axes than it takes.

    The chain takes `axes` axes and gives `outputs`; the first of each is the one that was joined.
    """

    axes: int = 2
    outputs: int = 2

    def wire(self, run: Callable, *inputs: Any) -> Any:
        """Join the leading axes, and part them again."""
        (x,) = inputs
        extra = x.ndim - self.axes
        if extra <= 0:
            return super().wire(run, x)
        y = super().wire(run, x.reshape(-1, *x.shape[extra + 1 :]))
        require(
            y.ndim == self.outputs,
            "bottled",
            f"an output of {y.ndim} axes {describe(y)}",
            f"one of {self.outputs} axes",
            "the layer inside changes the number of axes: say how many its output has",
        )
        lead = x.shape[:extra]
        return y.reshape(*lead, y.shape[0] // prod(lead), *y.shape[1:])

"""Networks: layers wired together, which are layers again.

A network's parameters are a dict with an entry for each child that has some, so that every array
has a path: `params["0"]["weight"]`. One key goes in; each child's key is folded in by its name.

>>> import jax, fnn
>>> net = serial(layer(fnn.linear, 3, 8), fnn.relu, layer(fnn.linear, 8, 2))
>>> params = net.init(jax.random.key(0))
>>> net(params, jax.numpy.ones((5, 3))).shape
(5, 2)
"""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from inspect import Parameter
from typing import Any
from zlib import crc32

import jax
import jax.numpy as jnp
from jax import Array, lax

from fnn.errors import describe, locate, require
from fnn.layer import Applicable, Given, Layer, layer

__all__ = ["Network", "branch", "layer", "parallel", "repeat", "residual", "serial"]


def as_layer(function: Callable) -> Applicable:
    """A plain function is a layer without hyperparameters."""
    return function if isinstance(function, Applicable) else Layer(function)


def fold(key: Array, name: str) -> Array:
    """The key of the child called `name`."""
    return jax.random.fold_in(key, crc32(name.encode()))


@dataclass(frozen=True, repr=False)
class Network(Applicable):
    """Named children; a subclass wires them."""

    children: tuple[tuple[str, Applicable], ...]

    @cached_property
    def reserved(self) -> frozenset[str]:
        """Whatever any child asks for."""
        return frozenset().union(*(child.reserved for _, child in self.children))

    @property
    def inputs(self) -> tuple[Parameter, ...]:
        """The inputs of the first child."""
        return self.children[0][1].inputs if self.children else (X,)

    def init(self, key: Array) -> dict[str, Any]:
        """Fresh parameters for each child that has some."""
        return {
            name: child.init(fold(key, name))
            for name, child in self.children
            if "params" in child.reserved
        }

    def initial_state(self) -> dict[str, Any]:
        """Fresh state for each child that has some."""
        return {n: child.initial_state() for n, child in self.children if "state" in child.reserved}

    def fill(self, given: Given, *inputs: Any) -> tuple[Any, Any]:
        """Run the children as wired, and gather their states."""
        states = dict(given.state or ())  # those of children that are not run stay

        def run(name: str, child: Applicable, *inputs: Any) -> Any:
            wants = child.reserved
            own = Given(
                given.params[name] if "params" in wants else None,
                given.state[name] if "state" in wants else None,
                None if given.key is None or "key" not in wants else fold(given.key, name),
                given.train,
            )
            try:
                with jax.named_scope(name):  # so that a program's equations know their layer
                    output, state = child.fill(own, *inputs)
            except (TypeError, ValueError, KeyError) as error:
                locate(error, name, child, inputs)
                raise
            if "state" in wants:
                states[name] = state
            return output

        return self.wire(run, *inputs), states

    @abstractmethod
    def wire(self, run: Callable, *inputs: Any) -> Any:
        """Pass `inputs` through the children by `run(name, child, *inputs)`."""

    def __repr__(self) -> str:
        inner = "".join(f"\n({name}): {child!r}" for name, child in self.children)
        return f"{type(self).__name__.lower()}({inner.replace(chr(10), chr(10) + '  ')}\n)"


@dataclass(frozen=True, repr=False)
class Around(Applicable):
    """Another layer, called in a way of its own."""

    layer: Applicable

    @cached_property
    def reserved(self) -> frozenset[str]:
        """What the layer asks for."""
        return self.layer.reserved

    @property
    def inputs(self) -> tuple[Parameter, ...]:
        """The layer's inputs."""
        return self.layer.inputs

    def init(self, key: Array) -> dict[str, Any]:
        """Fresh parameters."""
        return self.layer.init(key)

    def initial_state(self) -> dict[str, Any]:
        """Fresh state."""
        return self.layer.initial_state()

    def __repr__(self) -> str:
        return repr(self.layer)


@dataclass(frozen=True, repr=False)
class Mode(Around):
    """A layer that is always in training, or never, whatever the network around it is in."""

    train: bool

    def fill(self, given: Given, *inputs: Any) -> tuple[Any, Any]:
        """Call the layer in its mode."""
        return self.layer.fill(given._replace(train=self.train), *inputs)


X = Parameter("x", Parameter.POSITIONAL_OR_KEYWORD)


class Serial(Network):
    """One after the other; a tuple of outputs becomes the next child's inputs."""

    def wire(self, run: Callable, *inputs: Any) -> Any:
        """Chain the children."""
        x = inputs if len(inputs) != 1 else inputs[0]
        for name, child in self.children:
            y = run(name, child, *(x if isinstance(x, tuple) else (x,)))
            # A tuple of one goes in as a single input, which must not come out of it instead.
            x = (y,) if isinstance(x, tuple) and len(x) == 1 and passes_on(child) else y
        return x


def passes_on(child: Any) -> bool:
    """Whether a layer has no step in it, and gives what it is given."""
    return isinstance(child, Serial) and all(passes_on(step) for _, step in child.children)


class Parallel(Network):
    """Each on its own input."""

    @property
    def inputs(self) -> tuple[Parameter, ...]:
        """One for each child."""
        return tuple(X.replace(name=f"x{i}") for i in range(len(self.children)))

    def wire(self, run: Callable, *inputs: Any) -> Any:
        """Pair children with inputs."""
        require(
            len(inputs) == len(self.children),
            "parallel",
            f"{len(inputs)} inputs {describe(inputs)}",
            f"{len(self.children)}, one for each child",
            "an input is missing, or the children were meant to share one: then use branch",
        )
        pairs = zip(self.children, inputs, strict=True)
        return tuple(
            run(name, child, *(x if isinstance(x, tuple) else (x,))) for (name, child), x in pairs
        )


class Branch(Network):
    """All on the same input."""

    def wire(self, run: Callable, *inputs: Any) -> Any:
        """Give every child all inputs."""
        return tuple(run(name, child, *inputs) for name, child in self.children)


class Residual(Network):
    """The input, or a shortcut of it, added to the body's output."""

    def wire(self, run: Callable, *inputs: Any) -> Any:
        """Add the two ways."""
        (name, body), *shortcut = self.children
        (x,) = inputs
        y = run(name, body, x)
        around = run(*shortcut[0], x) if shortcut else x
        require(
            y.shape == around.shape,
            "residual",
            f"body output {describe(y)} and shortcut {describe(around)}",
            "equal shapes",
            "the body changes the width or the size: give a shortcut layer that does the same",
        )
        return around + y


@dataclass(frozen=True, repr=False)
class Repeat(Network):
    """Equal layers one after the other: a scan over parameters stacked along a new first axis."""

    times: int = 1

    def init(self, key: Array) -> dict[str, Any]:
        """Parameters of all layers, stacked."""
        return jax.vmap(super().init)(jax.random.split(key, self.times))

    def initial_state(self) -> dict[str, Any]:
        """States of all layers, stacked."""
        state = super().initial_state()
        return jax.tree.map(lambda s: jnp.stack([s] * self.times), state)

    def fill(self, given: Given, *inputs: Any) -> tuple[Any, Any]:
        """Scan over the layers."""
        keys = None if given.key is None else jax.random.split(given.key, self.times)
        run = super().fill

        def body(x: Any, each: tuple[Any, Any, Any]) -> tuple[Any, Any]:
            return run(Given(*each, given.train), *(x if isinstance(x, tuple) else (x,)))

        x = inputs if len(inputs) != 1 else inputs[0]
        return lax.scan(body, x, (given.params, given.state, keys), length=self.times)

    def wire(self, run: Callable, *inputs: Any) -> Any:
        """One layer."""
        return run(*self.children[0], *inputs)


def children(layers: tuple[Callable, ...], named: dict[str, Callable]) -> tuple:
    """Positional children are called by their positions, counting from 0."""
    numbered = {str(i): child for i, child in enumerate(layers)}
    return tuple((name, as_layer(child)) for name, child in {**numbered, **named}.items())


def serial(*layers: Callable, **named: Callable) -> Serial:
    """Layers one after the other. Children given by keyword are called by that name."""
    return Serial(children(layers, named))


def parallel(*layers: Callable, **named: Callable) -> Parallel:
    """Each layer on its own input; the outputs in a tuple."""
    return Parallel(children(layers, named))


def branch(*layers: Callable, **named: Callable) -> Branch:
    """All layers on the same input; the outputs in a tuple."""
    return Branch(children(layers, named))


def residual(body: Callable, shortcut: Callable | None = None) -> Residual:
    """`x + body(x)`, or `shortcut(x) + body(x)`."""
    return Residual(children((), {"body": body} | ({"shortcut": shortcut} if shortcut else {})))


def repeat(body: Callable, times: int) -> Repeat:
    """`times` layers equal to `body` but for their parameters, compiled once, as a scan."""
    return Repeat(children((), {"layer": body}), times)

"""What happened inside a network that ran as one program, computed when somebody asks."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from fnn.compose import Around, Mode, Network
from fnn.layer import Applicable, Given
from fnn.parts import Each
from fnn.tensor.gradient import Filled, Operands, differentiable

Path = tuple[str, ...]


@dataclass(frozen=True, eq=False, repr=False)
class Tap(Around):
    """A layer whose calls are shown to `visit`, and so are those of the layers in it."""

    path: Path
    visit: Callable

    def fill(self, given: Given, *inputs: Any) -> tuple[Any, Any]:
        """Call the layer under the visitor's eyes."""
        return self.visit(self.path, self.layer, given, inputs)


@dataclass(frozen=True, eq=False, repr=False)
class TapEach(Each):
    """A layer on each input, every time under a name of its own."""

    path: Path
    visit: Callable

    def at(self, place: int) -> Applicable:
        """The layer for a certain input."""
        return tapped(self.layer, self.visit, (*self.path, str(place)))


def tapped(layer: Applicable, visit: Callable, path: Path = ()) -> Applicable:
    """A network whose every layer is tapped."""
    if isinstance(layer, Mode):
        return replace(layer, layer=tapped(layer.layer, visit, path))
    if isinstance(layer, Network):
        children = tuple((n, tapped(c, visit, (*path, n))) for n, c in layer.children)
        layer = replace(layer, children=children)
    elif isinstance(layer, Each):
        layer = TapEach(layer.layer, path, visit)
    return Tap(layer, path, visit) if path else layer


def replay(
    operands: Operands, cotangents: Operands | None, *, filled: Filled
) -> tuple[dict[Path, Any], dict[Path, Any]]:
    """The outputs of all layers inside a network, and with `cotangents` their inputs' gradients.

    The gradient by a layer's inputs is that by zeros added to them.
    """
    params, state, key, *inputs = operands.values
    layer = filled.layer
    key = None if key is None else jax.random.wrap_key_data(key)
    given = Given(params, state, key, filled.train)

    def run(nudges: dict[Path, Any] | None) -> tuple[list[Array], tuple[dict, dict]]:
        outputs, taken = {}, {}

        def visit(path: Path, layer: Applicable, given: Given, inputs: tuple) -> tuple[Any, Any]:
            if nudges is not None:
                inputs = jax.tree.map(nudge, inputs, nudges[path])
            taken[path] = inputs
            outputs[path], after = layer.fill(given, *inputs)
            return outputs[path], after

        output, _ = tapped(layer, visit).fill(given, *inputs)
        return [x for x in jax.tree.leaves(output) if differentiable(x)], (outputs, taken)

    if cotangents is None:
        return run(None)[1][0], {}
    _, (_, shapes) = jax.eval_shape(run, None)
    zeros = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)
    _, pullback, (outputs, _) = jax.vjp(run, zeros, has_aux=True)
    return outputs, pullback([*cotangents.values])[0]


def call_at(operands: Operands, *, filled: Filled, path: Path) -> tuple[Given, tuple[Any, ...]]:
    """What the layer at a path inside a network was given; without a path, what the network was."""
    return calls_of(operands, filled=filled, inside=path != ())[path]


def calls_of(operands: Operands, *, filled: Filled, inside: bool = True) -> dict[Path, Any]:
    """What a network was given, and what all layers inside were."""
    params, state, key, *inputs = operands.values
    key = None if key is None else jax.random.wrap_key_data(key)
    given = Given(params, state, key, filled.train)
    taken: dict[Path, tuple[Given, tuple]] = {(): (given, tuple(inputs))}

    def visit(path: Path, layer: Applicable, given: Given, inputs: tuple) -> tuple[Any, Any]:
        taken[path] = given, inputs
        return layer.fill(given, *inputs)

    if inside:
        tapped(filled.layer, visit).fill(given, *inputs)
    return taken


def nudge(x: Array, by: Array) -> Array:
    """`x` plus zero; integers stay as they are."""
    return x + by if differentiable(x) else x

"""Forward and backward as two programs: the pullback of `jax.vjp` is what passes between them."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.tree_util import Partial

from fnn.layer import Applicable, Given
from transforms.cells import tracing
from transforms.functional import transformed


@dataclass(frozen=True)
class Differentiated:
    """`function` with the way back. It gives (auxiliary leaves, (output, pullback)).

    `wanted` has a flag for each leaf of the operands: the pullback leads to those. `auxiliary` says
    whether `function` returns (output, auxiliary), where the second is not differentiated. The way
    back is found `later` where the output is to be differentiated by somebody else.
    """

    function: Callable
    wanted: tuple[bool, ...]
    auxiliary: bool
    later: bool = field(default_factory=transformed)

    @cached_property
    def _hash(self) -> int:
        return hash((self.function, self.wanted, self.auxiliary, self.later))

    def __hash__(self) -> int:
        return self._hash

    @property
    def __name__(self) -> str:
        return getattr(self.function, "__name__", type(self.function).__name__)

    def __call__(self, *operands: Any, **hyper: Any) -> tuple[list[Array], Any]:
        """Run forward; inside of `transforms.jit` operations keep the names of where they stand."""
        if tracing():
            return self.run(*operands, **hyper)
        return traced(self, tuple(hyper.items()), *operands)

    def run(self, *operands: Any, **hyper: Any) -> tuple[list[Array], Any]:
        """Run forward, in jax's hands."""
        leaves, structure = jax.tree.flatten(operands)

        def forward(free: list[Array]) -> Any:
            rest = iter(free)
            pairs = zip(leaves, self.wanted, strict=True)
            values = [next(rest) if wanted else leaf for leaf, wanted in pairs]
            output = self.function(*jax.tree.unflatten(structure, values), **hyper)
            output, auxiliary = output if self.auxiliary else (output, [])
            floating = [x for x in jax.tree.leaves(output) if differentiable(x)]
            return floating, (output, jax.tree.leaves(auxiliary))

        free = [leaf for leaf, wanted in zip(leaves, self.wanted, strict=True) if wanted]
        if self.later and free:
            output, auxiliary = forward(free)[1]
            way_back = Later(replace(self, later=False), structure, tuple(hyper.items()))
            pullback = Partial(way_back, leaves)
        elif not free:
            (output, auxiliary), pullback = forward(free)[1], None
        else:
            floating, pullback, (output, auxiliary) = jax.vjp(forward, free, has_aux=True)
            found = iter(floating)
            output = jax.tree.map(lambda x: next(found) if differentiable(x) else x, output)
        return auxiliary, (output, pullback)


@partial(jax.jit, static_argnums=(0, 1), inline=True)
def traced(function: Differentiated, hyper: tuple, *operands: Any) -> tuple[list[Array], Any]:
    """Traced once for each set of shapes, whatever program it is a part of.

    Otherwise each program that goes forward would make another kind of pullback, and each that is
    given one would be compiled for every kind.
    """
    return function.run(*operands, **dict(hyper))


@lru_cache(4096)
def differentiated(
    function: Callable, wanted: tuple[bool, ...], auxiliary: bool, later: bool
) -> Differentiated:
    """The same object for the same call."""
    return Differentiated(function, wanted, auxiliary, later)


@dataclass(frozen=True)
class Later:
    """A way back that begins with going forward."""

    function: Differentiated
    structure: Any
    hyper: tuple[tuple[str, Any], ...]

    def __call__(self, leaves: list[Array], cotangents: list[Array]) -> Any:
        """The gradients."""
        operands = jax.tree.unflatten(self.structure, leaves)
        _, (_, pullback) = self.function(*operands, **dict(self.hyper))
        return pullback(cotangents)


def differentiable(x: Any) -> bool:
    """Whether an array has a gradient: integers have none."""
    return jnp.issubdtype(x.dtype, jnp.inexact)


@dataclass(frozen=True)
class Filled:
    """A pure layer as one function of everything that it may be filled with."""

    layer: Applicable
    train: bool

    @cached_property
    def _hash(self) -> int:
        return hash((self.layer, self.train))

    def __hash__(self) -> int:
        return self._hash

    @property
    def __name__(self) -> str:
        return type(self.layer).__name__.lower()

    def __call__(self, params: Any, state: Any, key: Any, *inputs: Any) -> tuple[Any, Any]:
        """Output and state; `key` is the raw data of a key, or None."""
        key = None if key is None else jax.random.wrap_key_data(key)
        return self.layer.fill(Given(params, state, key, self.train), *inputs)


@jax.tree_util.register_pytree_node_class
class Operands:
    """The operands of a call, as one value: called, it gives what the call gives."""

    def __init__(self, *values: Any):
        self.values = values

    def __call__(self, function: Callable) -> Any:
        """Call a function with them."""
        return function(*self.values)

    def tree_flatten(self) -> tuple[tuple, None]:
        """The values."""
        return self.values, None

    @classmethod
    def tree_unflatten(cls, _: None, values: tuple) -> "Operands":
        """Operands of these values."""
        return cls(*values)


def again(operands: Operands, *, forward: Differentiated) -> Any:
    """The output and the pullback of a call, computed anew."""
    return operands(forward)[1]


def pull_back(pullback: Callable, cotangents: list[Array]) -> list[Array]:
    """The gradients of the wanted leaves, from those of the floating-point outputs."""
    return pullback(cotangents)[0]

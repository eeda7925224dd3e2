"""Forward and backward as two programs: the pullback of `jax.vjp` is what passes between them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from fnn.layer import Applicable, Given


@dataclass(frozen=True)
class Differentiated:
    """`function` with the way back. It gives (auxiliary leaves, (output, pullback)).

    `wanted` has a flag for each leaf of the operands: the pullback leads to those. `auxiliary` says
    whether `function` returns (output, auxiliary), where the second is not differentiated.
    """

    function: Callable
    wanted: tuple[bool, ...]
    auxiliary: bool

    @property
    def __name__(self) -> str:
        return getattr(self.function, "__name__", type(self.function).__name__)

    def __call__(self, *operands: Any, **hyper: Any) -> tuple[list[Array], Any]:
        """Run forward."""
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
        if not free:
            (output, auxiliary), pullback = forward(free)[1], None
        else:
            floating, pullback, (output, auxiliary) = jax.vjp(forward, free, has_aux=True)
            found = iter(floating)
            output = jax.tree.map(lambda x: next(found) if differentiable(x) else x, output)
        return auxiliary, (output, pullback)


def differentiable(x: Any) -> bool:
    """Whether an array has a gradient: integers have none."""
    return jnp.issubdtype(jnp.result_type(x), jnp.inexact)


@dataclass(frozen=True)
class Filled:
    """A pure layer as one function of everything that it may be filled with."""

    layer: Applicable
    train: bool

    @property
    def __name__(self) -> str:
        return type(self.layer).__name__.lower()

    def __call__(self, params: Any, state: Any, key: Any, *inputs: Any) -> tuple[Any, Any]:
        """Output and state; `key` is the raw data of a key, or None."""
        key = None if key is None else jax.random.wrap_key_data(key)
        return self.layer.fill(Given(params, state, key, self.train), *inputs)


def pull_back(pullback: Callable, cotangents: list[Array]) -> list[Array]:
    """The gradients of the wanted leaves, from those of the floating-point outputs."""
    return pullback(cotangents)[0]

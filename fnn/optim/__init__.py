"""Optimisers: a file each, with two functions.

    init(params, ...) -> state
    update(grads, state, params, *, learning_rate, ...) -> (updates, state)

`updates` are to be added to the parameters, as in optax, so that an `Optimiser` and an optax object
can stand in for each other. Numbers may be traced arrays, so that a new learning rate compiles
nothing; flags are static. A state is a pytree that counts its updates in `step`.

>>> import jax, jax.numpy as jnp
>>> descent = optimiser(sgd, learning_rate=0.1, momentum=0.9)
>>> params = {"weight": jnp.ones(2)}
>>> state = descent.init(params)
>>> updates, state = descent.update({"weight": jnp.ones(2)}, state, params)
>>> apply_updates(params, updates)["weight"].tolist()
[0.8999999761581421, 0.8999999761581421]
"""

from collections.abc import Hashable
from dataclasses import dataclass
from difflib import get_close_matches
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from fnn.errors import LayerError
from fnn.layer import names
from fnn.optim import adagrad, adam, adamw, rmsprop, sgd
from fnn.optim.rule import like

__all__ = [
    "Optimiser",
    "adagrad",
    "adam",
    "adamw",
    "apply_updates",
    "clip_by_global_norm",
    "global_norm",
    "optimiser",
    "rmsprop",
    "sgd",
]


@dataclass(frozen=True, repr=False)
class Optimiser:
    """A module of this package with its hyperparameters: a hashable value that names a program.

    A hyperparameter that is a function is a schedule: it is called with the step.
    """

    module: ModuleType
    hyper: tuple[tuple[str, Hashable], ...]

    def init(self, params: Any) -> Any:
        """The state before the first update."""
        wanted = names(self.module.init).hyper
        return self.module.init(params, **{n: v for n, v in self.hyper if n in wanted})

    def update(self, grads: Any, state: Any, params: Any) -> tuple[Any, Any]:
        """What to add to `params`, and the state after it."""
        wanted = names(self.module.update).hyper
        hyper = {n: v(state.step) if callable(v) else v for n, v in self.hyper if n in wanted}
        return self.module.update(grads, state, params, **hyper)

    def __repr__(self) -> str:
        name = self.module.__name__.rpartition(".")[2]
        return f"optimiser({', '.join([name, *(f'{n}={v!r}' for n, v in self.hyper)])})"


def optimiser(module: ModuleType, **hyper: Hashable) -> Optimiser:
    """An optimiser with its hyperparameters, those of the module's `init` and of its `update`."""
    known = sorted({*names(module.init).hyper, *names(module.update).hyper})
    for name in hyper:
        if name not in known:
            close = get_close_matches(name, known, 1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise LayerError(
                f"{module.__name__} has no hyperparameter {name!r}{hint}"
                f"\nit takes: {', '.join(known)}"
            )
    return Optimiser(module, tuple(sorted(hyper.items())))


def apply_updates(params: Any, updates: Any) -> Any:
    """Add updates to parameters, which keep their types."""
    return jax.tree.map(lambda p, u: p + u.astype(p.dtype), params, updates)


def global_norm(tree: Any) -> Array:
    """The Euclidean norm of all numbers in a tree, at least in single precision."""
    leaves = jax.tree.leaves(tree)
    wide = max([jnp.float32, *(x.dtype for x in leaves)], key=lambda dtype: jnp.finfo(dtype).bits)
    return jnp.sqrt(sum(jnp.sum(jnp.square(x.astype(wide))) for x in leaves))


def clip_by_global_norm(grads: Any, maximum: Any) -> Any:
    """Scale gradients down so that their global norm is at most `maximum`.

    Source: Pascanu et al. 2013; PyTorch `clip_grad_norm_`.
    """
    factor = jnp.minimum(1, maximum / global_norm(grads))
    return jax.tree.map(lambda g: g * like(factor, g), grads)

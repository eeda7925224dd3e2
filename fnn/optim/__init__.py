"""Optimisers: a file each, with two functions.

    init(params, ...) -> state
    update(grads, state, params, *, learning_rate, ...) -> (updates, state)

`updates` are to be added to the parameters, as in optax, so that an `Optimiser` and an optax object
can stand in for each other. Numbers may be traced arrays, so that a new learning rate compiles
nothing; flags are static. A state is a pytree that counts its updates in `step`. `groups` gives
parameters their own optimisers, or none, by their paths; `average` keeps a running mean of them.

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

from fnn.errors import LayerError, require
from fnn.layer import names
from fnn.optim import (
    adadelta,
    adafactor,
    adagrad,
    adam,
    adamax,
    adamw,
    asgd,
    average,
    muon,
    nadam,
    nag,
    radam,
    rmsprop,
    rprop,
    sgd,
    sparse_adam,
)
from fnn.optim.clip import clip_by_global_norm, clip_by_value, global_norm
from fnn.optim.groups import Groups, groups

__all__ = [
    "Groups",
    "Optimiser",
    "adadelta",
    "adafactor",
    "adagrad",
    "adam",
    "adamax",
    "adamw",
    "apply_updates",
    "asgd",
    "average",
    "clip_by_global_norm",
    "clip_by_value",
    "global_norm",
    "groups",
    "muon",
    "nadam",
    "nag",
    "optimiser",
    "radam",
    "rmsprop",
    "rprop",
    "sgd",
    "sparse_adam",
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
        hyper = {n: v(0) if callable(v) else v for n, v in self.hyper if n in wanted}
        return self.module.init(params, **hyper)

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
    require(
        hasattr(module, "init") and hasattr(module, "update"),
        "optimiser",
        repr(module),
        "a module with init and update, such as optim.sgd",
        "its name, or one of its functions",
    )
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

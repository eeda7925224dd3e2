"""Parameter groups: each parameter's optimiser is found by its path.

>>> import jax.numpy as jnp
>>> from fnn import optim
>>> slow, fast = (optim.optimiser(optim.sgd, learning_rate=rate) for rate in (0.1, 1.0))
>>> descent = groups(("first.*", None), ("*.bias", fast), ("*", slow))
>>> one = jnp.ones(1)
>>> params = {"first": {"weight": one}, "last": {"weight": one, "bias": one}}
>>> updates, state = descent.update(params, descent.init(params), params)
>>> updates["first"]["weight"].item(), updates["last"]["bias"].item()
(0.0, -1.0)
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import jax
import jax.numpy as jnp

from fnn.errors import require


@dataclass(frozen=True)
class Groups:
    """Optimisers for the parameters whose paths match patterns: itself an optimiser."""

    rules: tuple[tuple[str, Any], ...]

    def init(self, params: Any) -> tuple[Any, ...]:
        """The state of each optimiser, for its own parameters."""
        parts = self._parts(params, params)
        for (pattern, _), part in zip(self.rules, parts, strict=True):
            require(
                bool(jax.tree.leaves(part)),
                "groups",
                f"{pattern!r}, which is the first to match no parameter",
                f"patterns for {', '.join(_paths(params))}",
                "a typo, or an earlier pattern takes them all",
            )
        return tuple(
            None if rule is None else rule.init(part)
            for (_, rule), part in zip(self.rules, parts, strict=True)
        )

    def update(self, grads: Any, state: tuple[Any, ...], params: Any) -> tuple[Any, Any]:
        """What to add to `params`, nothing where they are frozen, and the states after it."""
        parts = zip(self._parts(grads, params), self._parts(params, params), strict=True)
        moved = [
            (jax.tree.map(jnp.zeros_like, own), None) if rule is None else rule.update(g, old, own)
            for (_, rule), old, (g, own) in zip(self.rules, state, parts, strict=True)
        ]
        updates, states = zip(*moved, strict=True)
        structure = jax.tree.structure(params)
        leaves = [structure.flatten_up_to(part) for part in updates]
        found = [next(x for x in row if x is not None) for row in zip(*leaves, strict=True)]
        return structure.unflatten(found), states

    def _parts(self, tree: Any, params: Any) -> list[Any]:
        """A tree like `params` for each rule: what is not the rule's own is None."""
        structure = jax.tree.structure(params)
        leaves, owners = structure.flatten_up_to(tree), [self._owner(p) for p in _paths(params)]
        return [
            structure.unflatten(
                [x if o == i else None for x, o in zip(leaves, owners, strict=True)]
            )
            for i in range(len(self.rules))
        ]

    def _owner(self, path: str) -> int:
        """The number of the first rule that matches a path."""
        found = [i for i, (pattern, _) in enumerate(self.rules) if fnmatchcase(path, pattern)]
        patterns = ", ".join(repr(pattern) for pattern, _ in self.rules)
        require(
            bool(found),
            "groups",
            f"parameter {path}",
            f"one that matches {patterns}",
            "no group is for it: end with ('*', an optimiser), or None to freeze the rest",
        )
        return found[0]


def groups(*rules: tuple[str, Any]) -> Groups:
    """An optimiser from pairs of a pattern and an optimiser, or None to freeze.

    A parameter belongs to the first pattern that matches its path, such as `0.weight`; a `*` stands
    for any characters. An optimiser is an `Optimiser`, or any of optax's.
    """
    return Groups(rules)


def _paths(params: Any) -> list[str]:
    """The path of each leaf."""
    leaves = jax.tree_util.tree_leaves_with_path(params)
    return [jax.tree_util.keystr(path, simple=True, separator=".") for path, _ in leaves]

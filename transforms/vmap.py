"""A function of one example, made to take many."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
from jax.tree_util import keystr, tree_leaves_with_path

from transforms.signature import (
    RESERVED,
    Transform,
    TransformError,
    describe,
    keep,
    place,
    require_names,
)


@dataclass(frozen=True)
class Vmap(Transform):
    """See `vmap`."""

    title = "vmap"
    over: tuple[str, ...] | None = None

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        """The outputs of all examples, stacked."""
        call = place(self.function, args, keywords)
        given = dict(zip(call.names, call.args, strict=True))
        over = self.over
        if over is None:
            over = tuple(n for n in call.names if n not in RESERVED)
        require_names(self.__name__, over, call)
        mapped = {n: given[n] for n in over}
        size = examples(self.__name__, mapped)
        if given.get("key") is not None and "key" not in over:
            mapped["key"] = jax.random.split(given["key"], size)

        def one(example: dict[str, Any]) -> Any:
            return self.function(*(given | example).values(), **call.keywords)

        return jax.vmap(one)(mapped)


def examples(title: str, mapped: dict[str, Any]) -> int:
    """How many examples there are; all arrays must agree."""
    sizes: dict[int, str] = {}
    for name, value in mapped.items():
        for path, leaf in tree_leaves_with_path(value):
            text = f"{name}{keystr(path)} {describe(leaf)}"
            if not getattr(leaf, "shape", ()):
                raise TransformError(
                    f"{title}: {text} has no leading axis\nlikely cause: it is the same for all"
                    " examples; say with over=... which arguments differ"
                )
            sizes.setdefault(leaf.shape[0], text)
    if len(sizes) > 1:
        raise TransformError(
            f"{title}: the leading axes differ: {', '.join(sizes.values())}\nlikely cause: an"
            " argument is the same for all examples; say with over=... which arguments differ"
        )
    if not sizes:
        raise TransformError(f"{title}: no array to map; say over which arguments with over=...")
    return next(iter(sizes))


def vmap(f: Callable, over: str | Sequence[str] | None = None) -> Callable:
    """Map `f` over the leading axis of its inputs.

    `params` and `state` are shared, each example gets a key of its own, `train` and keyword-only
    arguments are static. All that `f` returns is stacked, the states after each example too: what
    to make of them (usually a mean) is for the caller to say. `over` names the arguments to map
    instead of the inputs, as in an ensemble, where each member has its own parameters (and its own
    key, unless `key` is in `over`).

    >>> import jax.numpy as jnp
    >>> from transforms.derivatives import grad
    >>> def loss(params, x):
    ...     return params * x.sum()
    >>> vmap(grad(loss))(jnp.ones(()), jnp.arange(6.0).reshape(3, 2))
    Array([1., 5., 9.], dtype=float32)
    >>> vmap(loss, over="params")(jnp.arange(3.0), jnp.ones(2))
    Array([0., 2., 4.], dtype=float32)
    """
    if isinstance(over, str):
        over = (over,)
    return keep(Vmap(f, None if over is None else tuple(over)))

"""What a function is differentiated by, and the function of it alone that jax needs."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.tree_util import keystr, tree_leaves_with_path

from transforms.changes import Stateful
from transforms.functional import Changes, Flow
from transforms.objects import Box, bare, boxed, closed, owner, variables
from transforms.signature import Call, TransformError, describe, place, require_names

By = str | Sequence[str] | None
Wanted = By | Sequence[Any] | Stateful


class Choice(NamedTuple):
    """What a call is differentiated by: values, in places among its arguments or elsewhere."""

    call: Call
    names: tuple[str, ...]
    where: tuple[int | None, ...]
    values: tuple[Any, ...]
    single: bool

    def fill(self, values: Any) -> list[Any]:
        """The arguments with other values."""
        filled = list(self.call.args)
        for i, value in zip(self.where, (values,) if self.single else values, strict=True):
            if i is not None:
                filled[i] = value
        return filled


def choose(
    title: str, f: Callable, by: Wanted, args: tuple[Any, ...], keywords: dict[str, Any]
) -> Choice:
    """Find what to differentiate by: `by`, or what is usual."""
    call = place(f, args, keywords)
    if by is None and hasattr(type(found := owner(f)), "learnable"):
        by = found
    if by is None and not call.names:
        raise TransformError(f"{title}: there is no argument to differentiate by")
    if by is None:
        by = "params" if "params" in call.names else call.names[0]
    single = isinstance(by, str | Stateful)
    wanted: tuple[Any, ...] = (by,) if single else tuple(by)
    require_names(title, tuple(n for n in wanted if isinstance(n, str)), call)
    where = tuple(call.names.index(n) if isinstance(n, str) else None for n in wanted)
    values = tuple(n if i is None else call.args[i] for n, i in zip(wanted, where, strict=True))
    names = tuple(n if isinstance(n, str) else type(n).__name__ for n in wanted)
    return Choice(call, names, where, values, single)


def require_floating(title: str, names: Sequence[str], values: Sequence[Any]) -> None:
    """Raise unless there is nothing but floating-point numbers."""
    for name, value in zip(names, values, strict=True):
        for path, leaf in tree_leaves_with_path(value):
            if not floating(leaf):
                raise TransformError(
                    f"{title}: {name}{keystr(path)} is {describe(leaf)}, and only floating-point"
                    " numbers have a gradient\nlikely cause: indices, a counter or a key lie among"
                    " the parameters; pass them as another argument"
                )


class Point:
    """A call to be differentiated: `of`, a function of `value`, as jax wants it.

    `of` returns the output and what else there is, for `has_aux`.
    """

    def __init__(self, title: str, f: Callable, choice: Choice, aux: bool):
        values = choice.values[0] if choice.single else choice.values
        tree = variables(title, values)
        self.leaves = jax.tree.leaves(tree)
        self.value = boxed(tree)
        require_floating(title, choice.names, bare([self.value] if choice.single else self.value))
        shapes = [
            jax.ShapeDtypeStruct(x.shape, x.dtype, weak_type=x.weak_type)
            for leaf, x in zip(self.leaves, jax.tree.leaves(self.value), strict=True)
            if not isinstance(leaf, Stateful)
        ]

        def fill(*arrays: Array) -> tuple[list[Any], dict[str, Any]]:
            rest = iter(arrays)
            new = jax.tree.map(lambda x: x if isinstance(x, Stateful) else next(rest), values)
            return choice.fill(new), choice.call.keywords

        self.flow = Flow(f, choice.call.args, choice.call.keywords, fill, shapes)
        self.title, self.present, self.aux = title, self.flow.present(), aux

    def of(self, value: Any) -> tuple[Any, Any]:
        """The output, and what else there is."""
        consts, arrays, taken = self.present.copy(), [], set()
        for leaf, array in zip(self.leaves, jax.tree.leaves(value), strict=True):
            if isinstance(leaf, Stateful):
                self.flow.put(consts, taken, leaf, array)
            else:
                arrays.append(array)
        outputs, changes = self.flow(consts, arrays)
        output, more = jax.tree.unflatten(self.flow.structure, outputs), None
        if self.aux:
            if not isinstance(output, tuple) or len(output) != 2:
                raise TransformError(f"{self.title}: has_aux=True, but there is one value only")
            output, more = output
        return output, Rest(output, more, changes)

    def close(self, result: Any) -> Any:
        """What jax gave, as objects and with what else there is; the changes are made."""
        if type(result) is not tuple:
            return closed(result)
        first, last = result[0], result[-1]
        if not isinstance(last, Rest):
            nested = type(first) is tuple and isinstance(first[-1], Rest)
            return (self.close(first), *closed(result[1:])) if nested else closed(result)
        self.flow.apply(last.changes)
        # An array in no box is the value, which had to become a scalar.
        found = (last.output if isinstance(first, Array) else first, *result[1:-1])
        found = closed((*found, last.more) if self.aux else found)
        return found if len(found) > 1 else found[0]


class Rest(NamedTuple):
    """What a function returns, what besides its value, and what it changes."""

    output: Any
    more: Any
    changes: Changes


def like(value: Any, tangent: Any) -> Any:
    """A tangent in the form of the value: with its arrays in the same boxes."""
    if not in_boxes(value):
        return tangent
    return jax.tree.unflatten(jax.tree.structure(value), jax.tree.leaves(boxed(tangent)))


def in_boxes(x: Any) -> bool:
    """Whether any of a pytree's arrays is in a box."""
    return any(isinstance(y, Box) for y in jax.tree.leaves(x, is_leaf=lambda y: isinstance(y, Box)))


def floating(x: Any) -> bool:
    """Whether `x` is a real or complex number, or an array of them."""
    return isinstance(x, float | complex) or (
        hasattr(x, "dtype") and jnp.issubdtype(x.dtype, jnp.inexact)
    )

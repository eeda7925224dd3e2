"""A loop in one program: a step that hands something on, over a sequence."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from transforms.signature import RESERVED, Transform, TransformError, keep, place, require_names
from transforms.vmap import examples


@dataclass(frozen=True)
class Scan(Transform):
    """See `scan`."""

    title = "scan"
    carry: str | None = None
    length: int | None = None

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        """The last carry and all outputs; with `state`, these and the last state."""
        call = place(self.function, args, keywords)
        given = dict(zip(call.names, call.args, strict=True))
        inputs = [n for n in call.names if n not in RESERVED]
        carry = self.carry or next(iter(inputs), "carry")
        require_names(self.__name__, (carry,), call)
        sequence = {n: given[n] for n in inputs if n != carry}
        if self.length is None or jax.tree.leaves(sequence):
            length = examples(self.__name__, sequence)
        else:
            length = self.length
        if self.length not in (None, length):
            raise TransformError(f"{self.__name__}: {length} steps given, length={self.length}")
        has_state, has_key = "state" in call.names, given.get("key") is not None

        def step(handed: dict[str, Any], item: tuple[Any, dict[str, Any]]) -> tuple[Any, Any]:
            number, now = item
            if has_key:
                now = now | {"key": jax.random.fold_in(given["key"], number)}
            result = self.function(*(given | handed | now).values(), **call.keywords)
            (after, output), state = result if has_state else (result, None)
            return {carry: after} | ({"state": state} if has_state else {}), output

        handed = {n: given[n] for n in (carry, "state") if n in given}
        numbers = jnp.arange(length, dtype=jnp.uint32) if has_key else None
        handed, outputs = jax.lax.scan(step, handed, (numbers, sequence), length)
        result = handed[carry], outputs
        return (result, handed["state"]) if has_state else result


def scan(f: Callable, carry: str | None = None, length: int | None = None) -> Callable:
    """Repeat a step `f`, which returns `(carry, output)`, over the leading axis of its inputs.

    The carry is the first input, or the argument named: each step gets what the last one returned.
    `params` are shared (unless they are the carry), `state` is handed on too, each step has a key
    of its own, `train` and keyword-only arguments are static. The result is the last carry and the
    stacked outputs; with `state`, `((carry, outputs), state)`. Step `i` draws from
    `fold_in(key, i)`, so a longer run begins like a shorter one. Without inputs, give a `length`.

    A recurrence, and a training loop whose carry is the parameters:

    >>> def cell(params, total, x):
    ...     total = params * total + x
    ...     return total, -total
    >>> scan(cell)(jnp.array(2.0), jnp.array(1.0), jnp.ones(3))
    (Array(15., dtype=float32), Array([ -3.,  -7., -15.], dtype=float32))

    >>> from transforms.derivatives import value_and_grad
    >>> def loss(params, x):
    ...     return (params - x) ** 2
    >>> def update(params, x, *, rate):
    ...     value, slope = value_and_grad(loss)(params, x)
    ...     return params - rate * slope, value
    >>> scan(update, carry="params")(jnp.zeros(()), jnp.ones(3), rate=0.25)
    (Array(0.875, dtype=float32), Array([1.    , 0.25  , 0.0625], dtype=float32))
    """
    return keep(Scan(f, carry, length))

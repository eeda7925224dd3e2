"""Loops that write what they find over what they have read, with every derivative.

A loop of JAX fills arrays with zeros for all that its steps make, which XLA then copies: where
steps are short, that takes a good part of the time. What is read for the last time needs its memory
no longer. Only a whole program can use that; a loop that is differentiated is one of JAX's own.
"""

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

_overwriting = ContextVar("overwriting", default=False)


def scan(step: Callable, state: Any, old: Array, others: Any, *, reverse: bool) -> tuple:
    """`lax.scan` of `step(state, (old, others)) -> state, (new, found)`: new in the place of old.

    It overwrites in functions that `loop` runs; elsewhere it is `lax.scan`.
    """
    if not _overwriting.get() or not len(old):
        return lax.scan(step, state, (old, others), reverse=reverse)

    def body(carry: tuple, each: tuple) -> tuple:
        (state, array), (i, others) = carry, each
        read = lax.dynamic_index_in_dim(array, i, keepdims=False)
        state, (new, found) = step(state, (read, others))
        return (state, lax.dynamic_update_index_in_dim(array, new, i, 0)), found

    places = lax.iota(jnp.int32, len(old))
    (state, new), found = lax.scan(body, (state, old), (places, others), reverse=reverse)
    return state, (new, found)


def loop(function: Callable, fixed: Any, x: Any, back: Callable | None = None) -> Any:
    """`function(fixed, x)`, in which `scan` overwrites.

    With `back` it is linear in x, and `back(fixed, y)` is its transpose. Functions that are equal
    are compiled once.
    """
    call = Call(function, back, *map(jax.tree.structure, (fixed, x)))
    found, structure = call.bind(jax.tree.leaves((fixed, x)))
    return structure.unflatten(found)


class Call(NamedTuple):
    """What runs, its transpose if it is linear, and the structures of what it is given."""

    function: Callable
    back: Callable | None
    fixed: Any
    x: Any

    def run(self, *arrays: Array) -> Any:
        """Call it."""
        fixed, x = self.parts(arrays)
        return self.function(self.fixed.unflatten(fixed), self.x.unflatten(x))

    def parts(self, arrays: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any]]:
        """What belongs to the fixed operands, and to x."""
        return arrays[: self.fixed.num_leaves], arrays[self.fixed.num_leaves :]

    def bind(self, arrays: Sequence[Any]) -> tuple[list[Array], Any]:
        """The results, and their structure."""
        jaxpr, structure = _traced(self, tuple(map(jax.typeof, arrays)))
        return _loop.bind(*arrays, call=self, jaxpr=jaxpr), structure


@lru_cache(maxsize=1024)
def _traced(call: Call, forms: tuple) -> tuple[Any, Any]:
    """The program with a loop of JAX's own, for whoever reads it, and its results' structure."""
    jaxpr, found = jax.make_jaxpr(lambda *arrays: call.run(*arrays), return_shape=True)(*forms)
    return jaxpr, jax.tree.structure(found)


@partial(jax.jit, static_argnames=("call", "jaxpr"))
def _run(*arrays: Array, call: Call, jaxpr: Any) -> list[Array]:
    token = _overwriting.set(True)
    try:
        return jax.tree.leaves(call.run(*arrays))
    finally:
        _overwriting.reset(token)


def _jvp(arrays: Sequence[Array], directions: Sequence[Any], *, call: Call, jaxpr: Any) -> tuple:
    moving = [i for i, direction in enumerate(directions) if type(direction) is not ad.Zero]
    fixed, _ = call.parts(arrays)
    if call.back is not None and moving[0] >= len(fixed):
        changes = map(ad.instantiate_zeros, call.parts(directions)[1])
        return call.bind(arrays)[0], call.bind([*fixed, *changes])[0]

    def plain(*moved: Array) -> list[Array]:
        found = dict(zip(moving, moved, strict=True))
        return jax.tree.leaves(call.run(*(found.get(i, x) for i, x in enumerate(arrays))))

    return jax.jvp(plain, [arrays[i] for i in moving], [directions[i] for i in moving])


def _transpose(cotangents: Sequence[Any], *arrays: Any, call: Call, jaxpr: Any) -> list[Any]:
    assert call.back is not None
    fixed, x = call.parts(arrays)
    _, structure = _traced(call, tuple(jaxpr.in_avals))
    back = Call(call.back, call.function, call.fixed, structure)
    found, _ = back.bind([*fixed, *map(ad.instantiate_zeros, cotangents)])
    wanted = map(ad.is_undefined_primal, x)
    return [None] * len(fixed) + [y if w else None for y, w in zip(found, wanted, strict=True)]


@dataclass(frozen=True)
class Mapped:
    """A function of batches; `axes` say which of its fixed arrays are some."""

    function: Callable
    fixed: Any
    axes: tuple[int | None, ...]

    def __call__(self, fixed: Any, x: Any) -> Any:
        """Run it for each."""
        return jax.vmap(self.function, (self.fixed.unflatten(self.axes), 0))(fixed, x)


def _batch(arrays: Sequence[Array], axes: Sequence[Any], *, call: Call, jaxpr: Any) -> tuple:
    (size, *_) = (x.shape[i] for x, i in zip(arrays, axes, strict=True) if i is not None)
    first = [x if i is None else jnp.moveaxis(x, i, 0) for x, i in zip(arrays, axes, strict=True)]
    (fixed, x), (own, others) = call.parts(first), call.parts(axes)
    x = [jnp.stack([y] * size) if i is None else y for y, i in zip(x, others, strict=True)]
    mapped = partial(Mapped, fixed=call.fixed, axes=tuple(None if i is None else 0 for i in own))
    back = None if call.back is None else mapped(call.back)
    found, _ = call._replace(function=mapped(call.function), back=back).bind([*fixed, *x])
    return found, [0] * len(found)


_loop = Primitive("loop")
_loop.multiple_results = True
_loop.def_impl(_run)
_loop.def_abstract_eval(lambda *forms, call, jaxpr: jaxpr.out_avals)
ad.primitive_jvps[_loop] = _jvp
ad.primitive_transposes[_loop] = _transpose
batching.primitive_batchers[_loop] = _batch
mlir.register_lowering(_loop, mlir.lower_fun(_run))

"""Calls of transformed functions on the tape: each is one operation."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from fnn.pytorch.autograd import Node, is_grad_enabled, needs_gradient
from fnn.pytorch.tensor import Tensor
from fnn.tensor.gradient import differentiable
from fnn.tensor.run import run
from fnn.tensor.storage import Storage
from fnn.tensor.tensor import read_through
from transforms import functional

Outputs = tuple[list[Array], Any]


class Transformed:
    """The way back of a transformed call, which jax knows; no compiled program makes it."""

    def __init__(self, forward: Callable[..., Outputs], arrays: list[Array], views: list[Any]):
        self.forward, self.arrays, self.views = forward, arrays, views
        self.found: Any = None

    def call(self) -> Outputs:
        """Run forward; inside another transform, the way back is left until it is needed."""
        if functional.transformed():
            return self.forward(*self.arrays)
        outputs, pullback, rest = jax.vjp(self.forward, *self.arrays, has_aux=True)
        self.found = pullback
        return outputs, rest

    def eager(self, gradients: list[Any]) -> list[Storage]:
        """Run backward, and read the gradients through the views that the tensors are."""
        with jax.enable_x64(True):
            pullback = self.found or jax.vjp(self.forward, *self.arrays, has_aux=True)[1]
            sent = pullback([jnp.asarray(getattr(g, "array", g)) for g in gradients])
        pairs = zip(self.views, map(Storage, sent), strict=True)
        return [
            x if view is None else run(read_through, view._around(x, view.geometry))
            for view, x in pairs
        ]


def taped(
    function: Callable[[list[Array]], Outputs], sources: Sequence[Any], objects: Sequence[Any]
) -> tuple[Outputs, Callable[[Sequence[Any]], None]] | None:
    """Compute `function` of what tensors, storages and arrays hold, and record it.

    The second result says which tensors were made of the outputs. None if no tensor among the
    sources and `objects` requires gradients.
    """
    if not is_grad_enabled():
        return None
    needing = [x for x in (*sources, *objects) if isinstance(x, Tensor) and x.requires_grad]
    # The gradient by a memory belongs to the tensor that has it, rather than to views of that.
    owners = {id(x.storage): x for x in sorted(needing, key=lambda x: x._base is None)}
    owners |= {id(x): x for x in needing}
    inputs = {i: owners[id(s)] for i, s in enumerate(sources) if id(s) in owners}
    if not any(map(needs_gradient, inputs.values())):
        return None
    arrays = [functional.array_of(source) for source in sources]

    def forward(*free: Array) -> tuple[list[Array], Any]:
        given: dict[int, Any] = dict(zip(inputs, free, strict=True))
        outputs, rest = function([given.get(i, x) for i, x in enumerate(arrays)])
        return [x for x in outputs if differentiable(x)], (outputs, rest)

    # A gradient by a storage is read through the tensor that is its view.
    views = [None if sources[i] is x else x for i, x in inputs.items()]
    way_back = Transformed(forward, [arrays[i] for i in inputs], views)
    _, result = way_back.call()

    def attach(made: Sequence[Any]) -> None:
        tensors = (x if isinstance(x, Tensor) else Tensor.holding(x) for x in made)
        floating = [x for x in tensors if differentiable(x.storage.array)]
        Node("TransformedBackward0", way_back, [*inputs.values()], floating)

    return result, attach


functional.tapes.append(taped)

"""Views and changes in place, and what they mean to the tape.

A view shares its base's storage, so nothing is computed to take one; the tape gets the linear
function that would have picked its elements. A change in place that depends on tensors which
require gradients is recorded as the operation that made the tensor's new value.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from fnn.pytorch.autograd import Node, is_grad_enabled, needs_gradient, record
from fnn.pytorch.back_names import back_name
from fnn.tensor.tensor import second
from fnn.tensor.types import cast


@jax.tree_util.register_static
@dataclass(frozen=True)
class Transposed:
    """The way back of a function that only picks elements: it needs their places, no values."""

    function: Callable
    hyper: tuple[tuple[str, Any], ...]
    size: tuple[int, ...]
    dtype: Any

    def __call__(self, cotangents: list[Array]) -> tuple[list[Array]]:
        """Send gradients to the places that the elements came from."""
        base = jax.ShapeDtypeStruct(self.size, self.dtype)
        back = jax.linear_transpose(partial(self.function, **dict(self.hyper)), base)
        return (list(back(cotangents[0])),)


def as_view(view: Any, base: Any, function: Callable, **hyper: Any) -> Any:
    """`view`, which shares the storage of `base`, as the tensor that `function(base)` is."""
    needed = is_grad_enabled() and needs_gradient(base)
    view._base = base if base._base is None else base._base
    view._seen = view._base._rewrites
    if needed:
        way_back = Transposed(function, tuple(hyper.items()), base.geometry.size, base.element_type)
        Node(back_name(function), way_back, [base], [view])
    return view


@dataclass(frozen=True)
class InPlaceOf:
    """A function whose value takes the place of its first operand, in that one's shape and type."""

    function: Callable

    def __call__(self, x: Array, *operands: Any, **hyper: Any) -> Array:
        """The value, broadcast and cast."""
        value = self.function(x, *operands, **hyper)
        return cast(jnp.broadcast_to(value, x.shape), x.dtype)


def assigned(x: Array, value: Any) -> Array:
    """What takes the place of x, as its type."""
    return cast(value, x.dtype)


def rewrite(tensor: Any, function: Callable, *operands: Any, **hyper: Any) -> Any:
    """Change a tensor in place to `function(tensor, *operands)`; returns the tensor."""
    if any(s == 0 and n > 1 for n, s in zip(*tensor.geometry[1:], strict=True)):
        raise RuntimeError(
            "unsupported operation: more than one element of the written-to tensor refers to a "
            "single memory location. Please clone() the tensor before performing the operation."
        )
    leaves = (tensor, *jax.tree.leaves(operands))
    if not (is_grad_enabled() and any(map(needs_gradient, leaves))):
        return tensor._update(function, *operands, **hyper)
    refuse_leaf(tensor)
    if tensor._base is not None:  # the tape knows tensors, not the memory under them
        raise NotImplementedError(
            "a recorded change in place through a view is not supported\n"
            "likely cause: v = x[i]; v.add_(y), or x[i] += y; write x[i] = x[i] + y, or use "
            "torch.no_grad() if no gradients are wanted"
        )
    result = record(InPlaceOf(function), tensor, *operands, **hyper)
    if tensor.is_storage:
        tensor.storage.take(result.storage)
    else:
        tensor._update(second, result)
    tensor.grad_fn, tensor._output = result.grad_fn, result._output
    tensor._rewrites += 1
    return tensor


def refuse_leaf(tensor: Any) -> None:
    """Raise if a tensor that gradients are wanted for is about to lose the value they are for."""
    for kind, x in (("a leaf", tensor), ("a view of a leaf", tensor._base)):
        if is_grad_enabled() and x is not None and x.is_leaf and x.requires_grad:
            raise RuntimeError(
                f"{kind} Variable that requires grad is being used in an in-place operation."
            )

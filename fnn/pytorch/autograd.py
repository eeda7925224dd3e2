"""The tape: which pure function made a tensor, of what, and the way back."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable, Sequence
from contextlib import ContextDecorator
from itertools import count
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnn.tensor.gradient import Differentiated, differentiable, pull_back
from fnn.tensor.run import run
from fnn.tensor.storage import Storage
from fnn.tensor.tensor import TensorBase
from fnn.tensor.types import cast
from transforms.survey import ambient


class _Mode(threading.local):
    """Whether operations are recorded in this thread."""

    recording = True


_mode = _Mode()
_sequence = count()
ambient.append(lambda: ("autograd", _mode.recording))


class set_grad_enabled(ContextDecorator):
    """Switch recording on or off, at once or as a context."""

    def __init__(self, mode: bool):
        self.previous = _mode.recording
        self.mode = _mode.recording = bool(mode)

    def __enter__(self) -> None:
        _mode.recording = self.mode

    def __exit__(self, *_: object) -> None:
        _mode.recording = self.previous

    def __call__(self, function: Callable) -> Callable:
        """Decorate: the mode holds inside calls of the function only."""
        _mode.recording = self.previous
        return super().__call__(function)


class no_grad(ContextDecorator):
    """Record nothing inside the context, or inside calls of a decorated function."""

    mode = False

    def __enter__(self) -> None:
        self.stack = [*getattr(self, "stack", []), _mode.recording]
        _mode.recording = self.mode

    def __exit__(self, *_: object) -> None:
        _mode.recording = self.stack.pop()


class enable_grad(no_grad):
    """Record inside the context, whatever holds outside."""

    mode = True


def is_grad_enabled() -> bool:
    """Whether operations are recorded."""
    return _mode.recording


class Node:
    """One recorded call: the pullback of the function, and where its gradients go."""

    def __init__(self, name: str, pullback: Any, inputs: Sequence[Any], outputs: Sequence[Any]):
        self._name, self.pullback = name, pullback
        # A leaf keeps its gradient; any other tensor passes it on to the node that made it.
        self.edges = [(t.grad_fn, t._output) if t.grad_fn else (t, 0) for t in inputs]
        self.outputs = [(o.geometry.size, o.element_type) for o in outputs]
        self.sequence = next(_sequence)
        for i, output in enumerate(outputs):
            output.requires_grad, output.grad_fn, output._output = True, self, i

    def name(self) -> str:
        """The name that PyTorch gives the way back of this function."""
        return self._name

    def __repr__(self) -> str:
        return f"<{self._name}>"


def record(
    function: Callable, *operands: Any, into: Sequence[Any] | None = None, **hyper: Any
) -> Any:
    """Compute `function(*operands)` and remember the way back if an operand requires gradients.

    Without `into` the function returns its output; with `into`, the pair of it and the values that
    are written into those tensors.
    """
    leaves = jax.tree.leaves(operands)
    wanted = tuple(_mode.recording and getattr(x, "requires_grad", False) is True for x in leaves)
    make = next(type(x)._plain for x in leaves if isinstance(x, TensorBase))._around
    outputs, pullback = run(
        Differentiated(function, wanted, into is not None), *operands, into=into or (), **hyper
    )
    results = jax.tree.map(make, outputs)
    if any(wanted):
        inputs = [leaf for leaf, w in zip(leaves, wanted, strict=True) if w]
        floating = [r for r in jax.tree.leaves(results) if differentiable(r.storage.array)]
        Node(back_name(function), pullback, inputs, floating)
    return results


def back_name(function: Callable) -> str:
    """A name in PyTorch's manner: `AddBackward0`."""
    name = getattr(function, "__name__", type(function).__name__)
    return "".join(part.capitalize() for part in name.split("_")) + "Backward0"


def propagate(
    roots: Sequence[tuple[Any, Any]],
    deliver: Callable[[Any, Storage], None],
    retain_graph: bool = False,
) -> None:
    """Send gradients back from `roots`, pairs of a tensor and its gradient, to the leaves.

    Nodes are visited latest first, so that each is complete when its turn comes. `deliver` gets
    every leaf that is reached with a gradient for it.
    """
    waiting: dict[Node, list[Any]] = {}
    turn: list[tuple[int, Node]] = []

    def send(target: Any, output: int, gradient: Any) -> None:
        if not isinstance(target, Node):
            deliver(target, gradient)
            return
        if target not in waiting:
            waiting[target] = [None] * len(target.outputs)
            heapq.heappush(turn, (-target.sequence, target))
        sofar = waiting[target][output]
        waiting[target][output] = gradient if sofar is None else run(jnp.add, sofar, gradient)

    for tensor, gradient in roots:
        send(tensor.grad_fn or tensor, tensor._output, gradient)
    while turn:
        _, node = heapq.heappop(turn)
        if node.pullback is None:
            raise RuntimeError(
                "Trying to backward through the graph a second time (or directly access saved "
                "tensors after they have already been freed). Saved intermediate values of the "
                "graph are freed when you call .backward() or autograd.grad(). Specify "
                "retain_graph=True if you need to backward through the graph a second time or if "
                "you need to access saved tensors after calling backward."
            )
        gradients = [
            np.zeros(size, dtype) if found is None else found
            for (size, dtype), found in zip(node.outputs, waiting.pop(node), strict=True)
        ]
        for (target, output), gradient in zip(
            node.edges, run(pull_back, node.pullback, gradients), strict=True
        ):
            send(target, output, gradient)
        if not retain_graph:
            node.pullback = None


def accumulate(leaf: Any, gradient: Storage) -> None:
    """Add to a leaf's `grad`, which the first gradient becomes."""
    if leaf.grad is None:
        leaf.grad = leaf._plain._around(gradient)
    else:
        leaf.grad._update(jnp.add, gradient)


def initial(tensor: Any, gradient: Any) -> Any:
    """The gradient that `backward` starts from: one for a single number, else what is given."""
    size = tensor.geometry.size
    if not tensor.requires_grad:
        raise RuntimeError("element 0 of tensors does not require grad and does not have a grad_fn")
    if gradient is None:
        if tensor.length != 1:
            raise RuntimeError("grad can be implicitly created only for scalar outputs")
        return np.ones(size, tensor.element_type)
    if gradient.geometry.size != size:
        raise RuntimeError(
            f"Mismatch in shape: grad_output[0] has a shape of torch.Size({list(gradient.shape)}) "
            f"and output[0] has a shape of torch.Size({list(size)})."
        )
    return run(cast, gradient, dtype=tensor.element_type)

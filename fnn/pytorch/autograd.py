"""The tape: which pure function made a tensor, of what, and the way back."""

from __future__ import annotations

import heapq
import threading
import weakref
from collections.abc import Callable, Sequence
from contextlib import ContextDecorator
from functools import partial
from itertools import count
from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np

from fnn.pytorch.back_names import back_name
from fnn.tensor.gradient import differentiable, differentiated, pull_back
from fnn.tensor.record import call_of
from fnn.tensor.run import perform, run
from fnn.tensor.scope import entered, scopes
from fnn.tensor.storage import Storage
from fnn.tensor.tensor import TensorBase
from fnn.tensor.types import cast
from transforms.functional import transformed
from transforms.survey import ambient

__all__ = ["enable_grad", "is_grad_enabled", "no_grad", "set_grad_enabled"]


class _Entry(weakref.ref):
    """One context that has been entered, as long as it is there, and its mode."""

    __slots__ = ("mode",)


class _Mode(threading.local):
    """Whether operations are recorded in this thread: what the innermost context says."""

    def __init__(self) -> None:
        self.outside = True
        self.entered: list[_Entry] = []

    @property
    def recording(self) -> bool:
        """The mode that holds now."""
        return self.entered[-1].mode if self.entered else self.outside

    def switch(self, mode: bool) -> None:
        """Have another mode, as long as this context lasts."""
        if self.entered:
            self.entered[-1].mode = mode
        else:
            self.outside = mode

    def enter(self, context: Any, mode: bool) -> None:
        """Have a mode until `leave`, or until an interrupted context is gone.

        No interrupt can come between the end of a context and a method in C, as `remove` is.
        """
        entry = _Entry(context, self.entered.remove)
        entry.mode = mode
        self.entered.append(entry)

    def leave(self) -> None:
        """Have the mode from before."""
        self.entered.pop()


_mode = _Mode()
_sequence = count()
ambient.append(lambda: ("autograd", _mode.recording))


class set_grad_enabled(ContextDecorator):
    """Switch recording on or off, at once or as a context."""

    def __init__(self, mode: bool):
        self.previous, self.mode = _mode.recording, bool(mode)
        _mode.switch(self.mode)

    def __enter__(self) -> None:
        _mode.switch(self.previous)
        _mode.enter(self, self.mode)

    def __exit__(self, *_: object) -> None:
        _mode.leave()

    def __call__(self, function: Callable) -> Callable:
        """Decorate: the mode holds inside calls of the function only."""
        _mode.switch(self.previous)
        return super().__call__(function)


class no_grad(ContextDecorator):
    """Record nothing inside the context, or inside calls of a decorated function."""

    mode = False

    def __enter__(self) -> None:
        _mode.enter(self, self.mode)

    def __exit__(self, *_: object) -> None:
        _mode.leave()

    def _recreate_cm(self) -> Self:
        return type(self)()  # for each call of a decorated function, and gone with it


class enable_grad(no_grad):
    """Record inside the context, whatever holds outside."""

    mode = True


def is_grad_enabled() -> bool:
    """Whether operations are recorded."""
    return _mode.recording


class Node:
    """One recorded call: the pullback of the function, and where its gradients go.

    `hooks` are called with the gradient by an output when it is complete, and may replace it.
    """

    def __init__(self, name: str, pullback: Any, inputs: Sequence[Any], outputs: Sequence[Any]):
        self._name, self.pullback = name, pullback
        # A leaf keeps its gradient; any other tensor passes it on to the node that made it.
        self.edges = [(t.grad_fn, t._output) if t.grad_fn else (t, 0) for t in inputs]
        self.outputs = [(o.geometry.size, o.element_type) for o in outputs]
        self.hooks: list[tuple[int, Callable[[Any], Any]]] = []
        self.sequence = next(_sequence)
        self.scopes = scopes()
        for i, output in enumerate(outputs):
            vars(output).update(grad_fn=self, _output=i)

    def name(self) -> str:
        """The name that PyTorch gives the way back of this function."""
        return self._name

    def back(self, gradients: list[Any]) -> list[Storage]:
        """The gradients by the inputs, from those by the outputs."""
        if hasattr(self.pullback, "eager"):
            return self.pullback.eager(gradients)
        return run(pull_back, self.pullback, gradients)

    def __repr__(self) -> str:
        return f"<{self._name}>"


def record(
    function: Callable, *operands: Any, into: Sequence[Any] | None = None, **hyper: Any
) -> Any:
    """Compute `function(*operands)` and remember the way back if an operand requires gradients.

    Without `into` the function returns its output; with `into`, the pair of it and the values that
    are written into those tensors.
    """
    leaves, structure = jax.tree.flatten(operands)
    recording = _mode.recording
    wanted = tuple([recording and needs_gradient(x) for x in leaves])
    make = next(type(x)._plain for x in leaves if isinstance(x, TensorBase))._around
    if into is None and True not in wanted:
        outputs, pullback = perform(call_of(function, structure, hyper, False), leaves, ()), None
    else:
        both = differentiated(function, wanted, into is not None, transformed())
        outputs, pullback = perform(call_of(both, structure, hyper, True), leaves, into or ())
    results = make(outputs) if isinstance(outputs, Storage) else jax.tree.map(make, outputs)
    if pullback is not None:
        inputs = [leaf for leaf, w in zip(leaves, wanted, strict=True) if w]
        floating = [r for r in jax.tree.leaves(results) if differentiable(r.storage)]
        Node(back_name(function, "axis" in hyper), pullback, inputs, floating)
    return results


def needs_gradient(x: Any) -> bool:
    """Whether an operand is a tensor that requires gradients, and is what its node made."""
    if not isinstance(x, TensorBase):
        return False
    if x._base is not None and x._base._rewrites != x._seen:
        raise RuntimeError(
            "this view was taken before its base was changed in place by a recorded operation\n"
            "likely cause: x[i] = y or x.add_(y) after v = x[j]; take the view again"
        )
    return x.grad_fn is not None or x._requires_grad


def propagate(
    roots: Sequence[tuple[Any, Any]],
    deliver: Callable[[Any, Storage], None],
    retain_graph: bool = False,
) -> None:
    """Send gradients back from `roots`, pairs of a tensor and its gradient, to the leaves.

    Nodes are visited latest first, so that each is complete when its turn comes. `deliver` gets
    every leaf that is reached with the gradient for it.
    """
    waiting: dict[Node, list[Any]] = {}
    turn: list[tuple[int, Node]] = []
    reached: dict[Any, Any] = {}

    def send(target: Any, output: int, gradient: Any) -> None:
        if not isinstance(target, Node):
            sofar = reached.get(target)
            reached[target] = gradient if sofar is None else run(jnp.add, sofar, gradient)
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
        gradients = waiting.pop(node)
        for output, hook in node.hooks:
            if gradients[output] is not None:
                gradients[output] = hooked(hook, gradients[output])
        gradients = [
            np.zeros(size, dtype) if found is None else found
            for (size, dtype), found in zip(node.outputs, gradients, strict=True)
        ]
        if node.scopes:
            with entered(node.scopes):
                sent = node.back(gradients)
        else:
            sent = node.back(gradients)
        for (target, output), gradient in zip(node.edges, sent, strict=True):
            send(target, output, gradient)
        if not retain_graph:
            node.pullback = None
    for leaf, gradient in reached.items():
        for hook in leaf._hooks:
            gradient = hooked(hook, gradient)
        deliver(leaf, gradient if isinstance(gradient, Storage) else Storage(jnp.asarray(gradient)))


def hooked(hook: Callable[[Any], Any], gradient: Any) -> Any:
    """A gradient, or what a hook puts in its place."""
    gradient = gradient if isinstance(gradient, Storage) else Storage(jnp.asarray(gradient))
    replaced = hook(gradient)
    return gradient if replaced is None else replaced


def accumulate(tensor: Any, gradient: Storage) -> None:
    """Add to a tensor's `grad`, which the first gradient becomes."""
    if tensor.grad is None:
        tensor.grad = tensor._plain._around(gradient)
    else:
        tensor.grad._update(jnp.add, gradient)


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


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool = False,
    create_graph: bool = False,
    allow_unused: bool = False,
) -> tuple[Any, ...]:
    """The gradients of `outputs` by `inputs`, which are added to no tensor's `grad`."""
    refuse_graph(create_graph)
    outputs, inputs = ([x] if isinstance(x, TensorBase) else list(x) for x in (outputs, inputs))
    given = [grad_outputs] if isinstance(grad_outputs, TensorBase) else grad_outputs
    roots = [
        (output, initial(output, gradient))
        for output, gradient in zip(outputs, given or [None] * len(outputs), strict=True)
    ]
    found: dict[Any, Storage] = {}
    made = [x for x in inputs if x.grad_fn is not None]
    for x in made:
        x.grad_fn.hooks.append((x._output, partial(found.__setitem__, x)))
    try:
        propagate(roots, found.__setitem__, retain_graph)
    finally:
        for x in made:
            x.grad_fn.hooks.pop()
    for i, x in enumerate(inputs):
        if x not in found and not allow_unused:
            raise RuntimeError(
                f"The differentiated Tensor at index {i} appears to not have been used in the "
                "graph. Set allow_unused=True if this is the desired behavior."
            )
    return tuple(x._plain._around(found[x]) if x in found else None for x in inputs)


def refuse_graph(create_graph: bool) -> None:
    """The way back isn't recorded itself: a node has its pullback, but not its function."""
    if create_graph:
        raise NotImplementedError(
            "create_graph=True: gradients can't be differentiated through the tape; write the "
            "computation as a pure function and use transforms.grad, as often as you like"
        )

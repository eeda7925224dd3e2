"""nn.Module: forward, backward, and what they leave behind."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import jax
import numpy as np

from fnn.errors import LayerError
from fnn.layer import Applicable
from fnn.shell import Shell
from fnn.tensor import updates
from fnn.tensor.gradient import Differentiated, Filled, Operands, again, differentiable
from fnn.tensor.replay import replay
from fnn.tensor.run import run
from fnn.tensor.scope import calling
from fnn.tensor.storage import Storage
from fnn.tensor.types import from_data
from fnn.torch7.learner import Learner
from fnn.torch7.node import Connectable
from fnn.torch7.passing import (
    Convertible,
    as_inputs,
    check_types,
    gradient_name,
    held,
    leaves,
    shaped,
    single,
    type_name,
)
from fnn.torch7.random import keys
from fnn.torch7.table import Table
from fnn.torch7.tensor import Tensor
from transforms.cells import tracing


@dataclass
class Run:
    """One forward of a pure layer: what `backward`, and questions about the inside, start from.

    `given` are the operands as they were then. The pullback serves one `backward`; it is made again
    for another one.
    """

    function: Differentiated
    given: Any
    pullback: Any
    learned: int
    inputs: Any
    wanted: tuple[bool, ...]
    output: Any


class Module(Connectable, Convertible, Learner):
    """A differentiable object with `output` after forward and `gradInput` after backward.

    A derived module gets its three `update...` methods from its pure layer. A module that computes
    in a way of its own overrides them, as in Torch7, and works in every container.
    """

    protocol = ("forward", "backward", "updateOutput", "updateGradInput", "accGradParameters")
    transient = (*Shell.transient, "_run", "_inside")
    results = ("_output", "_gradInput", "_run", "_inside")
    renewed = (*results, "output", "gradInput")

    train = True
    _run: Run | None = None
    _inside: Callable[[], None] | None = None

    @property
    def _mode(self) -> bool:
        return self.train is not False

    def __init__(self) -> None:
        self._output: Any = Tensor()
        self._gradInput: Any = Tensor()

    @property
    def _noisy(self) -> bool:
        """Whether forward draws noise of its own."""
        return False

    @property
    def _fused(self) -> Applicable | None:
        """The layer that runs as one program. Torch's stream of noise needs module after module."""
        return self._once("fused", self._find_fused)

    def _find_fused(self) -> Applicable | None:
        inside = (module for _, module in self._descendants())
        return None if self._noisy or any(m._noisy for m in inside) else self.layer

    @property
    def output(self) -> Any:
        """What `forward` returned last."""
        if self._inside is not None:
            self._inside()
        return self._output

    @output.setter
    def output(self, value: Any) -> None:
        self._output, self._inside = value, None

    @property
    def gradInput(self) -> Any:
        """What `backward` returned last; a module with None here computes none."""
        if self._inside is not None:
            self._inside()
        return self._gradInput

    @gradInput.setter
    def gradInput(self, value: Any) -> None:
        self._gradInput = value

    def _hold_output(self, value: Any) -> Any:
        """Put an output into the tensors that have held the last one."""
        self._output = held(self._output, value)
        return self._output

    def _hold_gradient(self, value: Any) -> Any:
        """Put a gradient by the input into the tensors that have held the last one."""
        if self._gradInput is not None:
            self._gradInput = held(self._gradInput, value)
        return self._gradInput

    def forward(self, input: Any) -> Any:
        """Compute `output` from `input`."""
        if tracing():
            with calling(self):
                return self.updateOutput(input)
        return self.updateOutput(input)

    def backward(self, input: Any, gradOutput: Any, scale: float = 1) -> Any:
        """Compute `gradInput`, and add `scale` times the gradients of the parameters to theirs.

        `input` is what the last `forward` was given.
        """
        if tracing():
            with calling(self, backward=True):
                return self._go_back(input, gradOutput, scale)
        return self._go_back(input, gradOutput, scale)

    def _go_back(self, input: Any, gradOutput: Any, scale: float) -> Any:
        """Go backward by the pure layer, or by the two methods."""
        if self._fused is not None:
            return self._pull(gradOutput, leaves(self.tensors("gradients")), scale)
        self.updateGradInput(input, gradOutput)
        self.accGradParameters(input, gradOutput, scale)
        return self.gradInput

    def updateOutput(self, input: Any) -> Any:
        """Compute `output` by the pure layer, and remember the way back."""
        layer = self._fused
        if layer is None:
            return self.output
        inputs = as_inputs(input)
        params, state = self.tensors("params"), self.tensors("state")
        key = keys.draw() if "key" in layer.reserved else None
        learned, given = leaves(params), leaves(inputs)
        check_types(self, learned, given)
        operands = (params, state, key, *inputs)
        fixed = len(leaves(operands)) - len(learned) - len(given)
        wanted = [differentiable(x.storage) for x in given]
        function = Differentiated(
            Filled(layer, self._mode), (True,) * len(learned) + (False,) * fixed + (*wanted,), True
        )
        given = run(Operands, *operands)
        given.late = True
        try:
            output, pullback = run(function, *operands, into=leaves(state))
        except (TypeError, ValueError, IndexError) as error:
            self._say_where(error)
            raise
        forms = jax.tree.map(lambda x: x.storage.form, inputs)
        self._run = Run(function, given, pullback, len(learned), forms, tuple(wanted), output)
        if self.network is not None:
            self._watch()
        return self._hold_output(output)

    def updateGradInput(self, input: Any, gradOutput: Any) -> Any:
        """Compute `gradInput` by the pure layer."""
        return self.gradInput if self._fused is None else self._pull(gradOutput, [], 0)

    def accGradParameters(self, input: Any, gradOutput: Any, scale: float = 1) -> None:
        """Add `scale` times the gradients of the parameters to those so far."""
        if self._fused is not None:
            kept = self._gradInput
            self._gradInput = None
            self._pull(gradOutput, leaves(self.tensors("gradients")), scale)
            self._gradInput = kept

    def _pull(self, gradOutput: Any, grads: list[Tensor], scale: float) -> Any:
        """Go back through the last forward in one program."""
        if self._run is None:
            raise LayerError(
                f"{self}: backward without forward\n"
                "likely cause: forward was not called, or ran inside a compiled function"
            )
        last, output = self._run, self._run.output
        pullback, last.pullback = last.pullback, None
        if pullback is None:
            _, pullback = run(again, last.given, forward=last.function)
        cotangents = [
            shaped(g, o.form.shape)
            for g, o in zip(leaves(as_inputs(gradOutput)), leaves(output), strict=True)
            if differentiable(o)
        ]
        found = iter(
            run(
                updates.pull_back_into,
                pullback,
                cotangents,
                grads,
                scale,
                learned=last.learned,
                into=grads,
            )
        )
        inputs, structure = jax.tree.flatten(last.inputs)
        gradients = [
            next(found) if w else Storage(from_data(np.zeros(x.shape), x.dtype))
            for x, w in zip(inputs, last.wanted, strict=True)
        ]
        for gradient in gradients:
            gradient.late = True  # nobody looks at the gradient by the data, as a rule
        if self.network is not None:
            self._watch(cotangents)
        return self._hold_gradient(single(jax.tree.unflatten(structure, gradients)))

    def _say_where(self, error: Exception) -> None:
        """Note which module failed, level by level, as Torch7 does."""
        module: Any = self
        for name in getattr(error, "path", ()):
            child = dict(module._children())[name]
            place = list(module._children()).index((name, child)) + 1
            error.add_note(
                f"In {place} module of {type_name(module)}: {str(child).splitlines()[0]}"
            )
            module = child
        if module is self:
            error.add_note(f"In {self}")

    def _watch(self, cotangents: Any = None) -> None:
        """Have all modules inside compute their results when somebody asks for them."""

        def inside() -> None:
            for module in modules.values():
                module._inside = None
            if self._run is None:
                return
            found, back = run(
                replay, self._run.given, cotangents, filled=self._run.function.function
            )
            for path, module in modules.items():
                module._hold_output(found[path])
                if back:
                    module._hold_gradient(single(back[path]))

        modules = dict(self._descendants())
        for module in modules.values():
            module._inside = inside

    def be(self, derived: Applicable, shapes: Any, state: Any) -> None:
        """Be a layer with parameters of these shapes and with this state, in nested dicts."""
        Module.__init__(self)
        super().be(derived, shapes, state)
        self._trees["gradients"] = jax.tree.map(gradient_name, self._trees["params"])
        self.reset()

    def training(self) -> None:
        """Behave as in training."""
        self.train = True

    def evaluate(self) -> None:
        """Behave as in use."""
        self.train = False

    def clone(self, *names: str) -> Self:
        """A deep copy, which shares the named fields with this module."""
        other = copy.deepcopy(self)
        return other.share(self, *names) if names else other

    def share(self, other: Module, *names: str) -> Self:
        """Have the named fields share the storages of `other`'s."""
        for name in names:
            if isinstance(theirs := getattr(other, name, None), Tensor):
                getattr(self, name).set(theirs)
        return self

    def clearState(self) -> Self:
        """Drop results that can be computed again."""
        self.output, self.gradInput, self._run = Tensor(), Tensor(), None
        return self

    def listModules(self) -> Table:
        """This module and all modules inside, depth first."""
        return Table([self, *(module for _, module in self._descendants())])

    def apply(self, function: Callable[[Module], Any]) -> None:
        """Call a function with this module and with all modules inside."""
        for module in self.listModules():
            function(module)

    def _apply(self, input: Any, gradOutput: Any = None) -> Any:
        """Run forward; with a gradient backward too, and return both results."""
        output = self.forward(input)
        return output if gradOutput is None else (output, self.backward(input, gradOutput))

    def __tostring__(self) -> str:
        """The module as Torch7 prints it."""
        return type_name(self)

    def __str__(self) -> str:
        return self.__tostring__()

    __repr__ = __str__


setattr(Module, "__tostring", Module.__str__)  # as m.__tostring() outside of a class

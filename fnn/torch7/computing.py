"""Forward and backward of a pure layer, each as one program."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import jax
import numpy as np
from jax import Array

from fnn.errors import LayerError
from fnn.layer import Applicable
from fnn.tensor import updates
from fnn.tensor.gradient import Differentiated, Filled, again, differentiable
from fnn.tensor.run import run
from fnn.tensor.storage import Storage
from fnn.tensor.types import from_data
from fnn.torch7.flatten import overlapping
from fnn.torch7.found import all_inputs, seen
from fnn.torch7.lookups import check_lookups
from fnn.torch7.passing import as_inputs, check_types, leaves, shaped, single, type_name
from fnn.torch7.random import keys
from fnn.torch7.results import Results
from fnn.torch7.runs import Run, as_now
from fnn.torch7.table import Table
from fnn.torch7.tensor import Tensor


class Computing(Results):
    """A module that a pure layer computes, or a network of them."""

    _lookups: Callable[..., Iterable[tuple[Array, int]]] | None = None
    """Finds the indices from 1 among the layer's inputs, and how many places each may point to."""

    @property
    def _mode(self) -> bool:
        return self.train is not False

    @property
    def _noisy(self) -> bool:
        """Whether forward draws noise of its own."""
        return False

    @property
    def _acts(self) -> bool:
        """Whether its own methods do more than its pure layer, so that containers call them."""
        return self._noisy

    @property
    def _fused(self) -> Applicable | None:
        """The layer that runs as one program. Torch's stream of noise needs module after module."""
        return self._once("fused", self._find_fused, self._find_layer)

    @property
    def _program(self) -> Applicable | None:
        """The layer of the methods that are inherited, even where others are the user's own."""
        return self._once("program", self._find_fused, self._find_program)

    @property
    def _filled(self) -> Filled | None:
        """That layer, in the mode of the module."""
        return self._once("filled", self._find_filled)

    def _find_filled(self) -> Filled | None:
        layer = self._program
        return None if layer is None else Filled(layer, self._mode)

    def _find_draws(self) -> bool:
        """Whether the pure layer draws noise."""
        inside = [module._find_draws() for _, module in self._children()]
        return any(inside) if inside else "key" in getattr(self._program, "reserved", ())

    def _find_fused(self, find: Callable) -> Applicable | None:
        inside = (module for _, module in self._descendants())
        return None if self._noisy or any(m._acts for m in inside) else find()

    def _operands(self, input: Any) -> tuple:
        """The inputs of the pure layer, as far as they can be looked at before it runs."""
        return as_inputs(input)

    def _compute(self, input: Any) -> Any:
        """Go forward by the pure layer, and remember the way back."""
        self._let_go_of_network()
        try:
            last, operands = self._prepare(input)
            last.output, last.pullback = run(
                last.function, *operands, into=leaves(self.tensors("state"))
            )
        except (TypeError, ValueError, IndexError) as error:
            self._say_where(error)
            raise
        self._run = last
        found = self._hold_output(last.output)
        if self.network is not None:
            self._watch(last)
        self._note_read(last, operands)
        return found

    def _note_read(self, last: Run, operands: tuple) -> None:
        """Note what backward reads of the operands."""
        params, _, _, *inputs = operands
        last.learn(params)
        last.mark(leaves(inputs) if self.reads_input else ())

    def _prepare(self, input: Any) -> tuple[Run, tuple]:
        """A forward that is about to be computed, and its operands."""
        inputs = self._operands(input)
        filled = self._filled  # to which the input may have made a difference
        assert filled is not None
        params, state = self.tensors("params"), self.tensors("state")
        key = keys.draw() if "key" in filled.layer.reserved else None
        given, flags = leaves(inputs), self._once("learned", self._find_learned)
        check_types(self, leaves(params), given)
        operands = (params, state, key, *inputs)
        fixed = len(leaves(operands)) - len(flags) - len(given)
        wanted = tuple([differentiable(x.storage) for x in given])
        check_lookups(self, filled, operands)
        function = Differentiated(filled, (*flags, *(False,) * fixed, *wanted), True)
        forms = jax.tree.map(
            lambda x: jax.ShapeDtypeStruct(x.geometry.size, x.storage.dtype), inputs
        )
        alone = not isinstance(input, Table | list | tuple)
        draws = self._once("draws", self._find_draws)
        last = Run(function, as_now(*operands), sum(flags), forms, wanted, alone, draws)
        last.take(input)
        return last, operands

    def _learn(self, input: Any, gradOutput: Any, kind: str, scale: float) -> None:
        """Go back for the parameters' sake alone."""
        self._take("_owed_output")
        kept = self._gradInput, self._owed_gradient
        self._gradInput = self._owed_gradient = None
        try:
            self._pull(input, gradOutput, kind, scale)
        finally:
            self._gradInput, self._owed_gradient = kept

    def _find_learned(self) -> tuple[bool, ...]:
        """Which of the parameters have gradients; a user may have taken them away."""
        params, grads = (
            [path for path, _ in jax.tree.leaves_with_path(self.tensors(kind))]
            for kind in ("params", "gradients")
        )
        return tuple(path in grads for path in params)

    def _targets(self, kind: str) -> tuple[list[Tensor], bool]:
        """The tensors that gradients are added to, and whether some of them share memory."""
        return self._once(f"targets among {kind}", self._find_targets, kind)

    def _find_targets(self, kind: str) -> tuple[list[Tensor], bool]:
        found = leaves(self.tensors(kind))
        if kind == "params":
            found = [x for x, flag in zip(found, self._find_learned(), strict=True) if flag]
        return found, overlapping(found)

    def _last(self, input: Any) -> Run:
        """The last forward; one of this input, if the last was of another or not its own."""
        self._take("_owed_output")
        last = self._run
        if (
            last is None
            or not last.reachable
            or last.overtaken(self._filled, self.tensors("params"))
            or not self._took(last, input)
        ):
            layer = self._program
            if layer is None or self._find_draws():
                raise LayerError(
                    f"{self}: backward without forward\nlikely cause: forward was not called, or "
                    "ran inside a compiled function or another module, which kept the noise"
                )
            last, operands = self._prepare(input if self.reads_input else self._given(input))
            last.output, last.pullback = run(again, last.given, forward=last.function)
            self._note_read(last, operands)
            self._run = last
        return last

    def _given(self, input: Any) -> Any:
        """What the last forward was given, which may have been overwritten since."""
        last, _ = self._ran
        if last is None or not last.reachable:
            return input
        found = jax.tree.map(Tensor._around, seen(self, all_inputs))
        return single(found) if isinstance(input, Tensor) else Table(found)

    def _pull(self, input: Any, gradOutput: Any, kind: str = "", scale: float = 0) -> Any:
        """Go back through the last forward in one program, adding to tensors of a kind."""
        last = self._last(input)
        cotangents = [
            shaped(g, o.form.shape)
            for g, o in zip(leaves(as_inputs(gradOutput)), leaves(last.output), strict=True)
            if differentiable(o)
        ]
        found = iter(self._way_back(last, cotangents, kind, scale))
        inputs, structure = jax.tree.flatten(last.inputs)
        gradients = [
            next(found) if w else Storage(from_data(np.zeros(x.shape), x.dtype))
            for x, w in zip(inputs, last.wanted, strict=True)
        ]
        for gradient in gradients:
            gradient.late = True  # nobody looks at the gradient by the data, as a rule
        if self.network is not None:
            self._watch(last, as_now(*cotangents))
        tree = jax.tree.unflatten(structure, gradients)
        self._take("_owed_gradient")
        return self._hold_gradient(single(tree) if last.alone else tree)

    def _way_back(self, last: Run, cotangents: list, kind: str, scale: float) -> Any:
        """Add to the tensors of a kind; the gradients by the inputs that have some."""
        if not last.learned and not any(last.wanted):
            return ()
        pullback, last.pullback = last.pullback, None
        if pullback is None:
            _, pullback = run(again, last.given, forward=last.function)
        into, shared = self._targets(kind) if kind else ((), False)
        targets, learned = ((), 0) if shared else (into, last.learned)
        found = run(
            updates.pull_back_into,
            pullback,
            cotangents,
            targets,
            scale,
            learned=learned,
            into=targets,
        )
        if not shared:
            return found
        for target, more in zip(into, found, strict=False):  # so that all of them count
            run(updates.accumulate, target, scale, more, into=[target])
        return found[last.learned :]

    def _say_where(self, error: Exception) -> None:
        """Note which module failed, level by level, as Torch7 does."""
        module: Any = self
        for name in getattr(error, "path", ()):
            children = list(module._children())
            place = [each for each, _ in children].index(name) + 1
            child = children[place - 1][1]
            error.add_note(
                f"In {place} module of {type_name(module)}: {str(child).splitlines()[0]}"
            )
            module = child
        if module is self:
            error.add_note(f"In {self}")

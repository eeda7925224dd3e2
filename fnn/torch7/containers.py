"""nn's containers: modules wired together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

from fnn.compose import Branch, Parallel, Serial
from fnn.tensor.run import run
from fnn.tensor.scope import calling
from fnn.torch7.module import Module
from fnn.torch7.passing import as_input, held, type_name
from fnn.torch7.table import Table
from transforms.cells import tracing

__all__ = ["ConcatTable", "Container", "ParallelTable", "Sequential"]


class Container(Module):
    """Modules in order.

    If all of them are derived from pure layers, the container is too: it runs as one program
    forward and one backward. Else it calls them one by one.
    """

    def __init__(self) -> None:
        super().__init__()
        self.modules = Table()

    def _children(self) -> Iterable[tuple[str, Any]]:
        return ((str(i), module) for i, module in enumerate(self.modules))

    def add(self, module: Module) -> Self:
        """Append a module; returns the container."""
        self.modules.append(module)
        return self

    def get(self, index: int) -> Module:
        """The module at an index, counting from 1."""
        return self.modules[index]

    def size(self) -> int:
        """How many modules there are."""
        return len(self.modules)

    def __len__(self) -> int:
        return len(self.modules)

    def parameters(self) -> tuple[Table, Table]:
        """All parameters and all their gradients, in the order of the modules."""
        pairs = [module.parameters() for module in self.modules]
        params, grads = (Table(t for pair in pairs for t in pair[i] or ()) for i in (0, 1))
        return params, grads

    def training(self) -> None:
        """Behave as in training, with all modules inside."""
        self._set_train(True)

    def evaluate(self) -> None:
        """Behave as in use, with all modules inside."""
        self._set_train(False)

    def _set_train(self, train: bool) -> None:
        for module in self.modules:
            module.training() if train else module.evaluate()
        self.train = train

    def reset(self, stdv: float | None = None) -> Self:
        """Draw all parameters anew."""
        for module in self.modules:
            module.reset(stdv)
        return self

    def share(self, other: Any, *names: str) -> Self:
        """Have the modules' named fields share the storages of those in `other`."""
        for mine, theirs in zip(self.modules, other.modules, strict=True):
            mine.share(theirs, *names)
        return self

    def clearState(self) -> Self:
        """Drop results that can be computed again."""
        for module in self.modules:
            module.clearState()
        return super().clearState()

    def _through(self, input: Any) -> Any:
        """Call the modules forward one by one; the output."""
        return self.output

    def _back(self, method: str, input: Any, gradOutput: Any, *scale: float) -> Any:
        """Call the modules backward one by one; the gradient by the input."""
        return self.gradInput

    def updateOutput(self, input: Any) -> Any:
        """Compute `output`."""
        if self._fused is not None:
            return super().updateOutput(input)
        self.output = self._through(input)
        return self.output

    def _go_back(self, input: Any, gradOutput: Any, scale: float) -> Any:
        if self._fused is not None:
            return super()._go_back(input, gradOutput, scale)
        self.gradInput = self._back("backward", input, gradOutput, scale)
        return self.gradInput

    def updateGradInput(self, input: Any, gradOutput: Any) -> Any:
        """Compute the gradients by all modules' inputs."""
        if self._fused is not None:
            return super().updateGradInput(input, gradOutput)
        self.gradInput = self._back("updateGradInput", input, gradOutput)
        return self.gradInput

    def accGradParameters(self, input: Any, gradOutput: Any, scale: float = 1) -> None:
        """Add the gradients of all modules' parameters."""
        if self._fused is not None:
            super().accGradParameters(input, gradOutput, scale)
        else:
            self._back("accGradParameters", input, gradOutput, scale)

    def _rethrow(self, index: int, method: str, *args: Any) -> Any:
        """Call a module's method, and say where an error came from."""
        module = self.modules[index]
        try:
            if not tracing():
                return getattr(module, method)(*args)
            with calling(module, self, backward=method != "updateOutput"):
                return getattr(module, method)(*args)
        except Exception as error:
            error.add_note(f"In {index} module of {type_name(self)}: {str(module).splitlines()[0]}")
            raise


class Sequential(Container):
    """One module after the other."""

    network = Serial

    def _operands(self, input: Any) -> tuple:
        return self.modules[1]._operands(input) if self.modules else super()._operands(input)

    def _hold_output(self, value: Any) -> Any:
        self._output = self.modules[len(self)]._hold_output(value)
        return self._output

    def _hold_gradient(self, value: Any) -> Any:
        if self._gradInput is not None:
            self._gradInput = self.modules[1]._hold_gradient(value)
        return self._gradInput

    def _through(self, input: Any) -> Any:
        for i in range(1, len(self) + 1):
            input = self._rethrow(i, "updateOutput", input)
        return input

    def _back(self, method: str, input: Any, gradOutput: Any, *scale: float) -> Any:
        for i in range(len(self), 0, -1):
            given = self.modules[i - 1].output if i > 1 else input
            self._rethrow(i, method, given, gradOutput, *scale)
            gradOutput = self.modules[i].gradInput
        return gradOutput

    def __tostring__(self) -> str:
        """The chain, and each module in it."""
        chain = " -> ".join(["input", *(f"({i + 1})" for i in range(len(self))), "output"])
        lines = [f"  ({i}): {indented(m, '  ')}" for i, m in enumerate(self.modules, 1)]
        return "\n".join([f"{type_name(self)} {{", f"  [{chain}]", *lines, "}"])


class _Side(Container):
    """Modules side by side: the outputs are a table. A subclass has `_each` and `_gather`."""

    def _each(self, input: Any) -> list[Any]:
        """What each module is given."""
        raise NotImplementedError  # by hand, as in Shell

    def _gather(self, gradients: list[Any]) -> Any:
        """The gradient by the input, from those by what each module was given."""
        raise NotImplementedError  # by hand, as in Shell

    def _hold_output(self, value: Any) -> Any:
        self._output = Table([m._hold_output(v) for m, v in zip(self.modules, value, strict=True)])
        return self._output

    def _through(self, input: Any) -> Any:
        each = enumerate(self._each(input), 1)
        return Table([self._rethrow(i, "updateOutput", x) for i, x in each])

    def _back(self, method: str, input: Any, gradOutput: Any, *scale: float) -> Any:
        for i, (x, g) in enumerate(zip(self._each(input), gradOutput, strict=True), 1):
            self._rethrow(i, method, x, g, *scale)
        if method == "accGradParameters":
            return self.gradInput
        return self._gather([module.gradInput for module in self.modules])

    def __tostring__(self) -> str:
        """The modules as branches."""
        *others, last = [
            f"`-> ({i}): {indented(m, self._margin(i))}" for i, m in enumerate(self.modules, 1)
        ]
        lines = [*("    |" + text for text in others), "     " + last]
        return "\n".join([f"{type_name(self)} {{", "  input", *lines, "     ... -> output", "}"])

    def _margin(self, index: int) -> str:
        return "         " if index == len(self) else "    |    "


class ConcatTable(_Side):
    """All modules on the same input."""

    network = Branch

    def _each(self, input: Any) -> list[Any]:
        return [input] * len(self)

    def _gather(self, gradients: list[Any]) -> Any:
        first, *others = gradients
        total = as_input(first)
        for other in others:
            total = added(total, as_input(other))
        return held(self._gradInput, total)


class ParallelTable(_Side):
    """Each module on its own element of the input."""

    network = Parallel

    def _hold_gradient(self, value: Any) -> Any:
        if self._gradInput is not None:
            values = value if isinstance(value, tuple) else (value,)
            pairs = zip(self.modules, values, strict=True)
            self._gradInput = Table([m._hold_gradient(v) for m, v in pairs])
        return self._gradInput

    def _each(self, input: Any) -> list[Any]:
        return list(input)

    def _gather(self, gradients: list[Any]) -> Any:
        return Table(gradients)


def added(a: Any, b: Any) -> Any:
    """The sum of two tensors, or of two nested tables of tensors."""
    if isinstance(a, tuple):
        return tuple(map(added, a, b))
    return run(plus, a, b)


def plus(a: Any, b: Any) -> Any:
    """a + b."""
    return a + b


def indented(module: Module, by: str) -> str:
    """A module's text as part of a tree."""
    return str(module).replace("\n", "\n" + by)

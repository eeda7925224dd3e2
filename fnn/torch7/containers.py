"""nn's containers: modules wired together."""

from __future__ import annotations

from collections.abc import Callable
from itertools import zip_longest
from typing import Any, Self

from fnn.compose import Serial
from fnn.errors import describe, require
from fnn.tensor.scope import calling
from fnn.torch7.learner import Learner
from fnn.torch7.module import Module
from fnn.torch7.passing import type_name
from fnn.torch7.table import Table
from transforms.cells import tracing

__all__ = ["Container", "Sequential"]


class Container(Module):
    """Modules in order.

    If all of them are derived from pure layers, the container is too: it runs as one program
    forward and one backward. Else it calls them one by one.
    """

    borrows = True

    def __init__(self) -> None:
        super().__init__()
        self.modules = Table()

    def add(self, module: Module) -> Self:
        """Append a module; returns the container."""
        if not isinstance(module, Module):  # only then, because a network is long to describe
            require(
                False,
                f"{type_name(self)}.add",
                "nil" if module is None else f"{describe(module)}",
                "a module",
                "a class without its brackets, a node, or a misspelt name",
            )
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

    def __bool__(self) -> bool:
        return True

    def applyToModules(self, function: Callable[[Module], Any]) -> None:
        """Call a function with each module of this container."""
        for module in self.modules:
            function(module)

    def parameters(self) -> tuple[Table, Table]:
        """All parameters and all their gradients, in the order of the modules."""
        pairs = [module.parameters() for module in self.modules]
        params, grads = (Table(t for pair in pairs for t in pair[i] or ()) for i in (0, 1))
        return params, grads

    def _at_once(self, step: str, *others: str) -> bool:
        """Whether no module inside takes a step in a way of its own, by one of these methods."""
        return self._once(step, self._find_at_once, step, *others)

    def _find_at_once(self, *names: str) -> bool:
        common = [getattr(kind, name) for kind in (Learner, Module, Container) for name in names]
        return not any(
            name in vars(module) or getattr(type(module), name) not in common
            for _, module in self._descendants()
            for name in names
        )

    def zeroGradParameters(self) -> None:
        """Set all gradients to zero."""
        if self._at_once("zeroGradParameters"):
            super().zeroGradParameters()
        else:
            self.applyToModules(lambda module: module.zeroGradParameters())

    def updateParameters(self, learningRate: float) -> None:
        """Have all modules take one step against their gradients."""
        if self._at_once("updateParameters"):
            super().updateParameters(learningRate)
        else:
            self.applyToModules(lambda module: module.updateParameters(learningRate))

    def accUpdateGradParameters(self, input: Any, gradOutput: Any, lr: float) -> None:
        """Have all modules take a step against the gradients without keeping them."""
        names = ("accUpdateGradParameters", "defaultAccUpdateGradParameters")
        shared = any(module.shared for _, module in self._descendants())
        if self._joint(input) and not (shared or self._overtaken(input)) and self._at_once(*names):
            self.defaultAccUpdateGradParameters(input, gradOutput, lr)
        else:
            self._back("accUpdateGradParameters", input, gradOutput, lr)

    def sharedAccUpdateGradParameters(self, input: Any, gradOutput: Any, lr: float) -> None:
        """The same: each module knows for itself whether it is shared."""
        self.accUpdateGradParameters(input, gradOutput, lr)

    def reset(self, stdv: float | None = None) -> Self:
        """Draw all parameters anew."""
        self.applyToModules(lambda module: module.reset(stdv))
        return self

    def share(self, other: Any, *names: str) -> Self:
        """Have the modules' named fields share the storages of those in `other`.

        It may have more modules, and fewer if those that have no partner have no such field.
        """
        for mine, theirs in zip_longest(self.modules, [*other.modules][: len(self)]):
            mine.share(theirs, *names)
        return self

    def clearState(self) -> Self:
        """Drop results that can be computed again."""
        super().clearState()
        self.applyToModules(lambda module: module.clearState())
        return self

    @property
    def reads_input(self) -> bool:
        """Whether backward reads the input, which else is content with what forward kept of it."""
        return self._once("reads_input", self._find_reads_input)

    def _find_reads_input(self) -> bool:
        return any(module.reads_input for module in self.modules)

    def _joint(self, input: Any) -> bool:
        """Whether the modules run as one program; to those, a table of one is its element."""
        alone = isinstance(input, Table | list | tuple) and len(input) == 1
        return self._fused is not None and not alone

    def _lend(self, name: str, value: Any) -> None:
        if value is not vars(self).get(name):  # else it is what it was
            super()._lend(name, value)

    def _through(self, input: Any) -> Any:
        """Call the modules forward one by one; the output."""
        return self.output

    def _back(self, method: str, input: Any, gradOutput: Any, *rest: float) -> Any:
        """Call the modules backward one by one; the gradient by the input."""
        return self.gradInput

    def updateOutput(self, input: Any) -> Any:
        """Compute `output`."""
        if self._joint(input):
            return super().updateOutput(input)
        self._let_go_of_network()
        self._run = None
        self.output = self._through(input)
        return self.output

    def _go_back(self, input: Any, gradOutput: Any, scale: float) -> Any:
        if self._joint(input) and not self._overtaken(input):
            return super()._go_back(input, gradOutput, scale)
        self.gradInput = self._back("backward", input, gradOutput, scale)
        return self.gradInput

    def updateGradInput(self, input: Any, gradOutput: Any) -> Any:
        """Compute the gradients by all modules' inputs."""
        if self._joint(input) and not self._overtaken(input):
            return super().updateGradInput(input, gradOutput)
        self.gradInput = self._back("updateGradInput", input, gradOutput)
        return self.gradInput

    def accGradParameters(self, input: Any, gradOutput: Any, scale: float = 1) -> None:
        """Add the gradients of all modules' parameters."""
        if self._joint(input) and not self._overtaken(input):
            super().accGradParameters(input, gradOutput, scale)
        else:
            self._back("accGradParameters", input, gradOutput, scale)

    @property
    def _title(self) -> str:
        """What the text of the container begins with."""
        return type_name(self)

    def rethrowErrors(self, module: Module, index: int, method: str, *args: Any) -> Any:
        """Call a module's method, and say where an error came from."""
        try:
            if not tracing():
                return getattr(module, method)(*args)
            with calling(module, self, backward=method != "updateOutput"):
                return getattr(module, method)(*args)
        except Exception as error:
            error.add_note(f"In {index} module of {type_name(self)}: {str(module).splitlines()[0]}")
            raise

    def _rethrow(self, index: int, method: str, *args: Any) -> Any:
        """Call a method of the module at an index."""
        return self.rethrowErrors(self.modules[index], index, method, *args)


class Sequential(Container):
    """One module after the other."""

    network = Serial

    def add(self, module: Module) -> Self:
        """Append a module; returns the container."""
        super().add(module)
        self._take_ends(len(self) == 1)
        return self

    def _take_ends(self, both: bool = True) -> None:
        """Have the last module's `output`, and the first one's `gradInput`, unless that is None."""
        ends = self.modules if self.modules else [Module()]
        first, *_, last = [*ends, *ends]
        self.output = last.output
        if both and first.gradInput is not None:
            self.gradInput = first.gradInput

    def insert(self, module: Module, index: int | None = None) -> None:
        """Put a module in at an index, or at the end."""
        place = len(self) + 1 if index is None else index
        require(
            1 <= place <= len(self) + 1,
            f"{type_name(self)}.insert",
            f"index {place} for {len(self)} modules",
            f"1..{len(self) + 1}",
            "index should be contiguous to existing modules",
        )
        self.modules.insert(place, module)
        self._take_ends()

    def remove(self, index: int | None = None) -> None:
        """Take out the module at an index, or the last one."""
        place = len(self) if index is None else index
        require(
            1 <= place <= len(self),
            f"{type_name(self)}.remove",
            f"index {place} for {len(self)} modules",
            f"1..{len(self)}",
            "index out of range",
        )
        self.modules.remove(place)
        self._take_ends()

    def _find_reads_input(self) -> bool:
        return not self.modules or self.modules[1].reads_input

    def _operands(self, input: Any) -> tuple:
        return self.modules[1]._operands(input) if self.modules else super()._operands(input)

    def _settle(self, *slots: str) -> None:
        super()._settle(*slots)
        ends = {1, len(self)} if self.modules else ()
        for module in map(self.modules.__getitem__, ends):  # whose results are also its own
            if module._origin is not None and module._origin[0] is not self:
                module._settle(*slots)

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

    def _back(self, method: str, input: Any, gradOutput: Any, *rest: float) -> Any:
        for i in range(len(self), 0, -1):
            given = self.modules[i - 1].output if i > 1 else input
            self._rethrow(i, method, given, gradOutput, *rest)
            gradOutput = self.modules[i].gradInput
        return gradOutput

    def __tostring__(self) -> str:
        """The chain, and each module in it."""
        chain = " -> ".join(["input", *(f"({i + 1})" for i in range(len(self))), "output"])
        lines = [f"  ({i}): {indented(m, '  ')}" for i, m in enumerate(self.modules, 1)]
        return "\n".join([f"{self._title} {{", f"  [{chain}]", *lines, "}"])


def indented(module: Module, by: str) -> str:
    """A module's text as part of a tree."""
    return str(module).replace("\n", "\n" + by)

"""nn's containers of modules side by side: their outputs are a table, or are joined."""

from __future__ import annotations

from functools import reduce
from typing import Any, Self

import jax
import jax.numpy as jnp
from jax import Array

from fnn.compose import Branch
from fnn.compose import Parallel as Pairs
from fnn.errors import require
from fnn.layer import Applicable, Layer, layer
from fnn.parts import Between, Each, everywhere
from fnn.table import join, join_centred, split
from fnn.tensor.run import run
from fnn.torch7.containers import Container, indented
from fnn.torch7.module import Module
from fnn.torch7.passing import as_input, held, shaped, type_name
from fnn.torch7.storage import LongStorage
from fnn.torch7.table import Table
from fnn.torch7.tensor import Tensor

__all__ = ["Concat", "ConcatTable", "DepthConcat", "MapTable", "Parallel", "ParallelTable"]


class Side(Container):
    """Modules side by side. A subclass has `_each` and `_gather`."""

    def _each(self, input: Any) -> list[Any]:
        """What each module is given."""
        raise NotImplementedError  # by hand, as in Shell

    def _join(self, outputs: list[Any]) -> Any:
        """The output, from those of the modules."""
        return Table(outputs)

    def _part(self, gradOutput: Any, count: int) -> list[Any]:
        """The gradients of the outputs of the first modules, from that of the output."""
        return list(gradOutput)[:count]

    def _gather(self, gradients: list[Any]) -> Any:
        """The gradient by the input, from those by what each module was given."""
        raise NotImplementedError  # by hand, as in Shell

    def _through(self, input: Any) -> Any:
        each = enumerate(self._each(input), 1)
        return self._join([self._rethrow(i, "updateOutput", x) for i, x in each])

    def _back(self, method: str, input: Any, gradOutput: Any, *rest: float) -> Any:
        given = self._each(input)
        parts = self._part(gradOutput, len(given))
        for i, (x, g) in enumerate(zip(given, parts, strict=True), 1):
            self._rethrow(i, method, x, g, *rest)
        if method.startswith("acc"):
            return self.gradInput
        return self._gather([self.modules[i].gradInput for i in range(1, len(given) + 1)])

    def __tostring__(self) -> str:
        """The modules as branches."""
        lines = [
            f"{self._margin(i)[:5]}`-> ({i}): {indented(m, self._margin(i))}"
            for i, m in enumerate(self.modules, 1)
        ]
        return "\n".join([f"{self._title} {{", "  input", *lines, "     ... -> output", "}"])

    def _margin(self, index: int) -> str:
        return "         " if index == len(self) else "    |    "


class Same(Side):
    """All modules on the same input, by which the gradient is the sum of theirs."""

    def _each(self, input: Any) -> list[Any]:
        return [input] * len(self)

    def _gather(self, gradients: list[Any]) -> Any:
        if self._gradInput is None or any(gradient is None for gradient in gradients):
            return None
        return held(self._gradInput, reduce(added, map(as_input, gradients)))


class ConcatTable(Same):
    """All modules on the same input: the outputs are a table."""

    network = Branch
    first_output = Table

    def _hold_output(self, value: Any) -> Any:
        self._output = Table([m._hold_output(v) for m, v in zip(self.modules, value, strict=True)])
        return self._output


class ParallelTable(Side):
    """Each module on its own element of the input: the outputs are a table.

    The last of them may have no gradient, as the targets of a CriterionTable have none: it is 0.
    """

    network = Pairs
    first_output = first_gradient = Table

    def _part(self, gradOutput: Any, count: int) -> list[Any]:
        known = super()._part(gradOutput, count)
        return known + [zeros(y) for y in list(self.output)[len(known) : count]]

    def _pull(self, input: Any, gradOutput: Any, *rest: Any) -> Any:
        if isinstance(gradOutput, Table | list | tuple):
            gradOutput = self._part(gradOutput, max(len(gradOutput), len(self.output)))
        return super()._pull(input, gradOutput, *rest)

    def _hold_output(self, value: Any) -> Any:
        self._output = Table([m._hold_output(v) for m, v in zip(self.modules, value, strict=False)])
        return self._output

    def _hold_gradient(self, value: Any) -> Any:
        if self._gradInput is not None:
            values = value if isinstance(value, tuple) else (value,)
            pairs = zip(self.modules, values, strict=False)
            self._gradInput = Table([m._hold_gradient(v) for m, v in pairs])
        return self._gradInput

    def _each(self, input: Any) -> list[Any]:
        return list(input)

    def _gather(self, gradients: list[Any]) -> Any:
        return Table(gradients)


def zeros(x: Any) -> Any:
    """0 in the place of all numbers of a tensor, or of those in a table."""
    return Table(map(zeros, x)) if isinstance(x, Table) else x.clone().zero()


class MapTable(ParallelTable):
    """One module on each element of the input: as many clones of it as there are elements.

    Clones share their parameters, unless `shared` is false.
    """

    def __init__(self, module: Module | None = None, shared: bool = True):
        super().__init__()
        self.shared = shared is not False
        self.sharedparams = Table(["weight", "bias", "gradWeight", "gradBias"])
        if module is not None:
            self.add(module)

    @property
    def module(self) -> Module | None:
        """The module that is cloned."""
        return self.modules[1] if len(self) else None

    def add(self, module: Module) -> Self:
        """Have this module; there is room for one."""
        require(
            not len(self),
            "nn.MapTable.add",
            f"{module} beside {self.module}",
            "a single module",
            "a chain of modules was meant: put them into an nn.Sequential",
        )
        return super().add(module)

    def _extend(self, n: int) -> None:
        names = self.sharedparams if self.shared else ()
        while len(self) < n:
            self.modules.append(self.modules[1].clone(*names))

    def resize(self, n: int) -> None:
        """Have a number of clones."""
        self._extend(n)
        while len(self) > n:
            self.modules.remove()

    def _find_program(self) -> Applicable | None:
        """One layer for all elements, if clones have nothing of their own."""
        layers = {self._in_mode(module) for module in self.modules}
        found = layers.pop() if len(layers) == 1 else None  # settings may be a clone's own
        if self.module is None or found is None:
            return None
        inside = [self.module, *(module for _, module in self.module._descendants())]
        names = {name for m in inside if m._derived is not None for name in m.names("params")}
        if not self.shared or "state" in found.reserved or not names <= {*self.sharedparams}:
            return None
        return Each(found)

    def _find_tensors(self, kind: str) -> dict[str, Any]:
        return {} if self.module is None else self.module.tensors(kind)

    def _hold_output(self, value: Any) -> Any:
        self._extend(len(value))
        return super()._hold_output(value)

    def _hold_gradient(self, value: Any) -> Any:
        self._extend(len(value) if isinstance(value, tuple) else 1)
        return super()._hold_gradient(value)

    def updateOutput(self, input: Any) -> Any:
        """Compute `output`."""
        self._extend(len(input))
        return super().updateOutput(input)

    def zeroGradParameters(self) -> None:
        """Set all gradients to zero."""
        self._step("zeroGradParameters")

    def updateParameters(self, learningRate: float) -> None:
        """Take one step against the gradients: a single one for what is shared."""
        self._step("updateParameters", learningRate)

    def _step(self, method: str, *args: Any) -> None:
        for module in list(self.modules)[: 1 if self.shared else None]:
            getattr(module, method)(*args)

    def clearState(self) -> Self:
        """Drop results that can be computed again, and the clones."""
        if len(self):
            self.resize(1)
        return super().clearState()

    def __tostring__(self) -> str:
        """The module."""
        if self.module is None:
            return f"{self._title} {{ }}"
        return f"{self._title} {{\n  {indented(self.module, ' ' * 8)}\n}}"


class Joined(Side):
    """Outputs that a pure function joins: `after`, of the hyperparameters."""

    def _join(self, outputs: list[Any]) -> Any:
        return held(self._output, run(self._after, *outputs))

    @property
    def _after(self) -> Any:
        return self._hyper()["after"]

    def _part(self, gradOutput: Any, count: int) -> list[Any]:
        outputs = [self.modules[i].output for i in range(1, count + 1)]
        gradient = shaped(as_input(gradOutput), self.output.geometry.size)
        parts = run(parted, outputs, gradient, join=self._after)
        return [Tensor._around(part) for part in parts]


class Concat(Joined, Same):
    """All modules on the same input: the outputs are joined along a dimension."""

    network = Between
    function = staticmethod(join)

    def __init__(self, dimension: int):
        super().__init__()
        self.dimension, self.outputSize = dimension, LongStorage()

    def _hyper(self) -> dict[str, Any]:
        return {
            "before": layer(everywhere, count=len(self)),
            "after": layer(self.function, axis=self.dimension - 1),
        }


class DepthConcat(Concat):
    """As `Concat`; in other dimensions the largest size counts, with smaller outputs in the middle.

    Around them there are zeros.
    """

    function = staticmethod(join_centred)

    def windowNarrow(self, output: Tensor, currentOutput: Tensor, offset: int) -> Tensor:
        """The part of the whole output in which one of them lies, from `offset` on."""
        found = output.narrow(self.dimension, offset, currentOutput.size(self.dimension))
        sizes = zip(output.size(), currentOutput.size(), strict=True)
        for dim, (whole, own) in enumerate(sizes, 1):
            if dim != self.dimension:
                found = found.narrow(dim, (whole - own) // 2 + 1, own)
        return found


class Parallel(Joined):
    """Each module on its own slice of the input: the outputs are joined along a dimension."""

    network = Between

    def __init__(self, inputDimension: int | None = None, outputDimension: int | None = None):
        super().__init__()
        self.inputDimension: Any = inputDimension
        self.outputDimension: Any = outputDimension

    def _hyper(self) -> dict[str, Any]:
        return {
            "before": layer(split, axis=self.inputDimension - 1),
            "after": layer(join, axis=self.outputDimension - 1),
        }

    def _each(self, input: Any) -> list[Any]:
        count = input.size(self.inputDimension)
        require(
            count <= len(self),
            type_name(self),
            f"{count} slices of an input of size {list(input.size())}",
            f"{len(self)} at most, one for each module",
            "the slices lie along another dimension",
        )
        return [input.select(self.inputDimension, i) for i in range(1, count + 1)]

    def _gather(self, gradients: list[Any]) -> Any:
        if self._gradInput is None or any(gradient is None for gradient in gradients):
            return None
        return held(self._gradInput, run(stacked, gradients, axis=self.inputDimension - 1))


def parted(outputs: list[Array], gradient: Array, *, join: Layer) -> tuple[Array, ...]:
    """The gradients by what was joined, from that by the whole."""
    return jax.vjp(join, *outputs)[1](gradient)


def stacked(arrays: list[Array], *, axis: int) -> Array:
    """Arrays along a new axis."""
    return jnp.stack(arrays, axis)


def added(a: Any, b: Any) -> Any:
    """The sum of two tensors, or of two nested tables of tensors."""
    if isinstance(a, tuple):
        return tuple(map(added, a, b))
    return run(plus, a, b)


def plus(a: Any, b: Any) -> Any:
    """a + b."""
    return a + b

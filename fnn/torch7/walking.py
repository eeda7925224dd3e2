"""Graphs of modules, node by node."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

import jax

from fnn.errors import LayerError
from fnn.tensor.run import run
from fnn.torch7.containers import Container
from fnn.torch7.node import Data, Node, declared
from fnn.torch7.passing import as_input, held
from fnn.torch7.table import Table


@dataclass
class Pass:
    """What was given to a graph and to its nodes, and what came back to them.

    What is None for the nodes was not computed node by node.
    """

    input: Any
    given: dict[Data, Table] | None = None
    gradOutput: Any = None
    returned: dict[Data, Table] | None = None


class Walked(Container):
    """Modules at the nodes of a graph, called in the graph's order."""

    transient = (*Container.transient, "_pass")

    forwardnodes: Table
    backwardnodes: Table
    innode: Node
    outnode: Node
    nInputs: int
    verbose = False
    _pass: Pass | None = None

    def _working(self) -> list[Node]:
        """The nodes with a module, in the order of the modules."""
        return [node for node in self.forwardnodes if node.data.module is not None]

    def _through(self, input: Any) -> Any:
        self._run = None
        return self._walk("updateOutput", input)

    def _walk(self, method: Callable | str, input: Any) -> Any:
        """Go forward: call a method of each module, or a function of module and input."""
        given = {self.innode.data: Table(input if self.nInputs > 1 else [input])}
        self._last_pass().given = given
        values: dict[Data, Any] = {}
        index, x = 0, None
        for node in self.forwardnodes:
            data = node.data
            if data not in given:
                given[data] = Table(values[other] for other in data.mapindex)
            x = bare(given[data])
            if data.module is not None:
                index += 1
                x = self._call(node, index, method, x)
            elif data.selectindex is not None:
                x = Table(x)[data.selectindex]
            check_split(node, x)
            values[data] = x
            self._tell(node)
        return x

    def _back(self, method: str, input: Any, gradOutput: Any, *rest: float) -> Any:
        if method in ("updateGradInput", "backward"):
            return self._walk_back(method, gradOutput, *rest)
        if self._last_pass().returned is None:
            self._walk_back("updateGradInput", gradOutput)
        indices = self._indices()
        for node in self.backwardnodes:
            data = node.data
            if data in indices and data.gradOutput is not None:
                inputs = bare(data.input), total(data.gradOutput)
                self._call(node, indices[data], method, *inputs, *rest)
        return self.gradInput

    def _walk_back(self, method: Callable | str, gradOutput: Any, *rest: float) -> Any:
        """Go back; what comes back to a node is summed."""
        indices = self._indices()
        returned = self._last_pass().returned = {}
        parts: dict[Data, list] = {node.data: [] for node in self.backwardnodes}
        parts[self.outnode.data].append(gradOutput)
        for node in self.backwardnodes:
            data = node.data
            returned[data] = Table(part for part in parts[data] if part is not None)
            gradient = total(returned[data])
            if data in indices and gradient is not None:
                inputs = bare(data.input), gradient
                gradient = self._call(node, indices[data], method, *inputs, *rest)
            if data.selectindex is not None:
                every = data.mapindex[1]
                if not parts[every]:
                    parts[every].append(Table([None] * every.nSplitOutputs))
                parts[every][0][data.selectindex] = gradient
            elif gradient is not None:
                each = gradient if len(data.mapindex) > 1 else [gradient]
                for other, part in zip(data.mapindex, each, strict=False):
                    parts[other].append(part)
            self._tell(node)
        return total(returned[self.innode.data])

    def _last_pass(self) -> Pass:
        if self._pass is None:
            raise LayerError(
                f"{self}: backward without forward\n"
                "likely cause: forward was not called, or ran inside a compiled function"
            )
        return self._pass

    def _indices(self) -> dict[Data, int]:
        """The place of each node's module among the modules."""
        return {node.data: i for i, node in enumerate(self._working(), 1)}

    def _call(self, node: Node, index: int, method: Callable | str, *args: Any) -> Any:
        """Call a node's module, and say which node an error came from."""
        try:
            if callable(method):
                return method(self.modules[index], *args)
            return self._rethrow(index, method, *args)
        except Exception as error:
            self._blame(node, error)
            raise

    def _blame(self, node: Node, error: Exception) -> None:
        """Say which node failed."""
        error.add_note(f"In the node declared at {declared(node)}")

    def _tell(self, node: Node) -> None:
        """Print a node that was gone through, if asked to."""
        if self.verbose:
            print(" V : " + node.label())

    def _given_to(self, data: Data) -> Table | None:
        """What a node was given by the last forward, which may have been one program."""
        if self._pass is None:
            return None
        if self._pass.given is None:
            self._walk(lambda module, x: module._output_of(x), self._pass.input)
        return (self._pass.given or {}).get(data)

    def _returned_to(self, data: Data) -> Table | None:
        """What came back to a node, from each that takes it."""
        if self._pass is None:
            return None
        if self._pass.returned is None and self._pass.gradOutput is not None:
            self._walk_back(lambda module, *_: module.gradInput, self._pass.gradOutput)
        return (self._pass.returned or {}).get(data) or None


def bare(values: Table) -> Any:
    """A node's only input, or the table of them."""
    return values[1] if len(values) == 1 else values


def total(gradients: Table) -> Any:
    """The sum of tensors, or of nested tables of tensors; None if there is nothing to sum."""
    if len(gradients) < 2:
        return gradients[1] if len(gradients) else None
    return held(None, run(added, *map(as_input, gradients)))


def added(*trees: Any) -> Any:
    """The sum of arrays, or of nested tuples of arrays."""
    return jax.tree.map(lambda *xs: reduce(add, xs), *trees)


def check_split(node: Node, value: Any) -> None:
    """Raise an error if a split node has not as many elements as are taken from it."""
    count = node.data.nSplitOutputs
    if count is not None and not (isinstance(value, Table | list | tuple) and len(value) == count):
        found = len(value) if isinstance(value, Table | list | tuple) else "no table of"
        raise LayerError(
            f"split({count}) cannot split {found} outputs: {declared(node)}"
            "\nlikely cause: the module before gives another number of outputs"
        )

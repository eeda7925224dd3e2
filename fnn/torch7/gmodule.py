"""nn.gModule: a graph of modules as one module."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Self

from fnn.errors import LayerError
from fnn.graph import Graph, Part
from fnn.torch7 import graph
from fnn.torch7.containers import Container, added
from fnn.torch7.node import Data, Node, checked, declared, made_at
from fnn.torch7.passing import as_input, held, type_name
from fnn.torch7.table import Table
from fnn.torch7.transfer import Identity

__all__ = ["gModule"]


class gModule(Container):
    """Computes the nodes `outputs` from the nodes `inputs`; several of them are a table.

    The graph is one program forward and one backward. Its modules are called node by node if some
    of them draw noise or have methods of their own, while `nngraph.setDebug(True)` holds, and with
    `verbose`, which prints each node.
    """

    network = Graph
    transient = (*Container.transient, "_given", "_returned", "_inputs", "_gradOutputs")
    debug: ClassVar[bool] = False

    name: str | None = None
    verbose = False
    _given: dict[Data, Table] | None = None
    _returned: dict[Data, Any] | None = None
    _inputs: Any = None
    _gradOutputs: Any = None

    def __init__(self, inputs: Iterable[Node], outputs: Iterable[Node]):
        super().__init__()
        first, last = checked(inputs, "inputs"), checked(outputs, "outputs")
        if not first:
            raise LayerError("no inputs are not supported\nlikely cause: a misspelt name")
        for node in first:
            if len(node.children):
                raise LayerError(
                    f"an input should have no inputs, as the node declared at {declared(node)} has"
                    "\nlikely cause: it is an inner node, or an input of another gModule"
                )
        label = made_at()
        innode, outnode = Node(label=label), Node(label=label)
        feeds = innode.split(len(first)) if len(first) > 1 else (innode,)
        links = [*((outnode, n) for n in last), *zip(first, feeds, strict=True)]
        made: list[tuple[Node, Node]] = []
        try:
            for node, other in links:
                node.take(other)
                made.append((node, other))
            self._lay_out(innode, outnode)
        except LayerError:
            for node, other in made:
                node.leave(other)
            raise
        self.nInputs = len(first)

    def _lay_out(self, innode: Node, outnode: Node) -> None:
        """Find all nodes and their order, and whether they belong together."""
        self.outnode, self.bg = outnode, outnode.graph()
        self.fg = self.bg.reverse()
        for root in self.fg.roots():
            if root.data is not innode.data:
                raise LayerError(
                    f"the node declared at {declared(root)} has no inputs, and is not an input"
                    "\nlikely cause: it was left out of the table of inputs"
                )
        self.forwardnodes, self.backwardnodes = self.fg.topsort(), self.bg.topsort()
        self.innode = self.forwardnodes[1]
        inside = {node.data for node in self.forwardnodes}
        for node in self.forwardnodes:
            check_uses(node, inside)
        for node in self.forwardnodes:
            node.data.forwardNodeId, node.data.owner = node.id, self
        self.modules = Table(node.data.module for node in self._working())

    def _working(self) -> list[Node]:
        """The nodes with a module, in the order of the modules."""
        return [node for node in self.forwardnodes if node.data.module is not None]

    def _hyper(self) -> dict[str, Any]:
        """How the modules are wired."""
        names = tuple(f"x{i}" for i in range(1, self.nInputs + 1))
        values: dict[Data, Any] = {}
        sources: list[tuple] = []
        for node in self.forwardnodes:
            data = node.data
            taken = tuple(values[other] for other in data.mapindex) or names
            value = taken if len(taken) > 1 else taken[0]
            if data.module is not None:
                value = str(len(sources))
                sources.append((taken,) if isinstance(data.module, Identity) else taken)
            elif data.selectindex is not None:
                place = data.selectindex - 1
                split = isinstance(value, tuple)
                value = value[place] if split else Part(value, place, data.mapindex[1].nSplitOutputs)
            values[data] = value
        return {"sources": tuple(sources), "names": names, "outputs": values[self.outnode.data]}

    def _find_fused(self) -> Any:
        return None if self.verbose or self.debug else super()._find_fused()

    def _hold_output(self, value: Any) -> Any:
        self._output = self._share_output(self.layer.outputs, value, self._output)
        return self._output

    def _share_output(self, source: Any, value: Any, old: Any) -> Any:
        """Put an output into the tensors of the module that gives it."""
        if isinstance(source, str) and source.isdigit():
            return self.modules[int(source) + 1]._hold_output(value)
        if isinstance(source, tuple):
            before = old if isinstance(old, Table) and len(old) == len(source) else [None] * len(source)
            rows = zip(source, value, before, strict=True)
            return Table([self._share_output(*row) for row in rows])
        return held(old, value)

    def updateOutput(self, input: Any) -> Any:
        """Compute `output`."""
        check_count(self, input, self.nInputs, "inputs")
        self._inputs, self._given, self._returned, self._gradOutputs = input, None, None, None
        return super().updateOutput(input)

    def runForwardFunction(self, function: Callable | str, input: Any) -> Any:
        """Call a method of each module by name, or a function of module and input."""
        check_count(self, input, self.nInputs, "inputs")
        self.output = self._walk(function, input)
        return self.output

    def _through(self, input: Any) -> Any:
        self._run = None
        return self._walk("updateOutput", input)

    def _walk(self, method: Callable | str, input: Any) -> Any:
        """Go forward node by node."""
        several = isinstance(input, Table | list | tuple) and self.nInputs > 1
        given = self._given = {self.innode.data: Table(input if several else [input])}
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
                x = x[data.selectindex]
            check_split(node, x)
            values[data] = x
            self._tell(node)
        return x

    def _call(self, node: Node, index: int, method: Callable | str, *args: Any) -> Any:
        """Call a node's module, and say which node an error came from."""
        try:
            if callable(method):
                return method(self.modules[index], *args)
            return self._rethrow(index, method, *args)
        except Exception as error:
            self._blame(node, error)
            raise

    def _say_where(self, error: Exception) -> None:
        super()._say_where(error)
        if path := getattr(error, "path", ()):
            self._blame(self._working()[int(path[0])], error)

    def _blame(self, node: Node, error: Exception) -> None:
        """Say which node failed; when debugging, draw the graph with that node in red."""
        error.add_note(f"In the node declared at {declared(node)}")
        if self.debug:
            how = node.graphNodeAttributes()
            before = dict(how)
            how.update(color="red", style="filled", fillcolor="red")
            name = self.name or f"nngraph_{self.nInputs}in_{len(self.outnode.children)}out"
            graph.dot(self.fg, name, name)
            how.clear()
            how.update(before)

    def _tell(self, node: Node) -> None:
        """Print a node that was gone through, if asked to."""
        if self.verbose:
            print(" V : " + node.label())

    def _pull(self, gradOutput: Any, *others: Any) -> Any:
        check_count(self, gradOutput, len(self.outnode.children), "gradOutputs")
        self._gradOutputs, self._returned = gradOutput, None
        return super()._pull(gradOutput, *others)

    def _back(self, method: str, input: Any, gradOutput: Any, *scale: float) -> Any:
        check_count(self, gradOutput, len(self.outnode.children), "gradOutputs")
        if method != "accGradParameters":
            return self._walk_back(method, gradOutput, *scale)
        indices = {node.data: i for i, node in enumerate(self._working(), 1)}
        for node in self.backwardnodes:
            if node.data in indices:
                returned = bare(node.data.gradOutput)
                self._call(node, indices[node.data], method, bare(node.data.input), returned, *scale)
        return self.gradInput

    def _walk_back(self, method: Callable | str, gradOutput: Any, *scale: float) -> Any:
        """Go back node by node; the gradients that come back to a node are summed."""
        indices = {node.data: i for i, node in enumerate(self._working(), 1)}
        returned = self._returned = {}
        parts: dict[Data, list] = {node.data: [] for node in self.backwardnodes}
        parts[self.outnode.data].append(gradOutput)
        for node in self.backwardnodes:
            data = node.data
            gradient = returned[data] = total(parts[data])
            if data in indices and gradient is not None:
                given = self._given_to(data)
                if given is None:
                    raise LayerError(f"{self}: backward without forward")
                gradient = self._call(node, indices[data], method, bare(given), gradient, *scale)
            if data.selectindex is not None:
                every = parts[data.mapindex[1]]
                if not every:
                    every.append(Table([None] * data.mapindex[1].nSplitOutputs))
                every[0][data.selectindex] = gradient
            elif gradient is not None:
                several = len(data.mapindex) > 1
                for other, part in zip(data.mapindex, gradient if several else [gradient], strict=False):
                    parts[other].append(part)
            self._tell(node)
        return returned[self.innode.data]

    def _given_to(self, data: Data) -> Table | None:
        """What a node was given by the last forward."""
        if self._given is None and self._run is not None and self._inputs is not None:
            self._walk(lambda module, x: module.output, self._inputs)
        return (self._given or {}).get(data)

    def _returned_to(self, data: Data) -> Table | None:
        """The gradient that came back to a node."""
        if self._returned is None and self._gradOutputs is not None:
            self._walk_back(lambda module, x, gradient: module.gradInput, self._gradOutputs)
        found = (self._returned or {}).get(data)
        return None if found is None else Table([found])

    def replace(self, function: Callable) -> Any:
        """What a function makes of this module, after the same was done to the modules inside it."""
        made = function(self)
        for node in self._working():
            node.data.module = node.data.module.replace(function)
        self.modules = Table(node.data.module for node in self._working())
        return made

    def map(self, other: gModule, function: Callable) -> None:
        """Call a function with each module and the one in the same place of another gModule."""
        mine, theirs = self._working(), other._working()
        if len(self.forwardnodes) != len(other.forwardnodes) or len(mine) != len(theirs):
            raise LayerError("trying to map another gModule with a different structure")
        for a, b in zip(mine, theirs, strict=True):
            function(a.data.module, b.data.module)

    def clearState(self) -> Self:
        """Drop results that can be computed again."""
        self._inputs, self._given, self._returned, self._gradOutputs = None, None, None, None
        return super().clearState()

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        nodes = [node for g in (self.fg, self.bg) for node in g.nodes]
        parts = {id(x): x for node in nodes for x in (node, node.data)}
        for place, x in parts.items():  # first of all, so that no copy goes from node to node
            memo[place] = object.__new__(type(x))
        clone = super().__deepcopy__(memo)
        for place, x in parts.items():
            vars(memo[place]).update(copy.deepcopy(vars(x), memo))
        return clone

    def __tostring__(self) -> str:
        """The name, or the type."""
        return self.name or type_name(self)

    def _repr_html_(self) -> str:
        return graph.svg(self.fg, self.name)


def bare(values: Table) -> Any:
    """A node's only input, or the table of them."""
    return values[1] if len(values) == 1 else values


def total(gradients: list[Any]) -> Any:
    """The sum of tensors, or of nested tables of tensors; None if there is nothing to sum."""
    found = [g for g in gradients if g is not None]
    if len(found) < 2:
        return found[0] if found else None
    result = as_input(found[0])
    for gradient in found[1:]:
        result = added(result, as_input(gradient))
    return held(None, result)


def check_count(module: Any, x: Any, count: int, what: str) -> None:
    """Raise an error unless several inputs or outputs come in a table of so many."""
    if count < 2:
        return
    if not isinstance(x, Table | list | tuple):
        raise LayerError(
            f"{module}: expecting table of {count} {what}, given {type_name(x)}"
            "\nlikely cause: they were passed one by one, or one of them alone"
        )
    if len(x) != count:
        raise LayerError(
            f"{module}: Got {len(x)} {what} instead of {count}"
            f"\nlikely cause: the table has to have an element for each of the graph's {count}"
        )


def check_split(node: Node, value: Any) -> None:
    """Raise an error if a split node has not as many elements as are taken from it."""
    count = node.data.nSplitOutputs
    if count is not None and not (isinstance(value, Table) and len(value) == count):
        found = len(value) if isinstance(value, Table) else "no table of"
        raise LayerError(
            f"split({count}) cannot split {found} outputs: {declared(node)}"
            "\nlikely cause: the module before gives another number of outputs"
        )


def check_uses(node: Node, inside: set[Data]) -> None:
    """Raise an error if something that takes a node leads nowhere."""
    data = node.data
    count = data.nSplitOutputs
    if count is not None and len(node.children) != count:
        raise LayerError(
            f"{count - len(node.children)} of split({count}) outputs from the node declared at "
            f"{declared(node)} are unused\nlikely cause: no output depends on an input of the "
            "gModule, or on an element that was split off"
        )
    for user in data.reverseMap:
        if user.data not in inside:
            raise LayerError(
                f"node declared on {declared(user)} does not connect to gmodule output"
                "\nlikely cause: its value is not used, or it is an output that was left out"
            )

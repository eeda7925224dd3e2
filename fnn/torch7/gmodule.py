"""nn.gModule: a graph of modules as one module."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Self

from fnn.errors import LayerError
from fnn.graph import Graph, Part
from fnn.torch7 import graph
from fnn.torch7.nesting import JustTable
from fnn.torch7.node import Data, Node, checked, declared, made_at
from fnn.torch7.passing import held, tensors_in, type_name
from fnn.torch7.passing_on import Identity
from fnn.torch7.runs import Run
from fnn.torch7.table import Table
from fnn.torch7.walking import Pass, Walked

__all__ = ["gModule"]


class gModule(Walked):
    """Computes the nodes `outputs` from the nodes `inputs`; several of them are a table.

    The graph is one program forward and one backward. Its modules are called node by node if some
    of them draw noise or have methods of their own, while `nngraph.setDebug(True)` holds, and with
    `verbose`, which prints each node.
    """

    network = Graph
    debug: ClassVar[bool] = False
    name: str | None = None

    def __init__(self, inputs: Iterable[Node], outputs: Iterable[Node]):
        super().__init__()
        first, last = checked(inputs, "inputs"), checked(outputs, "outputs")
        check_inputs(first)
        self.nInputs = len(first)
        label = made_at()
        innode, outnode = Node(label=label), Node(label=label)
        feeds = innode.split(len(first)) if len(first) > 1 else (innode,)
        made: list[tuple[Node, Node]] = []
        try:
            for node, other in [*((outnode, n) for n in last), *zip(first, feeds, strict=True)]:
                node.take(other)
                made.append((node, other))
            self._lay_out(innode, outnode)
        except LayerError:
            for node, other in made:
                node.leave(other)
            raise

    def _lay_out(self, innode: Node, outnode: Node) -> None:
        """Find all nodes and their order, and whether they belong together."""
        self.outnode, self.bg = outnode, outnode.graph()
        self.fg = self.bg.reverse()
        check_roots(self.fg, innode)
        self.forwardnodes, self.backwardnodes = self.fg.topsort(), self.bg.topsort()
        self.innode = self.forwardnodes[1]
        inside = {node.data for node in self.forwardnodes}
        for node in self.forwardnodes:
            check_uses(node, inside)
        for node in self.forwardnodes:
            node.data.forwardNodeId = node.id
        self._own()

    def _own(self) -> None:
        """Have the nodes know whose they are."""
        for node in self.forwardnodes:
            vars(node.data)["owner"] = self
        self.modules = Table(node.data.module for node in self._working())

    def _hyper(self) -> dict[str, Any]:
        """How the modules are wired."""
        names = tuple(f"x{i}" for i in range(1, self.nInputs + 1))
        values: dict[Data, Any] = {}
        sources: list[tuple] = []
        for node in self.forwardnodes:
            data = node.data
            taken = tuple(values[other] for other in data.mapindex) or names
            value = taken[0] if len(taken) == 1 else taken
            if data.module is not None:
                value = str(len(sources))
                whole = isinstance(data.module, Identity | JustTable)
                sources.append((taken,) if whole else taken)
            elif data.selectindex is not None:
                place, count = data.selectindex - 1, data.mapindex[1].nSplitOutputs
                value = value[place] if isinstance(value, tuple) else Part(value, place, count)
            values[data] = value
        return {"sources": tuple(sources), "names": names, "outputs": values[self.outnode.data]}

    def _find_fused(self, *find: Any) -> Any:
        return None if self.verbose or self.debug else super()._find_fused(*find)

    def _hold_output(self, value: Any) -> Any:
        layer: Any = self.layer
        self._output = self._share_output(layer.outputs, value, self._reusable("_output"))
        return self._output

    def _share_output(self, source: Any, value: Any, old: Any) -> Any:
        """Put an output into the tensors of the module that gives it."""
        if isinstance(source, str) and source.isdigit():
            return self.modules[int(source) + 1]._hold_output(value)
        if not isinstance(source, tuple):
            return held(old, value)
        fits = isinstance(old, Table) and len(old) == len(source)
        rows = zip(source, value, old if fits else [None] * len(source), strict=True)
        return Table([self._share_output(*row) for row in rows])

    def _hold_gradient(self, value: Any) -> Any:
        old = self._reusable("_gradInput")  # it is nil before the first backward
        self._gradInput = held(old, value)
        return self._gradInput

    def updateOutput(self, input: Any) -> Any:
        """Compute `output`."""
        check_count(self, input, self.nInputs, "inputs")
        self._pass = Pass(input)
        return super().updateOutput(input)

    def _go_back(self, input: Any, gradOutput: Any, scale: float) -> Any:
        self._note(input, gradOutput)
        return super()._go_back(input, gradOutput, scale)

    def updateGradInput(self, input: Any, gradOutput: Any) -> Any:
        """Compute the gradients by what all nodes are given."""
        self._note(input, gradOutput)
        return super().updateGradInput(input, gradOutput)

    def _took(self, last: Run, input: Any) -> bool:
        return True  # backward goes by what the nodes were given

    def _note(self, input: Any, gradOutput: Any) -> None:
        """Remember what goes back; and of what, if a network or another copy took that forward."""
        check_count(self, gradOutput, len(self.outnode.children), "gradOutputs")
        copied = self._pass is None and any(x.length for x in tensors_in(self._output))
        if copied or self._origin is not None:
            ran, _ = self._ran
            self._pass = Pass(self._given(input) if ran and ran.other else input)
        last = self._last_pass()
        last.gradOutput, last.returned = gradOutput, None

    def runForwardFunction(self, function: Callable | str, input: Any) -> Any:
        """Call a method of each module by name, or a function of module and input."""
        check_count(self, input, self.nInputs, "inputs")
        self._pass, self._run = Pass(input), None
        self.output = self._walk(function, input)
        return self.output

    def _say_where(self, error: Exception) -> None:
        super()._say_where(error)
        if path := getattr(error, "path", ()):
            self._blame(self._working()[int(path[0])], error)

    def _blame(self, node: Node, error: Exception) -> None:
        """Say which node failed; when debugging, draw the graph with that node in red."""
        super()._blame(node, error)
        if self.debug:
            how = node.graphNodeAttributes()
            before = dict(how)
            how.update(color="red", style="filled", fillcolor="red")
            name = self.name or f"nngraph_{self.nInputs}in_{len(self.outnode.children)}out"
            graph.dot(self.fg, name, name)
            how.clear()
            how.update(before)

    def replace(self, function: Callable) -> Any:
        """What a function makes of this module, after the same was done to those inside it."""
        made = function(self)
        for node in self._working():
            node.data.module = node.data.module.replace(function)
        self._own()
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
        self._pass = None
        return super().clearState()

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        nodes = [node for g in (self.fg, self.bg) for node in g.nodes]
        parts: dict[int, Any] = {id(x): x for node in nodes for x in (node, node.data)}
        for place, x in parts.items():  # first of all, so that no copy goes from node to node
            kind: Any = type(x)
            memo[place] = kind.__new__(kind)
        clone = super().__deepcopy__(memo)
        for place, x in parts.items():
            vars(memo[place]).update(copy.deepcopy(vars(x), memo))
            if isinstance(x, Data):
                memo[place].update(copy.deepcopy(dict(x), memo))
        return clone

    def __tostring__(self) -> str:
        """The name, or the type."""
        return self.name or type_name(self)

    def _repr_html_(self) -> str:
        return graph.svg(self.fg, self.name)


def check_count(module: Any, x: Any, count: int, what: str) -> None:
    """Raise an error unless several inputs or outputs come in a table of so many."""
    if count < 2:
        return
    if not isinstance(x, Table | list | tuple):
        raise LayerError(
            f"{module}: expecting table of {count} {what}, given one {type(x).__name__}"
            "\nlikely cause: they were passed one by one, or one of them alone"
        )
    if len(x) != count:
        raise LayerError(
            f"{module}: Got {len(x)} {what} instead of {count}"
            f"\nlikely cause: the table has to have an element for each of the graph's {count}"
        )


def check_inputs(nodes: list[Node]) -> None:
    """Raise an error unless there are nodes, and none of them takes another one."""
    if not nodes:
        raise LayerError("no inputs are not supported\nlikely cause: a misspelt name")
    for node in nodes:
        if len(node.children):
            raise LayerError(
                f"an input should have no inputs, as the node declared at {declared(node)} has"
                "\nlikely cause: it is an inner node, or an input of another gModule"
            )


def check_roots(fg: graph.Graph, innode: Node) -> None:
    """Raise an error if something begins elsewhere than at the inputs.

    In the original parameters may, which are modules of the package nnop; here they may not.
    """
    for root in fg.roots():
        if root.data is not innode.data:
            module = root.data.module
            found = "module not found in node" if module is None else f"found : {type_name(module)}"
            raise LayerError(
                f"Expected nnop.Parameters node, {found}: the node declared at {declared(root)} "
                "has no inputs, and is not an input"
                "\nlikely cause: it was left out of the table of inputs"
            )


def check_uses(node: Node, inside: set[Data]) -> None:
    """Raise an error if something that takes a node leads nowhere."""
    count, found = node.data.nSplitOutputs, len(node.children)
    if count is not None and found != count:
        raise LayerError(
            f"{count - found} of split({count}) outputs from the node declared at "
            f"{declared(node)} are unused\nlikely cause: no output depends on an input of the "
            "gModule, or on an element that was split off"
        )
    for user in node.data.reverseMap:
        if user.data not in inside:
            raise LayerError(
                f"node declared on {declared(user)} does not connect to gmodule output"
                "\nlikely cause: its value is not used, or it is an output that was left out"
            )

"""nngraph's nodes, and the calls that make them: `nn.Tanh()(node)`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from numbers import Number
from typing import Any, ClassVar

import numpy as np

from fnn.errors import LayerError
from fnn.torch7 import graph
from fnn.torch7.graph import Numbered
from fnn.torch7.passing import type_name
from fnn.torch7.table import Table
from fnn.torch7.tensor import Tensor


class Notes(dict):
    """A table with names as keys: `t['name']` or `t.name`, None if there is no such entry."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self.get(name)

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    __hash__ = object.__hash__  # type: ignore[assignment]
    __eq__ = object.__eq__


class Data(Notes):
    """What a node is, whichever graph it is in.

    `module` computes its value, from the values of the nodes in `mapindex`; without a module these
    are the value. `selectindex` takes an element of the one before; `nSplitOutputs` says that all
    of so many are taken. `reverseMap` has the nodes that take this one. `owner` is the gModule.
    """

    def __init__(self, **fields: Any):
        super().__init__(mapindex=Numbered(), reverseMap={}, annotations=Notes(), **fields)

    @property
    def input(self) -> Table | None:
        """What the node was given by the last forward."""
        return None if self.owner is None else self.owner._given_to(self)

    @property
    def gradOutput(self) -> Table | None:
        """The gradients that came back to the node, one from each that takes it."""
        return None if self.owner is None else self.owner._returned_to(self)


class Node(graph.Node):
    """A module's place in a graph. Its children are the nodes that it takes."""

    typename = "nngraph.Node"
    single: ClassVar[Callable[[], Connectable]]
    """Makes a module that takes the only element of a table."""

    def __init__(self, contents: Any = None, label: str | None = None):
        super().__init__(Data() if contents is None else contents)
        if "_debugLabel" not in self.data.annotations:
            self.data.annotations["_debugLabel"] = label or made_at()

    def take(self, other: Node) -> None:
        """Have another node among the inputs."""
        self.add(other)
        self.data.mapindex.append(other.data)
        other.data.reverseMap[self] = True

    def leave(self, other: Node) -> None:
        """Undo `take`."""
        self.children.discard(other)
        self.data.mapindex.discard(other.data)
        del other.data.reverseMap[self]

    def split(self, count: int) -> Any:
        """Nodes for the elements of this node's table, all of which have to be used."""
        here = f"{declared(self)} split at {made_at()}"
        if count == 1:
            return self.single()._node([self], here)
        every = Node(Data(nSplitOutputs=count), here)._taking([self])
        return tuple(
            Node(Data(selectindex=i), f"{declared(self)}-{i}")._taking([every])
            for i in range(1, count + 1)
        )

    def _taking(self, nodes: Iterable[Node]) -> Node:
        for node in nodes:
            self.take(node)
        return self

    def annotate(self, annotations: dict[str, Any] | None = None, **others: Any) -> Node:
        """Note a `name`, a `description`, `graphAttributes`; returns the node."""
        self.data.annotations.update({**(annotations or {}), **others})
        return self

    def __sub__(self, module: Any) -> Node:
        return module(self)

    def graphNodeName(self) -> str:
        """The node's name, if it has one, and its number."""
        name = self.data.annotations.name
        return f"Node{self.id}" if name is None else f"{name} ({self.id})"

    def graphNodeAttributes(self) -> dict[str, Any]:
        """How the node is drawn; its tooltip says where it was declared."""
        how = self.data.annotations.setdefault("graphAttributes", {})
        how.setdefault("tooltip", declared(self))
        return how

    def label(self) -> str:
        """The node's description, module and tensors, in lines as graphviz writes them."""
        data, notes = self.data, self.data.annotations
        rows = {
            "module": data.module,
            "selectindex": data.selectindex,
            "nSplitOutputs": data.nSplitOutputs,
            "input": data.input,
            "gradOutput": data.gradOutput,
        }
        if len(data.mapindex) > 1:
            numbers = (other.forwardNodeId or "" for other in data.mapindex)
            rows["mapindex"] = "{" + ",".join(f"Node{n}" for n in numbers) + "}"
        head = "" if notes.description is None else rf"desc = {notes.description}\n"
        lines = (f"{n} = {brief(x)}" for n, x in rows.items() if x is not None)
        return head + "\n".join(lines).replace("\n", r"\l")


def declared(node: Node) -> str:
    """Where a node was made."""
    return node.data.annotations._debugLabel


def made_at() -> str:
    """The user's line that is being run, as `[file]:line_function`."""
    frame = sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] == "fnn":
        frame = frame.f_back
    name = frame.f_code.co_name.strip("<>")
    place = f"[{frame.f_code.co_filename}]:{frame.f_lineno}"
    return f"{place}_{'' if name == 'module' else name}"


def brief(x: Any) -> str:
    """A value by its size, and whether there are numbers in it that are none."""
    if isinstance(x, Table | list | tuple):
        return "{" + ",".join(map(brief, x)) + "}"
    if not isinstance(x, Tensor):
        return str(x)
    kind = "Tensor" if x.type() == Tensor().type() else x.type()
    values = np.asarray(x)
    flags = {
        "NaN": np.isnan(values).any(),
        "inf": np.isposinf(values).any(),
        "-inf": np.isneginf(values).any(),
    }
    size = "x".join(map(str, x.size()))
    return f"{kind}[{size}]{next((name for name, found in flags.items() if found), '')}"


class Connectable:
    """Calls and operators of modules and criterions: with nodes they make nodes.

    Called on data, they run.
    """

    def __call__(self, *inputs: Any) -> Any:
        """Make a node that takes nodes, a table of them or nothing; with data, run."""
        return self._apply(*inputs) if inputs and runs(inputs[0]) else self._connect(inputs)

    def _apply(self, *inputs: Any) -> Any:
        """Run."""
        raise NotImplementedError  # by hand, as in Shell

    def _node(self, nodes: list[Node], label: str) -> Node:
        """A node that takes others."""
        return Node(Data(module=self), label)._taking(nodes)

    def _connect(self, inputs: tuple) -> Node:
        """A node of this module, with the inputs of a call."""
        if len(inputs) > 1:
            raise LayerError("Use [input1, input2] to pass multiple inputs.")
        nodes = inputs[0] if inputs and isinstance(inputs[0], Table | list | tuple) else inputs
        if inputs and not len(nodes):
            raise LayerError(
                "cannot pass an empty table of inputs\n"
                "likely cause: a misspelt name in the table; a node without inputs is nn.X()()"
            )
        return self._node(checked(nodes, "inputs"), made_at())

    def __neg__(self) -> Node:
        return self._connect(())

    def __sub__(self, module: Any) -> Node:
        return module(self)

    def __rsub__(self, inputs: Any) -> Node:
        return self._connect((inputs,))


def runs(x: Any) -> bool:
    """Whether something is data to be computed with, rather than nodes to be connected."""
    if isinstance(x, Table | list | tuple):
        return len(x) > 0 and all(map(runs, x))
    return isinstance(x, Tensor | Number | dict) or hasattr(x, "__array__")


def checked(nodes: Iterable[Any], what: str) -> list[Node]:
    """A list of nodes, and nothing else."""
    if isinstance(nodes, Node | Connectable):
        raise LayerError(
            f"{what}: given a single {type_name(nodes)}, wanted a list of nodes\n"
            "likely cause: [node] has one node in it"
        )
    found = list(nodes)
    for i, node in enumerate(found, 1):
        if isinstance(node, Node):
            if any(node is other for other in found[: i - 1]):
                raise LayerError(
                    "Don't pass the same input twice.\n"
                    f"likely cause: the node declared at {declared(node)} stands twice in one "
                    "table; pass it through nn.Identity to use it again"
                )
            continue
        if node is None:
            raise LayerError(f"{what}[{i}] is nil (typo / bad index?)")
        if isinstance(node, Connectable):
            raise LayerError(
                f"{what}[{i}] is an nn.Module, specifically a {type_name(node)}, but the only "
                "valid thing to pass is an instance of nngraph.Node. Did you forget a second set "
                "of parens? nn.X() is a module, nn.X()() a node of it"
            )
        kind = getattr(node, "typename", type(node).__name__)
        kind = node.type() if isinstance(node, Tensor) else {"str": "string"}.get(kind, kind)
        raise LayerError(f"{what}[{i}] should be an nngraph.Node but is of type {kind}")
    return found

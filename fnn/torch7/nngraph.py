"""nngraph: nn's modules as graphs."""

import sys
from itertools import product
from typing import Any

from fnn.torch7 import graph
from fnn.torch7.gmodule import gModule
from fnn.torch7.graph import Edge, Graph, Numbered, Picture
from fnn.torch7.nesting import JustElement, JustTable, nest
from fnn.torch7.node import Node
from fnn.torch7.passing_on import Identity
from transforms.changes import changed

__all__ = [
    "JustElement",
    "JustTable",
    "Node",
    "annotateNodes",
    "display",
    "gModule",
    "nest",
    "setDebug",
    "simple_print",
]


def annotateNodes(level: int = 2) -> None:
    """Name nodes after the caller's local variables; level 3 is the caller's caller."""
    for name, value in sys._getframe(level - 1).f_locals.items():
        if isinstance(value, Node) and value.data.annotations.name is None:
            value.annotate(name=name)


def setDebug(enable: bool = True) -> None:
    """Whether a gModule that fails draws itself into a file, with the failing node in red.

    The file is called after the gModule, or `nngraph_2in_1out.svg` after its inputs and outputs.
    """
    gModule.debug = enable
    changed.structure += 1


def display(module: gModule) -> Picture:
    """A picture of a gModule."""
    return Picture(graph.svg(module.fg, module.name))


class simple_print:
    """Drawings without what has no meaning for people: identities and nodes without modules."""

    @staticmethod
    def todot(module: Any, title: str | None = None) -> str:
        """A gModule, or its `fg`, in graphviz' language."""
        return graph.todot(simplified(module), title)

    @staticmethod
    def dot(module: Any, title: str | None = None, fname: str | None = None) -> Any:
        """Write the drawing to `fname.dot` and `fname.svg`, or return a picture."""
        return graph.dot(simplified(module), title, fname)


def simplified(module: Any) -> Graph:
    """The graph between those nodes that compute something, which keep their numbers."""
    full = module.fg if isinstance(module, gModule) else module
    edges = [(node, child) for node in full.nodes for child in node.children]
    copies: dict[Node, Node] = {}
    for node in full.nodes:
        if node.data.module is not None and type(node.data.module) is not Identity:
            copies[node] = Node(node.data)
            copies[node].id = node.id
        else:
            around = [[a for a, b in edges if b is node], [b for a, b in edges if a is node]]
            edges = [edge for edge in edges if node not in edge] + [*product(*around)]
    simple = Graph()
    simple.nodes = Numbered(copies.values())
    simple.edges = Numbered(Edge(copies[a], copies[b]) for a, b in edges)
    return simple

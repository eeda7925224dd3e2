"""graph: nodes, edges, and orders in which to go over them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from numbers import Real
from pathlib import Path
from typing import Any

from fnn.display.svg import Box, drawing
from fnn.errors import LayerError
from fnn.torch7.table import Table

__all__ = ["Edge", "Graph", "Node", "Picture", "dot", "todot"]


class Numbered(Table):
    """Objects in order: `t[1]` is the first, and `t[x]` the place of x, as in tables of Lua."""

    def __init__(self, items: Iterable[Any] = ()):
        super().__init__()
        vars(self)["_places"] = {}
        for item in items:
            self.append(item)

    def append(self, value: Any) -> None:
        """Add an object at the end."""
        self._places[value] = len(self) + 1
        super().append(value)

    def discard(self, value: Any) -> None:
        """Take an object out."""
        self.__init__([x for x in self if x is not value])

    def __contains__(self, value: Any) -> bool:
        return value in self._places

    def __getitem__(self, key: Any) -> Any:
        return super().__getitem__(key) if isinstance(key, Real | slice) else self._places.get(key)


class Node:
    """Something with children. Graphs number their nodes: `id` is that in the last one."""

    typename = "graph.Node"

    def __init__(self, contents: Any = None):
        self.data = contents
        self.id = 0
        self.children = Numbered()

    def add(self, child: Any) -> None:
        """Append a child, or all in a table; one that is there already is not added again."""
        for new in child if isinstance(child, Table | list | tuple) else [child]:
            if new not in self.children:
                self.children.append(new)

    def visit(self, before: Callable | None = None, after: Callable | None = None) -> None:
        """Call `before` and `after` for each node that can be reached, around its children."""
        seen = {id(self)}
        stack = [(self, iter(self.children))]
        if before:
            before(self)
        while stack:
            node, rest = stack[-1]
            child = next((c for c in rest if id(c) not in seen), None)
            if child is not None:
                seen.add(id(child))
                if before:
                    before(child)
                stack.append((child, iter(child.children)))
            else:
                stack.pop()
                if after:
                    after(node)

    def dfs(self, function: Callable) -> None:
        """Call a function for each node that can be reached, children first."""
        self.visit(after=function)

    def bfs(self, function: Callable) -> None:
        """Call a function for each node that can be reached, the nearest first."""
        seen, turn = {id(self)}, [self]
        for node in turn:
            function(node)
            new = [child for child in node.children if id(child) not in seen]
            seen.update(map(id, new))
            turn += new

    def graph(self) -> Graph:
        """All edges that can be reached from here."""
        found = Graph()
        self.bfs(lambda node: found.add([Edge(node, child) for child in node.children]))
        return found

    def hasCycle(self) -> bool:
        """Whether some node that can be reached leads back to itself."""
        open_nodes: set[int] = set()
        found: list[Node] = []

        def enter(node: Node) -> None:
            open_nodes.add(id(node))

        def leave(node: Node) -> None:
            found.extend(child for child in node.children if id(child) in open_nodes)
            open_nodes.discard(id(node))

        self.visit(enter, leave)
        return bool(found)

    def label(self) -> str:
        """What is in the node, as text."""
        return str(self.data)

    def graphNodeName(self) -> str:
        """The node's name in a drawing."""
        return f"Node{self.id}"

    def graphNodeAttributes(self) -> dict[str, Any]:
        """How the node is drawn, in the terms of graphviz."""
        return {}

    def __str__(self) -> str:
        return self.typename

    __repr__ = __str__


class Edge:
    """A way `from_` one node `to` another."""

    typename = "graph.Edge"
    to: Node

    def __init__(self, from_: Node, to: Node):
        vars(self).update({"from": from_, "to": to})

    @property
    def from_(self) -> Node:
        """Where the edge begins: `from` in Lua."""
        return vars(self)["from"]


class Graph:
    """Edges, and the nodes at their ends in the order of the edges."""

    typename = "graph.Graph"

    def __init__(self) -> None:
        self.nodes = Numbered()
        self.edges = Numbered()

    def add(self, edge: Any) -> None:
        """Append an edge, or all in a table; its nodes get numbers and become related."""
        for new in edge if isinstance(edge, Table | list | tuple) else [edge]:
            self.edges.append(new)
            for node in (new.from_, new.to):
                self.include(node)
            new.from_.add(new.to)

    def include(self, node: Node) -> None:
        """Have a node, and number it."""
        if node not in self.nodes:
            self.nodes.append(node)
        node.id = self.nodes[node]

    def _copied(self, turned: bool = False) -> tuple[Graph, dict[Node, Node]]:
        """A graph of new nodes with the same data, and these nodes by the old ones."""
        new: dict[Node, Node] = {}
        graph = Graph()
        for edge in self.edges:
            ends = [new.setdefault(n, type(n)(n.data)) for n in (edge.from_, edge.to)]
            graph.add(Edge(*(reversed(ends) if turned else ends)))
        return graph, new

    def clone(self) -> Graph:
        """A graph of new nodes with the same data."""
        return self._copied()[0]

    def reverse(self) -> Graph:
        """A graph of new nodes with the same data, whose edges go the other way."""
        return self._copied(turned=True)[0]

    def roots(self) -> Table:
        """The nodes that no edge leads to."""
        reached = {edge.to for edge in self.edges}
        return Table(node for node in self.nodes if node not in reached)

    def leaves(self) -> Table:
        """The nodes that no edge leads away from."""
        left = {edge.from_ for edge in self.edges}
        return Table(node for node in self.nodes if node not in left)

    def hasCycle(self) -> bool:
        """Whether some node leads back to itself."""
        top = Node()
        top.children = self.nodes
        return top.hasCycle()

    def topsort(self) -> Table:
        """The nodes in an order in which every edge leads onwards."""
        if self.hasCycle():
            raise LayerError("Graph has cycles\nlikely cause: a node is one of its own inputs")
        mirrored, new = self._copied(turned=True)
        old = {copy: node for node, copy in new.items()}
        top, found = Node(), []
        top.children = Numbered(mirrored.roots())
        top.dfs(found.append)
        return Table(old[node] for node in found[:-1])

    def todot(self, title: str | None = None) -> str:
        """The graph in graphviz' language."""
        return todot(self, title)

    def _repr_svg_(self) -> str:
        return svg(self)


def todot(graph: Graph, title: str | None = None) -> str:
    """A graph in graphviz' language."""
    head = "" if title is None else f'labelloc="t";\nlabel="{title}";\n'
    nodes = "".join(f"\nn{node.id}[{attributes(node)}];" for node in graph.nodes)
    edges = "".join(f"n{edge.from_.id} -> n{edge.to.id};\n" for edge in graph.edges)
    return f"digraph G {{\n{head}node [shape = oval]; {nodes}\n{edges}}}"


def attributes(node: Node) -> str:
    """A node's label and how it is drawn."""
    label = escaped(f"{node.graphNodeName()}\n{node.label()}")
    others = sorted(node.graphNodeAttributes().items())
    return " ".join([f"label={label}", *(f"{n}={escaped(str(v))}" for n, v in others)])


def escaped(text: str) -> str:
    """Text as graphviz reads it: quoted, unless it is made of letters."""
    if text.isascii() and text.isalpha():
        return text
    return '"' + text.replace("\n", "\\n").replace('"', '\\"') + '"'


def svg(graph: Graph, title: str | None = None) -> str:
    """A drawing of a graph."""
    boxes = {}
    for node in graph.nodes:
        how = node.graphNodeAttributes()
        lines = [node.graphNodeName(), *re.split(r"\n|\\n|\\l", node.label())]
        boxes[f"n{node.id}"] = Box(
            tuple(line for line in lines if line),
            tooltip=how.get("tooltip", ""),
            fill=how.get("fillcolor", "white"),
            stroke=how.get("color", "black"),
        )
    edges = [(f"n{edge.from_.id}", f"n{edge.to.id}") for edge in graph.edges]
    return drawing(boxes, edges, title)


class Picture:
    """A drawing, which notebooks show."""

    def __init__(self, text: str):
        self.text = text

    def _repr_svg_(self) -> str:
        return self.text

    def __str__(self) -> str:
        return self.text


def dot(graph: Graph, title: str | None = None, fname: str | None = None) -> Picture | None:
    """Write a graph to `fname.dot` and `fname.svg`; without a name, return a picture of it."""
    if fname is None:
        return Picture(svg(graph, title))
    Path(f"{fname}.dot").write_text(todot(graph, title), encoding="utf-8")
    Path(f"{fname}.svg").write_text(svg(graph, title), encoding="utf-8")
    return None

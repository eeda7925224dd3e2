"""nngraph's modules and nodes that only put tables together."""

from __future__ import annotations

from typing import Any

from fnn.errors import LayerError
from fnn.torch7.module import Module
from fnn.torch7.node import Node
from fnn.torch7.passing_on import Identity
from fnn.torch7.table import Table

__all__ = ["JustElement", "JustTable", "nest"]


class _Table(Module):
    """A module that alone computes nothing."""

    def _find_fused(self, *_: Any) -> None:
        return None


class JustTable(_Table):
    """x -> {x}."""

    typename = "nngraph.JustTable"

    def __init__(self) -> None:
        self.derive(in_table)

    def updateOutput(self, input: Any) -> Any:
        """The table."""
        self.output = Table([input])
        return self.output

    def updateGradInput(self, input: Any, gradOutput: Any) -> Any:
        """The gradient in the table."""
        (self.gradInput,) = gradOutput
        return self.gradInput


class JustElement(_Table):
    """{x} -> x."""

    typename = "nngraph.JustElement"

    def __init__(self) -> None:
        self.derive(element)

    def updateOutput(self, input: Any) -> Any:
        """The element."""
        (self.output,) = input
        return self.output

    def updateGradInput(self, input: Any, gradOutput: Any) -> Any:
        """The gradient in a table."""
        self.gradInput = Table([gradOutput])
        return self.gradInput

    def _hold_gradient(self, value: Any) -> Any:
        return super()._hold_gradient((value,))


Node.single = JustElement


def in_table(*xs: Any) -> tuple[Any]:
    """The input in a tuple of one; several inputs are a tuple themselves."""
    return xs if len(xs) == 1 else (xs,)


def element(x: Any) -> Any:
    """The input."""
    return x


def nest(nodes: Any) -> Node:
    """A node whose value is nested as the tables of nodes are."""
    if isinstance(nodes, Node):
        return nodes
    if not isinstance(nodes, Table | list | tuple) or not len(nodes):
        raise LayerError(
            f"what is this in the nest input? {nodes!r}\n"
            "likely cause: a module without a second pair of brackets, or an empty table"
        )
    inner = [nest(node) for node in nodes]
    return JustTable()(inner) if len(inner) == 1 else Identity()(inner)

"""Networks that are directed graphs: each layer says by name what it takes.

>>> import jax, fnn
>>> from fnn.layer import layer
>>> cell = graph(
...     inputs=("x", "h"),
...     outputs="next",
...     from_x=(layer(fnn.linear, 3, 4), "x"),
...     from_h=(layer(fnn.linear, 4, 4), "h"),
...     total=(fnn.add, "from_x", "from_h"),
...     next=(fnn.tanh, "total"),
... )
>>> params = cell.init(jax.random.key(0))
>>> cell(params, jax.numpy.ones((5, 3)), jax.numpy.ones((5, 4))).shape
(5, 4)
"""

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from inspect import Parameter
from typing import Any

from fnn.compose import Network, X, as_layer
from fnn.errors import describe, require

__all__ = ["Graph", "Part", "graph"]


@dataclass(frozen=True)
class Part:
    """One element of a layer's tuple of outputs, counted from 0: of `count`, if that is known."""

    source: Any
    index: int
    count: int | None = None

    def of(self, value: Any) -> Any:
        """The element."""
        found = len(value) if isinstance(value, tuple) else 1
        wanted = found if self.count is None else self.count
        require(
            isinstance(value, tuple) and self.index < found == wanted,
            "graph",
            f"{describe(value)} for part {self.index} of {self.source!r}",
            f"a tuple of {wanted if self.count else 'more'} outputs",
            "the layer gives another number of outputs than are taken from it",
        )
        return value[self.index]


Source = Any
"""The name of an input or of a child before; a `Part` of one; or a tuple of sources."""


@dataclass(frozen=True, repr=False)
class Graph(Network):
    """Children in an order in which each comes after its `sources`."""

    sources: tuple[tuple[Source, ...], ...] = ()
    names: tuple[str, ...] = ()
    outputs: Source = ()

    @property
    def inputs(self) -> tuple[Parameter, ...]:
        """The named inputs."""
        return tuple(X.replace(name=name) for name in self.names)

    def wire(self, run: Callable, *inputs: Any) -> Any:
        """Give every child what it takes; a lone tuple is spread over a child's inputs."""
        if len(self.names) == 1 != len(inputs):
            inputs = (inputs,)
        require(
            len(inputs) == len(self.names),
            "graph",
            f"{len(inputs)} inputs {describe(inputs)}",
            f"{len(self.names)}: {', '.join(self.names)}",
            "an input is missing, or stands in a tuple with others",
        )
        values = dict(zip(self.names, inputs, strict=True))
        for (name, child), sources in zip(self.children, self.sources, strict=True):
            taken = tuple(value_of(source, values) for source in sources)
            if len(taken) == 1 and isinstance(taken[0], tuple):
                (taken,) = taken
            values[name] = run(name, child, *taken)
        return value_of(self.outputs, values)

    def __repr__(self) -> str:
        rows = zip(self.children, self.sources, strict=True)
        inner = [f"({n}): {c!r} of {', '.join(map(source_text, s))}" for (n, c), s in rows]
        text = "".join("\n" + line for line in inner).replace("\n", "\n  ")
        return f"graph({text}\n) of {', '.join(self.names)} -> {source_text(self.outputs)}"


def value_of(source: Source, values: dict[str, Any]) -> Any:
    """The value of a source."""
    if isinstance(source, Part):
        return source.of(value_of(source.source, values))
    if isinstance(source, tuple):
        return tuple(value_of(part, values) for part in source)
    return values[source]


def source_text(source: Source) -> str:
    """A source as it is read."""
    if isinstance(source, Part):
        return f"{source_text(source.source)}[{source.index}]"
    if isinstance(source, tuple):
        return f"({', '.join(map(source_text, source))})"
    return source


def graph(inputs: str | tuple[str, ...], outputs: Source, **children: tuple[Any, ...]) -> Graph:
    """A network of children `name=(layer, source, ...)`, in an order in which they can be computed.

    A source is the name of an input or of a child before; `Part(name, i)`, one of its outputs; or a
    tuple of sources. `outputs` is a source too.

    Errors: a source that is neither an input nor a child before.
    """
    names = (inputs,) if isinstance(inputs, str) else tuple(inputs)
    known = list(names)
    for name, (_, *sources) in (*children.items(), ("outputs", (None, outputs))):
        for source in sources:
            check_source(source, name, known)
        known.append(name)
    return Graph(
        tuple((name, as_layer(child)) for name, (child, *_) in children.items()),
        tuple(tuple(sources) for _, *sources in children.values()),
        names,
        outputs,
    )


def check_source(source: Source, child: str, known: list[str]) -> None:
    """Raise an error if a source names what is not there yet."""
    if isinstance(source, Part):
        check_source(source.source, child, known)
    elif isinstance(source, tuple):
        for part in source:
            check_source(part, child, known)
    else:
        close = get_close_matches(str(source), known, 1)
        require(
            source in known,
            f"graph, {child}",
            f"{source!r}",
            f"one of {', '.join(known)}",
            f"did you mean {close[0]!r}?" if close else "it is given later, or misspelt",
        )

"""Reads the shape block of a layer's docstring, so that it can be run as well as read.

    params: weight (outputs, inputs);           # a line that ends with `;` goes on
            bias (outputs,), optional
    target: (batch,) int                        # or bool
    xs:     first, second (...)                 # an array each for `*xs`
    x:      (..., inputs)
    ->      (..., outputs)

An axis is a number, a size, `4 * hidden` (computed from sizes and whole hyperparameters), or a run
of axes, `...` or `*space`. What has a prime is computed by the layer from its hyperparameters: only
the number of axes is compared, and for `...'` not even that.

`own.weight (...)` is an entry of a dict in the dict, and `own of linear` is such a dict with all
that `linear` has in its `params`.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from inspect import Parameter, getdoc, signature
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from tests.table.example import Example

LINE = re.compile(r"(\w+:|->) +\S.*(?:\)(?: int| bool)?(?:, optional)?| of \w+)")
ENTRY = re.compile(r"(?:([\w.]+(?:, [\w.]+)*) )?\(([^)]*)\)(?: (int|bool))?(, optional)?")
INNER = re.compile(r"([\w.]+(?:, [\w.]+)*) of (\w+)")
RUN = re.compile(r"\.\.\.|\*\w+")


class Entry(NamedTuple):
    """An array of the block: its name if it stands in a dict, its axes, its kind."""

    name: str
    axes: tuple[str, ...]
    kind: str
    optional: bool


def block(apply: Callable) -> dict[str, list[Entry]]:
    """What the docstring says of each argument, and of the outputs under "->"."""
    text = re.sub(r" +#.*", "", getdoc(apply) or "")
    lines = re.sub(r"; *\n *", "; ", text).splitlines()
    arrow = next((i for i, line in enumerate(lines) if line.startswith("-> ")), None)
    assert arrow is not None, f"{apply.__name__} has no shape block"
    first = arrow
    while first and LINE.fullmatch(lines[first - 1]):
        first -= 1
    pairs = (line.split(maxsplit=1) for line in lines[first : arrow + 1])
    return {label.rstrip(":"): [*entries(shapes)] for label, shapes in pairs}


def entries(shapes: str) -> Iterator[Entry]:
    """The arrays of a line: `weight (outputs, inputs); running_mean, running_var (features,)`."""
    for part in shapes.split(";"):
        if inner := INNER.fullmatch(part.strip()):
            below = block(getattr(fnn, inner[2]))["params"]
            for name in inner[1].split(", "):
                yield from (entry._replace(name=f"{name}.{entry.name}") for entry in below)
            continue
        match = ENTRY.fullmatch(part.strip())
        assert match, f"not in the grammar of a shape block: {part!r}"
        axes = tuple(axis.strip() for axis in match[2].split(",") if axis.strip())
        for name in (match[1] or "").split(", "):
            yield Entry(name, axes, match[3] or "float", bool(match[4]))


def variants(examples: Iterable[Example]) -> list[Any]:
    """Each row with all its optional arrays, and once more without them if it has any."""
    return [
        pytest.param(example, optional, id=f"{example.label}{'' if optional else '-bare'}")
        for example in examples
        for optional in (True, False)
        if optional or any(e.optional for listed in block(example.apply).values() for e in listed)
    ]


class Sizes(dict[str, Any]):
    """The sizes of a block: those of the row, the others in the order in which they appear."""

    def __init__(self, example: Example, **more: Any):
        super().__init__({**example.sizes, **more})
        for axis in (a for es in block(example.apply).values() for e in es for a in e.axes):
            if RUN.fullmatch(axis):
                self.setdefault(axis, (4, 3) if axis == "..." else (5, 4))
            elif axis.isidentifier():
                self.setdefault(axis, 3 + len(self))
        defaults = {p.name: p.default for p in signature(example.apply).parameters.values()}
        hyper = {**defaults, **example.hyper}
        self.names = {k: v for k, v in (hyper | self).items() if type(v) is int}

    def known(self, axis: str) -> tuple[int, ...]:
        """A symbol without a prime, as numbers."""
        if RUN.fullmatch(axis):
            return self[axis]
        return (eval(axis.replace("/", "//"), {}, self.names),)

    def shape(self, entry: Entry) -> tuple[int, ...]:
        """The shape of an argument."""
        return tuple(n for axis in entry.axes for n in self.known(axis))

    def agrees(self, entry: Entry, shape: tuple[int, ...]) -> bool:
        """Whether an output has its documented shape."""
        pattern = ""
        for axis in entry.axes:
            if not axis.endswith("'"):
                pattern += "".join(f"{n}," for n in self.known(axis))
            elif axis[0] == "*" and axis[:-1] in self:
                pattern += r"\d+," * len(self[axis[:-1]])
            else:
                pattern += r"(\d+,)*" if axis[0] in "*." else r"\d+,"
        return bool(re.fullmatch(pattern, "".join(f"{n}," for n in shape)))


def nested(flat: dict[str, Any]) -> dict[str, Any]:
    """{"own.weight": w} as {"own": {"weight": w}}."""
    tree: dict[str, Any] = {}
    for path, value in flat.items():
        *above, name = path.split(".")
        place = tree
        for step in above:
            place = place.setdefault(step, {})
        place[name] = value
    return tree


def arguments(
    example: Example,
    dtype: Any,
    *,
    optional: bool = True,
    seed: int = 0,
    sizes: Sizes | None = None,
) -> dict[str, Any]:
    """A layer's arguments by name, drawn for its shape block; with or without optional ones."""
    random = np.random.default_rng(seed)
    sizes = sizes or Sizes(example)

    def draw(argument: str, entry: Entry) -> jax.Array:
        shape = sizes.shape(entry)
        if entry.kind == "bool":
            return jnp.asarray(random.random(shape) < 0.5)
        bounds = (0, 3) if entry.kind == "int" else (-1, 1)
        low, high = example.ranges.get(entry.name or argument, bounds)
        if entry.kind == "int":
            return jnp.asarray(random.integers(int(low), int(high), shape), jnp.int32)
        return jnp.asarray(random.uniform(low, high, shape), dtype)

    found: dict[str, Any] = {}
    shapes = block(example.apply)
    del shapes["->"]
    for argument, listed in shapes.items():
        drawn = {e.name: draw(argument, e) for e in listed if optional or not e.optional}
        if drawn or listed[0].name:
            found[argument] = drawn.get("", nested(drawn))
    if "key" in signature(example.apply).parameters:
        found["key"] = jax.random.key(seed)
    return found


def spread(apply: Callable, given: dict[str, Any]) -> list[Any]:
    """A layer's arguments in order; those of `*xs`, a dict, each by itself."""
    found = signature(apply).parameters
    each = [
        [*given[name].values()] if found[name].kind is Parameter.VAR_POSITIONAL else [given[name]]
        for name in given
    ]
    return [value for values in each for value in values]

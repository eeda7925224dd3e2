"""A program as a flat list of equations, each with its layer, its direction and its source line.

For every equation of a jaxpr JAX keeps the names of the scopes that it was made in, with the marks
of the transforms that it went through, and the Python stack. Scopes (`jax.named_scope`) name
layers, `0.body.1`; the mark of a transposition says that an equation belongs to the backward pass.
"""

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import count
from math import prod
from pathlib import Path
from sysconfig import get_paths
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.extend import core
from jax.extend.core import Jaxpr, JaxprEqn, Literal

from transforms.survey import LIBRARIES

# Since jax 0.12 this is another name of Jaxpr, which type checkers take for a private one.
ClosedJaxpr = core.ClosedJaxpr  # pyright: ignore[reportPrivateImportUsage]

# Equations that only call a program, and the parameter that has it: they are opened.
CALLS = {
    "jit": "jaxpr",
    "pjit": "jaxpr",
    "closed_call": "call_jaxpr",
    "core_call": "call_jaxpr",
    "custom_jvp_call": "call_jaxpr",
    "custom_vjp_call": "call_jaxpr",
    "checkpoint": "jaxpr",
    "remat2": "jaxpr",
    "loop": "jaxpr",
}
ADDED_BY_JAX = ("checkpoint", "rematted_computation")
SEGMENT = re.compile(r"(?P<marks>(?:\w+\()*)(?P<name>.*?)\)*")
NAME = re.compile(r"[\w. -]+")  # an einsum's formula is no layer


class Place(NamedTuple):
    """Where an equation belongs: layer, direction, and the calls on the way to it, itself last.

    An equation outside of all layers that nothing differentiated has no direction.
    """

    layer: str
    direction: str
    chain: tuple[JaxprEqn, ...]

    def __str__(self) -> str:
        layer = f"layer {self.layer}" if self.layer else "no layer"
        return f"{layer}, {self.direction}" if self.direction else layer

    @property
    def source(self) -> str:
        """The line of the formula, and the line of the user's code that it was called from."""
        stacks = [stack for eqn in self.chain if (stack := frames(eqn))]
        if not stacks:
            return "an unknown line"
        formula = stacks[-1][0]
        calls = list(stacks[0])
        while len(stacks) == 1 and calls and not inside(calls[0].file_name, libraries()):
            del calls[0]  # a formula of the user's was called by a library, and that by the user
        user = next((f for f in calls if not inside(f.file_name, libraries())), formula)
        same = (user.file_name, user.line_num) == (formula.file_name, formula.line_num)
        return shown(formula) if same else f"{shown(formula)}, from {shown(user)}"


NOWHERE = Place("", "", ())


class Equation(NamedTuple):
    """An equation, and the numbers of the values that it reads and writes."""

    eqn: JaxprEqn
    reads: tuple[int, ...]
    writes: tuple[int, ...]
    place: Place

    def __call__(self, values: Sequence[Any]) -> list[Any]:
        """Compute."""
        eqn = self.eqn
        with eqn.ctx.manager:
            found = eqn.primitive.bind(*values, **eqn.primitive.get_bind_params(eqn.params))
        return list(found) if eqn.primitive.multiple_results else [found]


class Equations:
    """A program without calls: values have numbers, each is written once."""

    def __init__(self, closed: ClosedJaxpr, around: Place = NOWHERE):
        self.numbers = count()
        self.equations: list[Equation] = []
        self.constants: dict[int, Any] = {}
        self.avals: dict[int, Any] = {}
        info: Any = closed.jaxpr.debug_info
        self.input_names = info.arg_names or ()
        self.output_names = info.result_paths or ()
        self.inputs = [self.number(v.aval) for v in closed.jaxpr.invars]
        self.outputs = self.open(closed, self.inputs, around)

    def number(self, aval: Any) -> int:
        """A number for a value of this type."""
        found = next(self.numbers)
        self.avals[found] = aval
        return found

    def bytes(self, number: int) -> int:
        """The size of a value."""
        aval = self.avals[number]
        return prod(aval.shape) * getattr(aval.dtype, "itemsize", 0)

    def constant(self, value: Any, aval: Any) -> int:
        """A number for a value that is known."""
        found = self.number(aval)
        plain = isinstance(value, bool | int | float | complex)
        self.constants[found] = np.asarray(value, aval.dtype) if plain else value
        return found

    def open(self, closed: ClosedJaxpr, inputs: Sequence[int], around: Place) -> list[int]:
        """Append a program that is called with these values; the numbers of its results."""
        jaxpr = closed.jaxpr
        known = dict(zip(jaxpr.invars, inputs, strict=True))
        for var, value in zip(jaxpr.constvars, closed.consts, strict=True):
            known[var] = self.constant(value, var.aval)

        def read(atom: Any) -> int:
            return self.constant(atom.val, atom.aval) if isinstance(atom, Literal) else known[atom]

        for eqn in jaxpr.eqns:
            place = within(around, eqn)
            reads = [read(atom) for atom in eqn.invars]
            if called := program_of(eqn):
                writes = self.open(called, reads, place)
            else:
                writes = [self.number(var.aval) for var in eqn.outvars]
                self.equations.append(Equation(eqn, tuple(reads), tuple(writes), place))
            known |= zip(eqn.outvars, writes, strict=True)
        return [read(atom) for atom in jaxpr.outvars]

    def run(self, inputs: Sequence[Any], see: Callable[[int, Equation, list, list], Any]) -> dict:
        """All values, by number; `see` is shown each equation with what it read and wrote."""
        values = {**self.constants, **dict(zip(self.inputs, inputs, strict=True))}
        for i, equation in enumerate(self.equations):
            given = [values[n] for n in equation.reads]
            made = equation(given)
            values |= zip(equation.writes, made, strict=True)
            see(i, equation, given, made)
        return values


def program_of(eqn: JaxprEqn) -> ClosedJaxpr | None:
    """The program that an equation calls, if that is all it does."""
    found = eqn.params.get(CALLS.get(eqn.primitive.name, ""))
    return ClosedJaxpr(found, ()) if isinstance(found, Jaxpr) else found


def inner_programs(eqn: JaxprEqn) -> list[Jaxpr]:
    """The programs that an equation has among its parameters: bodies, branches, what it calls."""
    values = [x for v in eqn.params.values() for x in (v if isinstance(v, tuple) else (v,))]
    return [inner for x in values if isinstance(inner := getattr(x, "jaxpr", x), Jaxpr)]


def all_equations(jaxpr: Jaxpr) -> Iterator[JaxprEqn]:
    """The equations of a program, and those of the programs inside it."""
    for eqn in jaxpr.eqns:
        yield eqn
        for inner in inner_programs(eqn):
            yield from all_equations(inner)


def within(around: Place, eqn: JaxprEqn) -> Place:
    """The place of an equation in a program that was called from a place."""
    stack = str(eqn.source_info.name_stack)
    names = [*filter(None, [around.layer, *layer_of(stack)])]
    backward = "transpose(" in stack or around.direction == "backward"
    forward = names or "jvp(" in stack or around.direction
    direction = "backward" if backward else "forward" if forward else ""
    return Place(".".join(names), direction, (*around.chain, eqn))


@cache
def layer_of(stack: str) -> tuple[str, ...]:
    """The names of the layers in a stack of scopes such as `transpose(jvp(0))/body`."""
    names: list[str] = []
    back: int | None = None  # how many names stand before the last mark of a transposition
    inner: int | None = None  # and before a mark of a derivative after that
    whole = False
    for part in filter(None, map(SEGMENT.fullmatch, stack.split("/"))):
        if "transpose(" in part["marks"]:
            back, inner, whole = len(names), None, "jvp(" not in part["marks"]
        elif "jvp(" in part["marks"]:
            inner = len(names)
        if NAME.fullmatch(part["name"]) and part["name"] not in ADDED_BY_JAX:
            names.append(part["name"])
    if back is None or inner is None:
        return tuple(names)
    # What custom_vjp and checkpoint do backward has the names of the backward pass, and after them
    # those of the forward, which are complete; checkpoint repeats what was differentiated.
    repeated = [] if whole else names[inner:]
    found = names[back : back + len(repeated)] == repeated
    return tuple(names[back + len(repeated) :] if found else names)


def typed(jaxpr: ClosedJaxpr, inputs: Sequence[Any]) -> list[Any]:
    """The inputs of a program as arrays of the types that it was traced for."""
    avals: Any = jaxpr.in_avals
    pairs = zip(inputs, avals, strict=True)
    return [x if isinstance(x, Array) else np.asarray(x, aval.dtype) for x, aval in pairs]


def is_float(aval: Any) -> bool:
    """Whether numbers of this type may be NaN."""
    return hasattr(aval, "dtype") and jnp.issubdtype(aval.dtype, jnp.inexact)


def frames(eqn: JaxprEqn) -> list[Any]:
    """The Python stack of an equation, innermost first, without JAX and this package."""
    traceback = eqn.source_info.traceback
    found = [] if traceback is None else traceback.frames
    return [f for f in found if not inside(f.file_name, libraries("jax", "jaxlib", "transforms"))]


@cache
def libraries(*names: str) -> tuple[str, ...]:
    """The directories of libraries; without names, of all whose code is not the user's."""
    modules = (sys.modules.get(name) for name in names or LIBRARIES)
    files = [file for module in modules if (file := getattr(module, "__file__", None))]
    standard = [f"{get_paths()['stdlib']}/{name}.py" for name in ("contextlib", "functools")]
    return (*(f"{Path(file).parent}/" for file in files), *standard, "<frozen")


def inside(file: str, directories: Iterable[str]) -> bool:
    """Whether a file is in one of these directories."""
    return any(file.startswith(directory) for directory in directories)


def shown(frame: Any) -> str:
    """A line of source code: `file:line (function)`."""
    path = Path(frame.file_name)
    if path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    return f"{path}:{frame.line_num} ({frame.function_name.rpartition('.')[2]})"

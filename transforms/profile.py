"""The layers that a step spends its time in, forward and backward.

    print(profile(step)(params, batch))

The step's program is cut where the layer or the pass changes. Each run of equations between two
cuts becomes a program of its own; all are run in order, and timed one by one, several times over.
The whole step is timed beside them: what it takes less than the sum of its parts is what XLA saves
by fusing across layers, and by starting one program instead of many.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from math import prod
from statistics import median
from time import perf_counter
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import JaxprEqn, jaxpr_as_fun

from transforms.equations import ClosedJaxpr, Equation, Equations, inner_programs, is_float, typed
from transforms.jit import Jit, jit

HEADINGS = ("layer", "pass", "ms", "share", "equations", "flops", "bytes")
UNITS = {"T": 1e12, "G": 1e9, "M": 1e6, "k": 1e3}
MOVING = (  # no number is computed
    *("broadcast_in_dim", "concatenate", "convert_element_type", "copy", "dynamic_slice", "gather"),
    *("dynamic_update_slice", "iota", "pad", "reshape", "rev", "select_n", "slice", "squeeze"),
    *("stop_gradient", "transpose"),
)


@dataclass(frozen=True)
class Row:
    """What one layer does in one pass.

    `share` is that of the sum of all rows. `flops` counts the numbers that are computed, and a
    multiplication with an addition as two; `bytes` are those that go in and out, at least once.
    """

    layer: str
    direction: str
    milliseconds: float
    share: float
    equations: int
    flops: float
    bytes: int

    @property
    def texts(self) -> tuple[str, ...]:
        """The row of the printed table."""
        return (
            self.layer or "(no layer)",
            self.direction,
            f"{self.milliseconds:.3f}",
            f"{self.share:.1%}",
            str(self.equations),
            short(self.flops),
            short(self.bytes),
        )


@dataclass(frozen=True)
class Profile:
    """The rows in the order of the program; the time of the whole step, compiled as one program.

    `starting` is the time of a program that does nothing, which each of the `programs` that the
    step was cut into takes too.
    """

    rows: tuple[Row, ...]
    milliseconds: float
    starting: float
    programs: int

    @property
    def parts(self) -> float:
        """The sum of all rows in milliseconds."""
        return sum(row.milliseconds for row in self.rows)

    @property
    def summary(self) -> str:
        """What to compare the rows with."""
        return (
            f"parts {self.parts:.3f} ms in {self.programs} programs, of which starting them takes"
            f" about {self.starting * self.programs:.3f} ms; the whole step, as one program,"
            f" {self.milliseconds:.3f} ms"
        )

    def __str__(self) -> str:
        table = [HEADINGS, *(row.texts for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = [
            "  ".join(
                text.ljust(width) if i < 2 else text.rjust(width)
                for i, (text, width) in enumerate(zip(texts, widths, strict=True))
            )
            for texts in table
        ]
        return "\n".join([*lines, self.summary])

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{heading}</th>" for heading in HEADINGS)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(text)}</td>" for text in row.texts) + "</tr>"
            for row in self.rows
        )
        return f"<table><tr>{head}</tr>{body}</table><p>{escape(self.summary)}</p>"


def profile(step: Callable, *, depth: int | None = None, rounds: int = 5) -> Callable[..., Profile]:
    """A function that takes the arguments of `step` and gives the time of each layer in it.

    With `depth` layers are summed into their containers: 1 is the network's children. Times are
    medians of `rounds`. Nothing is changed, though optimisers and the like are computed; what is
    outside of all layers has rows of its own. Of a scan, only the whole is timed.

    >>> import jax.numpy as jnp
    >>> def step(x):
    ...     with jax.named_scope("square"):
    ...         return x @ x
    >>> [(row.layer, row.flops) for row in profile(step)(jnp.ones((8, 8))).rows]
    [('square', 1024)]
    """
    compiled = step if isinstance(step, Jit) else jit(step)

    def measure(*args: Any, **keywords: Any) -> Profile:
        jaxpr, inputs = compiled.traced(*args, **keywords)
        with jax.enable_x64(True):
            return timed(jaxpr, typed(jaxpr, inputs), depth, rounds)

    return measure


class Run:
    """Equations in a row of one layer and pass; the numbers of what goes in and out."""

    def __init__(self, program: Equations, layer: str, direction: str, equations: list[Equation]):
        self.layer, self.direction, self.equations = layer, direction, equations
        self.known = {n: x for n, x in program.constants.items() if x.ndim == 0}
        made = {n for equation in equations for n in equation.writes}
        read = {n: None for equation in equations for n in equation.reads}
        self.reads = [n for n in read if n not in made and n not in self.known]
        self.made, self.writes = made, list[int]()

    def __call__(self, values: list[Any]) -> list[Any]:
        """Compute what goes out."""
        known = self.known | dict(zip(self.reads, values, strict=True))
        for equation in self.equations:
            found = equation([known[n] for n in equation.reads])
            known |= zip(equation.writes, found, strict=True)
        return [known[n] for n in self.writes]


def cut(program: Equations, depth: int | None) -> list[Run]:
    """The program in runs, each of which gives what later ones or the program's results need."""

    def owner(equation: Equation) -> tuple[str, str]:
        return ".".join(equation.place.layer.split(".")[:depth]), equation.place.direction

    runs = [Run(program, *key, [*found]) for key, found in groupby(program.equations, owner)]
    wanted = set(program.outputs)
    for run in reversed(runs):
        run.writes = sorted(run.made & wanted)
        wanted.update(run.reads)
    return runs


def timed(jaxpr: ClosedJaxpr, inputs: Sequence[Any], depth: int | None, rounds: int) -> Profile:
    """Time a program in parts and as a whole."""
    program = Equations(jaxpr)
    runs = cut(program, depth)
    parts = [jax.jit(run) for run in runs]
    last = {n: i for i, run in enumerate(runs) for n in run.reads}
    whole, nothing, one = jax.jit(jaxpr_as_fun(jaxpr)), jax.jit(lambda x: x + x), jnp.ones(())
    times = []
    for _ in range(rounds + 1):
        values = {**program.constants, **dict(zip(program.inputs, inputs, strict=True))}
        spent = [clock(nothing, one)[0], clock(whole, *inputs)[0]]
        for i, (run, part) in enumerate(zip(runs, parts, strict=True)):
            seconds, made = clock(part, [values[n] for n in run.reads])
            values |= zip(run.writes, made, strict=True)
            spent.append(seconds)
            for n in run.reads:
                if last[n] == i:
                    del values[n]
        times.append(spent)
    starting, total, *each = (1e3 * median(found) for found in zip(*times[1:], strict=True))
    rows = {}
    for run, milliseconds in zip(runs, each, strict=True):
        rows.setdefault((run.layer, run.direction), []).append((run, milliseconds))
    return Profile(
        tuple(
            Row(
                *owner,
                milliseconds=sum(ms for _, ms in found),
                share=sum(ms for _, ms in found) / sum(each),
                equations=sum(len(run.equations) for run, _ in found),
                flops=sum(flops(e.eqn) for run, _ in found for e in run.equations),
                bytes=sum(program.bytes(n) for run, _ in found for n in run.reads + run.writes),
            )
            for owner, found in rows.items()
        ),
        total,
        starting,
        len(runs),
    )


def clock(function: Callable, *args: Any) -> tuple[float, Any]:
    """How many seconds a call takes, and what it gives."""
    start = perf_counter()
    found = jax.block_until_ready(function(*args))
    return perf_counter() - start, found


def flops(eqn: JaxprEqn) -> int:
    """About how many floating-point operations an equation is; of a while loop, one turn."""
    name, params = eqn.primitive.name, eqn.params
    inner = [sum(map(flops, jaxpr.eqns)) for jaxpr in inner_programs(eqn)]
    if inner:
        return max(inner) * params.get("length", 1)
    results = sum(prod(shape(v)) for v in eqn.outvars if is_float(v.aval))
    if name == "dot_general":
        (contracted, _), _ = params["dimension_numbers"]
        return 2 * results * prod(shape(eqn.invars[0])[i] for i in contracted)
    if name == "conv_general_dilated":
        _, *summed = params["dimension_numbers"].rhs_spec
        inserted = prod(params["lhs_dilation"])  # zeros, which need no multiplication
        return 2 * results * prod(shape(eqn.invars[1])[i] for i in summed) // inserted
    if name.startswith("reduce_window") or name == "select_and_scatter_add":
        return results * prod(params["window_dimensions"])
    if name.startswith(("reduce_", "cum")):
        return prod(shape(eqn.invars[0]))
    return 0 if name in MOVING else results


def shape(atom: Any) -> tuple[int, ...]:
    """The shape of a value."""
    return getattr(atom.aval, "shape", ())


def short(number: float) -> str:
    """A number in at most four figures: `1.23 M`."""
    for letter, scale in UNITS.items():
        if number >= scale:
            return f"{number / scale:.3g} {letter}"
    return str(number)

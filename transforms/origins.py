"""Where in a program a NaN or an Inf came from.

Every equation is looked at, and the way is followed back from a bad result, through equations that
were handed NaN, to the one that made it; and if that was of Inf, on to the one that made Inf of
numbers. An infinity is meant if it is written in the program, or handed on from an input as it was.
"""

from collections.abc import Sequence
from itertools import count
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.extend.core import jaxpr_as_fun

from transforms.equations import NOWHERE, ClosedJaxpr, Equation, Equations, Place, is_float

NAN, INF = 1, 2
KINDS = {NAN: "NaN", INF: "Inf"}
HANDING_ON = (
    *("broadcast_in_dim", "concatenate", "convert_element_type", "copy", "dynamic_slice", "gather"),
    *("dynamic_update_slice", "max", "min", "pad", "reshape", "scatter", "select_n", "slice"),
    *("squeeze", "transpose"),
)


class Origin(NamedTuple):
    """Where a bad number came from: the equation at `position` made it of good ones.

    A number that was `given` is an input (position -1) or a constant, which that equation reads;
    `computed` says whether anything was computed with it on the way to where it was found.
    """

    position: int
    number: int
    given: bool
    computed: bool


class Finding(NamedTuple):
    """The equation that a bad number came from, with what it read and made.

    For an input of the step there is none, and the input is what was read. `name` says what was
    given: the input's name. `inherited` says where an Inf that was read came from, `became` where
    the Inf that was made became NaN, `turns` in which turns of loops it was.
    """

    kind: int
    primitive: str
    place: Place
    name: str
    read: list[Any]
    made: list[Any]
    inherited: str = ""
    became: str = ""
    turns: tuple[str, ...] = ()


class Trial:
    """A program whose results are looked at; and if they are bad, everything in it."""

    def __init__(self, jaxpr: ClosedJaxpr, around: Place = NOWHERE):
        self.program = Equations(jaxpr, around)
        self.maker = {n: i for i, e in enumerate(self.program.equations) for n in e.writes}
        self.readers: dict[int, list[int]] = {}
        for i, equation in enumerate(self.program.equations):
            for n in equation.reads:
                self.readers.setdefault(n, []).append(i)
        run = jaxpr_as_fun(jaxpr)
        self.results = jax.jit(lambda *inputs: flags(run(*inputs)))
        self.everything = jax.jit(self.look)
        self.keys: list[Any] = []

    def look(self, *inputs: Any) -> Array:
        """The flags of each value, and of each case of a selection: of the part selected."""
        found: dict[Any, Any] = {}

        def see(i: int, equation: Equation, read: list[Any], _: list[Any]) -> None:
            if equation.eqn.primitive.name == "select_n":
                which, *cases = read
                for k, case in enumerate(cases):
                    here = which == (bool(k) if which.dtype == bool else k)
                    found[i, k + 1] = jnp.where(here, case, jnp.zeros_like(case))

        found |= self.program.run(inputs, see)
        self.keys = list(found)
        return flags(list(found.values()))

    def find(self, inputs: Sequence[Any], wanted: int) -> Finding | None:
        """Where the first bad number in the results came from, unless all are meant."""
        program = self.program
        seen = kinds(self.everything(*inputs))
        bad = dict(zip(self.keys, seen, strict=True))
        blamed = []
        for n in program.outputs:
            kind = NAN if bad[n] & NAN else bad[n] & INF
            for origin in self.origins(bad, [n], kind) if kind & wanted else []:
                constant = origin.number in program.constants
                if kind == NAN or not origin.given or (origin.computed and not constant):
                    blamed.append((origin, kind))
        if not blamed:
            return None
        origin, kind = min(blamed)
        if origin.position < 0:
            given = inputs[program.inputs.index(origin.number)]
            return Finding(kind, "", NOWHERE, self.name(origin.number), [given], [])
        became = inherited = ""
        if kind == NAN and not origin.given:
            infinite = self.origins(bad, self.reads(bad, origin.position, INF), INF)
            if made_here := [inf for inf in infinite if not inf.given]:
                became, origin, kind = self.words(origin), min(made_here), INF
            elif infinite:
                inherited = self.words(min(infinite))
        equation = program.equations[origin.position]
        read, made = self.values(inputs, origin.position)
        if inner := descend(equation, read, kind):
            return inner._replace(became=inner.became or became)
        name = f"{KINDS[kind]} is a constant of the program" if origin.given else ""
        place, primitive = self.place(origin.position), equation.eqn.primitive.name
        return Finding(kind, primitive, place, name, read, made, inherited, became)

    def reads(self, bad: dict[Any, int], i: int, kind: int) -> list[int]:
        """What an equation read that is bad, and is not masked."""
        pairs = enumerate(self.program.equations[i].reads)
        return [n for k, n in pairs if bad.get((i, k), bad[n]) & kind]

    def origins(self, bad: dict[Any, int], numbers: list[int], kind: int) -> list[Origin]:
        """Where bad numbers came from."""
        waiting, found, reached = [(n, -1, False) for n in numbers], [], set()
        while waiting:
            number, reader, computed = waiting.pop()
            if (number, computed) in reached:
                continue
            reached.add((number, computed))
            i = self.maker.get(number)
            if i is None:
                position = reader if number in self.program.constants else -1
                found.append(Origin(position, number, True, computed))
            elif carried := self.reads(bad, i, kind):
                computed |= self.program.equations[i].eqn.primitive.name not in HANDING_ON
                waiting += [(n, i, computed) for n in carried]
            else:
                found.append(Origin(i, number, False, computed))
        return found

    def place(self, position: int) -> Place:
        """The place of an equation. What only the backward pass needs belongs to that."""
        program, place = self.program, self.program.equations[position].place
        waiting, reached = [position], {position}
        while waiting:
            for number in program.equations[waiting.pop()].writes:
                readers = self.readers.get(number, [])
                if number in program.outputs or not readers:
                    return place
                onward = {i for i in readers if program.equations[i].place.direction != "backward"}
                waiting += onward - reached
                reached |= onward
        return place._replace(direction="backward")

    def values(self, inputs: Sequence[Any], position: int) -> tuple[list[Any], list[Any]]:
        """What an equation read and wrote."""
        found: list[Any] = []

        def capture(*inputs: Any) -> list[Any]:
            self.program.run(inputs, lambda i, _, *values: found.append(values))
            return found[position]

        read, made = jax.jit(capture)(*inputs)
        return read, made

    def name(self, number: int) -> str:
        """The name of an input."""
        names = dict(zip(self.program.inputs, self.program.input_names, strict=False))
        return names.get(number) or "an input"

    def words(self, origin: Origin) -> str:
        """Where an infinity came from."""
        if origin.position < 0:
            return self.name(origin.number)
        if origin.given:
            return "a constant of the program"
        place = self.place(origin.position)
        return f"{place.chain[-1].primitive.name}, in {place}, at {place.source}"


def descend(equation: Equation, read: list[Any], kind: int) -> Finding | None:
    """Where a bad number came from inside a branch or a loop, which is run turn by turn."""
    name, params = equation.eqn.primitive.name, equation.eqn.params
    if name == "cond":
        return Trial(params["branches"][int(read[0])], equation.place).find(read[1:], kind)
    if name == "scan":
        # What the body takes an element of has an axis more outside; so has what it gives one of.
        body, length = params["jaxpr"], params["length"]
        whole = sum(map(alike, equation.eqn.invars, body.jaxpr.invars))
        fixed = whole - sum(map(alike, equation.eqn.outvars, body.jaxpr.outvars))
        constants, carry, arrays = read[:fixed], read[fixed:whole], read[whole:]
        order, test, goes_on = range(length)[:: -1 if params["reverse"] else 1], [], None
    elif name == "while":
        body, split = params["body_jaxpr"], params["cond_nconsts"]
        test, constants = read[:split], read[split:][: params["body_nconsts"]]
        carry, arrays, order = read[split + len(constants) :], [], count()
        goes_on = jax.jit(jaxpr_as_fun(params["cond_jaxpr"]))
    else:
        return None
    trial, run = Trial(body, equation.place), jax.jit(jaxpr_as_fun(body))
    for turn in order:
        if goes_on and not goes_on(*test, *carry)[0]:
            break
        inputs = [*constants, *carry, *(array[turn] for array in arrays)]
        if finding := trial.find(inputs, kind):
            return finding._replace(turns=(f"in turn {turn} of a loop, from 0", *finding.turns))
        carry = run(*inputs)[: len(carry)]
    return None


def alike(outside: Any, inside: Any) -> bool:
    """Whether a body takes or gives a value as a whole."""
    return outside.aval.ndim == inside.aval.ndim


def flags(values: Sequence[Any]) -> Array:
    """For each value whether it has a NaN in it, and whether an Inf."""
    none = jnp.zeros(2, bool)
    pairs = [
        jnp.stack([jnp.isnan(x).any(), jnp.isinf(x).any()]) if is_float(x) else none for x in values
    ]
    return jnp.stack([none, *pairs])[1:]


def kinds(flags: Array) -> list[int]:
    """Pairs of flags as sums of NAN and INF."""
    return [NAN * nan + INF * inf for nan, inf in np.asarray(flags).tolist()]

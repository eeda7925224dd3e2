"""Lifting: a function that touches cells as a program between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import is_
from typing import Any, NamedTuple

import jax
from jax import Array
from jax.extend.core import jaxpr_as_fun

from transforms.cells import Cell, Trace, running, settlers, tracing
from transforms.changes import Stateful
from transforms.effects import Call, Effect, Recipes, Snapshot
from transforms.equations import ClosedJaxpr
from transforms.explain import place_of, report
from transforms.forms import owned
from transforms.program import Program, Write, calls_python
from transforms.reasons import Reader, difference
from transforms.repeat import Repeat
from transforms.settings import Entry, Settings
from transforms.signature import label
from transforms.survey import Survey, identity, separate


class Lifted:
    """Programs of a function that touches cells, by the settings that select them."""

    def __init__(self, function: Callable):
        self.function = function
        self.programs: dict[Any, list[Traced]] = {}
        self.settings: list[Any] = []
        self.last: Traced | None = None
        self.repeat: Repeat | None = None

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        """Find the program, or trace it, and run it."""
        with running:
            for settle in settlers:
                settle()
            leaves, structure = jax.tree.flatten((args, keywords))
            own, outside = seclude(leaves)
            if self.repeat is not None and not tracing():
                if self.repeat.fits(own, structure, outside):
                    return self.repeat()
                self.repeat = None
            inner = Secluded(args, keywords, outside)
            if outside:
                copies, named = jax.tree.unflatten(structure, own)
                inner = Secluded(copies, named, outside)
            survey = Survey(self.function, inner.args, inner.keywords)
            traced = self.find(survey)
            if inner.outside and not inner.serves(survey, traced):
                survey = Survey(self.function, args, keywords)
                traced = self.find(survey)
            else:
                args, keywords = inner.args, inner.keywords
            again = self.last is traced
            self.last = traced
            output, call = traced(survey)
            if again and not tracing():
                self.repeat = Repeat.of(self.function, args, keywords, traced, call)
            return output

    def traced(self, *args: Any, **keywords: Any) -> tuple[ClosedJaxpr, list[Any]]:
        """The program as a jaxpr, and its present inputs."""
        with running:
            for settle in settlers:
                settle()
            survey = Survey(self.function, args, keywords)
            traced = self.find(survey)
            return traced.jaxpr, [survey.at(p).array for p in traced.read] + traced.given(survey)

    def find(self, survey: Survey) -> Traced:
        """The program for what a survey found, traced if there is none."""
        programs = self.programs.setdefault(survey.key, [])
        numbers = [entry.number for entry in survey.numbers]
        fitting = [p for p in programs if p.fits(survey)]
        found = next((p for p in fitting if p.admits(numbers)), None)
        if found is None:
            reader = Reader(self.function, survey)
            if fitting:
                reason = looked_at(reader, fitting[-1], survey.numbers)
            else:
                reason = difference(reader, self.settings) if self.settings else "first call"
            self.settings.append(reader.settings())
            report(label(self.function), reason, place_of(self.function))
            found = Traced(self.function, survey)
            programs.append(found)
        return found


def looked_at(reader: Reader, traced: Traced, entries: list[Entry]) -> str:
    """In words, which numbers the function has looked at that are others now."""
    rows = zip(traced.entries, traced.settings, entries, strict=True)
    return "; ".join(
        f"{reader.number(new)}: {new.number}, before {old.number}"
        for old, setting, new in rows
        if not setting.admits(new.number)
    )


class Secluded(NamedTuple):
    """Arguments of which parts of larger memories have been copied out.

    A batch may be taken from anywhere in the data: that is no other program. `outside` are the
    memories, by their identities.
    """

    args: tuple
    keywords: dict[str, Any]
    outside: frozenset[int]

    def serves(self, survey: Survey, traced: Traced) -> bool:
        """Whether the function does the same with the copies: it neither meets nor writes those."""
        cells = {vars(leaf).get("storage") for leaf in survey.leaves if isinstance(leaf, Stateful)}
        written = {survey.at(place) for place in traced.written}
        return not (self.outside & set(survey.number) or cells & written)


NOWHERE: frozenset[int] = frozenset()


def seclude(leaves: list[Any]) -> tuple[list[Any], frozenset[int]]:
    """Arguments with copies of those that are parts of larger memories, and these memories."""
    own = [x.secluded if hasattr(type(x), "secluded") else owned(x) for x in leaves]
    if all(map(is_, leaves, own)):
        return own, NOWHERE
    pairs = zip(leaves, own, strict=True)
    taken = [old for old, new in pairs if old is not new and hasattr(type(old), "secluded")]
    return own, frozenset([id(old.storage) for old in taken])


class Traced:
    """One trace of a function: the cells that it reads and writes, and its effects on objects."""

    def __init__(self, function: Callable, survey: Survey):
        outside = bool(jax.config.jax_enable_x64)  # type: ignore[attr-defined]
        separate(survey)
        snapshot, trace = Snapshot(survey), Trace()
        settings = Settings(survey.objects, survey.numbers)
        given = len(survey.arrays)
        self.entries = survey.numbers
        self.structure: Any = None
        self.results: list[Callable[[Call], Any]] = []
        self.effects: list[Effect] = []
        self.made: list[Any] = []
        self.written: list[Any] = []
        forms: list[tuple] = []

        def flat(*arrays: Array) -> list[Any]:
            args, keywords = survey.refill(arrays[:given])
            with jax.enable_x64(outside), settings.standing_in(arrays[given:]):
                output = function(*args, **keywords)
            recipes, cells = Recipes(survey, trace), trace.written()
            leaves, self.structure = jax.tree.flatten(output)
            self.results += [recipes.of(leaf) for leaf in leaves]
            returned = len(recipes.cells)
            self.effects += snapshot.effects(recipes)
            self.made += [type(cell) for cell in recipes.cells]
            self.written += [survey.place(cell) for cell in cells]
            forms.extend((cell, cell.form, True, cell.late) for cell in cells)
            forms.extend((c, c.form, i >= returned, c.late) for i, c in enumerate(recipes.cells))
            return [cell.array for cell in (*cells, *recipes.cells)] + recipes.arrays

        with trace.watching(), jax.enable_x64(True):
            try:
                jaxpr = jax.make_jaxpr(flat)(*survey.arrays, *settings.numbers)
            finally:
                snapshot.restore()
        self.settings = settings.close()
        self.data = [i for i, setting in enumerate(self.settings) if setting.passed_on]
        unused = {given + i for i in range(len(self.settings)) if i not in self.data}

        # Arrays that the trace met are constants of the jaxpr; those of older cells become inputs.
        position = {id(array): i for i, array in enumerate(jaxpr.consts)}
        met = [t for t in trace.before.values() if id(t.stand_in) in position]
        places = [position[id(t.stand_in)] for t in met]
        self.read = [survey.place(t.cell) for t in met]
        self.forms = [t.form for t in met]
        # Alive as long as their identities select this program.
        self.objects = [x for x in survey.objects if identity(x) == id(x)]
        number = {id(t.cell): i for i, t in enumerate(met)}
        before = {id(t.cell): t.form for t in trace.before.values()}
        self.writes = writes = [
            Write(form, kept and before.get(id(cell), form) is form, number.get(id(cell)), late)
            for cell, form, kept, late in forms
        ]

        self.jaxpr = self.opened(jaxpr, places, unused, Reader(function, survey))

        def run(arrays: list[Array], others: list[Array]) -> tuple[list[Array], list[Array]]:
            results = jaxpr_as_fun(self.jaxpr)(*arrays, *others)
            return results[: len(writes)], results[len(writes) :]

        run.__name__ = run.__qualname__ = label(function)
        self.program = Program(run, len(met), writes, donates=not calls_python(jaxpr.jaxpr))

    def opened(
        self, jaxpr: ClosedJaxpr, places: list[int], unused: set[int], reader: Reader
    ) -> ClosedJaxpr:
        """The jaxpr with its constants at some places as inputs, with names for all of them."""
        inner = jaxpr.jaxpr
        given = [v for i, v in enumerate(inner.invars) if i not in unused]
        numbers = [reader.number(self.entries[i]) for i in self.data]
        rest = [i for i in range(len(jaxpr.consts)) if i not in places]
        results = [reader.cell(place) for place in self.written]
        results += ["the result"] * self.structure.num_leaves
        results += ["a new tensor"] * (len(inner.outvars) - len(results))
        info = inner.debug_info._replace(
            arg_names=(*map(reader.cell, self.read), *reader.data, *numbers),
            result_paths=tuple(results),
        )
        return ClosedJaxpr(
            inner.replace(
                constvars=[inner.constvars[i] for i in rest],
                invars=[*(inner.constvars[i] for i in places), *given],
                debug_info=info,
            ),
            [jaxpr.consts[i] for i in rest],
        )

    def fits(self, survey: Survey) -> bool:
        """Whether the cells hold arrays of the shapes and types that the program was traced for."""
        cells = [survey.at(place) for place in self.read]
        return all(cell.form is form for cell, form in zip(cells, self.forms, strict=True))

    def admits(self, numbers: Sequence[float]) -> bool:
        """Whether the numbers in dicts look to the function as those did that it was traced for."""
        return all(s.admits(x) for s, x in zip(self.settings, numbers, strict=True))

    def __call__(self, survey: Survey) -> tuple[Any, Call]:
        """Run on what the cells hold now, and leave everything as the function would have."""
        call = self.compute(survey, [kind.blank() for kind in self.made], self.given(survey))
        for effect in self.effects:
            effect.apply(call)
        return self.output(call), call

    def compute(self, survey: Survey, made: list[Cell], given: list[Any]) -> Call:
        """Run on what is given, with these cells for what every call makes."""
        reads = [survey.at(place) for place in self.read]
        writes = [survey.at(place) for place in self.written]
        arrays = self.program(reads, [None] * len(reads), [*writes, *made], given)
        return Call(survey, made, arrays, {})

    def given(self, survey: Survey) -> list[Any]:
        """What the program is given apart from what cells hold."""
        return survey.arrays + [survey.numbers[i].number for i in self.data]

    def output(self, call: Call) -> Any:
        """What the function returns."""
        return self.structure.unflatten([result(call) for result in self.results])

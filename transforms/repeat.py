"""A call like the last one: nothing has to be surveyed again.

Settings around cells are attributes of `Stateful` objects and watched containers, whose changes are
counted; plain containers and variables are few, and are compared one by one. What each call makes
and leaves behind (gradients, say) is written in place again, if nobody else has taken hold of it;
what it returns as well (a criterion's output, say) is new in every call.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from operator import attrgetter, is_
from sys import getrefcount
from typing import Any

import jax
import jax.numpy as jnp

from transforms.cells import Cell
from transforms.changes import changed
from transforms.effects import Call, Effect
from transforms.guard import Guard, argument, readers
from transforms.survey import Survey, ambient

INTACT = attrgetter("intact")
ALONE = next(map(getrefcount, [object()]))


class Repeat:
    """What has to hold for the next call to be like the last, and how to make it then."""

    def __init__(self, survey: Survey, traced: Any, call: Call):
        self.survey, self.traced = survey, traced
        self.arguments = [argument(survey, leaf) for leaf in survey.leaves]
        pairs = zip(survey.leaves, self.arguments, strict=True)
        self.leaves = [leaf if wanted is None else None for leaf, wanted in pairs]
        survey.leaves, survey.arrays = [], []  # what the next call brings takes their place
        swapped = [a for a in self.arguments if a is not None and a.settings is not None]
        self.passing = passing = [i for a in swapped for i in (a.place, a.cell)]
        objects = survey.objects
        self.known = {id(x) for i, x in enumerate(objects) if i not in passing}
        self.writes_given = any(place in passing for place in traced.written)
        others = [x for i, x in enumerate(objects) if i not in passing]
        self.guard = Guard([read for x in others for read in readers(x)])
        self.kept = [survey.number.get(id(cell)) for cell in call.cells]
        numbers = {i: survey.number.get(id(x)) for i, x in call.made.items()}
        self.left = {i: place for i, place in numbers.items() if place is not None}
        found, self.effects = returned(traced, call)
        self.renewed = {i: self.left[i] for i in found if i in self.left}
        self.guarded = any(readers(objects[effect.place]) for effect in self.effects)
        self.mode = [setting() for setting in ambient]
        changing = {*passing, *self.renewed.values()}
        self.given = [(i, p) for i, p in enumerate(traced.read) if p in changing]
        self.values = [None] * len(traced.read)
        self.data: list[Any] = []
        self.owners = [(objects[entry.owner], entry.name) for entry in survey.numbers]
        self.hold([entry.number for entry in survey.numbers])
        self.remember()
        self.release()

    def remember(self) -> None:
        """Note what must not have changed until the next call."""
        survey, traced = self.survey, self.traced
        self.changes = changed.structure, changed.results
        lasting = {i: place for i, place in self.left.items() if i not in self.renewed}
        self.made = {i: survey.objects[place] for i, place in lasting.items()}
        given = {i for i, _ in self.given}
        self.reads = [None if i in given else survey.at(p) for i, p in enumerate(traced.read)]
        new = {None, *self.renewed.values()}
        kept = [survey.objects[p] if p is not None and p not in new else None for p in self.kept]
        self.writes = [*map(survey.at, traced.written), *kept]
        made = enumerate(zip(self.kept, traced.made, strict=True), len(traced.written))
        self.fresh = [(i, kind) for i, (place, kind) in made if place in new]
        self.packs: list[Any] | None = None
        packed = {i for group in traced.program.kept for i in group.members}
        self.steady = packed.isdisjoint([i for i, _ in self.fresh])
        self.watched = [*self.made.values()]
        listed = Counter(map(id, [*self.reads, *self.writes, *self.guard.held]))
        # Held by what it is an attribute of, by the survey, by what is made, by these lists, and
        # perhaps by a pack.
        self.references = [
            ALONE + 3 + listed[id(x)] + (isinstance(x, Cell) and x.pack is not None)
            for x in self.watched
        ]

    def hold(self, numbers: list[float]) -> None:
        """Have these numbers in dicts, as arrays: a call with plain ones takes longer."""
        self.numbers = numbers
        with jax.enable_x64(True):
            self.constants = [jnp.asarray(numbers[i]) for i in self.traced.data]

    @classmethod
    def of(
        cls, function: Callable, args: tuple, keywords: dict[str, Any], traced: Any, call: Call
    ) -> Repeat | None:
        """What follows a call, if that has left everything such that the next can be like it."""
        before, after = call.survey, Survey(function, args, keywords)
        if after.key != before.key:
            return None
        made = {id(x) for x in call.made.values()}
        for old, new in zip(before.objects, after.objects, strict=True):
            if old is not new and id(new) not in made:
                return None
        return cls(after, traced, call)

    def fits(self, leaves: list[Any], structure: Any, outside: frozenset[int]) -> bool:
        """Whether a call is like the last one; takes its arguments, if so.

        `outside` are cells that it must not meet, by their identities.
        """
        if (changed.structure, changed.results) != self.changes:
            return False
        if outside and (outside & self.known or self.writes_given):
            return False
        if structure != self.survey.structure:
            return False
        arrays: list[Any] = []
        brought: list[Any] = []
        for leaf, old, wanted in zip(leaves, self.leaves, self.arguments, strict=True):
            if wanted is None:
                if leaf is not old:
                    return False
            elif not wanted.takes(leaf):
                return False
            elif wanted.settings is None:
                arrays.append(leaf)
            else:
                brought += leaf, vars(leaf)[wanted.name]
        met = set(map(id, brought))
        if len(met) != len(brought) or not met.isdisjoint(self.known):
            return False
        if [setting() for setting in ambient] != self.mode:
            return False
        if not self.guard.holds():
            return False
        if self.owners:
            numbers = [owner[name] for owner, name in self.owners]
            if not all(map(is_, numbers, self.numbers)):
                if not self.traced.admits(numbers):
                    return False
                self.hold(numbers)
        objects = self.survey.objects
        for place, x in zip(self.passing, brought, strict=True):
            objects[place] = x
        self.data = arrays + self.constants
        return True

    def __call__(self) -> Any:
        """Run with the arguments taken."""
        try:
            if self.alone and not self.writes_given:
                call = self.run()
                output = self.traced.output(call)
                self.renew(call)
                return output
            made = [kind.blank() for kind in self.traced.made]
            call = self.traced.compute(self.survey, made, self.data)
            self.replace(call)
            return self.traced.output(call)
        finally:
            self.release()

    def run(self) -> Call:
        """Compute, and write over what the last call left."""
        survey, reads, writes = self.survey, self.reads, self.cells()
        for i, place in self.given:
            reads[i] = survey.objects[place]
        program, packs = self.traced.program, self.packs
        if packs is None or not self.steady or not all(map(INTACT, packs)):
            groups = program.kept
            packs = self.packs = [group.pack(reads, self.values, writes) for group in groups]
        arrays = program.launch(packs, reads, self.values, writes, self.data)
        return Call(survey, writes[len(self.traced.written) :], arrays, self.made.copy())

    def cells(self) -> list[Any]:
        """What a call writes: new cells for what is not written in place."""
        for i, kind in self.fresh:
            self.writes[i] = kind.blank()
        return self.writes

    def renew(self, call: Call) -> None:
        """Leave new objects in the place of those that the last call has returned."""
        if not self.renewed:
            return
        for effect in self.effects:
            effect.apply(call)
        self.put(self.renewed, call)
        self.changes = changed.structure, changed.results
        if self.guarded:
            self.guard.held = self.guard.read()

    @property
    def alone(self) -> bool:
        """Whether nobody else has taken hold of what the last call left."""
        return list(map(getrefcount, self.watched)) == self.references

    def release(self) -> None:
        """Hold the arguments and the results no longer."""
        for place in self.passing:
            self.survey.objects[place] = None
        for i, _ in self.given:
            self.reads[i] = None
        for i, _ in self.fresh:
            self.writes[i] = None
        self.data = []

    def replace(self, call: Call) -> None:
        """Leave new objects in the place of those that somebody has taken hold of."""
        for effect in self.traced.effects:
            effect.apply(call)
        self.put(self.left, call)
        self.guard.held = self.guard.read()
        self.remember()

    def put(self, left: dict[int, int], call: Call) -> None:
        """Know what a call has left in the place of what the one before it left."""
        objects = self.survey.objects
        for i, place in left.items():
            self.known.discard(id(objects[place]))
            new = objects[place] = call.made[i]
            self.known.add(id(new))


def returned(traced: Any, call: Call) -> tuple[set[int], list[Effect]]:
    """What a call returns of all that it makes, with what belongs to that; and how it is left."""
    probe = call._replace(made={})
    traced.output(probe)
    found, effects, size = set(probe.made), [], -1
    valued = [effect for effect in traced.effects if effect.value is not None]
    while len(found) > size:
        size, effects = len(found), []
        for effect in valued:
            probe = call._replace(made={})
            effect.value(probe)
            if found & set(probe.made):
                found |= set(probe.made)
                effects.append(effect)
    return found, effects

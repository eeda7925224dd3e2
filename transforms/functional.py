"""Functions that read and change objects, as pure functions for jax to transform.

A `Flow` traces one call: the cells that the function reads become inputs, those that it writes
become outputs, and what it does to plain objects is undone, to be done when the transform has run.
"""

import copy
import threading
from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any, NamedTuple
from weakref import WeakSet

import jax
import jax.numpy as jnp
from jax import Array
from jax.extend.core import jaxpr_as_fun

from transforms.cells import Cell, CellTouched, Purity, Trace
from transforms.changes import Stateful
from transforms.effects import Call, Effect, Recipes, Snapshot
from transforms.objects import boxed, is_array, is_tensor, owner, same
from transforms.signature import Transform
from transforms.survey import Survey, ambient, separate

tapes: list[Callable[..., tuple[Any, Callable[[list[Any]], None]] | None]] = []
"""Functions that compute a pure function so that a facade's tape has it, see `evaluate`."""


class _Local(threading.local):
    """How many flows are being traced in this thread."""

    depth = 0


_local = _Local()
ambient.append(lambda: ("transformed", transformed()))


def transformed() -> bool:
    """Whether the running code is going to be differentiated, mapped or recomputed as a whole.

    Then nothing that it computes should be differentiated in advance.
    """
    return _local.depth > 0


def route(
    function: Callable, pure: Callable[[], Any], flowing: Callable[[], Any], arguments: Any
) -> Any:
    """Call `pure`, or `flowing` if objects are among the arguments or the function touches some."""
    objects = any(isinstance(x, Stateful) for x in jax.tree.leaves(arguments))
    if objects or owner(function) is not None or (is_weak(function) and function in _touching):
        return flowing()
    try:
        with Purity().watching():
            return pure()
    except CellTouched:
        if is_weak(function):
            _touching.add(function)
    return flowing()


_touching: WeakSet[Callable] = WeakSet()


def is_weak(function: Callable) -> bool:
    """Whether a function can be remembered for as long as it lives."""
    return isinstance(function, FunctionType | Transform)


class Changes(NamedTuple):
    """Arrays that a call has computed for cells that it writes, and for other objects."""

    written: list[Array]
    computed: list[Array]


class Flow:
    """One call of a function, traced, as a pure function of arrays.

    `fill` makes the arguments of stand-ins for arrays of the `shapes` given. `sources` are the
    cells that are read, and arrays that the function has from elsewhere. `structure` is that of the
    output, in boxes. With `stacking`, numbers are to become tensors.
    """

    def __init__(
        self,
        function: Callable,
        args: Sequence[Any],
        keywords: dict[str, Any],
        fill: Callable[..., tuple[Any, dict[str, Any]]] | None = None,
        shapes: Sequence[Any] = (),
        stacking: bool = False,
    ):
        outside = jnp.result_type(float) == jnp.float64
        self.survey = Survey(function, tuple(args), keywords)
        separate(self.survey)
        kinds = (type(x).holding for x in self.survey.objects if is_tensor(x))
        scalar = next(kinds, same) if stacking else None
        snapshot, trace = Snapshot(self.survey), Trace()
        self.structure: Any = None
        self.made: list[type[Cell]] = []
        self.written: list[Cell] = []
        self.effects: list[Effect] = []

        def flat(*arrays: Array) -> list[Array]:
            refresh(self.survey.objects)
            with jax.enable_x64(outside):
                filled = (args, keywords) if fill is None else fill(*arrays)
                output = boxed(function(*filled[0], **filled[1]), scalar)
            outputs, self.structure = jax.tree.flatten(output)
            recipes = Recipes(self.survey, trace)
            self.written += trace.written()
            self.effects += [e for e in snapshot.effects(recipes) if not self.is_result(e)]
            self.made = [type(cell) for cell in recipes.cells]
            cells = [cell.array for cell in (*self.written, *recipes.cells)]
            return outputs + cells + recipes.arrays

        with trace.watching(), jax.enable_x64(True):
            _local.depth += 1
            try:
                jaxpr = jax.make_jaxpr(flat)(*shapes)
            finally:
                _local.depth -= 1
                snapshot.restore()
        stood_in = {id(t.stand_in): t.cell for t in trace.before.values()}
        self.jaxpr = without_donation(jaxpr)
        self.sources = [stood_in.get(id(array), array) for array in jaxpr.consts]
        self.places = {id(source): i for i, source in enumerate(self.sources)}

    def is_result(self, effect: Effect) -> bool:
        """Whether an effect is on what an object remembers of its last call."""
        container = self.survey.objects[effect.place]
        return effect.name in getattr(type(container), "results", ())

    def __call__(self, consts: list[Array], arrays: Sequence[Array]) -> tuple[list[Array], Changes]:
        """The leaves of the output and the changes, for arrays from the sources and the others."""
        found = jaxpr_as_fun(self.jaxpr.replace(consts=consts))(*arrays)
        n = self.structure.num_leaves
        m = n + len(self.written)
        return found[:n], Changes(found[n:m], found[m:])

    def present(self) -> list[Array]:
        """What the sources hold now."""
        return [array_of(source) for source in self.sources]

    def put(self, consts: list[Array], taken: set[int], leaf: Any, value: Array) -> None:
        """Have `value` take the place of a tensor's elements, which it equals, among the arrays.

        Tensors may share elements: `taken` has the places where others were put before, and there
        the value brings nothing but its derivatives.
        """
        place = self.places.get(id(leaf.storage))
        if place is None:
            return
        if leaf.array is leaf.storage.array:
            consts[place] = consts[place] + nudge(value) if place in taken else value
        else:
            with Trace().watching():
                leaf.storage.array = consts[place]
                leaf.hold(leaf.array + nudge(value) if place in taken else value)
                consts[place] = leaf.storage.array
        taken.add(place)

    def apply(self, changes: Changes) -> None:
        """Leave cells and objects as the function would have."""
        for cell, array in zip(self.written, changes.written, strict=True):
            cell.array = array
        made = [kind.blank() for kind in self.made]
        for cell, array in zip(made, changes.computed, strict=False):
            cell.array = array
        call = Call(self.survey, made, changes.computed[len(made) :], {})
        for effect in self.effects:
            effect.apply(call)


def array_of(source: Any) -> Any:
    """The array in a cell or in a tensor, or the array that there is."""
    return getattr(source, "array") if isinstance(source, Cell | Stateful) else source  # noqa: B009


def evaluate(
    function: Callable[[list[Array]], tuple[list[Array], Any]],
    sources: Sequence[Any],
    objects: Sequence[Any],
) -> tuple[list[Array], Any, Callable[[list[Any]], None]]:
    """Compute `function`, which gives a pair, on what `sources` hold.

    If a tape is recording for one of the `objects`, it is told the tensors that are made of the
    first of the pair by the third result, a function.
    """
    with jax.enable_x64(True):
        for tape in tapes:
            if (taped := tape(function, sources, objects)) is not None:
                (outputs, rest), attach = taped
                return outputs, rest, attach
        outputs, rest = function([array_of(source) for source in sources])
    return outputs, rest, lambda made: None


@jax.custom_jvp
def nudge(x: Array) -> Array:
    """Zeros that have the derivatives of `x`."""
    return jnp.zeros_like(x)


nudge.defjvp(lambda primals, tangents: (jnp.zeros_like(primals[0]), tangents[0]))


def refresh(objects: list[Any]) -> None:
    """Give modules copies of the results that they remember: a transform leaves these alone."""
    memo: dict[int, Any] = {}
    for x in objects:
        for name in getattr(type(x), "results", ()) if isinstance(x, Stateful) else ():
            value = vars(x).get(name)
            if isinstance(value, Stateful) and (is_tensor(value) or not is_array(value)):
                vars(x)[name] = copy.deepcopy(value, memo)


def without_donation(jaxpr: Any) -> Any:
    """A program whose parts leave their inputs alone: a derivative needs them once more."""
    name = "donated_invars"
    eqns = [
        e.replace(params={**e.params, name: (False,) * len(e.invars)}) if name in e.params else e
        for e in jaxpr.jaxpr.eqns
    ]
    return jaxpr.replace(jaxpr=jaxpr.jaxpr.replace(eqns=eqns))

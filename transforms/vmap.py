"""A function of one example, made to take many."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.custom_batching import custom_vmap
from jax.tree_util import keystr, tree_leaves_with_path

from transforms.functional import Flow, array_of, evaluate, route
from transforms.objects import (
    bare,
    boxed,
    closed,
    corresponding,
    is_array,
    is_module,
    leaves,
    members,
    name_of,
)
from transforms.signature import (
    RESERVED,
    Call,
    Transform,
    TransformError,
    describe,
    keep,
    place,
    require_names,
)


@dataclass(frozen=True)
class Vmap(Transform):
    """See `vmap`."""

    title = "vmap"
    over: tuple[str, ...] | None = None

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        """The outputs of all examples, stacked."""
        call = place(self.function, args, keywords)
        given = dict(zip(call.names, call.args, strict=True))
        over = self.over
        if over is None:
            over = tuple(n for n in call.names if n not in RESERVED and not is_module(given[n]))
        require_names(self.__name__, over, call)
        mapped = {n: given[n] for n in over}

        def spread(size: int) -> None:
            if given.get("key") is not None and "key" not in over:
                mapped["key"] = jax.random.split(given["key"], size)

        def pure() -> Any:
            spread(examples(self.__name__, mapped))

            def one(example: dict[str, Any]) -> Any:
                return self.function(*(given | example).values(), **call.keywords)

            return jax.vmap(one)(mapped)

        def flowing() -> Any:
            groups = {n: each for n, x in mapped.items() if (each := members(self.__name__, n, x))}
            lengths = {n: np.empty(len(each)) for n, each in groups.items()}
            arrays = {n: bare(boxed(x)) for n, x in mapped.items() if n not in groups}
            spread(examples(self.__name__, lengths | arrays))
            return Batch(self.__name__, self.function, call, mapped, groups).run()

        return route(self.function, pure, flowing, (args, keywords))


class Batch:
    """A call for many examples, and for groups of modules, of a function of one of each."""

    def __init__(
        self,
        title: str,
        function: Callable,
        call: Call,
        mapped: dict[str, Any],
        groups: dict[str, list[Any]],
    ):
        inputs = {n: x for n, x in mapped.items() if n not in groups}
        arrays, structure = jax.tree.flatten(boxed(inputs))
        given = dict(zip(call.names, call.args, strict=True))
        given |= {n: each[0] for n, each in groups.items()}
        self.title, self.inputs = title, [*leaves(inputs)]
        self.size = next(len(x) for x in [*groups.values(), *arrays])
        self.members: dict[int, list[Any]] = {}
        for name, each in groups.items():
            self.members |= corresponding(title, name, each)
        taken: list[Any] = []

        def fill(*arrays: Array) -> tuple[tuple[Any, ...], dict[str, Any]]:
            example = closed(jax.tree.unflatten(structure, arrays))
            taken.extend(x for x in leaves(example) if is_array(x))
            return tuple((given | example).values()), call.keywords

        shapes = [jax.ShapeDtypeStruct(x.shape[1:], x.dtype) for x in arrays]
        self.flow = Flow(function, call.args, call.keywords, fill, shapes, stacking=True)
        if any(x.storage.version for x in taken):
            raise TransformError(
                f"{title}: an example is changed in place\nlikely cause: x.add_(y), x[i] = y or a"
                " module that works in place on its input; copy it before"
            )

    def one(self, consts: list[Array], inputs: list[Array]) -> tuple[list[Array], list[Array]]:
        """The outputs, and the values of the cells that are written."""
        outputs, changes = self.flow(consts, inputs)
        return outputs, changes.written

    def run(self) -> Any:
        """The outputs of all examples, stacked."""
        own = [self.members.get(id(source), [source]) for source in self.flow.sources]
        axes = [0 if len(cells) > 1 or is_stream(cells[0]) else None for cells in own]
        differ = self.differing(axes)
        self.refuse(differ)
        own = [[x[0].spread(self.size)] if is_stream(x[0]) else x for x in own]

        def function(arrays: list[Array]) -> tuple[list[Array], list[Array]]:
            rest = iter(arrays)
            read = [[next(rest) for _ in cells] for cells in own]
            consts = [x[0] if len(x) == 1 else jnp.stack(x) for x in read]
            out_axes = (0, [0 if d else None for d in differ])
            mapped = jax.vmap(self.one, (axes, 0), out_axes, axis_size=self.size)
            return mapped(consts, list(rest))

        sources = [*(cell for cells in own for cell in cells), *self.inputs]
        outputs, written, attach = evaluate(function, sources, self.flow.survey.objects)
        for cell, array, different in zip(self.flow.written, written, differ, strict=True):
            if not is_stream(cell):
                for i, member in enumerate(self.members.get(id(cell), [cell])):
                    member.array = array[i] if different else array
        found = closed(jax.tree.unflatten(self.flow.structure, outputs))
        attach([*leaves(found)])
        return found

    def differing(self, axes: list[int | None]) -> list[bool]:
        """For each cell that is written, whether its new values differ between examples."""
        found = set()

        def watched(number: int, x: Array) -> Array:
            @custom_vmap
            def watch(x: Array) -> Array:
                return x

            @watch.def_vmap
            def _(_: int, batched: list[bool], x: Array) -> tuple[Array, bool]:
                found.add(number)
                return x, batched[0]

            return watch(x)

        def one(consts: list[Array], inputs: list[Array]) -> list[Array]:
            return [watched(i, x) for i, x in enumerate(self.one(consts, inputs)[1])]

        def shapes(arrays: list[Array], axes: list[int | None]) -> list[Any]:
            lead = {None: (), 0: (self.size,)}
            pairs = zip(arrays, axes, strict=True)
            return [jax.ShapeDtypeStruct(lead[axis] + x.shape, x.dtype) for x, axis in pairs]

        inputs = [array_of(x) for x in self.inputs]
        if self.flow.written:
            with jax.enable_x64(True):
                mapped = jax.vmap(one, (axes, 0), axis_size=self.size)
                consts = shapes(self.flow.present(), axes)
                jax.eval_shape(mapped, consts, shapes(inputs, [None] * len(inputs)))
        return [i in found for i in range(len(self.flow.written))]

    def refuse(self, differ: list[bool]) -> None:
        """Raise if examples would leave different values in one place, or set anything else."""
        objects = self.flow.survey.objects
        for cell, different in zip(self.flow.written, differ, strict=True):
            own = self.members.get(id(cell), [cell])
            if different and len({*own}) < self.size and not is_stream(cell):
                raise TransformError(
                    f"{self.title}: each example writes a value of its own to"
                    f" {name_of(cell, objects)}, which is one for all\nlikely cause: running"
                    " statistics in training, or gradients that are added up; evaluate, or map a"
                    " list of modules with over=..."
                )
        for effect in self.flow.effects:
            container = objects[effect.place]
            if effect.name not in getattr(container, "transient", ()):
                raise TransformError(
                    f"{self.title}: {effect.name!r} of a {type(container).__name__} is set in each"
                    " example\nlikely cause: the function keeps something; return it instead, or"
                    " name the attribute in the `results` of its class if it need not last"
                )


def is_stream(source: Any) -> bool:
    """Whether a cell has a random key, from which each example is to have one of its own."""
    return hasattr(source, "spread")


def examples(title: str, mapped: dict[str, Any]) -> int:
    """How many examples there are; all arrays must agree."""
    sizes: dict[int, str] = {}
    for name, value in mapped.items():
        for path, leaf in tree_leaves_with_path(value):
            text = f"{name}{keystr(path)} {describe(leaf)}"
            if not getattr(leaf, "shape", ()):
                raise TransformError(
                    f"{title}: {text} has no leading axis\nlikely cause: it is the same for all"
                    " examples; say with over=... which arguments differ"
                )
            sizes.setdefault(leaf.shape[0], text)
    if len(sizes) > 1:
        raise TransformError(
            f"{title}: the leading axes differ: {', '.join(sizes.values())}\nlikely cause: an"
            " argument is the same for all examples; say with over=... which arguments differ"
        )
    if not sizes:
        raise TransformError(f"{title}: no array to map; say over which arguments with over=...")
    return next(iter(sizes))


def vmap(f: Callable, over: str | Sequence[str] | None = None) -> Callable:
    """Map `f` over the leading axis of its inputs.

    `params` and `state` are shared, each example gets a key of its own, `train` and keyword-only
    arguments are static. All that `f` returns is stacked, the states after each example too: what
    to make of them (usually a mean) is for the caller to say. `over` names the arguments to map
    instead of the inputs, as in an ensemble, where each member has its own parameters (and its own
    key, unless `key` is in `over`).

    Tensors and modules are taken too: `vmap(grad(loss))(net, x, y)` has the gradients of each
    example. A module is shared; a list of equal modules is an ensemble, one for each example, and
    what they write, such as running statistics, is each one's own. Random layers draw other noise
    for each example. Nothing else can be changed in an example.

    >>> import jax.numpy as jnp
    >>> from transforms.derivatives import grad
    >>> def loss(params, x):
    ...     return params * x.sum()
    >>> vmap(grad(loss))(jnp.ones(()), jnp.arange(6.0).reshape(3, 2))
    Array([1., 5., 9.], dtype=float32)
    >>> vmap(loss, over="params")(jnp.arange(3.0), jnp.ones(2))
    Array([0., 2., 4.], dtype=float32)
    """
    if isinstance(over, str):
        over = (over,)
    return keep(Vmap(f, None if over is None else tuple(over)))

"""The object around a pure layer: what both facades' modules share.

A `Shell` has a pure `layer` and the tensors that it is filled with: parameters and state, nested as
the layer wants them. A container's layer is made of its children's, so that a network of modules
is one pure function too. A module that computes in a way of its own has no layer, and neither has
a container of such a module: then the container calls its children one by one.
"""

import copy
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import replace
from functools import cache
from typing import Any, ClassVar

import jax
from jax import Array

from fnn.compose import Mode, Network, as_layer
from fnn.errors import describe, require
from fnn.layer import Applicable, Layer, layer
from transforms.changes import Stateful, Watched, changed

KINDS = ("params", "state")


class Shell(Stateful):
    """A module: a layer, its parameters and its state.

    A dialect says which methods make up a computation (`protocol`), gives its modules children,
    parameters and buffers in its own way, and draws initial values from its own generator. A
    container names the `network` that its children make up. What has to be overridden says so when
    it is called: an abstract base class would not mix with metaclasses of the user's own.
    """

    protocol: ClassVar[tuple[str, ...]] = ()
    network: ClassVar[Callable[..., Network] | None] = None
    transient = ("_composed", "_memory")

    _derived: Applicable | None = None
    _composed: Network | None = None
    _trees: dict[str, dict[str, Any]]

    @property
    def _mode(self) -> bool:
        """Whether this is training."""
        raise NotImplementedError  # each facade has its own

    def _children(self) -> Iterable[tuple[str, Any]]:
        """The modules inside, by name."""
        return ()

    def _add_parameter(self, name: str, shape: tuple[int, ...]) -> None:
        """Have a parameter of this shape."""
        raise NotImplementedError  # each facade has its own

    def _add_buffer(self, name: str, array: Array) -> None:
        """Have a tensor of state."""
        raise NotImplementedError  # each facade has its own

    def derive(self, function: Callable, *sizes: Hashable, **keywords: Hashable) -> None:
        """Be the layer `function`; sizes and keywords are as `fnn.layer` takes them."""
        derived = layer(function, *sizes, **keywords)
        self.be(derived, parameter_shapes(derived), derived.initial_state())

    def be(self, derived: Applicable, shapes: Any, state: Any) -> None:
        """Be a layer with parameters of these shapes and with this state, in nested dicts."""
        for name, shape in paths(shapes):
            self._add_parameter(name, shape)
        for name, array in paths(state):
            self._add_buffer(name, array)
        self._derived = derived
        self._trees = Watched(params=named(shapes), state=named(state))

    def wrap(self, apply: Callable, params: Any, state: Any | None) -> None:
        """Be any pure layer or network, with the arrays given; they are not copied."""
        self.be(as_layer(apply), shapes_of(params), state or {})
        self.load(params, state or {})

    def names(self, kind: str) -> list[str]:
        """The names of a derived module's own tensors of a kind; paths, where they are nested."""
        return [name for _, name in paths(self._trees[kind])]

    def _once(self, name: str, make: Callable[..., Any], *args: Any) -> Any:
        """What `make` gives, remembered until a setting of any object changes."""
        memory = vars(self).get("_memory")
        if memory is None or memory["settings"] != changed.structure:
            memory = vars(self)["_memory"] = {"settings": changed.structure}
        if name not in memory:
            memory[name] = make(*args)
        return memory[name]

    @property
    def layer(self) -> Applicable | None:
        """The pure layer that computes what this module does, if there is one."""
        return self._once("layer", self._find_layer)

    def _find_layer(self) -> Applicable | None:
        by_hand = any(
            name in vars(self) or getattr(type(self), name).__module__.partition(".")[0] != "fnn"
            for name in self.protocol
        )
        return None if by_hand else self._find_program()

    def _find_program(self) -> Applicable | None:
        """The layer of a derived module, or that of a network of layers."""
        if self._derived is not None:
            return self._as_set(self._derived)
        if self.network is None:
            return None
        children = []
        for name, child in self._children():
            if (found := self._in_mode(child)) is None:
                return None
            children.append((name, found))
        network = self.network(tuple(children), **self._hyper()) if children else None
        if network != self._composed:
            self._composed = network
        return self._composed

    def _in_mode(self, child: Any) -> Applicable | None:
        """A child's layer, which keeps its mode where that differs from the container's."""
        found = child.layer
        if found is None or child._mode == self._mode or "train" not in found.reserved:
            return found
        return Mode(found, child._mode)

    @property
    def _paths(self) -> dict[int, str]:
        """The paths of the modules inside, in children or in other attributes, by identity."""
        return self._once("paths", self._find_paths)

    def _find_paths(self) -> dict[int, str]:
        found: dict[int, str] = {id(self): ""}
        turn: list[tuple[str, Any]] = [("", self)]
        for prefix, module in turn:
            attributes = [(n, x) for n, x in vars(module).items() if isinstance(x, Shell)]
            for name, inner in (*module._children(), *attributes):
                if id(inner) not in found:
                    found[id(inner)] = prefix + name
                    turn.append((f"{prefix}{name}.", inner))
        return found

    def _hyper(self) -> dict[str, Hashable]:
        """Hyperparameters that attributes decide, for as long as these may change."""
        return {}

    def _as_set(self, derived: Applicable) -> Applicable:
        """A module's own layer with the hyperparameters of this moment."""
        if not isinstance(derived, Layer) or not (hyper := self._hyper()):
            return derived
        return replace(derived, hyper=tuple({**dict(derived.hyper), **hyper}.items()))

    def tensors(self, kind: str) -> dict[str, Any]:
        """The tensors of `params` or of `state`, nested as the layer wants them."""
        return self._once(kind, self._find_tensors, kind)

    def _find_tensors(self, kind: str) -> dict[str, Any]:
        if self._derived is not None:
            return self._gathered(self._trees[kind])
        return {
            name: found
            for name, child in self._children()
            if (found := child.tensors(kind)) or kind in getattr(child.layer, "reserved", ())
        }

    def _gathered(self, tree: dict[str, Any]) -> dict[str, Any]:
        """The tensors of these names."""
        return {
            key: self._gathered(name) if isinstance(name, dict) else getattr(self, name)
            for key, name in tree.items()
            if isinstance(name, dict) or getattr(self, name, None) is not None
        }

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        """A copy that shares nothing, except what is shared inside is shared in the copy."""
        clone = memo[id(self)] = object.__new__(type(self))
        for name, value in list(vars(self).items()):  # copying may compute what is put off
            if name not in self.transient:
                vars(clone)[name] = copy.deepcopy(value, memo)
        return clone

    def pure(self) -> tuple[Any, dict[str, Any], dict[str, Any]]:
        """The module as `(apply, params, state)`: a pure function and the arrays to call it with.

        The arrays are those that the module holds, not copies. `apply` is a value of `fnn`'s
        convention: it names `params`, `state`, `key` and `train` if it needs them.
        """
        apply = self.layer
        require(
            apply is not None,
            f"{type(self).__name__}.pure",
            "a module with methods of its own inside",
            "modules that are derived from pure layers, in containers",
            "write the computation as a pure function, or differentiate it through the facade",
        )
        params, state = (jax.tree.map(lambda t: t.array, self.tensors(k)) for k in KINDS)
        return apply, params, state

    def load(self, params: Any, state: Any | None = None) -> Any:
        """Hold the arrays of a pytree such as `pure` gives; returns the module.

        An array takes the place of the one before without being copied, unless the parameter is
        a view of a longer storage: then it is written there.
        """
        for kind, new in zip(KINDS, (params, {} if state is None else state), strict=True):
            old = self.tensors(kind)
            if kind == "state" and state is None:
                continue
            paths = [jax.tree_util.tree_flatten_with_path(tree)[0] for tree in (old, new)]
            names, given = ({jax.tree_util.keystr(p): x for p, x in path} for path in paths)
            require(
                {n: t.geometry.size for n, t in names.items()}
                == {n: tuple(a.shape) for n, a in given.items()},
                f"{type(self).__name__}.load",
                describe(new),
                describe(jax.tree.map(lambda t: t.array, old)),
                "the arrays are those of another network",
            )
            for name, tensor in names.items():
                tensor.hold(given[name])
        return self


@cache
def parameter_shapes(layer: Applicable) -> dict[str, Any]:
    """The shapes of a layer's parameters, in the order in which it makes them."""
    found: list[Any] = []

    def init(key: Array) -> list[Array]:
        params = layer.init(key)
        found.append(shapes_of(params))
        return jax.tree.leaves(params)

    jax.eval_shape(init, jax.random.key(0))
    return found[0]


def shapes_of(tree: Any) -> Any:
    """Shapes in the place of arrays; the order of a dict is kept."""
    if isinstance(tree, dict):
        return {name: shapes_of(value) for name, value in tree.items()}
    return tuple(tree.shape)


def paths(tree: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of nested dicts with their paths, in the order of the dicts."""
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from paths(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def named(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested dicts with paths in the place of their leaves."""
    return Watched(
        (name, named(value, f"{prefix}{name}.") if isinstance(value, dict) else prefix + name)
        for name, value in tree.items()
    )

"""Every row of the table: documented shape, gradient, jit, vmap, dtypes and one compilation."""

from functools import partial
from importlib import import_module
from inspect import Parameter, getmembers, isfunction, signature
from pkgutil import iter_modules

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from tests.examples import EXAMPLES, Example
from tests.shapes import Sizes, arguments, block

try:
    from transforms.check import check_gradient
except ImportError:  # replaced as soon as it is there

    def check_gradient(f, *args, key, step=1e-5):
        rng = np.random.default_rng(0)
        directions = [jnp.asarray(rng.normal(size=a.shape)) for a in args]
        move = lambda h: f(*(a + h * d for a, d in zip(args, directions, strict=True)))
        numeric = [(p - m) / (2 * step) for p, m in zip(move(step), move(-step), strict=True)]
        weights = [jnp.asarray(rng.normal(size=n.shape)) for n in numeric]
        _, tangents = jax.jvp(f, args, tuple(directions))
        gradients = jax.vjp(f, *args)[1](weights)
        dot = lambda xs, ys: float(sum(jnp.vdot(x, y) for x, y in zip(xs, ys, strict=True)))
        three = [dot(weights, numeric), dot(weights, tangents), dot(gradients, directions)]

        class Report:
            error = (max(three) - min(three)) / (abs(three[0]) + 1e-6)

        return Report


VARIANTS = [
    pytest.param(example, optional, id=f"{example.label}{'' if optional else '-bare'}")
    for example in EXAMPLES
    for optional in (True, False)
    if optional
    or any(entry.optional for listed in block(example.apply).values() for entry in listed)
]
every_variant = pytest.mark.parametrize(("example", "optional"), VARIANTS)


def layer(example: Example):
    """The layer as a function of its arguments, a dict, alone."""
    return lambda given: example.apply(**given, **example.hyper)


def floating(tree):
    return [leaf for leaf in jax.tree.leaves(tree) if jnp.issubdtype(leaf.dtype, jnp.floating)]


def assert_equal(found, wanted, tolerance):
    jax.tree.map(partial(np.testing.assert_allclose, rtol=tolerance, atol=tolerance), found, wanted)


@every_variant
def test_block_is_the_signature(example, optional):
    found = signature(example.apply).parameters.items()
    wanted = [n for n, p in found if p.kind is not Parameter.KEYWORD_ONLY and n != "key"]
    assert list(block(example.apply)) == [*wanted, "->"]


@every_variant
def test_output_has_documented_shape(example, optional):
    for leading in [example.sizes["..."]] if "..." in example.sizes else [(), (2,), (3, 2)]:
        sizes = Sizes(example, **{"...": leading})
        given = arguments(example, jnp.float32, optional=optional, sizes=sizes)
        found = jax.eval_shape(layer(example), given)
        if "state" in given:
            found, state = found
            shapes = partial(jax.tree.map, lambda leaf: (leaf.shape, leaf.dtype))
            assert shapes(state) == shapes(given["state"])
        for entry, leaf in zip(block(example.apply)["->"], jax.tree.leaves(found), strict=True):
            assert sizes.agrees(entry, leaf.shape), f"{leaf.shape} is not {entry.axes}"


@every_variant
def test_gradient(example, optional):
    with jax.enable_x64(True):
        given = arguments(example, jnp.float64, optional=optional)
        leaves, tree = jax.tree.flatten(given)
        where = [i for i, leaf in enumerate(leaves) if jnp.issubdtype(leaf.dtype, jnp.floating)]

        def f(*changed):
            filled = [*leaves]
            for i, leaf in zip(where, changed, strict=True):
                filled[i] = leaf
            return floating(layer(example)(jax.tree.unflatten(tree, filled)))

        report = check_gradient(jax.jit(f), *(leaves[i] for i in where), key=jax.random.key(1))
        assert report.error < 1e-6


@every_variant
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_jit_equals_eager_and_keeps_the_dtype(example, optional, dtype):
    with jax.enable_x64(dtype == "float64"):
        given = arguments(example, dtype, optional=optional)
        eager = layer(example)(given)
        compiled = jax.jit(layer(example))(given)
        assert {leaf.dtype for leaf in floating((eager, compiled))} <= {jnp.dtype(dtype)}
        assert_equal(compiled, eager, 1e-6 if dtype == "float32" else 1e-13)


@every_variant
def test_vmap_equals_a_loop(example, optional):
    with jax.enable_x64(True):
        given = arguments(example, jnp.float64, optional=optional)
        shared = {n: given[n] for n in ("params", "state") if n in given}
        drawn = [arguments(example, jnp.float64, optional=optional, seed=s) for s in range(3)]
        mapped = [{n: v for n, v in d.items() if n not in shared} for d in drawn]
        stack = partial(jax.tree.map, lambda *leaves: jnp.stack(leaves))
        alone = jax.jit(lambda one: layer(example)(shared | one))
        assert_equal(jax.vmap(alone)(stack(*mapped)), stack(*map(alone, mapped)), 1e-12)


@every_variant
def test_equal_shapes_compile_once(example, optional):
    traces = []
    compiled = jax.jit(lambda given: traces.append(1) or layer(example)(given))
    for seed in range(2):
        compiled(arguments(example, jnp.float32, optional=optional, seed=seed))
    assert len(traces) == 1


TOOLS = {"compose", "errors", "initializers", "layer", "schedules", "shell", "space", "training"}
TOPICS = {m.name for m in iter_modules(fnn.__path__) if not m.ispkg} - TOOLS


@pytest.mark.parametrize("topic", sorted(TOPICS))
def test_every_layer_has_a_row_and_every_init_a_layer(topic):
    module = import_module(f"fnn.{topic}")
    public = {
        name
        for name, f in getmembers(module, isfunction)
        if f.__module__ == module.__name__ and not name.startswith("_")
    }
    beside = {name for name in public if name.endswith(("_init", "_state"))}
    layers = public - beside
    assert {name.rsplit("_", 1)[0] for name in beside} <= layers
    rows = {example.apply for example in EXAMPLES}
    assert not [name for name in layers if getattr(module, name) not in rows]

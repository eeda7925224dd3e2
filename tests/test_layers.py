"""Every row of the table: documented shape, gradient, jit, vmap, dtypes and one compilation."""

from collections import Counter
from functools import partial
from importlib import import_module
from inspect import Parameter, getmembers, isfunction, signature
from pkgutil import iter_modules

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import fnn
from fnn import kernels
from fnn.activation import relu
from fnn.conv import conv
from fnn.distribution import softmax
from fnn.linear import linear
from fnn.norm import layer_norm
from fnn.pool import max_pool
from tests.shapes import Sizes, arguments, block, spread, variants
from tests.table import EXAMPLES
from tests.table.example import Example
from transforms.check import check_gradient

pytestmark = pytest.mark.unoptimised

every_variant = pytest.mark.parametrize(("example", "optional"), variants(EXAMPLES))


def layer(example: Example):
    """The layer as a function of its arguments, a dict, alone."""
    if any(
        p.kind is Parameter.VAR_POSITIONAL for p in signature(example.apply).parameters.values()
    ):
        return lambda given: example.apply(*spread(example.apply, given), **example.hyper)
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


@pytest.mark.parametrize(("example", "optional"), variants(e for e in EXAMPLES if e.differentiable))
def test_gradient(example, optional):
    with jax.enable_x64(True):
        given = arguments(example, jnp.float64, optional=optional)
        report = check_gradient(layer(example), given, order=2 if optional else 1)
        assert report.error < 1e-6, report
        assert len(report.derived) == 2  # backward and forward


@every_variant
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_jit_equals_eager_keeps_the_dtype_and_compiles_once(example, optional, dtype):
    traces = []
    compiled = jax.jit(lambda given: traces.append(1) or layer(example)(given))
    with jax.enable_x64(dtype == "float64"):
        given = arguments(example, dtype, optional=optional)
        eager = layer(example)(given)
        assert {leaf.dtype for leaf in floating(eager)} <= {jnp.dtype(dtype)}
        assert_equal(compiled(given), eager, 1e-6 if dtype == "float32" else 1e-13)
        compiled(arguments(example, dtype, optional=optional, seed=1))
    assert len(traces) == 1


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


TOOLS = {"algebra", "arithmetic", "axes", "compose", "confusion", "connections", "elements"}
TOOLS |= {"errors", "graph", "initializers", "kernels", "layer", "loop", "matmul", "ordering"}
TOOLS |= {"parts", "recurrence", "shell", "space", "through_time", "training"}
TOOLS |= {"loss.labels", "loss.reduction"}
TOPICS = {m.name for m in iter_modules(fnn.__path__) if not m.ispkg}
TOPICS |= {m.name for m in iter_modules(fnn.loss.__path__, "loss.")}


@pytest.mark.parametrize("topic", sorted(TOPICS - TOOLS))
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


def primitives(jaxpr):
    """How often each primitive stands in a program, whatever it is wrapped in."""
    found = Counter()
    for equation in jaxpr.eqns:
        inner = [v for v in equation.params.values() if hasattr(v, "eqns") or hasattr(v, "jaxpr")]
        found += sum((primitives(getattr(v, "jaxpr", v)) for v in inner), Counter())
        found[equation.primitive.name] += not inner
    return +found


def plain_linear(params, x):
    return x @ params["weight"].T + params["bias"]


def plain_conv(params, x):
    y = lax.conv_general_dilated(x, params["weight"], (1, 1), "VALID")
    return y + params["bias"][:, None, None]


def plain_layer_norm(params, x):
    centred = x - x.mean(-1, keepdims=True)
    var = jnp.square(centred).mean(-1, keepdims=True)
    return centred * lax.rsqrt(var + 1e-5) * params["weight"] + params["bias"]


def plain_max_pool(x):
    for axis in 3, 2:
        a, b = (lax.slice_in_dim(x, i, i + x.shape[axis] - 1, 2, axis) for i in (0, 1))
        x = jnp.where((b > a) | jnp.isnan(b), b, a)
    return x


def plain_softmax(x):
    e = jnp.exp(x - lax.stop_gradient(jnp.max(x, -1, keepdims=True)))
    return e / jnp.sum(e, -1, keepdims=True)


PLAIN = {
    plain_linear: Example(linear, sizes={"...": (2,)}),
    plain_conv: Example(conv, sizes={"*kernel": (3, 3)}),
    plain_layer_norm: Example(layer_norm, sizes={"*shape": (6,)}),
    plain_max_pool: Example(max_pool, {"window": (2, 2)}, {"*space": (4, 4)}),
    plain_softmax: Example(softmax),
    lambda x: jnp.where(x <= 0, 0.0, x): Example(relu),
}


@pytest.mark.parametrize("plain", PLAIN, ids=[example.label for example in PLAIN.values()])
def test_program_has_nothing_that_a_handwritten_one_would_not(plain):
    example = PLAIN[plain]
    given = arguments(example, jnp.float32)
    with kernels.stock():
        ours = jax.make_jaxpr(layer(example))(given)
    with jax.numpy_rank_promotion("allow"):
        wanted = jax.make_jaxpr(lambda given: plain(**given))(given)
    assert primitives(ours) <= primitives(wanted)

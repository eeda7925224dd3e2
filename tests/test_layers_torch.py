"""Values and gradients of the table's rows equal PyTorch's, kinks and ties included."""

from itertools import chain

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn import activation, distribution, gates
from fnn.conv import conv
from fnn.norm import layer_norm
from fnn.pool import max_pool
from tests.shapes import arguments, block, spread, variants
from tests.table import EXAMPLES, TORCH
from tests.table.example import Example

torch = pytest.importorskip("torch")
F = torch.nn.functional
TOLERANCE = {"float32": 1e-6, "float64": 1e-10}


def floating(leaf):
    return "float" in str(leaf.dtype)


def parted(leaves):
    """Those that are floating, and the others."""
    return [y for y in leaves if floating(y)], [y for y in leaves if not floating(y)]


def both(example, given):
    """Outputs, and gradients by all that is floating except the state: fnn's, then PyTorch's."""
    leaves, tree = jax.tree.flatten_with_path(given)
    where = [
        i for i, (path, leaf) in enumerate(leaves) if floating(leaf) and path[0].key != "state"
    ]
    leaves = [leaf for _, leaf in leaves]

    def outputs(apply, known, changed):
        filled = [*known]
        for i, leaf in zip(where, changed, strict=True):
            filled[i] = leaf
        arguments = jax.tree.unflatten(tree, filled)
        ordered = {name: arguments[name] for name in given}
        return jax.tree.leaves(apply(*spread(example.apply, ordered), **example.hyper))

    def apply(changed):
        return parted(outputs(example.apply, leaves, changed))

    if jax.config.jax_enable_x64:  # in single precision a program is rounded otherwise than steps
        apply = jax.jit(apply)
    ours, pullback, others = jax.vjp(apply, [leaves[i] for i in where], has_aux=True)
    random = np.random.default_rng(1)
    directions = [random.uniform(-1, 1, y.shape).astype(y.dtype) for y in ours]

    known = [torch.tensor(np.array(leaf)) for leaf in leaves]
    changed = [known[i].requires_grad_() for i in where]
    theirs, indices = parted(outputs(TORCH[example.apply], known, changed))
    # the running statistics have gradients in fnn, but are constants in PyTorch
    constant = [not y.requires_grad for y in theirs]
    pairs = [
        (y, torch.tensor(d)) for y, d in zip(theirs, directions, strict=True) if y.requires_grad
    ]
    grads = torch.autograd.grad([y for y, _ in pairs], changed, [d for _, d in pairs])
    (gradients,) = pullback([d * (not c) for d, c in zip(directions, constant, strict=True)])
    return (ours + others, gradients), ([y.detach() for y in theirs] + indices, grads)


def assert_close(found, wanted, tolerance):
    """Equal shapes, and values that differ by no more than `tolerance` times their scale.

    A single number is a sum, which is rounded as its terms are: of order 1.
    """
    found, wanted = np.asarray(found), np.asarray(wanted)
    assert found.shape == wanted.shape
    scale = np.abs(wanted[np.isfinite(wanted)]).max(initial=wanted.size == 1) or 1
    np.testing.assert_allclose(found, wanted, rtol=0, atol=tolerance * scale)


def compare(example, given, tolerance):
    ours, theirs = both(example, given)
    for found, wanted in zip(chain(*ours), chain(*theirs), strict=True):
        assert_close(found, wanted, tolerance)


ROWS = [example for example in EXAMPLES if example.apply in TORCH]


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize(
    "dtype", ["float32", pytest.param("float64", marks=pytest.mark.unoptimised)]
)
@pytest.mark.parametrize(("example", "optional"), variants(ROWS))
def test_values_and_gradients(example, optional, dtype):
    with jax.enable_x64(dtype == "float64"):
        compare(example, arguments(example, dtype, optional=optional), TOLERANCE[dtype])


ACTIVATIONS = [
    example
    for example in ROWS
    if example.apply.__module__ in ("fnn.activation", "fnn.gates")
    and "params" not in block(example.apply)
]

# along an axis one infinity makes NaN of all, and PyTorch's gelu makes it of infinity itself
FINITE = {
    activation.gelu,
    gates.glu,
    distribution.softmax,
    distribution.softmin,
    distribution.log_softmax,
}


@pytest.mark.parametrize("example", ACTIVATIONS, ids=lambda e: e.label)
def test_kinks_and_extremes(example):
    points = np.array([0, 0.2, 0.3, 0.5, 0.6, 1, 1.5, 3, 6, 10, 20, 30, 100, 1000, np.inf, np.nan])
    x = np.stack([points, -points]).astype("float32")
    if example.apply in FINITE:
        x = x[:, :-2]
    (found, gradients), (wanted, theirs) = both(example, {"x": x})
    np.testing.assert_allclose(found[0], wanted[0], 1e-6, 1e-6)
    known = ~np.isnan(x)  # the gradient at NaN is no promise
    np.testing.assert_allclose(gradients[0][known], theirs[0][known], 1e-6, 1e-6)


@pytest.mark.parametrize(("value", "above"), [(0, 1), (np.nan, 0.8), (-np.inf, -0.8)])
@pytest.mark.parametrize(
    "example", [e for e in EXAMPLES if e.apply is max_pool], ids=lambda e: e.label
)
def test_ties_of_max_pool(example, value, above):
    x, chance = (arguments(example, "float32", seed=seed)["x"] for seed in (0, 1))
    compare(example, {"x": jnp.where(chance > above, value, x.round())}, 1e-6)


@pytest.mark.parametrize(
    "example",
    [e for e in ROWS if e.apply.__module__ == "fnn.distance" and "p" in e.hyper],
    ids=lambda e: e.label,
)
def test_ties_of_distances(example):
    given = arguments(example, "float32")
    compare(example, {name: (2 * x).round() for name, x in given.items()}, 1e-6)


def test_one_example_without_its_batch():
    example = Example(conv, {"padding": 1, "stride": 2})
    given = arguments(example, "float32")
    compare(example, {**given, "x": given["x"][0]}, 1e-6)


def test_layer_norm_without_bias():
    example = Example(layer_norm, sizes={"*shape": (6,)})
    given = arguments(example, "float32")
    del given["params"]["bias"]
    compare(example, given, 1e-6)

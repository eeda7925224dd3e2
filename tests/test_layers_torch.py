"""Values and gradients of the table's rows equal PyTorch's, kinks and ties included."""

from functools import partial
from itertools import chain

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn import activation, distribution
from fnn.conv import conv
from fnn.embedding import embedding
from fnn.linear import linear
from fnn.norm import batch_norm, layer_norm
from fnn.pool import avg_pool, max_pool
from fnn.shape import flatten, reshape
from tests.examples import EXAMPLES, Example
from tests.shapes import arguments, variants

torch = pytest.importorskip("torch")
F = torch.nn.functional
TOLERANCE = {"float32": 1e-6, "float64": 1e-10}


def torch_conv(params, x, padding=0, **options):
    space = params["weight"].ndim - 2
    if isinstance(padding, tuple) and isinstance(padding[0], tuple):
        x, padding = F.pad(x, [*chain(*padding[::-1])]), 0
    function = getattr(F, f"conv{space}d")
    return function(x, params["weight"], params.get("bias"), padding=padding, **options)


def torch_pool(name, x, window, **options):
    return getattr(F, f"{name}_pool{len(window)}d")(x, window, **options)


def torch_batch_norm(params, state, x, train, **options):
    state = {name: buffer.clone() for name, buffer in state.items()}
    return F.batch_norm(x, **state, **params, training=train, **options), state


def torch_layer_norm(params, x, dimensions=1, **options):
    return F.layer_norm(x, x.shape[-dimensions:], **params, **options)


def torch_hard_sigmoid(x):
    # the float64 gradient of `F.hardsigmoid` is off by 3e-8: there 1/6 is a float32
    return F.relu6(x + 3) / 6 if x.dtype == torch.float64 else F.hardsigmoid(x)


def torch_softmax(function, x, axis=-1):
    by_rank = 0 if x.ndim in (1, 3) else 1
    return function(x, by_rank if axis is None else axis)


TORCH = {
    linear: lambda params, x: F.linear(x, **params),
    conv: torch_conv,
    max_pool: partial(torch_pool, "max"),
    avg_pool: partial(torch_pool, "avg"),
    batch_norm: torch_batch_norm,
    layer_norm: torch_layer_norm,
    embedding: lambda params, indices: F.embedding(indices, **params),
    flatten: lambda x, start=1, end=-1: torch.flatten(x, start, end),
    reshape: torch.reshape,
    activation.threshold: F.threshold,
    activation.relu: F.relu,
    activation.leaky_relu: lambda x, slope=0.01: F.leaky_relu(x, slope),
    activation.elu: F.elu,
    activation.selu: F.selu,
    activation.celu: F.celu,
    activation.gelu: F.gelu,
    activation.sigmoid: torch.sigmoid,
    activation.tanh: torch.tanh,
    activation.hard_tanh: lambda x, low=-1.0, high=1.0: F.hardtanh(x, low, high),
    activation.relu6: F.relu6,
    activation.hard_sigmoid: torch_hard_sigmoid,
    activation.silu: F.silu,
    activation.hard_swish: F.hardswish,
    activation.mish: F.mish,
    activation.softplus: F.softplus,
    activation.log_sigmoid: F.logsigmoid,
    activation.softsign: F.softsign,
    activation.soft_shrink: lambda x, threshold=0.5: F.softshrink(x, threshold),
    activation.hard_shrink: lambda x, threshold=0.5: F.hardshrink(x, threshold),
    activation.tanh_shrink: F.tanhshrink,
    activation.glu: F.glu,
    activation.prelu: lambda params, x: F.prelu(x, **params),
    distribution.softmax: partial(torch_softmax, F.softmax),
    distribution.softmin: partial(torch_softmax, F.softmin),
    distribution.log_softmax: partial(torch_softmax, F.log_softmax),
}


def floating(leaf):
    return "float" in str(leaf.dtype)


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
        return jax.tree.leaves(apply(*(arguments[name] for name in given), **example.hyper))

    ours, pullback = jax.vjp(partial(outputs, example.apply, leaves), [leaves[i] for i in where])
    random = np.random.default_rng(1)
    directions = [random.uniform(-1, 1, y.shape).astype(y.dtype) for y in ours]

    known = [torch.tensor(np.array(leaf)) for leaf in leaves]
    changed = [known[i].requires_grad_() for i in where]
    theirs = outputs(TORCH[example.apply], known, changed)
    # the running statistics have gradients in fnn, but are constants in PyTorch
    constant = [not y.requires_grad for y in theirs]
    pairs = [
        (y, torch.tensor(d)) for y, d in zip(theirs, directions, strict=True) if y.requires_grad
    ]
    grads = torch.autograd.grad([y for y, _ in pairs], changed, [d for _, d in pairs])
    (gradients,) = pullback([d * (not c) for d, c in zip(directions, constant, strict=True)])
    return (ours, gradients), ([y.detach() for y in theirs], grads)


def assert_close(found, wanted, tolerance):
    """Equal shapes, and values that differ by no more than `tolerance` times their scale."""
    found, wanted = np.asarray(found), np.asarray(wanted)
    assert found.shape == wanted.shape
    scale = np.abs(wanted[np.isfinite(wanted)]).max(initial=0) or 1
    np.testing.assert_allclose(found, wanted, rtol=0, atol=tolerance * scale)


def compare(example, given, tolerance):
    ours, theirs = both(example, given)
    for found, wanted in zip(chain(*ours), chain(*theirs), strict=True):
        assert_close(found, wanted, tolerance)


ROWS = [example for example in EXAMPLES if example.apply in TORCH]


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(("example", "optional"), variants(ROWS))
def test_values_and_gradients(example, optional, dtype):
    with jax.enable_x64(dtype == "float64"):
        compare(example, arguments(example, dtype, optional=optional), TOLERANCE[dtype])


ACTIVATIONS = [
    example
    for example in ROWS
    if example.apply.__module__ == "fnn.activation" and example.apply is not activation.prelu
]

# along an axis one infinity makes NaN of all, and PyTorch's gelu makes it of infinity itself
FINITE = {
    activation.gelu,
    activation.glu,
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


@pytest.mark.parametrize("nan", [False, True])
@pytest.mark.parametrize(
    "example", [e for e in EXAMPLES if e.apply is max_pool], ids=lambda e: e.label
)
def test_ties_of_max_pool(example, nan):
    x = arguments(example, "float32")["x"].round()
    given = {
        "x": jnp.where(arguments(example, "float32", seed=1)["x"] > 0.8, np.nan, x) if nan else x
    }
    compare(example, given, 1e-6)


def test_one_example_without_its_batch():
    example = Example(conv, {"padding": 1, "stride": 2})
    given = arguments(example, "float32")
    compare(example, {**given, "x": given["x"][0]}, 1e-6)


def test_layer_norm_without_bias():
    example = Example(layer_norm, sizes={"*shape": (6,)})
    given = arguments(example, "float32")
    del given["params"]["bias"]
    compare(example, given, 1e-6)

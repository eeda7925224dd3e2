"""Values and gradients of the table's rows equal PyTorch's, kinks and ties included."""

from functools import partial
from itertools import chain

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn import activation, initializers
from fnn.conv import conv
from fnn.embedding import embedding
from fnn.linear import linear
from fnn.norm import batch_norm, layer_norm
from fnn.pool import avg_pool, max_pool
from fnn.shape import flatten, reshape
from tests.examples import EXAMPLES, Example
from tests.shapes import arguments, block

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
    activation.hard_sigmoid: F.hardsigmoid,
    activation.silu: F.silu,
    activation.hard_swish: F.hardswish,
    activation.mish: F.mish,
    activation.softplus: F.softplus,
    activation.log_sigmoid: F.logsigmoid,
    activation.softsign: F.softsign,
    activation.soft_shrink: lambda x, threshold=0.5: F.softshrink(x, threshold),
    activation.hard_shrink: lambda x, threshold=0.5: F.hardshrink(x, threshold),
    activation.tanh_shrink: F.tanhshrink,
    activation.softmax: lambda x, axis=-1: F.softmax(x, axis),
    activation.softmin: lambda x, axis=-1: F.softmin(x, axis),
    activation.log_softmax: lambda x, axis=-1: F.log_softmax(x, axis),
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


ROWS = [
    pytest.param(example, optional, id=f"{example.label}{'' if optional else '-bare'}")
    for example in EXAMPLES
    if example.apply in TORCH
    for optional in (True, False)
    if optional
    or any(entry.optional for listed in block(example.apply).values() for entry in listed)
]


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(("example", "optional"), ROWS)
def test_values_and_gradients(example, optional, dtype):
    with jax.enable_x64(dtype == "float64"):
        ours, theirs = both(example, arguments(example, dtype, optional=optional))
        for found, wanted in zip(chain(*ours), chain(*theirs), strict=True):
            assert_close(found, wanted, TOLERANCE[dtype])


ACTIVATIONS = [e for e in EXAMPLES if e.apply.__module__ == "fnn.activation"]


@pytest.mark.parametrize("example", ACTIVATIONS, ids=lambda e: e.label)
def test_kinks_and_extremes(example):
    points = [0.0, 0.2, 0.3, 0.5, 0.6, 1, 1.5, 3, 6, 10, 20, 30, 100, 1000, np.inf, np.nan]
    x = jnp.asarray([*points, *(-p for p in points)])
    if "max" in example.apply.__name__ or "min" in example.apply.__name__:
        x = x[jnp.isfinite(x)].reshape(2, -1)
    (found, gradients), (wanted, theirs) = both(example, {"x": x})
    for i, p in enumerate(x.ravel()):
        a = float(found[0].ravel()[i]), float(wanted[0].ravel()[i])
        b = float(gradients[0].ravel()[i]), float(theirs[0].ravel()[i])
        for n, (u, v) in zip("vg", (a, b)):
            if not np.allclose(u, v, equal_nan=True):
                print(n, float(p), u, v)
    assert_close(found[0], wanted[0], 1e-6)
    assert_close(gradients[0], theirs[0], 1e-6)

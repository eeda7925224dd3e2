"""Losses against PyTorch, values and gradients; labels outside the classes; extreme inputs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn import loss
from fnn.errors import LabelError, LayerError

BATCH, CLASSES = 6, 5
DTYPES = pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-6), ("float64", 1e-10)])
REDUCTIONS = pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
SHAPES = {"unbatched": (CLASSES,), "batch": (BATCH, CLASSES), "space": (BATCH, CLASSES, 3, 2)}


def compare(ours, theirs, x, target, weight, tolerance, **hyper):
    """Values and gradients by x and weight, in the type of x."""
    torch = pytest.importorskip("torch")
    given = torch.tensor(x, requires_grad=True)
    weighted = None if weight is None else torch.tensor(weight)
    labels = torch.tensor(target)
    labels = labels if labels.dtype.is_floating_point else labels.long()
    wanted = getattr(torch.nn.functional, theirs)(given, labels, weight=weighted, **hyper)
    wanted.sum().backward()
    with jax.enable_x64(x.dtype == "float64"):
        target = jnp.asarray(target)
        weight = None if weight is None else jnp.asarray(weight)
        run = lambda x: getattr(loss, ours)(x, target, weight, **hyper)  # noqa: E731
        x = jnp.asarray(x)
        assert run(x).dtype == x.dtype
        np.testing.assert_allclose(run(x), wanted.detach().numpy(), rtol=tolerance, atol=tolerance)
        np.testing.assert_allclose(jax.jit(run)(x), run(x), rtol=tolerance, atol=tolerance)
        gradient = jax.grad(lambda x: run(x).sum())(x)
        np.testing.assert_allclose(gradient, given.grad.numpy(), rtol=tolerance, atol=tolerance)


def scores(dtype, shape):
    return np.random.default_rng(0).normal(size=shape).astype(dtype) * 3


def class_weights(dtype, weighted):
    return np.linspace(0.5, 2, CLASSES).astype(dtype) if weighted else None


@DTYPES
@REDUCTIONS
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize(
    ("name", "hyper"),
    [
        ("nll", {}),
        ("nll", {"ignore_index": 1}),
        ("cross_entropy", {}),
        ("cross_entropy", {"ignore_index": 1}),
        ("cross_entropy", {"label_smoothing": 0.3}),
        ("cross_entropy", {"label_smoothing": 0.3, "ignore_index": 1}),
    ],
    ids=str,
)
def test_labels_equal_pytorch(name, hyper, shape, weighted, reduction, dtype, tolerance):
    axis = min(len(shape) - 1, 1)
    labels = shape[:axis] + shape[axis + 1 :]
    target = np.random.default_rng(2).integers(0, CLASSES, labels).astype("int32")
    theirs = {"nll": "nll_loss"}.get(name, name)
    weight = class_weights(dtype, weighted)
    x = scores(dtype, shape)
    compare(name, theirs, x, target, weight, tolerance, reduction=reduction, **hyper)


@DTYPES
@REDUCTIONS
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_probabilities_equal_pytorch(shape, smoothing, weighted, reduction, dtype, tolerance):
    x, target = scores(dtype, shape), np.random.default_rng(2).random(shape).astype(dtype)
    target /= target.sum(min(len(shape) - 1, 1), keepdims=True)
    hyper = {"reduction": reduction, "label_smoothing": smoothing}
    weight = class_weights(dtype, weighted)
    compare("cross_entropy", "cross_entropy", x, target, weight, tolerance, **hyper)


@DTYPES
@REDUCTIONS
@pytest.mark.parametrize("weight", [None, (4, 3), (4, 1), (3,)], ids=str)
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("mse", "mse_loss"),
        ("bce", "binary_cross_entropy"),
        ("bce_with_logits", "binary_cross_entropy_with_logits"),
    ],
)
def test_elements_equal_pytorch(ours, theirs, weight, reduction, dtype, tolerance):
    if ours == "mse" and weight not in (None, (4, 3)):
        pytest.skip("PyTorch takes weights of the same size only")
    random = np.random.default_rng(0)
    low, high = (0.01, 0.99) if ours == "bce" else (-5, 5)
    x, target = random.uniform(low, high, (4, 3)).astype(dtype), random.random((4, 3)).astype(dtype)
    weight = None if weight is None else random.uniform(0.5, 2, weight).astype(dtype)
    compare(ours, theirs, x, target, weight, tolerance, reduction=reduction)


LOGS = np.log(np.full((2, 3), 1 / 3, "float32"))


@pytest.mark.parametrize("name", ["nll", "cross_entropy"])
@pytest.mark.parametrize("bad", [3, -1, 1000])
def test_a_label_outside_the_classes_is_an_error_and_nan_inside_a_program(name, bad):
    layer, target = getattr(loss, name), jnp.array([1, bad])
    with pytest.raises(LabelError, match=rf"given {bad}, wanted 0..2\nlikely cause: labels count"):
        layer(LOGS, target)
    assert jnp.isnan(jax.jit(layer)(LOGS, target))
    terms = jax.jit(lambda x, t: layer(x, t, reduction="none"))(LOGS, target)
    assert jnp.isnan(terms).tolist() == [False, True]
    assert jnp.isfinite(layer(LOGS, target, ignore_index=bad))


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "uint32"])
def test_labels_of_any_integer_type(dtype):
    x = scores("float32", (4, 200))
    target = np.array([0, 3, 126, 127])
    np.testing.assert_array_equal(
        loss.cross_entropy(x, target.astype(dtype)), loss.cross_entropy(x, target.astype("int32"))
    )


def test_a_plain_number_is_a_label():
    assert loss.nll(LOGS[0], 2) == -LOGS[0, 2]


def test_a_mean_over_nothing_is_nan():
    assert jnp.isnan(loss.nll(LOGS, jnp.array([-100, -100])))
    assert loss.nll(LOGS, jnp.array([-100, -100]), reduction="sum") == 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("x", [0.0, 1.0])
@pytest.mark.parametrize("target", [0.0, 1.0])
def test_bce_of_certain_probabilities(x, target, dtype):
    with jax.enable_x64(dtype == "float64"):
        x, target = jnp.asarray(x, dtype), jnp.asarray(target, dtype)
        value, gradient = jax.value_and_grad(loss.bce)(x, target)
        assert value == (0 if x == target else 100)
        assert jnp.isfinite(gradient)


def test_bce_passes_nan_on():
    assert jnp.isnan(loss.bce(jnp.float32(jnp.nan), jnp.float32(1)))


@pytest.mark.parametrize("x", [-200.0, -50.0, 50.0, 200.0])
@pytest.mark.parametrize("target", [0.0, 1.0])
def test_bce_with_logits_is_exact_for_large_logits(x, target):
    exact = np.float32(np.logaddexp(0.0, -x if target else x))
    value, gradient = jax.value_and_grad(loss.bce_with_logits)(jnp.float32(x), jnp.float32(target))
    np.testing.assert_allclose(value, exact, rtol=1e-6)
    np.testing.assert_allclose(gradient, (x > 0) - target, atol=1e-6)


def test_bce_with_logits_at_zero_has_its_derivatives():
    half = jnp.float32(0.5)
    assert jax.grad(loss.bce_with_logits)(jnp.float32(0), jnp.float32(0)) == half
    assert jax.hessian(loss.bce_with_logits)(jnp.float32(0), jnp.float32(0)) == half / 2


def test_cross_entropy_of_huge_scores_is_finite():
    x = jnp.array([[1e30, -1e30, 0]], jnp.float32)
    value, gradient = jax.value_and_grad(loss.cross_entropy)(x, jnp.array([0]))
    assert value == 0
    assert jnp.isfinite(gradient).all()


TWO = np.zeros(2, "float32")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: loss.mse(LOGS, LOGS[:, :1]), "mse: .*wanted equal shapes"),
        (lambda: loss.mse(LOGS, LOGS, LOGS[0]), "weight"),
        (lambda: loss.bce(LOGS, TWO), "equal shapes"),
        (lambda: loss.bce(LOGS, LOGS, TWO), r"broadcasts to \[2, 3\]"),
        (lambda: loss.bce_with_logits(LOGS, TWO), "equal shapes"),
        (lambda: loss.nll(LOGS[0], np.zeros(1, "int32")), "lacks the batch axis"),
        (lambda: loss.nll(LOGS, np.zeros((2, 1), "int32")), r"a target \[2\] of integers"),
        (lambda: loss.nll(LOGS, TWO), "wanted integers"),
        (lambda: loss.nll(LOGS, np.zeros(2, "int32"), TWO), "one for each class"),
        (lambda: loss.cross_entropy(LOGS, LOGS[:, :2]), r"a target \[2\] of integers"),
        (lambda: loss.cross_entropy(LOGS, LOGS.astype("int32")), "one-hot"),
        (lambda: loss.cross_entropy(LOGS, LOGS, TWO), "one for each class"),
        (lambda: loss.mse(LOGS, LOGS, reduction="average"), "'average'"),
    ],
)
def test_mistakes_are_said(call, message):
    with pytest.raises(LayerError, match=message):
        call()

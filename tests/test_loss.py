"""Losses where the table's rows don't reach: labels, kinks, extreme inputs and mistakes."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.tree_util import tree_leaves_with_path

from fnn import loss
from fnn.errors import LabelError, LayerError
from tests.table.loss import torch_adaptive

pytestmark = pytest.mark.unoptimised

BATCH, CLASSES = 6, 5
DTYPES = pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-6), ("float64", 1e-10)])
REDUCTIONS = pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
SHAPES = {"unbatched": (CLASSES,), "batch": (BATCH, CLASSES), "space": (BATCH, CLASSES, 3, 2)}


def compare(ours, theirs, x, target, weight, tolerance, **hyper):
    """Values and gradients by x and weight, in the type of x."""
    torch = pytest.importorskip("torch")
    given = torch.tensor(x, requires_grad=True)
    labels = torch.tensor(target)
    labels = labels if labels.dtype.is_floating_point else labels.long()
    weights = {} if weight is None else {"weight": weight}
    weighted = {name: torch.tensor(w) for name, w in weights.items()}
    wanted = getattr(torch.nn.functional, theirs)(given, labels, **weighted, **hyper)
    wanted.sum().backward()
    with jax.enable_x64(x.dtype == "float64"):
        target = jnp.asarray(target)
        weights = {name: jnp.asarray(w) for name, w in weights.items()}
        run = lambda x: getattr(loss, ours)(x, target, **weights, **hyper)  # noqa: E731
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


@DTYPES
@REDUCTIONS
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("hyper", [{}, {"p": 2, "margin": 2.5}], ids=str)
@pytest.mark.parametrize("shape", [(CLASSES,), (BATCH, CLASSES)], ids=str)
def test_multi_margin_equals_pytorch(shape, hyper, weighted, reduction, dtype, tolerance):
    target = np.random.default_rng(2).integers(0, CLASSES, shape[:-1]).astype("int32")
    weight, x = class_weights(dtype, weighted), scores(dtype, shape)
    compare(
        "multi_margin",
        "multi_margin_loss",
        x,
        target,
        weight,
        tolerance,
        reduction=reduction,
        **hyper,
    )


@DTYPES
@REDUCTIONS
@pytest.mark.parametrize(
    ("name", "weighted"),
    [
        ("soft_margin", False),
        ("multi_label_soft_margin", False),
        ("multi_label_soft_margin", True),
    ],
)
def test_signs_and_several_labels_equal_pytorch(name, weighted, reduction, dtype, tolerance):
    x, target = scores(dtype, (BATCH, CLASSES)), scores(dtype, (BATCH, CLASSES)) > 0
    target = target.astype(dtype) * 2 - 1 if name == "soft_margin" else target.astype(dtype)
    theirs, weight = (
        name.replace("multi_label", "multilabel") + "_loss",
        class_weights(dtype, weighted),
    )
    compare(name, theirs, x, target, weight, tolerance, reduction=reduction)


@DTYPES
@REDUCTIONS
@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 3)], ids=str)
def test_pos_weight_equals_pytorch(shape, reduction, dtype, tolerance):
    torch = pytest.importorskip("torch")
    random = np.random.default_rng(0)
    x, target = scores(dtype, (2, 3)), random.random((2, 3)).astype(dtype)
    more = np.asarray(random.uniform(0.5, 2, shape), dtype)
    wanted = torch.nn.functional.binary_cross_entropy_with_logits(
        *map(torch.tensor, (x, target)), pos_weight=torch.tensor(more), reduction=reduction
    )
    with jax.enable_x64(dtype == "float64"):
        found = loss.bce_with_logits(
            *map(jnp.asarray, (x, target)), pos_weight=jnp.asarray(more), reduction=reduction
        )
    np.testing.assert_allclose(found, wanted.numpy(), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("space", [(), (3, 2)], ids=str)
def test_linear_cross_entropy_equals_pytorch(space, bias):
    torch = pytest.importorskip("torch")
    params = loss.linear_cross_entropy_init(jax.random.key(0), 4, CLASSES, *space, bias=bias)
    assert set(params) == {"weight", "bias"} if bias else {"weight"}
    x, target = scores("float32", (BATCH, 4)), np.arange(BATCH) % CLASSES
    target = np.broadcast_to(target.reshape(-1, *(1 for _ in space)), (BATCH, *space))
    theirs = {f"linear_{name}": torch.tensor(np.array(p)) for name, p in params.items()}
    wanted = torch.nn.functional.linear_cross_entropy(
        torch.tensor(x), target=torch.tensor(target), **theirs
    )
    np.testing.assert_allclose(loss.linear_cross_entropy(params, x, target), wanted, rtol=1e-6)


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


@pytest.mark.parametrize("name", ["multi_margin", "class_simplex", "multi_label_margin"])
@pytest.mark.parametrize("bad", [3, 1000])
def test_other_losses_of_labels_tell_them_too(name, bad):
    layer = getattr(loss, name)
    target = jnp.array([[1, -1, 0], [0, bad, -1]]) if "label" in name else jnp.array([1, bad])
    with pytest.raises(LabelError, match=rf"{name}: given {bad}, wanted 0..2"):
        layer(LOGS, target)
    terms = jax.jit(lambda x, t: layer(x, t, reduction="none"))(LOGS, target)
    assert jnp.isnan(terms.reshape(2, -1).sum(1)).tolist() == [False, True]


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "uint32"])
def test_labels_of_any_integer_type(dtype):
    x = scores("float32", (4, 200))
    target = np.array([0, 3, 126, 127])
    np.testing.assert_array_equal(
        loss.cross_entropy(x, target.astype(dtype)), loss.cross_entropy(x, target.astype("int32"))
    )


def test_a_plain_number_is_a_label():
    assert loss.nll(LOGS[0], 2) == -LOGS[0, 2]


def test_a_mean_over_nothing_is_nan_or_zero():
    assert jnp.isnan(loss.nll(LOGS, jnp.array([-100, -100])))
    assert loss.nll(LOGS, jnp.array([-100, -100]), reduction="sum") == 0
    assert loss.nll(LOGS, jnp.array([-100, -100]), empty_is_zero=True) == 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("x", [0.0, 1.0])
@pytest.mark.parametrize("target", [0.0, 1.0])
def test_bce_of_certain_probabilities(x, target, dtype):
    with jax.enable_x64(dtype == "float64"):
        x, target = jnp.asarray(x, dtype), jnp.asarray(target, dtype)
        value, gradient = jax.value_and_grad(loss.bce)(x, target)
        assert value == (0 if x == target else 100)
        np.testing.assert_allclose(gradient, (x - target) * 1e12, rtol=1e-7)
        assert jnp.isfinite(jax.grad(loss.bce, 1)(x, target))


@pytest.mark.parametrize("x", [0.0, 1.0])
def test_bce_with_eps_of_certain_probabilities(x):
    with jax.enable_x64(True):
        value, gradient = jax.jit(jax.value_and_grad(partial(loss.bce, eps=1e-12)))(x, 1 - x)
        np.testing.assert_allclose(value, -np.log(1e-12), rtol=1e-12)
        np.testing.assert_allclose(gradient, (2 * x - 1) * 1e12, rtol=1e-11)


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


ONE, ORTHOGONAL = jnp.array([1.0, 0.0]), jnp.array([0.0, 1.0])


@pytest.mark.parametrize(
    ("run", "x", "wanted"),
    [
        (lambda x: loss.l1(x, jnp.float32(2)), 2.0, 0),
        (lambda x: loss.l1(x, jnp.float32(2), slope_at_target=1), 2.0, 1),
        (lambda x: loss.l1_cost(x), 0.0, 0),
        (lambda x: loss.smooth_l1(x, jnp.float32(1), beta=0.0), 1.0, 0),
        (lambda x: loss.smooth_l1(x, jnp.float32(1)), 2.0, 1),
        (lambda x: loss.huber(x, jnp.float32(1), delta=2.0), 3.0, 2),
        (lambda x: loss.hinge(x, 1), 1.0, 0),
        (lambda x: loss.hinge_embedding(x, -1), 1.0, -1),
        (lambda x: loss.margin_ranking(x, jnp.float32(2), 1), 2.0, -1),
        (lambda x: loss.multi_margin(jnp.stack([x, jnp.float32(0)]), 0), 1.0, 0),
        (lambda x: loss.cosine_embedding(x * ONE + ORTHOGONAL, ONE, -1), 0.0, 1),
        (
            lambda x: loss.cosine_embedding(x * ONE + ORTHOGONAL, ONE, -1, active_at_margin=False),
            0.0,
            0,
        ),
        (lambda x: loss.l1_hinge_embedding(x * ONE, 0 * ONE, -1), 1.0, -1),
        (lambda x: loss.triplet_margin(x * ONE, 0 * ONE, ONE, margin=0.0, eps=0.0), 0.5, 2),
        (lambda x: loss.triplet_margin(x * ONE, 0 * ONE, 3 * ONE, margin=4.0, eps=0.0), 0.0, 1),
        (lambda x: loss.gaussian_nll(ONE, ONE, x * ONE + 1), -1.0, 0.5e6 / 2),
    ],
)
def test_gradient_at_a_kink(run, x, wanted):
    np.testing.assert_allclose(jax.grad(run)(jnp.float32(x)), wanted, rtol=1e-6)


def test_kl_div_of_an_impossible_target_is_nothing():
    x, target = jnp.array([-jnp.inf, 0]), jnp.array([0.0, 1])
    value, gradients = jax.value_and_grad(loss.kl_div, (0, 1))(x, target)
    assert value == 0
    assert jnp.isfinite(jnp.stack(gradients)).all()
    batch = loss.kl_div(jnp.zeros((2, 3)), jnp.full((2, 3), 2.0), reduction="batchmean")
    np.testing.assert_allclose(batch, 6 * np.log(2), rtol=1e-6)


@pytest.mark.parametrize("x", [-1e4, 1e4])
@pytest.mark.parametrize("name", ["soft_margin", "distance_ratio"])
def test_a_softplus_does_not_overflow(name, x):
    value, gradient = jax.value_and_grad(getattr(loss, name))(jnp.float32(x), jnp.float32(1))
    assert jnp.isfinite(value)
    assert jnp.isfinite(gradient)


@pytest.mark.parametrize("shape", [(2, 3), (2,), (2, 1), (1, 3)], ids=str)
def test_gaussian_nll_shares_variances(shape):
    variance = jnp.linspace(0.5, 2, np.prod(shape)).reshape(shape)
    full = jnp.broadcast_to(variance[:, None] if shape == (2,) else variance, (2, 3))
    x, target = jnp.ones((2, 3)), jnp.zeros((2, 3))
    assert loss.gaussian_nll(x, target, variance) == loss.gaussian_nll(x, target, full)


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
        (lambda: loss.huber(LOGS, LOGS, delta=0.0), "delta 0.0, wanted a positive number"),
        (lambda: loss.centre_crop_mse(LOGS, LOGS[:1]), "as large as x or larger"),
        (lambda: loss.bce_with_logits(LOGS, LOGS, None, TWO), "pos_weight .*broadcasts to"),
        (lambda: loss.hinge_embedding(LOGS, TWO), "equal shapes"),
        (lambda: loss.mse(LOGS, 0.5), "target 0.5, wanted equal shapes"),
        (lambda: loss.margin_ranking(LOGS, LOGS[0], LOGS), "x2 .*wanted equal shapes"),
        (lambda: loss.multi_margin(LOGS, np.zeros(2, "int32"), p=3), "p 3, wanted 1 or 2"),
        (lambda: loss.multi_margin(LOGS, np.zeros(2, "int32"), TWO), "one for each class"),
        (lambda: loss.multi_label_margin(LOGS, np.zeros((2, 1), "int32")), "filled up with -1"),
        (lambda: loss.cosine_embedding(LOGS, LOGS, np.ones((2, 1))), r"a target \[2\]"),
        (lambda: loss.class_simplex(LOGS[:, :1], np.zeros(2, "int32")), "two classes or more"),
        (lambda: loss.gaussian_nll(LOGS, LOGS, LOGS[:, :2]), "variance .*broadcasts to"),
        (lambda: loss.gaussian_nll(LOGS, LOGS, LOGS), "a negative variance, wanted none below 0"),
        (lambda: loss.cross_entropy(LOGS, LOGS, label_smoothing=10), "a share, from 0 to 1"),
        (lambda: loss.linear_cross_entropy({"weight": LOGS}, LOGS.T, TWO), r"wanted \(batch, 3\)"),
        (lambda: loss.adaptive_log_softmax_init(None, 3, 9, (3,)), "a hidden unit or more"),
    ],
)
def test_mistakes_are_said(call, message):
    with pytest.raises(LayerError, match=message):
        call()


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("batch", [(), (5,)])
def test_adaptive_log_softmax_of_several_clusters(bias, batch):
    torch = pytest.importorskip("torch")
    cutoffs, classes = [4, 9, 10], 17
    params = loss.adaptive_log_softmax_init(
        jax.random.key(0), 32, classes, cutoffs, bias=bias, div_value=2.0
    )
    theirs = torch.nn.AdaptiveLogSoftmaxWithLoss(32, classes, cutoffs, 2.0, head_bias=bias)
    shapes = {".".join(k.key for k in path): w.shape for path, w in tree_leaves_with_path(params)}
    assert shapes == {name: tuple(w.shape) for name, w in theirs.state_dict().items()}
    random = np.random.default_rng(0)
    x = random.normal(size=(*batch, 32)).astype(np.float32)
    target = random.integers(0, classes, batch)
    given = jax.tree.map(lambda w: torch.from_numpy(np.array(w)), params), torch.from_numpy(x)
    wanted = torch_adaptive(*given, torch.tensor(target))
    found = loss.adaptive_nll(params, x, target, reduction="none")
    np.testing.assert_allclose(-found, wanted.output, rtol=1e-6)
    np.testing.assert_allclose(loss.adaptive_nll(params, x, target), wanted.loss, rtol=1e-6)
    logs = loss.adaptive_log_softmax(params, x)
    np.testing.assert_allclose(jax.nn.logsumexp(logs, -1), np.zeros(batch), atol=1e-6)


@pytest.mark.parametrize("cutoffs", [[], [0, 4], [4, 4], [4, 9]])
def test_cutoffs_of_adaptive_log_softmax_are_checked(cutoffs):
    with pytest.raises(LayerError, match=r"cutoffs .* for 9 classes"):
        loss.adaptive_log_softmax_init(jax.random.key(0), 8, 9, cutoffs)

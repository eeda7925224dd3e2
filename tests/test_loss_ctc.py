"""CTC: against all alignments written out, against PyTorch, and beyond the lengths."""

from functools import partial
from itertools import groupby, product

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn.errors import LabelError, LayerError
from fnn.loss import ctc

pytestmark = pytest.mark.unoptimised

TARGET = np.array([[1, 1, 2], [3, 2, 2], [2, 3, 1]])
INPUT_LENGTHS, TARGET_LENGTHS = np.array([7, 2, 6]), np.array([3, 1, 0])
JOINED = np.array([1, 1, 2, 3])
GIVEN = INPUT_LENGTHS, TARGET_LENGTHS


def scores(dtype="float32", time=7):
    return np.random.default_rng(0).uniform(-3, 3, (time, 3, 4)).astype(dtype)


def written(x, target, blank):
    """The loss as its definition says it: all ways to write the target."""
    ways = [
        way
        for way in product(range(x.shape[1]), repeat=len(x))
        if [label for label, _ in groupby(way) if label != blank] == list(target)
    ]
    return -np.log(sum(np.exp(x[range(len(x)), way].sum()) for way in ways))


@pytest.mark.parametrize("blank", [0, 3])
@pytest.mark.parametrize("target", [[], [1], [1, 2], [2, 2], [1, 2, 1]], ids=str)
def test_all_alignments(target, blank):
    with jax.enable_x64(True):
        x = scores("float64", 5)[:, 0]
        found = ctc(x, np.array(target, "int32"), 5, len(target), blank=blank, reduction="sum")
        np.testing.assert_allclose(found, written(x, target, blank), rtol=1e-12)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("target", [TARGET, JOINED], ids=["padded", "joined"])
@pytest.mark.parametrize("of_scores", [False, True])
def test_equals_pytorch(of_scores, target, reduction):
    """PyTorch's gradient is right for the scores only, so that is where they meet."""
    torch = pytest.importorskip("torch")
    normalise, theirs = partial(jax.nn.log_softmax, axis=-1), torch.tensor(scores("float64"))
    if of_scores:
        theirs, normalise = torch.log_softmax(theirs, -1), lambda x: x
    theirs.requires_grad_()
    given = map(torch.tensor, (target, *GIVEN))
    logs = theirs if of_scores else torch.log_softmax(theirs, -1)
    wanted = torch.nn.functional.ctc_loss(logs, *given, reduction=reduction)
    with jax.enable_x64(True):
        x = jnp.asarray(theirs.detach().numpy())
        options = {"reduction": reduction, "of_scores": of_scores}
        found, pullback = jax.vjp(lambda x: ctc(normalise(x), target, *GIVEN, **options), x)
        np.testing.assert_allclose(found, wanted.detach().numpy(), rtol=1e-10)
        cotangent = np.linspace(0.5, 2, found.size).reshape(found.shape)
        (gradient,) = pullback(jnp.asarray(cotangent))
    (wanted,) = torch.autograd.grad(wanted, theirs, torch.tensor(cotangent))
    np.testing.assert_allclose(gradient, wanted.numpy(), rtol=1e-10, atol=1e-12)


def test_joined_targets_of_no_labels():
    x, none = scores(), np.zeros(3, "int32")
    found = ctc(x, np.zeros(0, "int32"), INPUT_LENGTHS, none, reduction="none")
    wanted = [-x[:n, i, 0].sum() for i, n in enumerate(INPUT_LENGTHS)]
    np.testing.assert_allclose(found, wanted, rtol=1e-6)


def test_unbatched_and_joined_inside_a_program():
    x = jax.nn.log_softmax(scores(), -1)
    each = ctc(x, TARGET, *GIVEN, reduction="none")
    assert each.shape == (3,)
    alone = ctc(x[:, 0], TARGET[0], *(n[0] for n in GIVEN), reduction="none")
    assert alone.shape == ()
    np.testing.assert_allclose(alone, each[0], rtol=1e-6)
    joined = jax.jit(partial(ctc, reduction="none"))(x, JOINED, *GIVEN)
    np.testing.assert_allclose(joined, each, rtol=1e-6)


@pytest.mark.parametrize("of_scores", [False, True])
def test_what_lies_beyond_the_lengths_does_not_count(of_scores):
    run = jax.value_and_grad(partial(ctc, of_scores=of_scores))
    x, target = jax.nn.log_softmax(scores(), -1), np.array([[1, 1, 2], [3, -9, 99], [-1, -1, -1]])
    value, gradient = run(x, TARGET, *GIVEN)
    beyond = np.arange(7)[:, None, None] >= INPUT_LENGTHS[:, None]
    other, wanted = run(jnp.where(beyond, jnp.nan, x), target, *GIVEN)
    assert other == value
    np.testing.assert_array_equal(wanted, gradient)
    assert not gradient[jnp.broadcast_to(beyond, x.shape)].any()


@pytest.mark.parametrize("of_scores", [False, True])
@pytest.mark.parametrize("zero_infinity", [False, True])
def test_a_target_that_does_not_fit(zero_infinity, of_scores):
    options = {"zero_infinity": zero_infinity, "of_scores": of_scores}
    x = jax.nn.log_softmax(scores(time=3), -1)[:, 0]
    value, gradient = jax.value_and_grad(ctc)(x, TARGET[0], 3, 3, **options)
    assert value == (0 if zero_infinity else jnp.inf)
    assert not gradient.any()


def test_impossible_labels_have_gradients():
    x = jnp.where(jnp.arange(4)[None] == 2, -jnp.inf, jax.nn.log_softmax(scores()[:, 0], -1))
    value, gradient = jax.value_and_grad(ctc)(x, np.array([1, 3]), 7, 2)
    assert jnp.isfinite(value)
    assert jnp.isfinite(gradient).all()


@pytest.mark.parametrize(
    ("target", "steps", "labels", "bad"),
    [([1, 4], 7, 2, 4), ([1, -1], 7, 2, -1), ([1, 2], 8, 2, 8), ([1, 2], 7, 3, 3)],
)
def test_labels_and_lengths_out_of_range(target, steps, labels, bad):
    given = np.array(target), np.array(steps), np.array(labels)
    x = scores()[:, 0]
    with pytest.raises(LabelError, match=f"ctc: given {bad}, wanted"):
        ctc(x, *given)
    assert jnp.isnan(jax.jit(ctc)(x, *given))


def test_a_missing_length_is_said():
    with pytest.raises(LayerError, match="two lengths for each example"):
        ctc(scores(), TARGET, INPUT_LENGTHS[:2], TARGET_LENGTHS)


@pytest.mark.parametrize("blank", [-1, 99])
def test_a_blank_that_is_no_class_is_said(blank):
    with pytest.raises(LayerError, match=f"ctc: given blank={blank} for . classes"):
        ctc(scores(), TARGET, INPUT_LENGTHS, TARGET_LENGTHS, blank=blank)

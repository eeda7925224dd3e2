"""What the rows of the table can't show: offsets, power iteration, noise, gradients on purpose."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn.errors import LabelError, LayerError

pytestmark = pytest.mark.unoptimised

KEY = jax.random.key(0)
RANDOM = np.random.default_rng(0)
TABLE = RANDOM.normal(size=(7, 3))
INDICES = np.array([1, 6, 6, 2, 0, 2, 2, 5])


def close(found, wanted):
    np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
@pytest.mark.parametrize("offsets", [None, [0, 3, 3, 5], [0, 0, 8], [0, 2, 6]])
@pytest.mark.parametrize("options", [{}, {"padding": 2}, {"padding": -3}, {"include_last": True}])
def test_embedding_bag_equals_pytorch(mode, offsets, options):
    torch = pytest.importorskip("torch")
    if offsets is None and "include_last" in options:
        pytest.skip("there are no offsets")
    indices = INDICES if offsets else INDICES.reshape(2, 4)
    if offsets and "include_last" in options:
        offsets = [*offsets, 8]
    weights = RANDOM.normal(size=indices.shape) if mode == "sum" else None
    drawn = [TABLE] if weights is None else [TABLE, weights]
    theirs = [torch.tensor(a, requires_grad=True) for a in drawn]
    wanted = torch.nn.functional.embedding_bag(
        torch.tensor(indices),
        theirs[0],
        torch.tensor(offsets) if offsets else None,
        mode=mode,
        per_sample_weights=theirs[1] if theirs[1:] else None,
        include_last_offset="include_last" in options,
        padding_idx=options.get("padding"),
    )
    direction = RANDOM.normal(size=wanted.shape)
    gradients = torch.autograd.grad(wanted, theirs, torch.tensor(direction))
    with jax.enable_x64(True):
        offsets = jnp.array(offsets) if offsets else None

        def ours(table, weights=None):
            given = {"weight": table}, jnp.array(indices), offsets, weights
            return fnn.embedding_bag(*given, mode=mode, **options)

        found, pullback = jax.vjp(ours, *map(jnp.array, drawn))
        close(found, wanted.detach())
        for a, b in zip(pullback(jnp.array(direction)), gradients, strict=True):
            close(a, b)


def test_sparse_linear_is_linear_of_the_dense_input():
    indices, values = np.array([0, 3, 0, 1, 4]), RANDOM.normal(size=5)
    dense = np.zeros((3, 5))
    np.add.at(dense, (np.array([0, 0, 2, 2, 2]), indices), values)
    with jax.enable_x64(True):
        params = fnn.linear_init(KEY, 5, 2)
        sparse = partial(fnn.sparse_linear, params, jnp.array(indices), jnp.array(values))
        close(sparse(jnp.array([0, 2, 2])), fnn.linear(params, jnp.array(dense)))
        close(sparse(), fnn.linear(params, jnp.array(dense).sum(0)))


def test_index_normalise_follows_the_entries_one_by_one():
    with jax.enable_x64(True):
        params, state = fnn.index_normalise_init(KEY, 4), fnn.index_normalise_state(4)
        indices, values = jnp.array([[1, 3], [1, 1]]), jnp.array([[-0.5, 2.0], [2.0, 1.0]])
        found, state = fnn.index_normalise(params, state, indices, values, train=True)
        close(found, [[-1, 1], [1, 0.5]])
        close(state["peak"], [0, 2, 0, 2])
        values = jnp.array([[-3.0, 0.5], [0.0, 7.0]])
        indices = jnp.array([[1, 3], [0, 2]])
        found, after = fnn.index_normalise(params, state, indices, values, train=False)
        close(found, [[-1, 0.25], [0, 1]])
        close(after["peak"], state["peak"])


@pytest.mark.parametrize(("first", "axis"), [("u", 0), ("u", 1), ("v", 0), ("v", 1)])
def test_spectral_norm_equals_pytorch(first, axis):
    torch = pytest.importorskip("torch")
    make = torch.nn.utils.parametrizations if first == "u" else torch.nn.utils
    conv = torch.nn.Conv2d(3, 4, 2, bias=False, dtype=torch.float64)
    start = conv.weight.detach().clone().requires_grad_()
    normed = make.spectral_norm(conv, n_power_iterations=2, dim=axis)
    if first == "u":
        inner = normed.parametrizations.weight[0]
        vectors, apply = (inner._u, inner._v), lambda: inner(start)
    else:
        hook = next(h for h in conv._forward_pre_hooks.values())
        vectors = (conv.weight_u, conv.weight_v)
        conv.weight_orig = torch.nn.Parameter(start)
        start, apply = conv.weight_orig, lambda: hook.compute_weight(conv, True)
    state = {n: a.numpy().copy() for n, a in zip("uv", vectors, strict=True)}
    wanted = apply()
    direction = RANDOM.normal(size=wanted.shape)
    (gradient,) = torch.autograd.grad(wanted, start, torch.tensor(direction))
    with jax.enable_x64(True):
        state = {n: jnp.array(a) for n, a in state.items()}

        def ours(weight):
            return fnn.spectral_norm(
                state, weight, train=True, axis=axis, iterations=2, first=first
            )

        found, pullback, after = jax.vjp(ours, jnp.array(start.detach()), has_aux=True)
        close(found, wanted.detach())
        for a, b in zip((after["u"], after["v"]), vectors, strict=True):
            close(a, b.numpy())
        close(pullback(jnp.array(direction))[0], gradient)


def test_spectral_norm_finds_the_largest_singular_value():
    weight = jnp.array(RANDOM.normal(size=(4, 6)), jnp.float32)
    state = fnn.spectral_norm_state(4, 6)
    found, _ = fnn.spectral_norm(state, weight, train=True, iterations=200)
    np.testing.assert_allclose(found * jnp.linalg.norm(weight, 2), weight, rtol=1e-5)


def test_weight_norm_starts_from_a_weight():
    v = jnp.array(RANDOM.normal(size=(4, 3, 2)), jnp.float32)
    np.testing.assert_allclose(fnn.weight_norm(v, fnn.row_norms(v, axis=1), axis=1), v, rtol=1e-6)


def test_gradients_that_are_no_derivatives():
    x = jnp.array([-2.0, 0.0, 3.0])

    def gradient(f, *args):
        return jax.grad(lambda x: (f(x, *args) * jnp.arange(1.0, 4.0)).sum())(x)

    np.testing.assert_array_equal(gradient(fnn.gradient_stop), [0, 0, 0])
    reversal = partial(fnn.gradient_reversal, strength=0.5)
    np.testing.assert_array_equal(gradient(reversal), [-0.5, -1, -1.5])
    np.testing.assert_array_equal(jax.jvp(reversal, (x,), (x,))[1], -0.5 * x)
    penalty = partial(fnn.l1_penalty, weight=3.0)
    np.testing.assert_array_equal(gradient(penalty), [-2, 2, 6])
    np.testing.assert_array_equal(gradient(partial(penalty, mean=True)), [0, 2, 4])
    np.testing.assert_array_equal(gradient(partial(penalty, provide=False)), [-3, 0, 3])


def test_dropout_shares_its_draw_and_rescales():
    x = jnp.ones((200, 50, 3, 2))
    found = fnn.dropout(x, KEY, train=True, p=0.2, shared=2)
    assert set(np.unique(found)) == {0, 1.25}
    np.testing.assert_array_equal(found, jnp.broadcast_to(found[..., :1, :1], x.shape))
    assert abs(found.mean() - 1) < 0.01
    found = fnn.dropout(x, KEY, train=False, p=0.2, rescale=False, always=True)
    assert set(np.unique(found)) == {0, 1}
    np.testing.assert_array_equal(fnn.dropout(x, KEY, train=False, p=0.25, rescale=False), 0.75)


@pytest.mark.parametrize("shared", [0, 1])
def test_alpha_dropout_keeps_mean_and_variance(shared):
    x = fnn.selu(jax.random.normal(KEY, (400, 1000, 1)))
    found = fnn.alpha_dropout(x, jax.random.key(1), train=True, p=0.3, shared=shared)
    assert abs(found.mean()) < 0.01
    assert abs(found.var() - 1) < 0.01


def test_white_noise():
    x = jnp.zeros(100_000)
    found = fnn.white_noise(x, KEY, train=True, mean=0.5, std=0.2)
    assert abs(found.mean() - 0.5) < 0.01
    assert abs(found.std() - 0.2) < 0.01
    np.testing.assert_array_equal(fnn.white_noise(x, KEY, train=False, mean=0.5), 0.5)


def test_gumbel_softmax_draws_from_the_softmax():
    x = jnp.broadcast_to(jnp.log(jnp.array([0.2, 0.5, 0.3])), (100_000, 3))
    found = fnn.gumbel_softmax(x, KEY, hard=True)
    assert set(np.unique(found.round(6))) == {0, 1}
    np.testing.assert_allclose(found.mean(0), [0.2, 0.5, 0.3], atol=0.01)


def test_the_first_of_equal_ones_has_the_gradient():
    xs = jnp.array([1.0, 2.0]), jnp.array([1.0, 3.0])
    for function, wanted in (fnn.maximum, [[1, 0], [0, 1]]), (fnn.minimum, [[1, 1], [0, 0]]):
        found = jax.grad(lambda xs, f=function: f(*xs).sum())(xs)
        np.testing.assert_array_equal(found, wanted)
    gradient = jax.grad(lambda x: fnn.maxout(x, pieces=2).sum())
    np.testing.assert_array_equal(gradient(jnp.array([2.0, 1.0, 2.0, 5.0])), [1, 0, 0, 1])


def test_kinks_at_zero():
    assert jax.grad(fnn.absolute)(0.0) == 0
    assert jax.grad(partial(fnn.absolute, at_zero=1.0))(0.0) == 1
    assert jax.grad(fnn.sqrt)(0.0) == np.inf
    assert jax.grad(partial(fnn.sqrt, flat=True))(0.0) == 0
    zeros = jnp.zeros((2, 3))
    for distance in fnn.pairwise_distance, fnn.cosine_similarity, fnn.distance_matrix:
        assert np.isfinite(jax.grad(lambda x, f=distance: f(x, zeros).sum())(zeros)).all()


BILINEAR = fnn.bilinear_init(KEY, 3, 4, 2)
BAG = {"weight": jnp.ones((5, 2))}
INTS = jnp.arange(4)
ONES = jnp.ones((2, 3))
CASES = [
    (partial(fnn.bilinear, BILINEAR, ONES, jnp.ones((2, 5))), "wanted (..., 4)"),
    (partial(fnn.bilinear, BILINEAR, ONES, jnp.ones((3, 4))), "equal axes before the last"),
    (partial(fnn.scale, fnn.scale_init(KEY, 2), ONES), "wanted (..., 2)"),
    (partial(fnn.weight_norm, ONES, jnp.ones(2)), "wanted g (2, 1)"),
    (partial(fnn.spectral_norm, fnn.spectral_norm_state(3, 2), ONES, train=True), "(2, 3) for u"),
    (partial(fnn.euclidean, fnn.euclidean_init(KEY, 2, 4), ONES), "wanted (..., 2)"),
    (partial(fnn.dot_product, ONES, ONES[0]), "wanted equal shapes"),
    (partial(fnn.embedding_bag, BAG, INTS, mode="most"), '"sum", "mean" or "max"'),
    (partial(fnn.embedding_bag, BAG, INTS, weights=jnp.ones(3)), "a weight for each index"),
    (partial(fnn.embedding_bag, BAG, INTS[None], INTS), "not for a batch"),
    (partial(fnn.maxout, ONES, pieces=2), "a multiple of 2 features"),
    (partial(fnn.dropout, ONES, KEY, train=True, shared=3), "at least 3 axes"),
    (partial(fnn.narrow, ONES, start=1, length=3, axis=1), "a stretch of 0..2"),
    (partial(fnn.select, ONES, index=2), "-2..1"),
    (partial(fnn.sum_over, ONES, axis=2), "an axis that exists"),
    (partial(fnn.unflatten, ONES, axis=1, shape=(2, -1)), "3 in all"),
    (partial(fnn.convert, ONES, source="bf", target="bx"), "the same letters"),
    (partial(fnn.matmul, ONES, ONES), "columns of the second"),
    (partial(fnn.matvec, ONES, ONES), "2 and 1 axes"),
    (partial(fnn.join, ONES, ONES[0]), "equal shapes but for that axis"),
    (partial(fnn.mixture, ONES, ONES, ONES), "a gate for each expert"),
    (jax.jit(partial(fnn.masked_select, ONES)).lower, "wanted count"),
]


@pytest.mark.parametrize(("call", "message"), CASES)
def test_says_what_was_wanted(call, message):
    with pytest.raises(LayerError) as caught:
        call(*[ONES > 0] * hasattr(call, "__self__"))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "call",
    [
        partial(fnn.partial_linear, fnn.linear_init(KEY, 3, 4), ONES),
        partial(fnn.index_select, ONES),
        partial(fnn.embedding_bag, BAG),
    ],
)
def test_an_index_outside_is_nan_in_compiled_code(call):
    with pytest.raises(LabelError):
        call(jnp.array([9]))
    assert np.isnan(jax.jit(call)(jnp.array([9]))).all()


def test_masked_select_counts_by_itself():
    np.testing.assert_array_equal(fnn.masked_select(ONES, ONES > 0), np.ones(6))
    np.testing.assert_array_equal(fnn.masked_select(ONES, ONES < 0, count=2), [0, 0])


def test_a_network_of_branches_joins():
    net = fnn.serial(fnn.branch(fnn.relu, fnn.tanh), fnn.add)
    np.testing.assert_allclose(net(ONES), 1 + np.tanh(1), rtol=1e-6)


def test_kmeans():
    params = {"weight": jnp.array([[0.0, 0.0], [4.0, 0.0], [9.0, 9.0]])}
    x = jnp.array([[1.0, 0.0], [3.0, 2.0], [4.0, 0.0]])
    places, squares = fnn.nearest_centroid(params, x)
    np.testing.assert_array_equal(places, [0, 1, 1])
    np.testing.assert_array_equal(squares, [1, 5, 0])
    found = fnn.centroid_shift(params, x)
    np.testing.assert_allclose(found, [[-1, 0], [0.5, -1], [0, 0]], rtol=1e-6)

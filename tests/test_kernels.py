"""The formulations for a CPU equal the stock ones, in every derivative, however they are cut."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from fnn import kernels
from fnn.conv import conv, conv_transpose
from fnn.pool import max_pool

pytestmark = pytest.mark.skipif(jax.default_backend() != "cpu", reason="they are for a CPU")

OPTIONS = [
    {"stride": (2, 1), "padding": 1},
    {"padding": ((2, 0), (-1, 1)), "dilation": (2, 1), "groups": 2},
    {"stride": (3, 2), "groups": 4, "padding": (1, 0)},
]
CHUNKS = {"CHUNK": 200, "PLACES": 1}
STRIPS = {"STRIP": 100, "PLACES": 1}
MANY = {"THIN": 1}  # features of any image
CASES = [
    *((options, {}) for options in OPTIONS),
    ({"stride": (1, 2), "padding": ((1, 2), (2, 2)), "dilation": (2, 1)}, {}),
    (OPTIONS[0], MANY),
    (OPTIONS[0], {"PAIRS": 200}),
    (OPTIONS[0], CHUNKS),
    (OPTIONS[1], CHUNKS),
    (OPTIONS[0], MANY | STRIPS),
]


@pytest.fixture(autouse=True)
def _small_ones_too(monkeypatch):
    monkeypatch.setattr(kernels, "WORTH", 1)


def drawn(*shape):
    return jnp.asarray(np.random.default_rng(len(shape)).normal(size=shape))


def derivatives(apply, weight, x):
    """The value, and derivatives of the first and the second order."""
    return jax.jit(partial(_derivatives, apply))(weight, x)


def _derivatives(apply, weight, x):
    def loss(weight, x):
        return jnp.sum(jnp.sin(apply(weight, x)))

    both = partial(jax.grad(loss, (0, 1)))
    directions = (jnp.cos(weight), jnp.cos(x))
    return [
        apply(weight, x),
        both(weight, x),
        jax.jvp(apply, (weight, x), directions),
        jax.jvp(both, (weight, x), directions),
        jax.grad(lambda *a: sum(jnp.sum(g**2) for g in both(*a)), (0, 1))(weight, x),
        jax.vmap(apply, (None, 0))(weight, jnp.stack([x, x + 1])),
        jax.vmap(jax.grad(loss), (0, None))(jnp.stack([weight, weight + 1]), x),
    ]


def assert_equal(found, wanted):
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-10, atol=1e-10), found, wanted)


@pytest.mark.parametrize(("options", "cut"), CASES, ids=str)
def test_convolution_equals_the_stock_one(options, cut, monkeypatch):
    for name, value in cut.items():
        monkeypatch.setattr(kernels, name, value)
    with jax.enable_x64(True):
        weight, x = drawn(4, 4 // options.get("groups", 1), 3, 2), drawn(6, 4, 7, 6)
        found = derivatives(lambda w, x: conv({"weight": w}, x, **options), weight, x)
        with kernels.stock():
            wanted = derivatives(lambda w, x: conv({"weight": w}, x, **options), weight, x)
        assert_equal(found, wanted)


def test_the_gradient_of_one_image_alone():
    """In jax 0.10 and 0.12, XLA ends the process when it simplifies its own of this convolution."""
    weight, x = drawn(3, 2, 3, 2), drawn(2, 2, 4, 4)

    def gradient(x):
        y, back = jax.vjp(lambda x: conv({"weight": weight}, x, stride=(1, 2), padding=(0, 1)), x)
        return back(jnp.sin(y))[0]

    one_by_one = jnp.concatenate([gradient(x[:1]), gradient(x[1:])])
    np.testing.assert_allclose(one_by_one, gradient(x), rtol=1e-5, atol=1e-6)


def test_transposed_convolution_equals_the_stock_one():
    with jax.enable_x64(True):
        weight, x = drawn(4, 3, 3, 2), drawn(2, 4, 5, 4)
        found = derivatives(lambda w, x: conv_transpose({"weight": w}, x, stride=2), weight, x)
        with kernels.stock():
            wanted = derivatives(lambda w, x: conv_transpose({"weight": w}, x, stride=2), weight, x)
        assert_equal(found, wanted)


@pytest.mark.parametrize(("window", "stride"), [(2, 2), (3, 2), (3, 1), (2, 3)])
def test_pooling_equals_the_stock_one_and_at_ties(window, stride):
    def stock(x):
        return lax.reduce_window(
            x, -np.inf, lax.max, (1, window, window), (1, stride, stride), "VALID"
        )

    def derived(apply, x):
        return jax.value_and_grad(lambda x: jnp.sum(jnp.sin(apply(x))))(x)

    pool = partial(max_pool, window=(window, window), stride=stride)
    with jax.enable_x64(True):
        x = jnp.round(drawn(3, 8, 7) * 2)
        for apply in (pool, jax.jit(pool)):
            assert_equal(derived(apply, x), derived(stock, x))


def test_a_window_may_be_long():
    x = jnp.arange(200.0)
    gradient = jax.grad(lambda x: jnp.sum(max_pool(x, window=(200,))))(x)
    np.testing.assert_array_equal(jnp.flatnonzero(gradient), [199])


def test_the_switch_changes_what_is_traced():
    def program(x):
        return str(jax.make_jaxpr(lambda x: conv({"weight": x[:2, :, :2, :2]}, x))(x))

    x = jnp.ones((2, 3, 4, 4))
    assert "conv_general_dilated" not in program(x)
    with kernels.stock():
        assert "conv_general_dilated" in program(x)
    assert "conv_general_dilated" in program(x.astype(jnp.float16))


@pytest.mark.parametrize("first", [1.0, np.inf, -np.inf, np.nan])
def test_what_is_stored_stays_what_it_is(first):
    x = drawn(3, 4).at[0, 0].set(first)
    twice = jax.jit(lambda x: kernels.stored((2 * x, jnp.int32(x > 0))))
    jax.tree.map(np.testing.assert_array_equal, twice(x), (2 * x, jnp.int32(x > 0)))
    for kind in (jax.jacfwd, jax.jacrev):
        slope = kind(lambda x: kernels.stored(2 * x))(x)
        np.testing.assert_array_equal(slope.reshape(12, 12), 2 * np.eye(12))


@pytest.mark.parametrize("part", [lambda f: f, jax.checkpoint], ids=["alone", "checkpoint"])
def test_every_derivative_inside_a_loop(part):
    def apply(weight, x):
        return max_pool(conv({"weight": weight}, x), window=(2, 2))

    def looped(weight, x):
        return lax.scan(lambda _, w: (None, part(apply)(w, x)), None, weight[None])[1][0]

    with jax.enable_x64(True):
        given = drawn(4, 3, 3, 3), drawn(2, 3, 6, 6)
        assert_equal(derivatives(looped, *given), derivatives(apply, *given))


def test_what_is_stored_is_computed_once():
    """XLA may learn to see through it; then convolutional networks become slow, not wrong."""

    def program(function):
        return jax.jit(function).lower(drawn(40, 30)).compile().as_text()

    merged = program(lambda x: (y := x.T + 1)[1:] * y[:-1])
    apart = program(lambda x: (y := kernels.stored(x.T + 1))[1:] * y[:-1])
    assert "while" not in merged
    assert "while" in apart

"""The checker passes right gradients in every precision and finds wrong ones."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.custom_derivatives import linear_call

from transforms import TransformError, check_gradient

pytestmark = pytest.mark.unoptimised


def normal(dtype, *shape, seed=0, scale=1.0):
    values = np.random.default_rng(seed).normal(size=shape) * scale
    return jnp.asarray(values, dtype)


def network(params, x, *, activation=jnp.tanh):
    hidden = activation(x @ params["in"]["weight"])
    return {"log": jax.nn.log_softmax(hidden @ params["out"]), "hidden": (hidden, [hidden.sum()])}


def weights(dtype):
    return {
        "in": {"weight": normal(dtype, 6, 5, scale=0.5)},
        "out": normal(dtype, 5, 4, seed=1, scale=0.5),
    }


def cell(params, state, x, key, *, train):
    mask = jax.random.bernoulli(key, 0.5, x.shape) if train else jnp.ones(x.shape, bool)
    mean = 0.9 * state["mean"] + 0.1 * x.mean(0)
    return jnp.where(mask, jnp.sin(params * x), 0.0), {"mean": mean, "steps": state["steps"] + 1}


def table(params, indices):
    return params["weight"][indices] ** 2


SMOOTH = {
    "sin": lambda t: (jnp.sin, normal(t, 20)),
    "sin of a scalar": lambda t: (jnp.sin, normal(t)),
    "softmax": lambda t: (jax.nn.softmax, normal(t, 5, 7)),
    "matrix chain": lambda t: (
        lambda a, b, c: a @ b @ c,
        normal(t, 8, 9),
        normal(t, 9, 7, seed=1),
        normal(t, 7, 3, seed=2),
    ),
    "network": lambda t: (network, weights(t), normal(t, 8, 6, seed=3)),
    "linear": lambda t: (lambda x: 3 * x, normal(t, 20)),
    "quadratic": lambda t: (lambda x: x * x, normal(t, 20)),
    "mean of exp": lambda t: (lambda x: jnp.exp(x).mean(), normal(t, 20)),
    "constant": lambda t: (jnp.sign, normal(t, 20)),
    "sum of softmax": lambda t: (lambda x: jax.nn.softmax(x).sum(-1), normal(t, 5, 7)),
    "lookup": lambda t: (table, {"weight": normal(t, 5, 3)}, jnp.array([0, 4, 4])),
    "state and key": lambda t: (
        lambda *args: cell(*args, train=True),
        normal(t),
        {"mean": normal(t, 3), "steps": jnp.array(0)},
        normal(t, 4, 3),
        jax.random.key(3),
    ),
}
HARD = {
    "large inputs": lambda t: (jnp.sin, normal(t, 20, scale=100.0)),
    "tiny inputs": lambda t: (lambda x: jnp.sin(1e4 * x), normal(t, 20, scale=1e-4)),
    "large offset": lambda t: (lambda x: 1000 + x, normal(t, 5)),
    "edge of a domain": lambda t: (jnp.log, jnp.abs(normal(t, 20)) + 0.01),
    "kinks": lambda t: (jax.nn.relu, normal(t, 20)),
    "network with kinks": lambda t: (
        lambda p, x: network(p, x, activation=jax.nn.relu),
        weights(t),
        normal(t, 8, 6, seed=3),
    ),
    "standardised": lambda t: (
        lambda x: (x - x.mean(0, keepdims=True)) * lax.rsqrt(x.var(0, keepdims=True)),
        normal(t, 20, 3) + 5,
    ),
}


@pytest.mark.parametrize("case", [*SMOOTH, *HARD])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_right_gradients_pass(case, dtype):
    with jax.enable_x64(dtype == "float64"):
        f, *args = (SMOOTH | HARD)[case](dtype)
        for seed in range(2):
            report = check_gradient(f, *args, key=seed)
            assert report, report
            assert report.dtype == dtype
            assert set(report.derived) == {"reverse", "forward"}
            if dtype == "float64" and case in SMOOTH:
                assert report.error < 1e-10


@pytest.mark.parametrize("case", SMOOTH)
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_right_gradients_pass_in_half_precision(case, dtype):
    f, *args = SMOOTH[case](dtype)
    report = check_gradient(f, *args)
    assert report, report
    assert report.dtype == dtype


@pytest.mark.parametrize("case", ["sin", "softmax", "network", "lookup"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_second_order(case, dtype):
    with jax.enable_x64(dtype == "float64"):
        f, *args = SMOOTH[case](dtype)
        report = check_gradient(f, *args, order=2)
        assert report, report
        assert report.order == 2


def spoiled(f, wrong):
    """`f` with a pullback whose gradients pass through `wrong`."""
    custom = jax.custom_vjp(f)
    custom.defvjp(
        lambda *args: jax.vjp(f, *args),
        lambda pullback, cotangent: tuple(map(wrong, pullback(cotangent))),
    )
    return custom


@pytest.mark.parametrize(
    ("dtype", "factor"),
    [("float64", 1 + 1e-6), ("float32", 1.01), ("float16", 1.5), ("bfloat16", 1.6)],
)
def test_wrong_gradients_fail(dtype, factor):
    with jax.enable_x64(dtype == "float64"):
        args = [normal(dtype, 8, 9), normal(dtype, 9, 7, seed=1)]
        for seed in range(2):
            f = spoiled(lambda a, b: jnp.sin(a @ b), lambda g: g * factor)
            report = check_gradient(f, *args, key=seed)
            assert report.verdict == "wrong", report
            assert list(report.derived) == ["reverse"]
            assert report.taylor_order < 1.5 or dtype in ("float16", "bfloat16")


def test_the_taylor_order_finds_what_a_tolerance_lets_through():
    f = spoiled(jnp.sin, lambda g: g * 1.001)
    report = check_gradient(f, normal("float32", 20))
    assert report.error < report.tolerance
    assert report.taylor_order < 1.5
    assert not report


def test_the_argument_to_blame_is_named():
    @jax.custom_vjp
    def scale(x):
        return 2 * x

    scale.defvjp(lambda x: (2 * x, None), lambda _, g: (3 * g,))

    def f(params, x):
        return jnp.tanh(x @ params["good"]) * scale(params["bad"])

    params = {"good": normal("float32", 3, 2), "bad": normal("float32", 4, 2)}
    report = check_gradient(f, params, normal("float32", 4, 3))
    assert report.wrong == ("params['bad']",)
    assert "wrong for: params['bad']" in repr(report)
    assert check_gradient(f, params, normal("float32", 4, 3), by="x")


def test_wrong_at_second_order_only():
    @jax.custom_vjp
    def square(x):
        return x * x

    square.defvjp(lambda x: (x * x, x), lambda x, g: (2 * lax.stop_gradient(x) * g,))
    x = normal("float32", 10)
    assert check_gradient(square, x)
    report = check_gradient(square, x, order=2)
    assert not report
    assert report.order == 2
    assert repr(report).startswith("gradient of the gradient wrong")


def test_modes_that_disagree_and_modes_that_are_missing():
    @jax.custom_jvp
    def f(x):
        return x**3

    def times(by, x):
        return by * x

    def transposed(by, x):
        return 1.1 * by * x

    f.defjvp(lambda x, t: (x[0] ** 3, linear_call(times, transposed, 3 * x[0] ** 2, t[0])))
    report = check_gradient(f, normal("float32", 5))
    assert report.verdict == "not the same in both modes"
    assert check_gradient(f, normal("float32", 5), modes=["forward"])
    assert not check_gradient(f, normal("float32", 5), modes=["reverse"])

    def powers(x):
        return lax.while_loop(lambda c: c[0] < 3, lambda c: (c[0] + 1, c[1] * x), (0, x))[1]

    assert list(check_gradient(powers, normal("float32")).derived) == ["forward"]
    with pytest.raises(TypeError, match="custom_vjp"):
        check_gradient(spoiled(jnp.sin, lambda g: g), normal("float32"), modes=["forward"])


def test_kinks_and_precision_are_judged_honestly():
    at_the_kink = check_gradient(jnp.abs, jnp.zeros(1))
    assert not at_the_kink
    hidden = check_gradient(lambda x: jnp.asarray(300, "bfloat16") + x, normal("bfloat16", 5))
    assert hidden
    assert hidden.verdict == "right (zero, to rounding)"
    strict = check_gradient(jnp.sin, normal("float32", 20), tolerance=1e-12)
    assert not strict


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: check_gradient(jnp.sin, jnp.arange(3)), "no floating-point number among x"),
        (lambda: check_gradient(table, {"weight": 1.0}, 2, by="index"), "no argument 'index'"),
        (lambda: check_gradient(jnp.argmax, jnp.ones(3)), "no floating-point output"),
        (lambda: check_gradient(jnp.log, -jnp.ones(3)), "not finite at this point"),
        (lambda: check_gradient(jnp.sqrt, jnp.zeros(3)), "not finite near this point"),
    ],
)
def test_errors(call, said):
    with pytest.raises(TransformError, match=said):
        call()


def test_the_report_can_be_read():
    report = check_gradient(jnp.sin, normal("float32", 20), key=jax.random.key(4))
    text = repr(report)
    for said in ("gradient right", "relative error", "Taylor order", "measured", "reverse", "step"):
        assert said in text

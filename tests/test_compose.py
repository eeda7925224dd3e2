"""Layers by name, and networks of them."""

import sys
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn.compose import Mode
from fnn.layer import Layer, names

X = jnp.linspace(-1, 1, 15).reshape(5, 3)


def mlp(width=8):
    return fnn.serial(
        fnn.layer(fnn.linear, 3, width), fnn.tanh, fnn.layer(fnn.linear, width, 2, bias=False)
    )


def test_serial_is_its_layers_one_after_the_other():
    net = mlp()
    params = net.init(jax.random.key(0))
    assert {n: {*p} for n, p in params.items()} == {"0": {"weight", "bias"}, "2": {"weight"}}
    by_hand = fnn.linear(params["2"], fnn.tanh(fnn.linear(params["0"], X)))
    np.testing.assert_array_equal(net(params, X), by_hand)


def test_equal_networks_are_one_value_and_one_program():
    count = 0

    def forward(net, params, x):
        nonlocal count
        count += 1
        return net(params, x)

    run = jax.jit(forward, static_argnums=0)
    params = mlp().init(jax.random.key(0))
    run(mlp(), params, X)
    run(mlp(), params, X)
    assert mlp() == mlp()
    assert hash(mlp()) == hash(mlp())
    assert mlp() != mlp(9)
    assert count == 1


def test_branch_parallel_residual():
    double, negate = partial_layers()
    np.testing.assert_array_equal(jnp.stack(fnn.branch(double, negate)(X)), jnp.stack([2 * X, -X]))
    a, b = fnn.parallel(double, negate)(X, X + 1)
    np.testing.assert_array_equal(a, 2 * X)
    np.testing.assert_array_equal(b, -X - 1)
    np.testing.assert_array_equal(fnn.residual(double)(X), 3 * X)
    np.testing.assert_array_equal(fnn.residual(double, negate)(X), X)
    np.testing.assert_array_equal(fnn.serial(fnn.branch(double, negate), add)(X), X)


def double_of(x):
    return 2 * x


def negative_of(x):
    return -x


def add(x, y):
    return x + y


def partial_layers():
    return double_of, negative_of


def test_named_children_and_paths():
    net = fnn.serial(body=fnn.layer(fnn.linear, 3, 4), head=fnn.layer(fnn.linear, 4, 1))
    assert {*net.init(jax.random.key(0))} == {"body", "head"}


def test_repeat_equals_the_layers_in_turn():
    net = fnn.repeat(fnn.serial(fnn.layer(fnn.linear, 3, 3), fnn.tanh), 4)
    params = net.init(jax.random.key(0))
    assert params["layer"]["0"]["weight"].shape == (4, 3, 3)
    x = X
    for i in range(4):
        x = fnn.tanh(fnn.linear(jax.tree.map(lambda p, i=i: p[i], params["layer"]["0"]), x))
    np.testing.assert_allclose(net(params, X), x, rtol=1e-6)


def test_state_and_keys_reach_only_those_who_ask():
    net = fnn.serial(
        fnn.layer(fnn.linear, 3, 4), fnn.layer(fnn.batch_norm, 4), fnn.layer(fnn.dropout, p=0.5)
    )
    assert names(Layer(fnn.dropout)).reserved == {"key", "train"}
    params, state = net.init(jax.random.key(0)), net.initial_state()
    assert {*params} == {"0", "1"}
    assert {*state} == {"1"}
    y, after = net(params, state, X, jax.random.key(1), train=True)
    z, _ = net(params, state, X, jax.random.key(1), train=True)
    other, _ = net(params, state, X, jax.random.key(2), train=True)
    np.testing.assert_array_equal(y, z)
    assert (y != other).any()
    assert (after["1"]["running_mean"] != state["1"]["running_mean"]).any()
    _, same = net(params, after, X, jax.random.key(1), train=False)
    np.testing.assert_array_equal(same["1"]["running_mean"], after["1"]["running_mean"])


def test_repeat_gives_each_layer_its_own_key_and_state():
    net = fnn.repeat(fnn.layer(fnn.dropout, p=0.5), 2)
    once = fnn.dropout(jnp.ones(1000), jax.random.key(0), train=True)
    twice = net(jnp.ones(1000), jax.random.key(0), train=True)
    assert abs(float((once != 0).mean()) - 0.5) < 0.1
    assert abs(float((twice != 0).mean()) - 0.25) < 0.1
    normed = fnn.repeat(fnn.layer(fnn.batch_norm, 3), 2)
    _, state = normed(normed.init(jax.random.key(0)), normed.initial_state(), 5 * X + 1, train=True)
    means = state["layer"]["running_mean"]
    assert means.shape == (2, 3)
    assert (means[0] != means[1]).any()


def test_a_layer_keeps_its_own_mode():
    net = fnn.serial(Mode(Layer(fnn.dropout), False))
    np.testing.assert_array_equal(net(X, jax.random.key(0), train=True), X)


def test_an_error_says_where():
    net = fnn.serial(fnn.serial(fnn.layer(fnn.linear, 3, 4), fnn.layer(fnn.linear, 5, 2)))
    with pytest.raises(fnn.LayerError, match="linear") as caught:
        net(net.init(jax.random.key(0)), X)
    (note,) = caught.value.__notes__
    assert note == "at layer 0.1: linear(5, 2) given float32[5,4]"
    assert caught.value.path == ("0", "1")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: fnn.layer(fnn.conv, 1, 2, (3,), strid=2), "did you mean 'stride'"),
        (lambda: fnn.layer(fnn.relu, 3), "takes no sizes"),
        (lambda: fnn.parallel(double_of, negative_of)(X), "missing a required argument"),
        (lambda: fnn.residual(fnn.layer(fnn.linear, 3, 4))(RESIDUAL, X), "give a shortcut"),
    ],
)
def test_a_wrong_network_is_refused(make, says):
    with pytest.raises((fnn.LayerError, TypeError), match=says):
        make()


RESIDUAL = {"body": {"weight": jnp.ones((4, 3))}}


def test_what_stands_beside_a_layer_is_exported_with_it():
    layers = [f for f in vars(fnn).values() if getattr(f, "__module__", "").startswith("fnn.")]
    assert fnn.linear in layers
    for f in layers:
        for suffix in ("_init", "_state"):
            name = f"{getattr(f, '__name__', '')}{suffix}"
            if hasattr(sys.modules[f.__module__], name):
                assert hasattr(fnn, name), name


def test_vmap_and_grad_need_no_wrapper():
    net = mlp()
    params = net.init(jax.random.key(0))

    def loss(params, x):
        return (net(params, x) ** 2).sum()

    each = jax.vmap(jax.grad(loss), in_axes=(None, 0))(params, X)
    whole = jax.grad(loss)(params, X)
    jax.tree.map(
        lambda e, w: np.testing.assert_allclose(e.sum(0), w, rtol=1e-5, atol=1e-6), each, whole
    )
    assert partial(net, params)(X).shape == (5, 2)

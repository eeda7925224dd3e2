"""Networks that are directed graphs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn.graph import Part, graph
from fnn.layer import layer

X = jnp.linspace(-1, 1, 6).reshape(2, 3)


def gated():
    return graph(
        "x",
        ("gated", ("x", "halves")),
        wide=(layer(fnn.linear, 3, 6), "x"),
        halves=(layer(halved), "wide"),
        gate=(fnn.sigmoid, Part("halves", 0, 2)),
        gated=(fnn.multiply, "gate", Part("halves", 1)),
    )


def halved(x):
    return jnp.split(x, 2, axis=-1)[0], jnp.split(x, 2, axis=-1)[1]


def test_values_go_along_the_edges():
    net = gated()
    params = net.init(jax.random.key(0))
    assert [*params] == ["wide"]
    product, (x, (a, b)) = jax.jit(net)(params, X)
    y = fnn.linear(params["wide"], X)
    np.testing.assert_allclose(jnp.concatenate([a, b], axis=1), y, rtol=1e-6)
    np.testing.assert_allclose(product, fnn.sigmoid(a) * b, rtol=1e-6)
    np.testing.assert_array_equal(x, X)
    assert jax.grad(lambda p: net(p, X)[0].sum())(params)["wide"]["weight"].shape == (6, 3)


def test_a_lone_tuple_is_spread_over_inputs():
    net = graph("x", "sum", halves=(halved, "x"), sum=(fnn.add, "halves"))
    np.testing.assert_array_equal(net(jnp.arange(4.0)), [2, 4])
    whole = graph("x", ("pair",), pair=(lambda pair: pair[0], (("x", "x"),)))
    np.testing.assert_array_equal(whole(X)[0], X)


def test_graphs_in_graphs_and_in_chains():
    inner = graph(("a", "b"), ("b", "a"), unused=(fnn.tanh, "a"))
    net = graph(("a", "b"), Part("swapped", 0), swapped=(inner, "a", "b"))
    np.testing.assert_array_equal(net(X, 2 * X), 2 * X)
    chain = fnn.serial(inner, fnn.subtract)
    np.testing.assert_allclose(chain(X, 3 * X), 2 * X, rtol=1e-6)


def test_state_and_keys_reach_their_layers():
    net = graph("x", "y", normal=(layer(fnn.batch_norm, 3), "x"), y=(fnn.dropout, "normal"))
    assert net.reserved == {"params", "state", "key", "train"}
    params, state = net.init(jax.random.key(0)), net.initial_state()
    _, after = net(params, state, X, jax.random.key(1), train=True)
    pairs = zip(jax.tree.leaves(after), jax.tree.leaves(state["normal"]), strict=True)
    assert all(jnp.any(new != old) for new, old in pairs)


def test_equal_graphs_are_one_key():
    assert hash(gated()) == hash(gated())
    assert gated() == gated() != graph("x", "x", wide=(fnn.tanh, "x"))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: graph("x", "y", z=(fnn.tanh, "x")), "wanted one of x, z"),
        (lambda: graph("x", "z", z=(fnn.tanh, "xs")), "did you mean 'x'?"),
        (lambda: graph("x", "a", a=(fnn.tanh, "b"), b=(fnn.tanh, "x")), "graph, a: given 'b'"),
        (lambda: graph("x", "a", a=(fnn.add, ("x", Part("y", 0)))), "given 'y'"),
        (lambda: fnn.serial(halved, graph(("x", "y", "z"), "x"))(X[:, :2]), "given 2 inputs"),
        (
            lambda: graph("x", Part("halves", 2), halves=(halved, "x"))(X[:, :2]),
            "part 2 of 'halves'",
        ),
        (lambda: graph("x", Part("y", 0, 2), y=(fnn.tanh, "x"))(X), "a tuple of 2 outputs"),
    ],
)
def test_mistakes(make, message):
    with pytest.raises((fnn.LayerError, TypeError)) as error:
        make()
    assert message in str(error.value)


def test_text():
    assert repr(gated()).splitlines() == [
        "graph(",
        "  (wide): linear(3, 6) of x",
        "  (halves): halved() of wide",
        "  (gate): sigmoid() of halves[0]",
        "  (gated): multiply() of gate, halves[1]",
        ") of x -> (gated, (x, halves))",
    ]

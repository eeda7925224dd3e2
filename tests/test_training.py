"""Training steps against loops by hand, with our optimisers and optax's; batches; accuracy."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from fnn.activation import relu
from fnn.compose import layer, parallel, serial
from fnn.dropout import dropout
from fnn.errors import LabelError, LayerError
from fnn.linear import linear
from fnn.loss import cross_entropy, mse
from fnn.norm import batch_norm
from fnn.optim import Optimiser, adam, apply_updates, optimiser, sgd
from fnn.training import Training, accuracy, minibatches, training_step

pytestmark = pytest.mark.unoptimised

EXAMPLES, CLASSES = 60, 3
plain = serial(layer(linear, 4, 16), relu, layer(linear, 16, CLASSES))
rich = serial(
    layer(linear, 4, 16),
    layer(batch_norm, 16),
    layer(dropout, p=0.2),
    relu,
    layer(linear, 16, CLASSES),
)


def plain_loss(params, x, labels):
    return cross_entropy(plain(params, x), labels)


def rich_loss(params, state, x, labels, key, *, train):
    scores, state = rich(params, state, x, key, train=train)
    return cross_entropy(scores, labels), state


def blobs():
    random = np.random.default_rng(0)
    labels = random.integers(0, CLASSES, EXAMPLES).astype("int32")
    centres = 2 * random.normal(size=(CLASSES, 4))
    return (centres[labels] + random.normal(size=(EXAMPLES, 4))).astype("float32"), labels


OPTIMISERS = {
    "sgd": optimiser(sgd, learning_rate=0.1, momentum=0.9),
    "adam": optimiser(adam, learning_rate=0.01),
    "optax.adam": optax.adam(0.01),
    "optax.chain": optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(0.01)),
}


@pytest.fixture(params=OPTIMISERS.values(), ids=OPTIMISERS)
def descent(request):
    """One after the other; optax itself promotes types."""
    ours = isinstance(request.param, Optimiser)
    with jax.numpy_dtype_promotion("strict" if ours else "standard"):
        yield request.param


def start(net, descent):
    params = net.init(jax.random.key(0))
    return Training(params, net.initial_state(), descent.init(params), jax.random.key(1))


def train(step, training, epochs=8):
    values = []
    for epoch in range(epochs):
        for batch in minibatches(jax.random.key(epoch), blobs(), 20):
            training, value = step(training, *batch)
            values.append(value)
    return training, values


def assert_same_bits(found, wanted):
    jax.tree.map(np.testing.assert_array_equal, found, wanted)


def test_equals_a_loop_by_hand_to_the_bit_and_learns(descent):
    @jax.jit
    def by_hand(training, x, labels):
        params, state, slots, key = training
        value, grads = jax.value_and_grad(plain_loss)(params, x, labels)
        updates, slots = descent.update(grads, slots, params)
        params = jax.tree.map(lambda p, u: p + u, params, updates)
        return Training(params, state, slots, key), value

    step = jax.jit(training_step(plain_loss, descent))
    found, values = train(step, start(plain, descent))
    wanted, others = train(by_hand, start(plain, descent))
    assert_same_bits(
        (found.params, found.optimiser, values), (wanted.params, wanted.optimiser, others)
    )
    assert values[-1] < values[0] / 2
    x, labels = blobs()
    assert accuracy(plain(found.params, x), labels) > 0.9


def test_state_and_noise_are_threaded(descent):
    @jax.jit
    def by_hand(training, x, labels):
        params, state, slots, key = training
        key, own = jax.random.split(key)
        run = partial(rich_loss, train=True)
        (value, state), grads = jax.value_and_grad(run, has_aux=True)(params, state, x, labels, own)
        updates, slots = descent.update(grads, slots, params)
        return Training(apply_updates(params, updates), state, slots, key), value

    step = jax.jit(training_step(rich_loss, descent))
    found, values = train(step, start(rich, descent), epochs=2)
    wanted, others = train(by_hand, start(rich, descent), epochs=2)
    assert_same_bits((found[:3], values), (wanted[:3], others))
    assert found.key == wanted.key
    assert jax.tree.leaves(found.state)[0].any()


def test_a_step_is_a_value_and_compiles_once(descent):
    traces = []

    def loss(params, x, labels):
        traces.append(1)
        return plain_loss(params, x, labels)

    training, batch = start(plain, descent), blobs()
    one, other = training_step(loss, descent), training_step(loss, descent)
    assert one == other
    assert hash(one) == hash(other)
    first, _ = jax.jit(one)(training, *batch)
    second, _ = jax.jit(other)(training, *batch)
    assert len(traces) == 1
    assert_same_bits(first.params, second.params)


def test_a_step_scans():
    descent = OPTIMISERS["adam"]
    step = training_step(plain_loss, descent)
    batches = jax.tree.map(lambda a: a.reshape(3, 20, *a.shape[1:]), blobs())
    together, values = jax.lax.scan(
        lambda t, batch: step(t, *batch), start(plain, descent), batches
    )
    training = start(plain, descent)
    for i in range(3):
        training, value = jax.jit(step)(training, *(a[i] for a in batches))
        np.testing.assert_allclose(values[i], value, rtol=1e-6)
    jax.tree.map(partial(np.testing.assert_allclose, atol=1e-6), together.params, training.params)


def identity(y):
    return y


def test_a_network_can_be_the_loss():
    loss = serial(parallel(serial(layer(linear, 4, 8), layer(dropout, p=0.2)), identity), mse)
    x, y = blobs()[0], np.ones((EXAMPLES, 8), "float32")
    descent = optimiser(sgd, learning_rate=0.1)
    step, training = jax.jit(training_step(loss, descent)), start(loss, descent)
    values = []
    for _ in range(10):
        training, value = step(training, x, y)
        values.append(value)
    assert values[-1] < values[0] / 2


def test_minibatches_are_a_partition():
    x, labels = np.arange(20).reshape(10, 2), jnp.arange(10)
    found = list(minibatches(jax.random.key(0), {"x": x, "y": [labels]}, 4))
    assert [len(batch["x"]) for batch in found] == [4, 4, 2]
    order = np.concatenate([batch["y"][0] for batch in found])
    assert sorted(order) == list(range(10)) != list(order)
    np.testing.assert_array_equal(np.concatenate([batch["x"] for batch in found]), x[order])
    again = next(minibatches(jax.random.key(0), labels, 4))
    np.testing.assert_array_equal(again, found[0]["y"][0])


def test_minibatches_in_a_given_order():
    found = [
        batch.tolist() for batch in minibatches([3, 1, 1, 0, 2], np.arange(4), 2, drop_last=True)
    ]
    assert found == [[3, 1], [1, 0]]
    assert list(minibatches(np.arange(3), np.arange(3), 4, drop_last=True)) == []


def test_minibatches_say_what_is_wrong():
    with pytest.raises(LayerError, match="equally many"):
        next(minibatches(jax.random.key(0), (np.zeros(3), np.zeros(4)), 2))
    with pytest.raises(LabelError, match=r"given 3, wanted 0\.\.2"):
        next(minibatches(np.arange(4), jnp.zeros(3), 2))


@pytest.mark.parametrize("labels", [np.array([2, 0, 1], "uint8"), jnp.array([2, 0, 1])])
def test_accuracy(labels):
    scores = jnp.array([[0, 0, 1], [1, 0, 0], [1, 0, 0]], jnp.float32)
    np.testing.assert_allclose(accuracy(scores, labels), 2 / 3, rtol=1e-6)
    space = jnp.stack([scores, -scores], axis=-1)
    assert accuracy(space, jnp.stack([labels, labels], axis=-1)).shape == ()
    with pytest.raises(LayerError, match="one-hot"):
        accuracy(scores, scores)

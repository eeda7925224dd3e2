"""What a layer says to what it can't take: the same eagerly and in compiled code."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn import activation, initializers
from fnn.conv import conv, conv_init
from fnn.dropout import dropout
from fnn.embedding import embedding
from fnn.errors import LabelError, LayerError
from fnn.linear import linear, linear_init
from fnn.norm import batch_norm, batch_norm_init, batch_norm_state, layer_norm, layer_norm_init
from fnn.pool import avg_pool, max_pool
from fnn.shape import flatten, reshape

KEY = jax.random.key(0)
LINEAR = linear_init(KEY, 3, 4)
CONV = conv_init(KEY, 2, 4, (3, 3))
TABLE = {"weight": jnp.ones((5, 2))}
norm = partial(batch_norm, batch_norm_init(KEY, 3), batch_norm_state(3))

CASES = [
    (partial(linear, LINEAR), (2, 5), "linear: given x float32[2,5], wanted (..., 3)"),
    (partial(linear, LINEAR), (), "given x float32[], wanted (..., 3)"),
    (partial(conv, CONV), (1, 3, 5, 5), "conv: given x float32[1,3,5,5]"),
    (partial(conv, CONV), (5, 5), "wanted (batch, 2, *space) of 2 space dimensions"),
    (partial(conv, CONV), (1, 1, 2, 5, 5), "the features are not the axis before space"),
    (partial(conv, CONV), (1, 2, 2, 5), "the kernel is larger than the image"),
    (partial(conv, CONV, groups=2), (1, 2, 5, 5), "wanted (batch, 4, *space)"),
    (partial(conv, CONV, groups=3), (1, 6, 5, 5), "in groups of 3"),
    (partial(conv, CONV, stride=(1, 1, 1)), (1, 2, 5, 5), "stride (1, 1, 1), wanted 2 of them"),
    (partial(conv, CONV, padding="some"), (1, 2, 5, 5), "padding 'some'"),
    (partial(conv, CONV, padding="same", stride=2), (1, 2, 5, 5), "wanted stride 1"),
    (partial(max_pool, window=(2, 2)), (5,), "given x float32[5], wanted at least 2 axes"),
    (partial(max_pool, window=(3, 3)), (1, 2, 5), "the window is larger than the image"),
    (partial(max_pool, window=(2, 2), padding=2), (1, 5, 5), "wanted at most half of that"),
    (partial(avg_pool, window=(2, 2), stride=(1,)), (1, 5, 5), "stride (1,), wanted 2 of them"),
    (partial(norm, train=True), (1, 3), "wanted more than one value for each feature"),
    (partial(norm, train=True), (3,), "the batch axis is missing"),
    (partial(norm, train=False), (2, 4), "given x float32[2,4], wanted (batch, 3, *space)"),
    (partial(layer_norm, layer_norm_init(KEY, 3)), (2, 4), "the last axes of x, 1 of them"),
    (partial(layer_norm, layer_norm_init(KEY, 2, 3)), (4, 2, 3), "the last axes of x, 1 of them"),
    (partial(layer_norm, {}, dimensions=3), (2, 4), "the last axes of x, 3 of them"),
    (partial(dropout, key=KEY, train=True, p=1.5), (2,), "given p=1.5, wanted a probability"),
    (partial(dropout, key=KEY, train=False, p=-0.1), (2,), "given p=-0.1"),
    (partial(embedding, TABLE), (2,), "wanted integers"),
    (partial(activation.gelu, approximate=True), (2,), 'wanted "none" or "tanh"'),
    (flatten, (3,), "flatten: given x float32[3], start=1, end=-1"),
    (partial(reshape, shape=(-1, 4)), (2, 3), "wanted 6 elements"),
    (partial(reshape, shape=(-1, -1)), (2, 3), "-1 at most once"),
    (partial(reshape, shape=(3, 3)), (2, 3), "the batch axis was left out of the shape"),
]  # fmt: skip


@pytest.mark.parametrize("wrap", [lambda f: f, jax.jit], ids=["eager", "compiled"])
@pytest.mark.parametrize(("apply", "shape", "message"), CASES)
def test_says_what_was_given_and_what_was_wanted(apply, shape, message, wrap):
    with pytest.raises(LayerError) as caught:
        wrap(apply)(jnp.ones(shape))
    assert message in str(caught.value)
    assert "likely cause: " in str(caught.value)


@pytest.mark.parametrize("bad", [5, -1, 1000])
def test_an_index_outside_the_table_is_never_another_row(bad):
    indices = jnp.array([1, bad, 0])
    with pytest.raises(LabelError, match=f"given {bad}, wanted 0..4"):
        embedding(TABLE, indices)
    rows = jax.jit(embedding)(TABLE, indices)
    np.testing.assert_array_equal(jnp.isnan(rows).any(1), [False, True, False])
    gradient = jax.jit(jax.grad(lambda table, i: embedding(table, i)[::2].sum()))
    found = gradient(TABLE, indices)["weight"]
    np.testing.assert_array_equal(found[:, 0], [1, 1, 0, 0, 0])


def test_initializers_say_what_was_wrong():
    with pytest.raises(LayerError, match="a bias has no fans"):
        initializers.xavier_uniform(KEY, (3,))
    with pytest.raises(LayerError, match="wanted fan_in or fan_out"):
        initializers.kaiming_normal(KEY, (3, 4), mode="fan")
    with pytest.raises(LayerError, match="wanted one of conv, leaky_relu"):
        initializers.gain("rleu")
    with pytest.raises(LayerError, match="both divisible by the number of groups"):
        conv_init(KEY, 3, 4, (3, 3), groups=2)

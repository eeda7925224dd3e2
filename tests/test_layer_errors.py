"""What a layer says to what it can't take: the same eagerly and in compiled code."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn import activation, initializers
from fnn.adaptive import adaptive_avg_pool, adaptive_max_pool, fractional_max_pool
from fnn.conv import conv, conv_init
from fnn.distribution import log_softmax, softmax
from fnn.dropout import dropout
from fnn.embedding import embedding
from fnn.errors import LabelError, LayerError
from fnn.fold import fold, unfold
from fnn.gates import glu, maxout
from fnn.linear import linear, linear_init
from fnn.norm import batch_norm, batch_norm_init, batch_norm_state, layer_norm, layer_norm_init
from fnn.padding import pad
from fnn.pool import avg_pool, max_pool
from fnn.resize import affine_grid, resize
from fnn.shape import flatten, reshape, transpose, unflatten, view
from fnn.table import add, join

KEY = jax.random.key(0)
LINEAR = linear_init(KEY, 3, 4)
CONV = conv_init(KEY, 2, 4, (3, 3))
TABLE = {"weight": jnp.ones((5, 2))}


def embedding_padded(params, padding, x):
    return embedding(params, x.astype(int), padding=padding)


norm = partial(batch_norm, batch_norm_init(KEY, 3), batch_norm_state(3))

CASES = [
    (partial(linear, LINEAR), (2, 5), "linear: given x float32[2,5], wanted (..., 3)"),
    (partial(linear, LINEAR), (), "given x float32[], wanted (..., 3)"),
    (partial(linear, {**LINEAR, "bias": jnp.ones(3)}), (3,), "bias float32[3], wanted (4,)"),
    (partial(conv, CONV), (1, 3, 5, 5), "conv: given x float32[1,3,5,5]"),
    (partial(conv, CONV), (5, 5), "wanted (batch, 2, *space) of 2 space dimensions"),
    (partial(conv, CONV), (1, 1, 2, 5, 5), "the features are not the axis before space"),
    (partial(conv, CONV), (1, 2, 2, 5), "the kernel is larger than the image"),
    (partial(conv, CONV, groups=2), (1, 2, 5, 5), "wanted (batch, 4, *space)"),
    (partial(conv, CONV, groups=3), (1, 6, 5, 5), "in groups of 3"),
    (partial(conv, CONV, stride=(1, 1, 1)), (1, 2, 5, 5), "stride (1, 1, 1), wanted 2 of them"),
    (partial(conv, CONV, stride=[1, 1]), (1, 2, 5, 5), "stride [1, 1], wanted 2 of them"),
    (partial(conv, CONV, stride=0), (1, 2, 5, 5), "wanted whole numbers of 1 or more"),
    (partial(conv, CONV, dilation=1.0), (1, 2, 5, 5), "dilation 1.0, wanted whole numbers"),
    (partial(conv, CONV, groups=0), (1, 0, 5, 5), "in groups of 0"),
    (partial(conv, CONV, padding=[1, 1]), (1, 2, 5, 5), "padding [1, 1], wanted 2 of them"),
    (partial(conv, CONV, padding=((1, 1, 1), 1)), (1, 2, 5, 5), "a number or a pair (low, high)"),
    (partial(conv, {**CONV, "bias": jnp.ones(3)}), (1, 2, 5, 5), "bias float32[3], wanted (4,)"),
    (partial(conv, CONV, padding="some"), (1, 2, 5, 5), "padding 'some'"),
    (partial(conv, CONV, padding="same", stride=2), (1, 2, 5, 5), "wanted stride 1"),
    (partial(max_pool, window=(2, 2)), (5,), "given x float32[5], wanted at least 2 axes"),
    (partial(max_pool, window=(3, 3)), (1, 2, 5), "the window is larger than the image"),
    (partial(max_pool, window=(2, 2), padding=2), (1, 5, 5), "wanted at most half of that"),
    (partial(max_pool, window=2), (1, 5, 5), "window 2, wanted a tuple of whole numbers"),
    (partial(max_pool, window=(2, 2), stride=0), (1, 5, 5), "stride 0, wanted whole numbers"),
    (partial(avg_pool, window=(2, 2), padding=-1), (1, 5, 5), "padding -1, wanted whole numbers"),
    (partial(avg_pool, window=(2, 2), stride=(1,)), (1, 5, 5), "stride (1,), wanted 2 of them"),
    (partial(adaptive_avg_pool, size=2), (1, 5, 5), "size 2, wanted a tuple"),
    (partial(adaptive_max_pool, size=(0, None)), (1, 5, 5), "size (0,), wanted a tuple"),
    (partial(fractional_max_pool, key=KEY, window=2, ratio=0.5), (1, 5, 5), "wanted one of them"),
    (partial(unfold, window=(2, 2), stride=0), (1, 5, 5), "stride 0, wanted whole numbers"),
    (partial(fold, size=4, window=(2, 2)), (4, 9), "size 4, wanted a tuple"),
    (partial(resize, size=4), (1, 5, 5), "wanted one of them, a tuple"),
    (partial(affine_grid, size=4), (1, 2, 3), "size 4, wanted a tuple"),
    (partial(pad, widths=(1, 1)), (1, 5, 5), "PyTorch's flat list"),
    (partial(norm, train=True), (1, 3), "wanted more than one value for each feature"),
    (partial(norm, train=True), (3,), "the batch axis is missing"),
    (partial(norm, train=False), (2, 4), "given x float32[2,4], wanted (batch, 3, *space)"),
    (partial(layer_norm, layer_norm_init(KEY, 3)), (2, 4), "the last axes of x, 1 of them"),
    (partial(layer_norm, layer_norm_init(KEY, 2, 3)), (4, 2, 3), "the last axes of x, 1 of them"),
    (partial(layer_norm, {}, dimensions=3), (2, 4), "the last axes of x, 3 of them"),
    (partial(layer_norm, {}, dimensions=(4,)), (2, 4), "dimensions=(4,), wanted a number of axes"),
    (partial(dropout, key=KEY, train=True, p=1.5), (2,), "given p=1.5, wanted a probability"),
    (partial(dropout, key=KEY, train=False, p=-0.1), (2,), "given p=-0.1"),
    (partial(dropout, key=None, train=True), (2,), "given no key, wanted a random key"),
    (partial(embedding, TABLE), (2,), "wanted integers"),
    (partial(embedding_padded, TABLE, 5), (2,), "embedding: given padding=5, wanted a row of 5"),
    (partial(activation.gelu, approximate=True), (2,), 'wanted "none" or "tanh"'),
    (partial(glu, axis=2), (2, 4), "glu: given x float32[2,4], axis=2, wanted an axis that exists"),
    (partial(softmax, axis=2), (2, 4), "softmax: given x float32[2,4], axis=2"),
    (partial(log_softmax, axis=-3), (2, 4), "log_softmax: given x float32[2,4], axis=-3"),
    (partial(maxout, pieces=0), (2, 4), "pieces=0"),
    (flatten, (3,), "flatten: given x float32[3], start=1, end=-1"),
    (partial(reshape, shape=6), (2, 3), "reshape: given shape=6, wanted a tuple of sizes"),
    (partial(view, shape=6), (2, 3), "view: given shape=6, wanted a tuple of sizes"),
    (partial(unflatten, axis=1, shape=3), (2, 3), "unflatten: given shape=3"),
    (partial(transpose, swaps=(0, 1)), (2, 3), "transpose: given swaps=(0, 1), wanted a tuple of"),
    (lambda x: join([x, x]), (2, 3), "join: given ((float32[2,3], float32[2,3])), wanted arrays"),
    (lambda x: add([x, x]), (2, 3), "a list: put a * before it"),
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
    with pytest.raises(LayerError, match="conv_init: given kernel 3, wanted a tuple"):
        conv_init(KEY, 3, 4, 3)

"""Pooling, normalisation and resizing: what they refuse, and what the table does not show."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn.adaptive import (
    adaptive_max_pool,
    adaptive_max_pool_indices,
    fractional_max_pool,
    fractional_max_pool_indices,
    k_max_pool,
)
from fnn.errors import LayerError
from fnn.fold import channel_shuffle, fold, pixel_shuffle, pixel_unshuffle, unfold
from fnn.local_norm import local_response_norm, normalize, subtractive_norm
from fnn.norm import (
    batch_norm,
    batch_norm_init,
    batch_norm_state,
    group_norm,
    instance_norm,
    instance_norm_init,
    instance_norm_state,
    layer_norm_init,
    rms_norm,
    rms_norm_init,
)
from fnn.pool import lp_pool, max_pool, max_pool_indices, max_unpool, subsample, subsample_init
from fnn.resize import affine_grid, grid_sample, resize

KEY = jax.random.key(0)
PARAMS = subsample_init(KEY, 3, (2, 2))
X = jnp.arange(48, dtype=jnp.float32).reshape(1, 3, 4, 4)

CASES = [
    (partial(max_unpool, size=(4, 4)), (X, X.astype(int)), "wanted 0..15"),
    (partial(max_unpool, size=(4, 4)), (X, X[0].astype(int)), "equal shapes"),
    (partial(subsample, window=(2, 2)), (PARAMS, X[:, :2]), "wanted (..., 3, *space)"),
    (partial(adaptive_max_pool, size=(2, 2)), (X[0, 0, 0],), "2 axes of space"),
    (partial(fractional_max_pool, window=2, size=(4, 4)), (X, KEY), "room for (4, 4) windows"),
    (partial(fractional_max_pool, window=2), (X, KEY), "wanted one of them"),
    (
        partial(fractional_max_pool_indices, window=2, size=(2, 2)),
        (X, X[0, 0, :3, :2]),
        "2 for each image of space",
    ),
    (partial(k_max_pool, minimum=5), (X,), "at least 5 elements along axis -2"),
    (partial(group_norm, groups=2), ({}, X), "divisible by the number of groups"),
    (
        partial(instance_norm, train=True),
        ({}, {}, X[:, :, :1, :1]),
        "more than one value for each feature",
    ),
    (
        partial(batch_norm, train=True, momentum=None),
        ({}, batch_norm_state(3), X),
        "wanted num_batches_tracked",
    ),
    (partial(rms_norm, dimensions=2), (rms_norm_init(KEY, 4), X), "the last axes of x"),
    (partial(normalize, axis=4), (X,), "an axis that exists"),
    (partial(local_response_norm, size=3), (X[0, 0, 0],), "(batch, features, *space)"),
    (subtractive_norm, (X, X[0, 0]), "odd sizes along 1 axis or along each of 2"),
    (partial(unfold, window=(5, 5)), (X,), "in which a window has room"),
    (
        partial(fold, window=(2, 2), size=(3, 3)),
        (X[:, :, :3],),
        "wanted (..., features * 4, windows)",
    ),
    (partial(fold, window=(2, 2), size=(4, 4)), (X,), "wanted 9 windows"),
    (partial(pixel_shuffle, factor=2), (X,), "wanted (..., features * 4, height, width)"),
    (partial(pixel_unshuffle, factor=3), (X,), "divisible by 3"),
    (partial(channel_shuffle, groups=2), (X,), "divisible by the number of groups"),
    (partial(resize, size=(2, 2), scale=(2, 2)), (X,), "one of them"),
    (partial(resize, scale=(0.1, 2)), (X,), "sizes of 1 or more"),
    (partial(resize, size=(2,), mode="bilinear"), (X,), "one of nearest, nearest-exact"),
    (partial(grid_sample, mode="bilinear"), (X, X[..., :2]), "one of linear, nearest, cubic"),
    (grid_sample, (X, X), "wanted grid (1, *points, 2)"),
    (partial(affine_grid, size=(2, 2)), (X[0],), "wanted theta (batch, 2, 3)"),
]


@pytest.mark.parametrize(("apply", "given", "message"), CASES)
def test_says_what_was_given_and_what_was_wanted(apply, given, message):
    with pytest.raises(LayerError) as caught:
        apply(*given)
    assert message in str(caught.value)
    assert "likely cause: " in str(caught.value)


def test_a_window_in_the_padding_alone_has_no_place():
    options = {"window": (2,), "dilation": 4, "padding": 2}
    y, places = max_pool_indices(jnp.ones((1, 1)), **options)
    np.testing.assert_array_equal(y, max_pool(jnp.ones((1, 1)), **options))
    np.testing.assert_array_equal(places, [[-1]])
    unpooled = jax.jit(partial(max_unpool, size=(3,)))(y, places)
    np.testing.assert_array_equal(unpooled, [[0, 0, 0]])


def test_nan_wins_or_is_ignored():
    x = jnp.array([1.0, np.nan, 0.0, 2.0, np.nan, np.nan])
    for pool in (max_pool_indices, lambda x, **o: adaptive_max_pool_indices(x, size=(3,), **o)):
        pool = partial(pool, window=(2,)) if pool is max_pool_indices else pool
        values, places = pool(x)
        np.testing.assert_array_equal(values, [np.nan, 2, np.nan])
        np.testing.assert_array_equal(places, [1, 3, 5])
        values, places = pool(x, ignore_nan=True)
        np.testing.assert_array_equal(values, [1, 2, -np.inf])
        np.testing.assert_array_equal(places, [0, 3, 4])
    gradient = jax.grad(lambda x: max_pool(x, window=(2,), ignore_nan=True)[:2].sum())(x)
    np.testing.assert_array_equal(gradient, [1, 0, 0, 1, 0, 0])


def test_integers_are_pooled_and_put_back():
    x = jnp.array([[3, 1, 2, 5]], jnp.int8)
    y, places = max_pool_indices(x, window=(2,), padding=1)
    assert y.dtype == x.dtype
    np.testing.assert_array_equal(y, [[3, 2, 5]])
    np.testing.assert_array_equal(max_unpool(y, places, size=(4,)), [[3, 0, 2, 5]])


def test_each_of_equal_places_gets_the_gradient():
    places = jnp.array([[1, 1, 0]])
    gradient = jax.grad(lambda x: max_unpool(x, places, size=(3,))[0] @ jnp.array([2.0, 3, 4]))
    np.testing.assert_array_equal(gradient(jnp.ones((1, 3))), [[3, 3, 2]])


@pytest.mark.parametrize("p", [1, 2, 3, 2.5])
def test_the_gradient_of_a_root_of_nothing_is_zero(p):
    x = jnp.zeros((1, 4))
    gradient = jax.grad(lambda x: lp_pool(x, p=p, window=(2,)).sum())(x)
    np.testing.assert_array_equal(gradient, x + int(p == 1))
    gradient = jax.grad(lambda x: normalize(x, p=p).sum())(x)
    assert jnp.isfinite(gradient).all()


def test_what_there_is_to_learn_and_to_track():
    assert batch_norm_init(KEY, 3, affine=False) == batch_norm_state(3, track=False) == {}
    assert instance_norm_init(KEY, 3) == instance_norm_state(3) == {}
    assert list(batch_norm_init(KEY, 3, bias=False)) == ["weight"]
    assert list(layer_norm_init(KEY, 2, 3)) == ["weight", "bias"]
    assert batch_norm_state(3, momentum=None)["num_batches_tracked"].dtype == jnp.int32


def test_the_mean_of_all_batches():
    state = batch_norm_state(3, momentum=None)
    batches = [X * 0.1, X * 0.3, X - 20]
    for x in batches:
        _, state = batch_norm({}, state, x, train=True, momentum=None)
    means = [x.mean((0, 2, 3)) for x in batches]
    np.testing.assert_allclose(state["running_mean"], sum(means) / 3, 1e-6)
    assert state["num_batches_tracked"] == 3


@pytest.mark.parametrize("outside", ["border", "reflection"])
@pytest.mark.parametrize("mode", ["linear", "nearest"])
def test_a_point_that_is_nan_is_the_first_as_in_pytorch(mode, outside):
    functional = pytest.importorskip("torch").nn.functional
    tensor = pytest.importorskip("torch").tensor
    image = np.arange(12, dtype="float32").reshape(1, 1, 3, 4)
    grid = np.array([[np.nan, 0.3], [0.2, np.nan], [0.1, 0.6]], "float32").reshape(1, 1, 3, 2)
    found = grid_sample(jnp.asarray(image), jnp.asarray(grid), mode=mode, outside=outside)
    wanted = functional.grid_sample(
        tensor(image),
        tensor(grid),
        {"linear": "bilinear"}.get(mode, mode),
        outside,
        align_corners=False,
    )
    np.testing.assert_allclose(found, wanted, 1e-5)


def test_no_images_at_the_points_of_a_grid():
    assert grid_sample(jnp.ones((0, 2, 3, 4)), jnp.ones((0, 5, 6, 2))).shape == (0, 2, 5, 6)


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_nearest_pixels_of_hardly_more_than_twice_the_size_are_pytorchs(axes):
    """Its gradients are those of exactly twice the size, whatever the axes."""
    torch = pytest.importorskip("torch")
    image = np.arange(4**axes, dtype="float32").reshape(1, 1, *[4] * axes)
    wanted = torch.nn.functional.interpolate(torch.tensor(image), scale_factor=2.2)
    np.testing.assert_array_equal(resize(jnp.asarray(image), scale=(2.2,) * axes), wanted)

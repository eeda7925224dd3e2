"""Distributions, fans and gains of the initialisers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn import initializers
from fnn.conv import conv_init
from fnn.embedding import embedding_init
from fnn.errors import LayerError
from fnn.linear import linear_init
from fnn.norm import batch_norm_init, batch_norm_state, layer_norm_init

pytestmark = pytest.mark.unoptimised

KEY = jax.random.key(3)
SHAPE = (40, 30, 5, 3)
FAN_IN, FAN_OUT = 30 * 15, 40 * 15

# scheme, options, (mean, standard deviation), (lower, upper) or None for a Gaussian
SCHEMES = [
    ("zeros", {}, (0, 0), (0, 0)),
    ("ones", {}, (1, 0), (1, 1)),
    ("constant", {"value": 3}, (3, 0), (3, 3)),
    ("uniform", {}, (0.5, 12**-0.5), (0, 1)),
    ("uniform", {"low": -3, "high": 1}, (-1, 4 * 12**-0.5), (-3, 1)),
    ("normal", {}, (0, 1), None),
    ("normal", {"mean": 2, "std": 0.1}, (2, 0.1), None),
    ("truncated_normal", {}, (0, 0.8796), (-2, 2)),
    ("truncated_normal", {"mean": 1, "std": 3, "low": 0, "high": 2}, (1, 0.5717), (0, 2)),
    ("xavier_uniform", {"gain": 2}, (0, 2 * (2 / (FAN_IN + FAN_OUT)) ** 0.5), "uniform"),
    ("xavier_normal", {}, (0, (2 / (FAN_IN + FAN_OUT)) ** 0.5), None),
    ("kaiming_uniform", {}, (0, (2 / FAN_IN) ** 0.5), "uniform"),
    ("kaiming_normal", {"gain": 1, "mode": "fan_out"}, (0, FAN_OUT**-0.5), None),
]


@pytest.mark.parametrize(("name", "options", "moments", "bounds"), SCHEMES)
def test_distribution(name, options, moments, bounds):
    drawn = getattr(initializers, name)(KEY, SHAPE, **options)
    assert drawn.shape == SHAPE
    assert drawn.dtype == jnp.float32
    mean, std = moments
    np.testing.assert_allclose(drawn.mean(), mean, atol=4 * std / drawn.size**0.5)
    np.testing.assert_allclose(drawn.std(), std, rtol=0.02)
    if bounds is not None:
        low, high = (-(3**0.5) * std, 3**0.5 * std) if bounds == "uniform" else bounds
        np.testing.assert_allclose(
            (drawn.min(), drawn.max()), (low, high), atol=2e-3 * (high - low)
        )
        assert low - 1e-6 <= drawn.min() <= drawn.max() <= high + 1e-6
    else:
        assert abs(drawn - mean).max() > 3.5 * std


MORE = [("eye", {}), ("sparse", {"sparsity": 0.5}), ("orthogonal", {})]


@pytest.mark.parametrize(("name", "options"), [row[:2] for row in SCHEMES] + MORE)
def test_dtype(name, options):
    scheme = getattr(initializers, name)
    assert scheme(KEY, (4, 4), dtype=jnp.float16, **options).dtype == jnp.float16
    with jax.enable_x64(True):
        assert scheme(KEY, (4, 4), **options).dtype == jnp.float64


@pytest.mark.parametrize("shape", [(3, 8), (8, 3), (4, 2, 3), (6, 6)])
def test_orthogonal(shape):
    with jax.enable_x64(True):
        matrix = initializers.orthogonal(KEY, shape, gain=2.0).reshape(shape[0], -1)
        small = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
        np.testing.assert_allclose(small, 4 * np.eye(len(small)), atol=1e-13)


@pytest.mark.parametrize("shape", [(3, 5), (5, 3)])
def test_eye(shape):
    np.testing.assert_array_equal(initializers.eye(KEY, shape), np.eye(*shape))


@pytest.mark.parametrize(
    ("shape", "groups"), [((4, 3, 3), 1), ((2, 3, 4, 5), 1), ((6, 2, 3, 1, 2), 2), ((6, 4, 3), 3)]
)
def test_dirac_equals_pytorch(shape, groups):
    torch = pytest.importorskip("torch")
    wanted = torch.nn.init.dirac_(torch.empty(shape), groups).numpy()
    np.testing.assert_array_equal(initializers.dirac(KEY, shape, groups=groups), wanted)


def test_sparse():
    drawn = initializers.sparse(KEY, (101, 60), sparsity=0.25, std=0.3)
    np.testing.assert_array_equal((drawn == 0).sum(0), 26)
    assert 20 < (drawn == 0).sum(1).std() ** 2 + 10 < 30  # each column has rows of its own
    np.testing.assert_allclose(drawn[drawn != 0].std(), 0.3, rtol=0.04)


@pytest.mark.parametrize(
    ("name", "shape", "options"),
    [
        ("eye", (2, 2, 2), {}),
        ("sparse", (3,), {"sparsity": 0.1}),
        ("dirac", (3, 3), {}),
        ("dirac", (4, 2, 3), {"groups": 3}),
    ],
)
def test_shapes_that_are_refused(name, shape, options):
    with pytest.raises(LayerError, match=name):
        getattr(initializers, name)(KEY, shape, **options)


def test_fan_in_bounds_of_the_layers():
    for params, fan in (
        (linear_init(KEY, 400, 300), 400),
        (conv_init(KEY, 20, 400, (3, 5), groups=2), 150),
    ):
        for array in params.values():
            assert 0.98 < abs(array).max() * fan**0.5 <= 1
        assert params["weight"].shape[0] == len(params["bias"])
    bare = linear_init(KEY, 400, 300, bias=False)
    np.testing.assert_array_equal(bare["weight"], linear_init(KEY, 400, 300)["weight"])
    assert "bias" not in bare
    assert conv_init(KEY, 4, 6, (3,), groups=2, bias=False)["weight"].shape == (6, 2, 3)


def test_where_norms_and_tables_start():
    table = embedding_init(KEY, 500, 20)["weight"]
    np.testing.assert_allclose((table.mean(), table.std()), (0, 1), atol=0.02)
    ones, zeros = np.ones(3), np.zeros(3)
    for found, wanted in (
        (batch_norm_init(KEY, 3), {"weight": ones, "bias": zeros}),
        (batch_norm_init(KEY, 3, affine=False), {}),
        (batch_norm_state(3), {"running_mean": zeros, "running_var": ones}),
        (layer_norm_init(KEY, 3), {"weight": ones, "bias": zeros}),
        (layer_norm_init(KEY, 3, bias=False), {"weight": ones}),
    ):
        jax.tree.map(np.testing.assert_array_equal, found, wanted)


def test_gains_are_those_of_pytorch():
    torch = pytest.importorskip("torch")
    for name in (*initializers.GAINS, "leaky_relu"):
        theirs = "conv2d" if name == "conv" else name
        assert initializers.gain(name) == pytest.approx(
            torch.nn.init.calculate_gain(theirs), rel=1e-12
        )
    assert initializers.gain("leaky_relu", slope=0.2) == pytest.approx(
        torch.nn.init.calculate_gain("leaky_relu", 0.2), rel=1e-12
    )

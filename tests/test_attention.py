"""Attention against PyTorch, its masks, and what it says of wrong shapes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn.attention import dot_product_attention
from fnn.errors import LayerError

BATCH, HEADS, LENGTH, POSITIONS, FEATURES, WIDTH = 2, 3, 4, 6, 5, 7


def drawn(dtype):
    random = np.random.default_rng(0)
    shapes = (LENGTH, FEATURES), (POSITIONS, FEATURES), (POSITIONS, WIDTH)
    return [random.normal(size=(BATCH, HEADS, *shape)).astype(dtype) for shape in shapes]


def masks(dtype):
    random = np.random.default_rng(1)
    some = random.random((LENGTH, POSITIONS)) < 0.6
    some[1] = False  # looks nowhere
    added = random.normal(size=(BATCH, 1, LENGTH, POSITIONS)).astype(dtype)
    added[0, 0, 2] = -np.inf
    return {
        "none": None,
        "rows": some,
        "examples": random.random((BATCH, 1, 1, POSITIONS)) < 0.6,
        "added": added,
    }


@pytest.mark.parametrize("mask", ["none", "rows", "examples", "added"])
@pytest.mark.parametrize("hyper", [{}, {"scale": 0.3}, {"causal": True}], ids=str)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-6), ("float64", 1e-10)])
def test_equals_pytorch(mask, hyper, dtype, tolerance):
    torch = pytest.importorskip("torch")
    if mask != "none" and "causal" in hyper:
        pytest.skip("PyTorch takes one or the other")
    mask = masks(dtype)[mask]
    given = [torch.tensor(a, requires_grad=True) for a in drawn(dtype)]
    wanted = torch.nn.functional.scaled_dot_product_attention(
        *given,
        None if mask is None else torch.tensor(mask),
        scale=hyper.get("scale"),
        is_causal=hyper.get("causal", False),
    )
    weight = np.random.default_rng(2).normal(size=wanted.shape).astype(dtype)
    (wanted * torch.tensor(weight)).sum().backward()
    with jax.enable_x64(dtype == "float64"):
        mask = None if mask is None else jnp.asarray(mask)
        found, back = jax.vjp(
            lambda *given: dot_product_attention(*given, mask, **hyper),
            *map(jnp.asarray, drawn(dtype)),
        )
        np.testing.assert_allclose(found, wanted.detach().numpy(), rtol=tolerance, atol=tolerance)
        for ours, theirs in zip(back(jnp.asarray(weight)), given, strict=True):
            np.testing.assert_allclose(ours, theirs.grad.numpy(), rtol=tolerance, atol=tolerance)


def test_gradients_of_few_positions():
    """For small products XLA has code of its own, which does not take them in every layout."""
    given = [x[..., :2, :2] for x in drawn("float32")]

    def plain(q, k, v):
        return jax.nn.softmax(q @ jnp.matrix_transpose(k) / np.float32(2**0.5)) @ v

    found, wanted = (
        jax.jit(jax.grad(lambda *given: jnp.sum(apply(*given) ** 2), (0, 1, 2)))(*given)  # noqa: B023
        for apply in (dot_product_attention, plain)
    )
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, 1e-5, 1e-6), found, wanted)


@pytest.mark.parametrize("heads", [(1, 1), (2, 4)], ids=str)
def test_grouped_heads_equal_pytorch(heads):
    torch = pytest.importorskip("torch")
    random = np.random.default_rng(0)
    q, k, v = (random.normal(size=(BATCH, n, LENGTH, FEATURES)) for n in (4, *heads))
    given = map(torch.tensor, (q, k, v))
    wanted = torch.nn.functional.scaled_dot_product_attention(*given, enable_gqa=True)
    with jax.enable_x64(True):
        found = dot_product_attention(*map(jnp.asarray, (q, k, v)), grouped=True)
    np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-10)


def test_dropout_is_of_weights_in_training_alone():
    q, k, _ = map(jnp.asarray, drawn("float32"))
    values = jnp.broadcast_to(jnp.eye(POSITIONS), (BATCH, HEADS, POSITIONS, POSITIONS))
    key = jax.random.key(0)
    still = dot_product_attention(q, k, values, p=0.5)
    noisy = dot_product_attention(q, k, values, None, key, train=True, p=0.5)
    kept = noisy != 0
    np.testing.assert_allclose(noisy[kept], 2 * still[kept], rtol=1e-6)
    assert 0.3 < kept.mean() < 0.7


def test_a_query_that_may_look_nowhere_gets_zeros_and_gradients_are_numbers():
    mask = jnp.asarray(masks("float32")["rows"])
    found, back = jax.vjp(
        lambda *given: dot_product_attention(*given, mask), *map(jnp.asarray, drawn("float32"))
    )
    assert not found[:, :, 1].any()
    assert all(jnp.isfinite(gradient).all() for gradient in back(found))


def test_without_positions_there_are_zeros():
    found = dot_product_attention(jnp.ones((2, 3, 4)), jnp.ones((2, 0, 4)), jnp.ones((2, 0, 5)))
    np.testing.assert_array_equal(found, np.zeros((2, 3, 5)))


def test_causal_and_mask_go_together():
    q, k, v = map(jnp.asarray, drawn("float32"))
    mask = masks("float32")["rows"]
    both = dot_product_attention(q, k, v, mask, causal=True)
    one = dot_product_attention(q, k, v, mask & np.tri(LENGTH, POSITIONS, dtype=bool))
    np.testing.assert_array_equal(both, one)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda q, k, v: (q[..., :2], k, v), "features"),
        (lambda q, k, v: (q, k[..., :2, :], v), "positions"),
        (lambda q, k, v: (q[0], k, v), "the heads were not split alike"),
        (lambda q, k, v: (q, k, v, np.ones((LENGTH, 5), bool)), r"broadcast to \[2, 3, 4, 6\]"),
        (
            lambda q, k, v: (q, k, v, np.ones((BATCH, LENGTH, POSITIONS), bool)),
            "axis for the heads",
        ),
        (lambda q, k, v: (q, k, v, np.ones((LENGTH, POSITIONS), "int32")), "holds 0 and 1"),
    ],
)
def test_wrong_shapes_are_said(change, message):
    with pytest.raises(LayerError, match=message):
        dot_product_attention(*change(*drawn("float32")))

"""Clipping, averages, parameter groups, and rows that are left alone."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from fnn import schedules
from fnn.errors import LayerError
from fnn.optim import (
    adamw,
    apply_updates,
    asgd,
    average,
    clip_by_global_norm,
    clip_by_value,
    global_norm,
    groups,
    muon,
    optimiser,
    sgd,
    sparse_adam,
)


def tree(dtype="float32", seed=0):
    random = np.random.default_rng(seed)
    shapes = {"weight": (3, 2), "bias": (3,)}
    return {name: random.normal(size=shape).astype(dtype) for name, shape in shapes.items()}


def assert_close(found, wanted, tolerance=1e-6):
    close = partial(np.testing.assert_allclose, rtol=tolerance, atol=tolerance)
    jax.tree.map(close, found, wanted)


@pytest.mark.parametrize("maximum", [0.5, 100.0])
def test_clip_by_global_norm_equals_optax(maximum):
    grads = tree()
    flat = np.concatenate([grads["bias"], grads["weight"].ravel()])
    np.testing.assert_allclose(global_norm(grads), np.linalg.norm(flat), rtol=1e-6)
    clip = optax.clip_by_global_norm(maximum)
    wanted, _ = clip.update(grads, clip.init(grads))
    assert_close(clip_by_global_norm(grads, maximum), wanted)


@pytest.mark.parametrize("order", [2, 1, 3.5, 0, np.inf, -np.inf])
def test_clipping_equals_pytorch(order):
    torch = pytest.importorskip("torch")
    for maximum in (0.3, 50.0):
        grads = tree("float64")
        theirs = {n: torch.zeros(g.shape, dtype=torch.float64) for n, g in grads.items()}
        for name, tensor in theirs.items():
            tensor.grad = torch.tensor(grads[name])
        norm = torch.nn.utils.clip_grad_norm_(theirs.values(), maximum, order)
        with jax.enable_x64(True):
            np.testing.assert_allclose(global_norm(grads, order), norm, rtol=1e-12)
            clipped = clip_by_global_norm(grads, maximum, order=order, eps=1e-6)
            assert_close(clipped, {n: t.grad.numpy() for n, t in theirs.items()}, 1e-12)
            torch.nn.utils.clip_grad_value_(theirs.values(), 0.1)
            clipped = clip_by_value(clipped, 0.1)
            assert_close(clipped, {n: t.grad.numpy() for n, t in theirs.items()}, 1e-12)


def test_clip_by_global_norm_of_nothing_and_of_mixed_types():
    zero = {"a": jnp.zeros(2), "b": jnp.zeros(2, jnp.bfloat16)}
    assert not any(leaf.any() for leaf in jax.tree.leaves(clip_by_global_norm(zero, 1.0)))
    mixed = {"a": jnp.full(2, 3.0), "b": jnp.full(1, 300.0, jnp.float16)}
    np.testing.assert_allclose(global_norm(mixed), np.sqrt(90018), rtol=1e-6)
    assert clip_by_global_norm(mixed, 1.0)["b"].dtype == jnp.float16
    assert global_norm({}) == 0


def test_gradients_that_are_not_finite():
    grads = {"a": jnp.asarray([1.0, jnp.inf])}
    clip = partial(clip_by_global_norm, maximum=1.0, error_if_nonfinite=True)
    with pytest.raises(LayerError, match="norm inf, wanted finite"):
        clip(grads)
    assert jnp.isnan(jax.jit(clip)(grads)["a"]).any()
    assert_close(clip({"a": jnp.ones(1)}), {"a": np.ones(1)})


@pytest.mark.parametrize("decay", [None, 0.9])
def test_averages_equal_pytorch(decay):
    torch = pytest.importorskip("torch")
    model = torch.nn.Linear(2, 3).double()
    rule = None if decay is None else torch.optim.swa_utils.get_ema_multi_avg_fn(decay)
    theirs = torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=rule)
    with jax.enable_x64(True):
        ours = average.init(tree("float64", 9))
        update = jax.jit(average.update)
        for seed in range(4):
            now = tree("float64", seed)
            model.load_state_dict({n: torch.tensor(p) for n, p in now.items()})
            theirs.update_parameters(model)
            ours = update(ours, now, decay=decay)
        wanted = {n: p.detach().numpy() for n, p in theirs.module.named_parameters()}
        assert_close(ours.params, wanted, 1e-12)


FAST, SLOW = optimiser(sgd, learning_rate=1.0, momentum=0.5), optimiser(adamw, learning_rate=0.01)


def test_groups_do_what_each_optimiser_does():
    params = {"0": tree(), "1": tree(seed=1), "2": (jnp.ones(1), None)}
    ours = groups(("0.*", None), ("*.bias", FAST), ("*", SLOW))
    fast = {"bias": params["1"]["bias"]}
    slow = {"weight": params["1"]["weight"], "2": params["2"][0]}
    state, alone = ours.init(params), (FAST.init(fast), SLOW.init(slow))
    update = jax.jit(ours.update)
    for _ in range(3):
        updates, state = update(params, state, params)
        quick, after = FAST.update(fast, alone[0], fast)
        steady, later = SLOW.update(slow, alone[1], slow)
        alone = after, later
        assert not any(leaf.any() for leaf in jax.tree.leaves(updates["0"]))
        assert_close(updates["1"], quick | {"weight": steady["weight"]})
        assert_close(updates["2"], (steady["2"], None))
    assert jax.tree.structure(apply_updates(params, updates)) == jax.tree.structure(params)
    assert hash(ours) == hash(groups(("0.*", None), ("*.bias", FAST), ("*", SLOW)))


def test_groups_take_optax_and_matrices_go_to_muon():
    ours = groups(("weight", optimiser(muon, learning_rate=0.1)), ("*", optax.sgd(0.5)))
    params = jax.tree.map(jnp.asarray, tree())
    updates, _ = ours.update(params, ours.init(params), params)
    assert_close(updates["bias"], -0.5 * params["bias"])
    with pytest.raises(LayerError, match="wanted a matrix"):
        muon.update(params, muon.init(params), params)


def test_groups_ask_for_what_they_need():
    with pytest.raises(LayerError, match="parameter bias, wanted one that matches 'weight'"):
        groups(("weight", FAST)).init(tree())
    with pytest.raises(LayerError, match="'wieght', which is the first to match no parameter"):
        groups(("wieght", FAST), ("*", SLOW)).init(tree())


def test_a_schedule_makes_the_first_state_too():
    ours = optimiser(asgd, learning_rate=schedules.exponential(0.5, 0.1), decay=0.0)
    params, rates = jnp.zeros(1), []
    state = ours.init(params)
    for _ in range(3):
        updates, state = ours.update(jnp.ones(1), state, params)
        rates.append(-float(updates[0]))
    np.testing.assert_allclose(rates, [0.5, 0.5, 0.05], rtol=1e-6)  # a step's rate is made before


@pytest.mark.parametrize("maximize", [False, True])
@pytest.mark.filterwarnings("ignore:Sparse invariant checks")
def test_sparse_adam_equals_pytorch(maximize):
    torch = pytest.importorskip("torch")
    table, random = tree("float64")["weight"], np.random.default_rng(1)
    theirs = torch.nn.Parameter(torch.tensor(table))
    hyper = {"betas": (0.8, 0.9), "eps": 1e-3, "maximize": maximize}
    other = torch.optim.SparseAdam([theirs], lr=0.1, **hyper)
    with jax.enable_x64(True):
        ours = optimiser(sparse_adam, learning_rate=0.1, **hyper)
        params = jnp.asarray(table)
        state = ours.init(params)
        for rows in ([0, 1], [2], [1, 2], [0]):
            grad = np.zeros_like(table)
            grad[rows] = random.normal(size=(len(rows), 2))
            theirs.grad = torch.sparse_coo_tensor([rows], grad[rows], table.shape)
            other.step()
            updates, state = ours.update(jnp.asarray(grad), state, params)
            params = apply_updates(params, updates)
            np.testing.assert_allclose(params, theirs.detach().numpy(), rtol=1e-12)

"""Optimisers against PyTorch and Torch7, their types, their programs, and what they refuse."""

import json
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from fnn import schedules
from fnn.errors import LayerError
from fnn.optim import (
    Optimiser,
    adagrad,
    adam,
    adamw,
    apply_updates,
    clip_by_global_norm,
    global_norm,
    optimiser,
    rmsprop,
    sgd,
)

NAMES = {
    "learning_rate": "lr",
    "learning_rate_decay": "lr_decay",
    "initial_accumulator": "initial_accumulator_value",
}
TABLE = [
    (sgd, {"learning_rate": 0.1}),
    (sgd, {"learning_rate": 0.1, "weight_decay": 0.03, "maximize": True}),
    (sgd, {"learning_rate": 0.05, "momentum": 0.9}),
    (sgd, {"learning_rate": 0.05, "momentum": 0.9, "dampening": 0.4, "weight_decay": 0.03}),
    (sgd, {"learning_rate": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.03}),
    (sgd, {"learning_rate": 0.05, "momentum": 0.9, "maximize": True}),
    (adam, {}),
    (adam, {"learning_rate": 0.1, "betas": (0.8, 0.95), "eps": 1e-3}),
    (adam, {"learning_rate": 0.1, "betas": (0.0, 0.95)}),
    (adam, {"learning_rate": 0.1, "weight_decay": 0.03, "maximize": True}),
    (adam, {"learning_rate": 0.1, "amsgrad": True, "betas": (0.5, 0.6)}),
    (adamw, {}),
    (adamw, {"learning_rate": 0.1, "betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": 0.2}),
    (adamw, {"learning_rate": 0.1, "amsgrad": True, "betas": (0.5, 0.6), "maximize": True}),
    (rmsprop, {}),
    (rmsprop, {"alpha": 0.8, "eps": 1e-3, "weight_decay": 0.03, "maximize": True}),
    (rmsprop, {"momentum": 0.9}),
    (rmsprop, {"centered": True}),
    (rmsprop, {"centered": True, "momentum": 0.5, "weight_decay": 0.03}),
    (adagrad, {}),
    (adagrad, {"learning_rate": 0.2, "learning_rate_decay": 0.1, "eps": 1e-3}),
    (adagrad, {"initial_accumulator": 0.5, "weight_decay": 0.03, "maximize": True}),
]


def label(value):
    return value.__name__.rpartition(".")[2] if hasattr(value, "__name__") else str(value)


every_row = pytest.mark.parametrize(("module", "hyper"), TABLE, ids=label)


def tree(dtype):
    random = np.random.default_rng(0)
    shapes = {"weight": (3, 2), "bias": (3,)}
    return {name: random.normal(size=shape).astype(dtype) for name, shape in shapes.items()}


def gradient(params):
    """Of a bowl that is no circle: far from zero in places, near it in others."""
    return jax.tree.map(lambda p: (p - 0.3) * (1 + p * p), params)


@every_row
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-6)])
def test_equals_pytorch(module, hyper, dtype, tolerance):
    torch = pytest.importorskip("torch")
    names = {"sgd": "SGD", "adam": "Adam", "adamw": "AdamW", "rmsprop": "RMSprop"}
    theirs = {n: torch.tensor(p, requires_grad=True) for n, p in tree(dtype).items()}
    keywords = {NAMES.get(n, n): v for n, v in hyper.items()}
    make = getattr(torch.optim, names.get(label(module), "Adagrad"))
    other = make(list(theirs.values()), **keywords)
    with jax.enable_x64(dtype == "float64"):
        ours = optimiser(module, **hyper)
        params = jax.tree.map(jnp.asarray, tree(dtype))
        state = ours.init(params)
        for i in range(20):
            grads = gradient(params)
            updates, state = ours.update(grads, state, params)
            params = apply_updates(params, updates)
            for name, p in theirs.items():
                p.grad = torch.tensor(np.array(grads[name]))
            other.step()
            assert state.step == i + 1
            for name, p in theirs.items():
                assert params[name].dtype == dtype
                np.testing.assert_allclose(
                    params[name], p.detach().numpy(), rtol=tolerance, atol=tolerance
                )


# The original Torch7, double precision: `optim.sgd` from x0, and x after 1, 2, 3, 10 and 50 steps.
ORACLE = json.loads(Path(__file__).with_name("oracle_optim_sgd.json").read_text())


def slope(problem, x):
    if problem == "rosenbrock":
        a, b = x
        return jnp.stack([400 * a * (a * a - b) + 2 * a - 2, 200 * (b - a * a)])
    matrix = np.diag(np.arange(1.0, 11)) + (np.eye(10, k=1) + np.eye(10, k=-1)) / 4
    return matrix @ x - np.resize([0.5, 1.5, -0.5], 10)


@pytest.mark.parametrize("case", ORACLE, ids=lambda case: f"{case['problem']}-{[*case['config']]}")
def test_sgd_equals_torch7(case):
    config = {"learningRate": 1e-3, "momentum": 0.0} | case["config"]
    rate = config["learningRate"] * np.asarray(config.get("learningRates", 1.0))
    decay = config.get("weightDecays", config.get("weightDecay", 0.0))
    hyper = {
        "learning_rate": rate,
        "learning_rate_decay": config.get("learningRateDecay", 0.0),
        "weight_decay": np.asarray(decay) if isinstance(decay, list) else decay,
        "momentum": config["momentum"],
        "dampening": config.get("dampening", config["momentum"]),
        "nesterov": config.get("nesterov", False),
    }
    with jax.enable_x64(True):
        x = jnp.asarray(case["x0"], jnp.float64)
        state = sgd.init(x, momentum=config["momentum"])
        for i in range(50):
            updates, state = sgd.update(slope(case["problem"], x), state, x, **hyper)
            x = apply_updates(x, updates)
            if str(i + 1) in case["x"]:
                np.testing.assert_allclose(x, case["x"][str(i + 1)], rtol=1e-12, atol=1e-12)


def test_sgd_rate_decays_from_the_second_step():
    params, state = jnp.zeros(1), sgd.init(None)
    rates = []
    for _ in range(3):
        updates, state = sgd.update(
            jnp.ones(1), state, params, learning_rate=0.6, learning_rate_decay=0.5
        )
        rates.append(-float(updates[0]))
    np.testing.assert_allclose(rates, [0.6, 0.4, 0.3], rtol=1e-6)


@every_row
@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32", "float64"])
@pytest.mark.parametrize("traced", [False, True])
def test_no_type_changes(module, hyper, dtype, traced):
    """Whatever the type of the hyperparameters: here single precision, if traced."""
    with jax.enable_x64(dtype == "float64"):
        params = jax.tree.map(lambda p: jnp.asarray(p, dtype), tree("float32"))
        ours = optimiser(module, **hyper)
        state, update = ours.init(params), ours.update
        if traced:
            flags = {n: v for n, v in hyper.items() if type(v) is bool}
            numbers = {n: jax.tree.map(jnp.float32, v) for n, v in hyper.items() if n not in flags}
            taken = {
                n: v
                for n, v in (numbers | flags).items()
                if n not in ("amsgrad", "centered", "initial_accumulator")
            }
            update = partial(module.update, **taken)
        updates, after = update(gradient(params), state, params)
        moved = apply_updates(params, updates)
    types = partial(jax.tree.map, lambda leaf: leaf.dtype)
    assert types((updates, after, moved)) == types((params, state, params))
    assert all(jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(moved))


@every_row
def test_new_numbers_compile_nothing(module, hyper):
    params = jax.tree.map(jnp.asarray, tree("float32"))
    state = optimiser(module, **hyper).init(params)
    static = {n: v for n, v in hyper.items() if type(v) is bool and n in ("maximize", "nesterov")}
    numbers = {"learning_rate": 0.1, "weight_decay": 0.1}
    numbers |= {n: v for n, v in hyper.items() if n in ("betas", "momentum", "alpha", "eps")}
    traces = []

    @jax.jit
    def step(state, params, numbers):
        traces.append(1)
        return module.update(gradient(params), state, params, **numbers, **static)

    for factor in (1.0, 0.9, 0.8):
        scaled = jax.tree.map(lambda number: number * factor, numbers)  # noqa: B023
        updates, after = step(state, params, scaled)
        plain, _ = module.update(gradient(params), state, params, **scaled, **static)
        jax.tree.map(partial(np.testing.assert_allclose, rtol=2e-6), updates, plain)
    assert len(traces) == 1
    assert jax.tree.structure(after) == jax.tree.structure(state)


@every_row
def test_an_optimiser_is_a_value(module, hyper):
    one, other = optimiser(module, **hyper), optimiser(module, **dict(reversed(hyper.items())))
    assert one == other
    assert hash(one) == hash(other)
    assert one != optimiser(module, **(hyper | {"learning_rate": 0.123}))
    traces = []

    @partial(jax.jit, static_argnums=0)
    def init(optimiser, params):
        traces.append(1)
        return optimiser.init(params)

    params = tree("float32")
    assert jax.tree.structure(init(one, params)) == jax.tree.structure(init(other, params))
    assert len(traces) == 1


def test_a_schedule_is_called_with_the_step():
    ours = optimiser(
        sgd, learning_rate=schedules.step(1.0, 2, 0.5), momentum=schedules.constant(0.0)
    )
    params = jnp.zeros(1)
    state, rates = ours.init(params), []
    for _ in range(5):
        updates, state = jax.jit(ours.update)(jnp.ones(1), state, params)
        rates.append(-float(updates[0]))
    assert rates == [1, 1, 0.5, 0.5, 0.25]


def test_plain_descent_keeps_no_velocity_and_no_superfluous_arithmetic():
    params = tree("float32")
    assert sgd.init(params).velocity is None
    program = jax.make_jaxpr(lambda s, p: sgd.update(p, s, p, learning_rate=0.1))
    found = [e.primitive.name for e in program(sgd.init(params), params).eqns]
    assert sorted(found) == ["add", "mul", "mul"]


def test_nested_trees_and_empty_ones():
    params = {"0": {"weight": jnp.ones(2)}, "1": {}, "2": (jnp.ones(1), None)}
    for module in (sgd, adam, adamw, rmsprop, adagrad):
        state = module.init(params)
        updates, after = module.update(params, state, params)
        assert jax.tree.structure(updates) == jax.tree.structure(params)
        assert jax.tree.structure(after) == jax.tree.structure(state)
        assert module.update({}, module.init({}), {})[0] == {}


@pytest.mark.parametrize("name", ["momentum", "nesterov"])
def test_sgd_asks_for_what_it_needs(name):
    params = tree("float32")
    with pytest.raises(LayerError, match="init.*momentum" if name == "momentum" else "momentum"):
        sgd.update(params, sgd.init(params), params, **{name: True})
    damped = {"momentum": 0.9, "dampening": 0.1, "nesterov": True}
    with pytest.raises(LayerError, match="undamped"):
        sgd.update(params, sgd.init(params, momentum=0.9), params, **damped)
    with pytest.raises(LayerError, match="made without momentum"):
        rmsprop.update(params, rmsprop.init(params), params, momentum=0.9)


def test_an_unknown_hyperparameter_is_refused():
    with pytest.raises(LayerError, match=r"'lerning_rate'; did you mean 'learning_rate'\?"):
        optimiser(sgd, lerning_rate=0.1)
    with pytest.raises(LayerError, match="it takes: amsgrad, betas"):
        optimiser(adam, q=1)


def test_repr_is_its_construction():
    ours = optimiser(sgd, learning_rate=0.1, momentum=0.9)
    assert repr(ours) == "optimiser(sgd, learning_rate=0.1, momentum=0.9)"
    assert isinstance(ours, Optimiser)


@pytest.mark.parametrize("maximum", [0.5, 100.0])
def test_clip_by_global_norm_equals_optax(maximum):
    grads = tree("float32")
    flat = np.concatenate([grads["bias"], grads["weight"].ravel()])
    np.testing.assert_allclose(global_norm(grads), np.linalg.norm(flat), rtol=1e-6)
    clip = optax.clip_by_global_norm(maximum)
    wanted, _ = clip.update(grads, clip.init(grads))
    found = clip_by_global_norm(grads, maximum)
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-6), found, wanted)


def test_clip_by_global_norm_of_nothing_and_of_mixed_types():
    zero = {"a": jnp.zeros(2), "b": jnp.zeros(2, jnp.bfloat16)}
    assert not any(leaf.any() for leaf in jax.tree.leaves(clip_by_global_norm(zero, 1.0)))
    mixed = {"a": jnp.full(2, 3.0), "b": jnp.full(1, 300.0, jnp.float16)}
    np.testing.assert_allclose(global_norm(mixed), np.sqrt(90018), rtol=1e-6)
    assert clip_by_global_norm(mixed, 1.0)["b"].dtype == jnp.float16

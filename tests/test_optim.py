"""Optimisers against PyTorch and Torch7, their types, their programs, and what they refuse."""

from functools import partial
from inspect import signature

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn import schedules
from fnn.errors import LayerError
from fnn.optim import (
    Optimiser,
    adadelta,
    adafactor,
    adagrad,
    adam,
    adamax,
    adamw,
    apply_updates,
    asgd,
    muon,
    nadam,
    nag,
    optimiser,
    radam,
    rmsprop,
    rprop,
    sgd,
)

pytestmark = pytest.mark.unoptimised

NAMES = {
    "learning_rate": "lr",
    "learning_rate_decay": "lr_decay",
    "initial_accumulator": "initial_accumulator_value",
    "step_size": "lr",
    "factors": "etas",
    "limits": "step_sizes",
    "decay": "lambd",
    "power": "alpha",
    "start": "t0",
    "square_decay": "beta2_decay",
    "clip": "d",
    "coefficients": "ns_coefficients",
    "iterations": "ns_steps",
    "adjustment": "adjust_lr_fn",
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
    (adam, {"learning_rate": 0.1, "weight_decay": 0.2, "decoupled_weight_decay": True}),
    (adadelta, {}),
    (adadelta, {"rho": 0.7, "eps": 1e-3, "weight_decay": 0.03, "maximize": True}),
    (adamax, {}),
    (adamax, {"betas": (0.7, 0.9), "eps": 1e-3, "weight_decay": 0.03, "maximize": True}),
    (nadam, {"learning_rate": 0.05}),
    (nadam, {"betas": (0.8, 0.95), "momentum_decay": 0.1, "weight_decay": 0.1, "maximize": True}),
    (nadam, {"eps": 1e-3, "weight_decay": 0.2, "decoupled_weight_decay": True}),
    (radam, {"learning_rate": 0.1}),
    (radam, {"betas": (0.8, 0.9), "eps": 1e-3, "weight_decay": 0.1, "maximize": True}),
    (radam, {"betas": (0.8, 0.7), "weight_decay": 0.2, "decoupled_weight_decay": True}),
    (rprop, {}),
    (rprop, {"step_size": 0.5, "factors": (0.3, 1.5), "limits": (0.01, 0.6), "maximize": True}),
    (asgd, {}),
    (asgd, {"learning_rate": 0.1, "decay": 0.1, "power": 0.5, "start": 3, "weight_decay": 0.1}),
    (asgd, {"start": 0, "maximize": True}),
    (adafactor, {}),
    (adafactor, {"learning_rate": 0.9, "square_decay": -0.5, "clip": 1.5, "maximize": True}),
    (adafactor, {"learning_rate": 0.2, "eps": (1e-2, 0.1), "weight_decay": 0.1}),
]
# What PyTorch has not, or not in the same precision.
OURS = [
    (adam, {"learning_rate": 0.1, "learning_rate_decay": 0.1, "epsilon_hat": True}),
    (nag, {"learning_rate": 0.1, "learning_rate_decay": 0.1, "momentum": 0.5}),
    (muon, {"learning_rate": 0.1, "precision": None}),
]


def label(value):
    return value.__name__.rpartition(".")[2] if hasattr(value, "__name__") else str(value)


every_row = pytest.mark.parametrize(("module", "hyper"), TABLE + OURS, ids=label)


def tree(dtype, module=None):
    random = np.random.default_rng(0)
    shapes = {"weight": (3, 2), "bias": (3,)}
    if module is muon:
        del shapes["bias"]
    return {name: random.normal(size=shape).astype(dtype) for name, shape in shapes.items()}


def split(module, hyper):
    """The numbers of an update, which may be traced, and what is part of its program."""
    taken = {n: v for n, v in hyper.items() if n in signature(module.update).parameters}
    numbers = {n: v for n, v in taken.items() if type(v) in (float, tuple)}
    return numbers, {n: v for n, v in taken.items() if n not in numbers}


def gradient(params):
    """Of a bowl that is no circle: far from zero in places, near it in others."""
    return jax.tree.map(lambda p: (p - 0.3) * (1 + p * p), params)


CLASSES = {"sgd": "SGD", "asgd": "ASGD", "rmsprop": "RMSprop", "adamw": "AdamW"}
CLASSES |= {"nadam": "NAdam", "radam": "RAdam"}


def theirs(module, hyper, params):
    """PyTorch's optimiser with the same hyperparameters, for some of the arrays."""
    torch = pytest.importorskip("torch")
    ours = label(module)
    keywords = {NAMES.get(n, n): v for n, v in hyper.items()}
    return getattr(torch.optim, CLASSES.get(ours, ours.capitalize()))(params, **keywords)


def assert_equals_pytorch(module, hyper, dtype, tolerance, **ours):
    torch = pytest.importorskip("torch")
    start = tree(dtype, module)
    tensors = {n: torch.tensor(p, requires_grad=True) for n, p in start.items()}
    other = theirs(module, hyper, list(tensors.values()))
    with jax.enable_x64(dtype == "float64"):
        rule = optimiser(module, **hyper, **ours)
        params = jax.tree.map(jnp.asarray, start)
        state = rule.init(params)
        for i in range(20):
            grads = gradient(params)
            updates, state = rule.update(grads, state, params)
            params = apply_updates(params, updates)
            for name, p in tensors.items():
                p.grad = torch.tensor(np.array(grads[name]))
            other.step()
            assert state.step == i + 1
            for name, p in tensors.items():
                assert params[name].dtype == dtype
                np.testing.assert_allclose(
                    params[name], p.detach().numpy(), rtol=tolerance, atol=tolerance
                )
    return state, other.state


@pytest.fixture
def double_scalars():
    """PyTorch keeps some scalars in its default type: let them be no less exact than ours."""
    torch = pytest.importorskip("torch")
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize(("module", "hyper"), TABLE, ids=label)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-6)])
def test_equals_pytorch(module, hyper, dtype, tolerance, double_scalars):
    assert_equals_pytorch(module, hyper, dtype, tolerance)


def test_asgd_averages_as_pytorch_does(double_scalars):
    state, kept = assert_equals_pytorch(asgd, {"start": 5}, "float64", 1e-12)
    for found, wanted in zip(jax.tree.leaves(state.average)[::-1], kept.values(), strict=True):
        np.testing.assert_allclose(found, wanted["ax"], rtol=1e-12)


@pytest.mark.parametrize(
    "hyper",
    [
        {"learning_rate": 0.1},
        {"learning_rate": 0.1, "nesterov": False, "momentum": 0.5, "weight_decay": 0.0},
        {"adjustment": "match_rms_adamw", "iterations": 3, "coefficients": (2.0, -1.5, 0.5)},
    ],
)
def test_muon_equals_pytorch(monkeypatch, hyper):
    """In the parameter's precision, into which PyTorch's is changed; in bfloat16 nearly."""
    torch = pytest.importorskip("torch")
    assert_equals_pytorch(muon, hyper, "float32", 2e-2)
    monkeypatch.setattr(torch.Tensor, "bfloat16", torch.Tensor.clone)
    assert_equals_pytorch(muon, hyper, "float64", 1e-12, precision=None)


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
        params = jax.tree.map(lambda p: jnp.asarray(p, dtype), tree("float32", module))
        ours = optimiser(module, **hyper)
        state, update = ours.init(params), ours.update
        if traced:
            numbers, fixed = split(module, hyper)
            update = partial(module.update, **jax.tree.map(jnp.float32, numbers), **fixed)
        updates, after = update(gradient(params), state, params)
        moved = apply_updates(params, updates)
    types = partial(jax.tree.map, lambda leaf: leaf.dtype)
    assert types((updates, after, moved)) == types((params, state, params))
    assert all(jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(moved))


@every_row
def test_new_numbers_compile_nothing(module, hyper):
    params = jax.tree.map(jnp.asarray, tree("float32", module))
    state = optimiser(module, **hyper).init(params)
    numbers, static = split(module, hyper)
    known = signature(module.update).parameters
    numbers = {n: 0.1 for n in ("learning_rate", "weight_decay") if n in known} | numbers
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
    rate = "step_size" if module is rprop else "learning_rate"
    assert one != optimiser(module, **(hyper | {rate: 0.123}))
    traces = []

    @partial(jax.jit, static_argnums=0)
    def init(optimiser, params):
        traces.append(1)
        return optimiser.init(params)

    params = tree("float32", module)
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
    with pytest.raises(LayerError, match="'sgd', wanted a module with init and update"):
        optimiser("sgd")


def test_repr_is_its_construction():
    ours = optimiser(sgd, learning_rate=0.1, momentum=0.9)
    assert repr(ours) == "optimiser(sgd, learning_rate=0.1, momentum=0.9)"
    assert isinstance(ours, Optimiser)

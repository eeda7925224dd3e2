"""Minimisers against PyTorch, on trees, inside programs, and on functions with many minima."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn.errors import LayerError
from fnn.minimise import Draws, Wolfe, cg, cmaes, differential_evolution, fista, lbfgs

pytestmark = pytest.mark.unoptimised


def valley(params):
    """Rosenbrock's, of a tree of five numbers."""
    x = jnp.concatenate([params["a"], params["b"].ravel()])
    return jnp.sum(100 * jnp.square(x[1:] - jnp.square(x[:-1])) + jnp.square(1 - x[:-1]))


def start(dtype="float64"):
    return {"a": np.array([-1.2], dtype), "b": np.array([[1.0, -0.5], [0.3, 2.0]], dtype)}


@pytest.mark.parametrize(
    "hyper",
    [
        {"learning_rate": 0.1},
        {"learning_rate": 0.2, "max_iterations": 3, "history": 2},
        {"search": "strong_wolfe"},
        {"search": "strong_wolfe", "learning_rate": 0.5, "history": 3, "max_iterations": 7},
        {"search": "strong_wolfe", "max_evaluations": 9, "max_iterations": 50},
        {"search": "strong_wolfe", "tolerance_gradient": 1.0, "tolerance_change": 1e-3},
    ],
)
def test_lbfgs_equals_pytorch(hyper):
    torch = pytest.importorskip("torch")
    names = {
        "learning_rate": "lr",
        "max_iterations": "max_iter",
        "max_evaluations": "max_eval",
        "history": "history_size",
        "search": "line_search_fn",
        "tolerance_gradient": "tolerance_grad",
    }
    tensors = {n: torch.tensor(p, requires_grad=True) for n, p in start().items()}
    theirs = torch.optim.LBFGS(
        list(tensors.values()), **{names.get(n, n): v for n, v in hyper.items()}
    )

    def closure():
        theirs.zero_grad()
        x = torch.cat([tensors["a"], tensors["b"].ravel()])
        value = torch.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)
        value.backward()
        return value

    search = Wolfe() if "search" in hyper else None
    with jax.enable_x64(True):
        run = jax.jit(partial(lbfgs, jax.value_and_grad(valley), **(hyper | {"search": search})))
        params, state = jax.tree.map(jnp.asarray, start()), None
        for _ in range(3):
            first = theirs.step(closure)
            found = run(params, state)
            params, state = found.params, found.state
            np.testing.assert_allclose(found.values[0], first.item(), rtol=1e-8)
            for name, p in tensors.items():
                np.testing.assert_allclose(params[name], p.detach().numpy(), rtol=1e-8)
            kept = theirs.state[tensors["a"]]
            assert (kept["func_evals"], kept["n_iter"]) == (state.evaluations, state.iterations)


@pytest.mark.parametrize("minimiser", [partial(lbfgs, search=Wolfe(), max_iterations=60), cg])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_finds_the_minimum_in_the_parameters_type(minimiser, dtype):
    with jax.enable_x64(dtype == "float64"):
        limits = {"max_evaluations": 600} if minimiser is cg else {}
        found = jax.jit(partial(minimiser, jax.value_and_grad(valley), **limits))(start(dtype))
        assert {leaf.dtype for leaf in jax.tree.leaves(found.params)} == {np.dtype(dtype)}
        for leaf in jax.tree.leaves(found.params):
            np.testing.assert_allclose(leaf, 1.0, atol=1e-3 if dtype == "float32" else 1e-5)
        assert found.value == found.values[found.recorded - 1]
        assert jnp.isnan(found.values[found.recorded :]).all()


def test_many_starts_at_once():
    run = partial(lbfgs, jax.value_and_grad(valley), search=Wolfe(), max_iterations=40)
    starts = jax.tree.map(lambda p: jnp.stack([p, -p, p + 0.5]), start("float32"))
    found, alone = jax.vmap(run)(starts), jax.jit(run)
    values = [alone(jax.tree.map(lambda p: p[i], starts)).value for i in range(3)]  # noqa: B023
    np.testing.assert_allclose(found.value, values, atol=1e-4)


def test_a_function_may_look_at_its_numbers():
    """As one that can't be traced does."""

    def bowl(x):
        numbers = np.asarray(x)
        return float(numbers @ numbers), 2 * jnp.asarray(numbers)

    x = jnp.asarray([3.0, -4.0])
    found = lbfgs(bowl, x, search=Wolfe(), compiled=False)
    np.testing.assert_allclose(found.params, 0, atol=1e-6)
    found = cg(bowl, x, compiled=False)
    np.testing.assert_allclose(found.params, 0, atol=1e-3)


def test_cg_goes_on_after_one_failed_line_search():
    """Two walls: the first direction's search ends without success after five evaluations."""

    def walls(x):
        return jnp.sum(jnp.abs(x) ** 1.5)

    run = partial(cg, jax.value_and_grad(walls), jnp.asarray([5.0, -3.0]), max_iterations=1)
    run = partial(run, max_evaluations=30)
    assert run(retry=True).evaluations > run(retry=False).evaluations


def test_fista_takes_trees():
    def smooth(params):
        return jnp.square(params["x"] - 2.0) + jnp.square(params["y"] - 0.1)

    found = fista(
        jax.value_and_grad(smooth),
        lambda params: sum(map(jnp.abs, params.values())),
        lambda params, inverse: jax.tree.map(
            lambda x: jnp.sign(x) * jnp.maximum(jnp.abs(x) - 1 / inverse, 0), params
        ),
        {"x": jnp.zeros(()), "y": jnp.ones(())},
    )
    np.testing.assert_allclose(found.params["x"], 1.5, atol=1e-2)
    assert found.params["y"] == 0


def ripples(x):
    """Rastrigin's function: a minimum at every whole number, the lowest at zero."""
    return jnp.sum(jnp.square(x) + 10 * (1 - jnp.cos(2 * jnp.pi * x)))


@pytest.mark.parametrize("seed", range(5))
def test_cmaes_finds_the_lowest(seed):
    run = partial(cmaes, ripples, sigma=3.0, population=80, max_evaluations=4000, target=1e-4)
    found = run(jnp.asarray([4.0, -3.0, 2.0]), jax.random.key(seed), compiled=True)
    np.testing.assert_allclose(found.params, 0, atol=1e-2)
    assert found.value <= 1e-4


@pytest.mark.parametrize("compiled", [True, False])
def test_cmaes_begins_where_it_is_told(compiled):
    run = partial(cmaes, ripples, sigma=3.0, population=40, max_evaluations=200)
    found = run(jnp.asarray([4.0, -3.0, 2.0]), jax.random.key(1), compiled=compiled)
    assert found.values[0] == ripples(jnp.asarray([4.0, -3.0, 2.0]))
    assert found.value == jnp.nanmin(found.values)


def test_cmaes_by_hand():
    """One generation from given numbers: the mean of the better half, and the new size."""
    drawn = np.random.default_rng(0).normal(size=(6, 2))
    with jax.enable_x64(True):
        run = partial(cmaes, lambda x: x @ x, jnp.ones(2), lambda generation: drawn, sigma=0.5)
        found = run(max_evaluations=6)
        candidates = 1 + 0.5 * drawn
        values = (candidates**2).sum(1)
        np.testing.assert_allclose(found.params, candidates[values.argmin()], rtol=1e-12)
        np.testing.assert_allclose(found.values[: found.recorded], [2, values.min(), values.min()])
        assert found.evaluations == 7


@pytest.mark.parametrize("as_torch7", [False, True])
def test_differential_evolution_finds_the_lowest(as_torch7):
    run = partial(differential_evolution, ripples, max_evaluations=6000, scale=0.5, crossover=0.1)
    run = partial(run, region=(-6.0, 6.0), as_torch7=as_torch7)
    found = jax.jit(run)(jnp.zeros(3), jax.random.key(3))
    np.testing.assert_allclose(found.params, 0, atol=1e-2)
    assert found.value == jnp.min(found.values)
    assert found.recorded == found.evaluations == 6000


@pytest.mark.parametrize("as_torch7", [False, True])
def test_differential_evolution_by_hand(as_torch7):
    random = np.random.default_rng(0)
    first, chance = random.normal(size=(4, 2)), random.uniform(size=(4, 2))
    others, entry = np.array([[1, 2], [2, 3], [3, 0], [0, 1]]), np.array([0, 1, 1, 0])
    values = (first**2).sum(1)
    begin = values.argmax() if as_torch7 else values.argmin()
    mutant = first[begin] + 0.5 * (first[others[:, 0]] - first[others[:, 1]])
    places = np.arange(4)[:, None] if as_torch7 else np.arange(2)[None]
    children = np.where((chance < 0.5) | (places == entry[:, None]), mutant, first)
    with jax.enable_x64(True):
        draws = Draws(*map(jnp.asarray, (others, chance, entry)))
        found = differential_evolution(
            *(lambda x: x @ x, jnp.zeros(2), lambda generation: draws),
            max_evaluations=8,
            first=[jnp.asarray(row) for row in first],
            as_torch7=as_torch7,
        )
        wanted = np.concatenate([values, (children**2).sum(1)])
        np.testing.assert_allclose(found.values, wanted, rtol=1e-12)


def test_typing_errors_are_named():
    with pytest.raises(LayerError, match="stop='length'"):
        Wolfe(stop="length")

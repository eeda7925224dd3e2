"""Minimisers against the numbers of the original Torch7, double precision.

`oracle/minimise.jsonl`: a problem, the configuration, x0, and what each call returned; for the line
search where it ended; for FISTA the history of a sparse code.
"""

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn.minimise import Wolfe, cg, fista, lbfgs, lbfgs_init
from fnn.minimise.wolfe import Point, best, level_point

pytestmark = pytest.mark.unoptimised

CASES = [
    json.loads(line)
    for line in (Path(__file__).parent / "oracle/minimise.jsonl").read_text().splitlines()
]
NAMES = {
    "ext": "outside",
    "int": "inside",
    "learningRate": "learning_rate",
    "maxEval": "max_evaluations",
    "maxIter": "max_iterations",
    "nCorrection": "history",
    "rho": "rho",
    "ratio": "ratio",
    "sig": "sigma",
    "tolFun": "tolerance_gradient",
    "tolX": "tolerance_change",
    "L": "inverse_step",
    "Lstep": "growth",
    "doFistaUpdate": "accelerate",
    "errthres": "tolerance",
    "maxiter": "max_iterations",
    "lineSearch": "search",
}
SEARCH = Wolfe(iterations=20, stop="slope", extrapolate="best")
MATRIX = np.diag(np.arange(1.0, 11)) + (np.eye(10, k=1) + np.eye(10, k=-1)) / 4


def rosenbrock(x):
    return 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2


def quadratic(x):
    return x @ MATRIX @ x / 2 - x @ np.resize([0.5, 1.5, -0.5], 10)


PROBLEMS = {
    "rosenbrock": jax.value_and_grad(rosenbrock),
    "quadratic": jax.value_and_grad(quadratic),
}


def cases(*optimizers):
    chosen = [case for case in CASES if case["optimizer"] in optimizers]
    return pytest.mark.parametrize(
        "case", chosen, ids=lambda c: f"{c['optimizer']}-{c.get('problem')}-{c.get('config')}"
    )


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def run_of(case, compiled):
    """A call: from parameters and state to what is found."""
    hyper = {NAMES[n]: v for n, v in case["config"].items()}
    hyper = {"max_evaluations": hyper.setdefault("max_iterations", 20) * 1.25} | hyper
    function = PROBLEMS[case["problem"]]
    if case["optimizer"] == "cg":
        return lambda x, state: cg(function, x, retry=False, compiled=compiled, **hyper)
    hyper = {"tolerance_gradient": 1e-5, "order": 1} | hyper
    hyper["search"] = SEARCH if "search" in hyper else None
    return lambda x, state: lbfgs(function, x, state, compiled=compiled, **hyper)


def assert_as_recorded(run, x, state, call):
    """As far as a rounding error in `x` doesn't change the course of the run itself.

    On a quadratic function the cubic's highest coefficient is nothing but rounding errors, and a
    step along it is divided by it.
    """
    found, nudged = run(x, state), run(x + 1e-15, state)
    gap = np.abs(found.values - nudged.values) > 1e-12 * np.abs(found.values)
    sound = int(np.argmax(gap)) if gap.any() else int(found.recorded)
    assert sound > 1 or found.recorded == 1
    np.testing.assert_allclose(found.values[:sound], call["fx"][:sound], rtol=1e-10, atol=1e-10)
    if sound == found.recorded:
        np.testing.assert_allclose(found.params, call["x"], rtol=1e-7, atol=1e-10)
        assert call["evaluations"] in (None, found.evaluations)
    return found


@cases("cg", "lbfgs")
def test_minimises_as_torch7(case):
    x, run = jnp.asarray(case["x0"], jnp.float64), jax.jit(run_of(case, compiled=True))
    state = lbfgs_init(x, history=case["config"].get("nCorrection", 100))
    for call in case["calls"][:3]:  # in later ones rounding errors decide
        found = assert_as_recorded(run, x, state, call)
        state = state if found.state is None else found.state
        x = jnp.asarray(call["x"])


@pytest.mark.parametrize("name", ["cg", "lbfgs"])
def test_the_loop_can_be_pythons(name):
    cases = (c for c in CASES if c["optimizer"] == name and c["config"].get("maxIter") in (4, 5))
    case = next(cases)
    x = jnp.asarray(case["x0"], jnp.float64)
    assert_as_recorded(run_of(case, compiled=False), x, lbfgs_init(x), case["calls"][0])


@cases("lswolfe")
def test_line_search_equals_torch7(case):
    x, d = (jnp.asarray(case[n], jnp.float64) for n in ("x0", "d"))
    function = PROBLEMS[case["problem"]]
    value, gradient = function(x)
    place = x, jnp.asarray(case["t"], jnp.float64), d, value, gradient, gradient @ d
    value, gradient, t, evaluations = SEARCH(function, *place, budget=100)
    np.testing.assert_allclose(t, case["t_new"], rtol=1e-10)
    np.testing.assert_allclose(value, case["f_new"], rtol=1e-10)
    np.testing.assert_allclose(gradient, case["g_new"], rtol=1e-10, atol=1e-10)
    assert evaluations == case["lsFuncEval"]


@cases("polyinterp")
def test_interpolation_equals_torch7(case):
    first, second = (
        Point(jnp.asarray(x), jnp.asarray(f), jnp.zeros(0), jnp.asarray(g))
        for x, f, g in np.asarray(case["points"], "float64")
    )
    np.testing.assert_allclose(level_point(first, second, 0.0, 1.0), case["min"], rtol=1e-10)
    low, high = map(jnp.asarray, case["bounds"])
    np.testing.assert_allclose(best(first, second, low, high), case["min_bounded"], rtol=1e-10)


@pytest.mark.parametrize(
    ("values", "found"),
    [((1.0, 1.0), 3), ((np.inf, 1.0), 3), ((1.0, np.inf), 3), ((np.nan, 1.0), 4)],
    ids=str,
)
def test_interpolation_where_no_cubic_goes(values, found):
    """Torch7's numbers."""
    first, second = (
        Point(*map(jnp.asarray, (x, f, 0.0, 0.0))) for x, f in zip((3.0, 5.0), values, strict=True)
    )
    assert level_point(first, second, 3.0, 5.0) == found
    assert level_point(second, first, 3.0, 5.0) == found


def test_a_line_search_comes_back_from_infinity():
    """Torch7's numbers."""

    def function(x):
        return jnp.where(x.max() < 1, jnp.sum(-jnp.log1p(-x) - 3 * x), jnp.inf), 1 / (1 - x) - 3

    x = jnp.zeros(2)
    value, gradient = function(x)
    search = Wolfe(stop="slope", extrapolate="best", c2=0.1, iterations=20)
    place = x, jnp.ones(()), -gradient, value, gradient, -gradient @ gradient
    value, gradient, t, evaluations = search(function, *place, budget=None)
    np.testing.assert_allclose(value, -1.80276969793795, rtol=1e-10)
    np.testing.assert_allclose(t, 0.332934241908238, rtol=1e-10)
    assert evaluations == 6


@cases("FistaLS")
@pytest.mark.parametrize("compiled", [True, False])
def test_fista_equals_torch7(case, compiled):
    matrix, target, weight = (np.asarray(case[n]) for n in ("D", "target", "lambda"))

    def smooth(x):
        return jnp.sum(jnp.square(matrix @ x - target)) / 2

    def penalty(x):
        return weight * jnp.sum(jnp.abs(x))

    def shrink(x, inverse_step):
        return jnp.sign(x) * jnp.maximum(jnp.abs(x) - weight / inverse_step, 0)

    hyper = {NAMES[n]: v for n, v in case["config"].items()}
    found = fista(
        jax.value_and_grad(smooth),
        penalty,
        shrink,
        jnp.zeros(matrix.shape[1]),
        compiled=compiled,
        **hyper,
    )
    assert found.recorded == case["iterations"]
    history = found.state
    for name, column in (
        ("F", history.value),
        ("Fply", history.smooth),
        ("Gply", history.penalty),
        ("L", history.inverse_step),
        ("Q", history.bound),
        ("nline", history.searches),
    ):
        wanted = case["history"][name]
        np.testing.assert_allclose(column[: found.recorded][: len(wanted)], wanted, rtol=1e-10)
    np.testing.assert_allclose(found.params, case["solution"], rtol=1e-8, atol=1e-10)

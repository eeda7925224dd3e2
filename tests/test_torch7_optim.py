"""optim of Torch7: its state, its side effects, and numbers printed by the original."""

import json
from pathlib import Path

import numpy as np
import pytest

import fnn.torch7 as torch
import transforms
from fnn.torch7 import nn, optim

pytestmark = pytest.mark.unoptimised

ORACLE = Path(__file__).parent / "oracle"
CASES = [json.loads(line) for line in (ORACLE / "optim_all.jsonl").read_text().splitlines()]
STEPS = [case for case in CASES if "x" in case]
ADAM = [case for case in STEPS if case["optimizer"] == "adam"]


MATRIX = np.diag(np.arange(1.0, 11)) + (np.eye(10, k=1) + np.eye(10, k=-1)) / 4


def slope(problem, x):
    """The gradients of the two functions that the original minimised."""
    if problem == "rosenbrock":
        a, b = x
        return np.array([-400 * a * (b - a * a) - 2 * (1 - a), 200 * (b - a * a)])
    return MATRIX @ x - np.resize([0.5, 1.5, -0.5], 10)


def value(problem, x):
    """The two functions themselves."""
    if problem == "rosenbrock":
        a, b = x
        return 100 * (b - a * a) ** 2 + (1 - a) ** 2
    return x @ MATRIX @ x / 2 - x @ np.resize([0.5, 1.5, -0.5], 10)


def opfunc(case):
    """A function of tensors that gives a case's value and gradient."""

    def evaluate(x):
        array = np.asarray(x)
        return value(case["problem"], array), torch.fromarray(slope(case["problem"], array))

    return evaluate


def prepared(case):
    """The parameters, the configuration, and the state, which is that or another table."""
    given = case["config"].items()
    config = {n: torch.Tensor(x) if isinstance(x, list) else x for n, x in given}
    if "lineSearch" in config:
        config["lineSearch"] = optim.lswolfe
    return torch.Tensor(case["x0"]), config, {} if case.get("apart") else config


def assert_state(case, state):
    """The state has the numbers of the original's, and all that the original has in its."""
    for name, wanted in case["state"].items():
        found = np.ravel(np.asarray(state[name], float))
        np.testing.assert_allclose(found, np.ravel(wanted), rtol=1e-9, atol=1e-12, err_msg=name)
    assert {*case["state"], *case["keys"]} == set(state) - (set(case["config"]) - {"stepsize"})


@pytest.mark.parametrize("case", STEPS, ids=lambda c: f"{c['optimizer']}-{[*c['config']]}")
def test_steps_equal_the_original(case):
    x, config, state = prepared(case)
    method, given = getattr(optim, case["optimizer"]), x
    for i in range(50):
        x, fx, *average = method(opfunc(case), x, config, state)
        assert x is given
        if wanted := case["x"].get(str(i + 1)):
            np.testing.assert_allclose(np.asarray(x), wanted, rtol=1e-9, atol=1e-12)
            assert fx == [pytest.approx(case["fx"][str(i + 1)], rel=1e-9)]
        for mean in average:
            assert mean is state["ax"]
            if wanted := case["average"].get(str(i + 1)):
                np.testing.assert_allclose(np.asarray(mean), wanted, rtol=1e-9, atol=1e-12)
    assert_state(case, state)


LINES = [
    line
    for name in ("minimise", "population")
    for line in (ORACLE / f"{name}.jsonl").read_text().splitlines()
]
MINIMA = [*CASES, *map(json.loads, LINES)]


def cases(*names):
    chosen = [case for case in MINIMA if case["optimizer"] in names and "x" not in case]
    return pytest.mark.parametrize(
        "case", chosen, ids=lambda c: f"{c['optimizer']}-{c.get('problem')}-{c.get('config')}"
    )


@cases("lbfgs", "rprop")
def test_minimisers_equal_the_original(case):
    x, config, state = prepared(case)
    for call in case["calls"]:
        found, fx, *more = getattr(optim, case["optimizer"])(opfunc(case), x, config, state)
        assert found is x
        assert more == ([] if call["evaluations"] is None else [call["evaluations"]])
        np.testing.assert_allclose([*fx], call["fx"], rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(np.asarray(x), call["x"], rtol=1e-9, atol=1e-12)
    assert_state(case, state)


@cases("cg")
def test_conjugate_gradients_equal_the_original(case):
    """As far as a rounding error in `x` does not change the course of the run itself."""
    x, config, state = prepared(case)
    for call in case["calls"]:
        if call["fx"][0] - call["fx"][-1] < 1e-5:
            break  # it began at the minimum, and all that follows are rounding errors
        found, fx, count = optim.cg(opfunc(case), x, config, state)
        assert found is x
        nudged = optim.cg(opfunc(case), torch.Tensor(before(case, call)) + 1e-15, dict(config))[1]
        length = min(len(fx), len(nudged))
        gap = ~np.isclose([*fx][:length], [*nudged][:length], rtol=1e-12, atol=1e-15)
        sound = int(np.argmax(gap)) if gap.any() else length
        assert sound > 1
        np.testing.assert_allclose([*fx][:sound], call["fx"][:sound], rtol=1e-9, atol=1e-12)
        if sound == len(fx):
            np.testing.assert_allclose(np.asarray(x), call["x"], rtol=1e-7, atol=1e-10)
            assert count == call["evaluations"]
        x.copy(torch.Tensor(call["x"]))
    assert_state(case, state)


def before(case, call):
    """Where a call began: at the end of the one before."""
    starts = [case["x0"], *(one["x"] for one in case["calls"])]
    return starts[case["calls"].index(call)]


@cases("lswolfe")
def test_the_line_search_equals_the_original(case):
    x, d = torch.Tensor(case["x0"]), torch.Tensor(case["d"])
    f, g = opfunc(case)(x)
    f, g, found, t, used = optim.lswolfe(opfunc(case), x, case["t"], d, f, g, g * d)
    assert found is x
    assert used == case["lsFuncEval"]
    np.testing.assert_allclose([t, f], [case["t_new"], case["f_new"]], rtol=1e-9)
    np.testing.assert_allclose(np.asarray(g), case["g_new"], rtol=1e-9, atol=1e-12)


@cases("polyinterp")
def test_interpolation_equals_the_original(case):
    points = torch.Tensor(case["points"])
    assert optim.polyinterp(points) == pytest.approx(case["min"], rel=1e-9)
    bounded = optim.polyinterp(points, *case["bounds"])
    assert bounded == pytest.approx(case["min_bounded"], rel=1e-9)


@cases("FistaLS")
def test_fista_equals_the_original(case):
    matrix, target, weight = (np.asarray(case[n]) for n in ("D", "target", "lambda"))

    def smooth(x, mode=None):
        rest = matrix @ np.asarray(x) - target
        return (rest @ rest) / 2, torch.fromarray(matrix.T @ rest)

    def shrink(x, inverse):
        x.map(x, lambda a, _: np.sign(a) * max(abs(a) - weight / inverse, 0))

    x, params = torch.ones(matrix.shape[1]), dict(case["config"])
    y, history = optim.FistaLS(smooth, lambda x: x.norm(1) * weight, shrink, x, params)
    assert y is params["y"]
    assert len(history) == case["iterations"]
    for name, column in case["history"].items():
        np.testing.assert_allclose([row[name] for row in history][: len(column)], column, rtol=1e-9)
    assert params["L"] == history[len(history)]["L"]
    for found in (x, y):
        np.testing.assert_allclose(np.asarray(found), case["solution"], rtol=1e-8, atol=1e-10)


@cases("checkgrad")
def test_gradients_are_checked_as_in_the_original(case):
    x = torch.Tensor(case["x0"])
    diff, given, measured = optim.checkgrad(opfunc(case), x, case["eps"])
    assert x.tolist() == case["x0"]
    np.testing.assert_allclose(np.asarray(given), case["dC"], rtol=1e-12)
    np.testing.assert_allclose(np.asarray(measured), case["dC_est"], rtol=1e-9, atol=1e-10)
    assert diff == pytest.approx(case["diff"], rel=0.5)  # rounding errors, of 1e-5 and less
    wrong = optim.checkgrad(lambda x: (x.clone().pow(2).sum(1), x * 3), torch.ones(2))[0]
    assert wrong == pytest.approx(0.2, rel=1e-6)


def bowl(x):
    rest = np.asarray(x) - [1.0, -2.0]
    return float(rest @ rest), x


def test_cmaes_draws_from_torchs_stream(capsys):
    x, runs = torch.Tensor([0.0, 0.0]), []
    for _ in range(2):
        torch.manualSeed(3)
        runs.append(optim.cmaes(bowl, x, {}, {"sigma": 1.0, "maxEval": 18, "verb_disp": 2}))
    best, values, count = runs[0]
    assert x.tolist() == [0, 0]
    assert count == 18
    assert len(values) == 5
    assert values[1] == 5
    assert values[5] == min(values) == pytest.approx(bowl(best)[0])
    assert values == runs[1][1]
    assert capsys.readouterr().out.startswith(f"6: {values[2]:.14g}\n12: {values[3]:.14g}\nbest f")


def test_cmaes_makes_its_first_candidates_as_the_original_does():
    """x + sigma * z, the numbers of z one candidate after another."""
    seen = []
    torch.manualSeed(5)
    optim.cmaes(
        lambda x: seen.append(x.tolist()) or bowl(x),
        torch.Tensor([1.0, 2.0]),
        {"sigma": 0.5, "maxEval": 6},
    )
    torch.manualSeed(5)
    z = torch.randn(6, 2)
    np.testing.assert_allclose(seen[1:], np.asarray(z) * 0.5 + [1, 2], rtol=1e-12)


def rosenbrock(x):
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def rastrigin(x):
    return (x**2 - 10 * np.cos(2 * np.pi * x) + 10).sum()


def ellipse(x):
    """Each axis is ten times as steep as the one before, and lowest at its number."""
    return (10.0 ** np.arange(len(x)) * (x - 1 - np.arange(len(x))) ** 2).sum()


@cases("cmaes", "de")
def test_populations_equal_the_original(case):
    """Of differential evolution the original returns one value more, which it has not set."""
    function = {f.__name__: f for f in (rosenbrock, rastrigin, ellipse)}[case["problem"]]
    start = torch.Tensor(case["x0"]) if "x0" in case else torch.zeros(case["size"])
    torch.manualSeed(case.get("seed", 0))
    method = getattr(optim, case["optimizer"])
    best, values, *count = method(lambda x: function(np.asarray(x)), start, case["config"])
    assert count == ([case["evaluations"]] if "evaluations" in case else [])
    np.testing.assert_allclose(np.asarray([*values]), case["fx"], rtol=1e-9)
    np.testing.assert_allclose(np.asarray(best), case["best"], rtol=1e-9)


def evolved(opfunc, size, people, most, scale, rate):
    """Differential evolution as Torch7 describes it, in plain Python."""
    stream = torch.Generator()
    torch.manualSeed(stream, 1)
    rows = torch.Tensor(people, size).uniform(stream, -30, 30).tolist()
    fitness = [opfunc(row) for row in rows]
    values, best = list(fitness), max(zip(fitness, rows, strict=True))
    while len(values) + 1 < most:
        children = []
        for i in range(people):
            one = another = i
            while one == i:
                one = torch.random(stream, 1, people) - 1
            while another in (i, one):
                another = torch.random(stream, 1, people) - 1
            forced = torch.random(stream, 1, size) - 1 == i
            mixed = []
            for j in range(size):
                mutant = best[1][j] + scale * (rows[one][j] - rows[another][j])
                chosen = torch.uniform(stream, 0, 1) < rate or forced
                mixed.append(mutant if chosen else rows[i][j])
            children.append(mixed)
        found = [opfunc(child) for child in children]
        values += found
        for i, value in enumerate(found):
            if value <= fitness[i]:
                rows[i], fitness[i] = children[i], value
                best = min(best, (value, children[i]), key=lambda pair: pair[0])
    return best[1], values


def test_differential_evolution_draws_from_its_own_stream():
    torch.manualSeed(1)
    state = torch.getRNGState()
    config = {"maxFEs": 60, "scaleFactor": 0.5, "crossoverRate": 0.7, "popsize": 8}
    best, values = optim.de(lambda x: bowl(x)[0], torch.Tensor(2), config)
    wanted = evolved(lambda row: bowl(row)[0], 2, 8, 60, 0.5, 0.7)
    np.testing.assert_allclose(np.asarray(values), wanted[1], rtol=1e-9)
    np.testing.assert_allclose(np.asarray(best), wanted[0], rtol=1e-9)
    assert torch.getRNGState().tolist() == state.tolist()


def test_the_state_of_adamax_has_an_axis_for_what_it_takes_the_larger_of():
    state = {}
    for _ in range(2):
        optim.adamax(lambda x: (x.sum(), x), torch.ones(2, 3), {}, state)
        assert state["u"].size().tolist() == [1, 2, 3]
    assert state["u"].equal(state["max"].max(1)[0])


def test_minimisers_report_their_evaluations(capsys):
    x = torch.Tensor([1.0, 2.0])
    optim.cg(lambda x: (x * x, x * 2), x, {"maxEval": 2, "verbose": 1})
    assert capsys.readouterr().out.startswith("<optim.cg> \tevaluation 1: 5\n<optim.cg> \teval")


def test_a_minimum_is_left_as_it_is():
    x, config = torch.zeros(2), {}
    found, fx, count = optim.lbfgs(lambda x: (x * x, x * 2), x, config)
    assert (found is x, fx, count) == (True, [0], None)
    assert (config["funcEval"], config["nIter"], "d" in config) == (1, 0, False)


def test_interpolation_of_three_points():
    """x^4 - 2 x^2: minima at -1 and 1."""
    rows = [[x, x**4 - 2 * x**2, 4 * x**3 - 4 * x] for x in (-0.5, 0.25, 2.0)]
    assert optim.polyinterp(torch.Tensor(rows)) == pytest.approx(1, rel=1e-9)
    assert optim.polyinterp(torch.Tensor(rows), -3, 0) == pytest.approx(-1, rel=1e-9)
    assert optim.polyinterp(torch.Tensor(rows), 1.5, 3) == 1.5


@pytest.mark.parametrize("name", ["cmaes", "de"])
def test_settings_without_a_default_have_to_be_given(name):
    with pytest.raises(ValueError, match=f"optim.{name}: given no"):
        getattr(optim, name)(bowl, torch.Tensor(2), {})


@pytest.mark.parametrize("name", ["sgd", "adam", "cg", "lbfgs", "checkgrad"])
@pytest.mark.parametrize("found", [None, 1.0, (1.0,), (1.0, None), (1.0, 2.0)], ids=str)
def test_a_function_has_to_give_its_gradient(name, found):
    more = [1e-7] if name == "checkgrad" else [{"maxIter": 2}]
    with pytest.raises(ValueError, match=r"optim: given a function that gives .* its gradient"):
        getattr(optim, name)(lambda x: found, torch.Tensor([1.0]), *more)


@pytest.mark.parametrize("name", ["sgd", "nag", "adam", "adamax", "rmsprop", "asgd", "rprop"])
def test_nil_in_a_configuration_is_not_there(name):
    def end(config):
        x = torch.Tensor([1.0, -2.0])
        for _ in range(3):
            getattr(optim, name)(lambda x: (x * x, x * 2), x, config)
        return x.tolist()

    names = """alpha beta1 beta2 dampening epsilon eta0 etaplus initialMean lambda learningRate
        learningRateDecay learningRates momentum nesterov niter stepsize t0 weightDecay
        weightDecays"""
    assert end(dict.fromkeys(names.split())) == end({})


def test_what_a_function_gives_besides_is_left_alone():
    x = torch.Tensor([1.0])
    optim.sgd(lambda x: (x * x, x * 2, "more"), x, {"learningRate": 0.25})
    assert x[1] == 0.5


def test_sgd_changes_x_in_place_and_keeps_its_state_in_the_config():
    x, config = torch.Tensor([1.0, 2.0]), {"learningRate": 0.1, "momentum": 0.5}
    y, fx = optim.sgd(lambda x: (x * x, x * 2), x, config)
    assert y is x
    assert fx[1] == 5
    assert config["evalCounter"] == 1
    assert f"{config['evalCounter']}" == "1"
    np.testing.assert_allclose(np.asarray(config["dfdx"]), [2, 4])
    np.testing.assert_allclose(np.asarray(x), [0.8, 1.6])


def test_sgd_with_a_state_of_its_own():
    x, config, state = torch.Tensor([1.0]), {"learningRate": 0.1}, {}
    for _ in range(3):
        optim.sgd(lambda x: (x * x, x * 2), x, config, state)
    assert config == {"learningRate": 0.1}
    assert state["evalCounter"] == 3


def test_weight_decay_changes_the_gradient_itself():
    x, gradient = torch.Tensor([1.0, 2.0]), torch.Tensor([1.0, 1.0])
    optim.sgd(lambda x: (0, gradient), x, {"learningRate": 0.1, "weightDecay": 0.5})
    np.testing.assert_allclose(np.asarray(gradient), [1.5, 2.0])
    np.testing.assert_allclose(np.asarray(x), [0.85, 1.8])


def test_rates_and_decays_of_single_parameters():
    x = torch.Tensor([1.0, 2.0])
    config = {"learningRate": 0.1, "learningRates": torch.Tensor([1.0, 0.0])}
    optim.sgd(lambda x: (0, torch.Tensor([1.0, 1.0])), x, config)
    np.testing.assert_allclose(np.asarray(x), [0.9, 2.0])
    config = {"learningRate": 0.1, "weightDecays": torch.Tensor([1.0, 0.0])}
    optim.sgd(lambda x: (0, torch.Tensor([0.0, 0.0])), x, config)
    np.testing.assert_allclose(np.asarray(x), [0.81, 2.0])


def test_nesterov_wants_no_dampening():
    with pytest.raises(ValueError, match="set it to 0"):
        optim.sgd(lambda x: (0, x), torch.Tensor([1.0]), {"momentum": 0.9, "nesterov": True})


METHODS = {
    "sgd": {"momentum": 0.5, "weightDecay": 0.1, "learningRates": [1.0, 0.5]},
    "nag": {"momentum": 0.5, "learningRateDecay": 0.1},
    "asgd": {"t0": 2},
    "rprop": {"niter": 2},
    **{name: {"weightDecay": 0.1} for name in ("adagrad", "adadelta", "adamax", "rmsprop")},
}


@pytest.mark.parametrize("name", METHODS)
def test_a_compiled_step_gives_the_same_numbers(name):
    found = []
    for wrap in (lambda step: step, transforms.jit):
        config = {
            n: torch.Tensor(v) if n == "learningRates" else v for n, v in METHODS[name].items()
        }
        x = torch.Tensor([0.7, -1.5])

        def step(x=x, config=config):
            return getattr(optim, name)(lambda x: (x * x, x * 2), x, config)[1][1]

        step = wrap(step)
        values = [float(step()) for _ in range(4)]
        kept = {n: np.asarray(v, float) for n, v in sorted(config.items())}
        found.append([values, np.asarray(x), *kept.values()])
    for eager, compiled in zip(*found, strict=True):
        np.testing.assert_allclose(compiled, eager, rtol=1e-12)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("apart", [False, True])
def test_adam_with_all_its_settings(compiled, apart):
    """Epsilon is large, so that it shows where it is added; decay changes the gradient itself."""
    config = {"learningRate": 0.1, "learningRateDecay": 0.5, "beta1": 0.8, "beta2": 0.9}
    config |= {"epsilon": 0.01, "weightDecay": 0.2}
    state = {} if apart else config
    x = torch.Tensor([0.7, -1.5])

    def step(gradient):
        y, fx = optim.adam(lambda x: (x * x, gradient), x, config, state)
        assert y is x
        return fx[1]

    step = transforms.jit(step) if compiled else step
    wanted, m, v = np.array([0.7, -1.5]), np.zeros(2), np.zeros(2)
    for t in range(4):
        gradient = torch.Tensor([0.3, -0.4])
        before = (wanted**2).sum()
        g = np.array([0.3, -0.4]) + 0.2 * wanted
        m, v = 0.8 * m + 0.2 * g, 0.9 * v + 0.1 * g * g
        size = 0.1 / (1 + 0.5 * t) * (1 - 0.9 ** (t + 1)) ** 0.5 / (1 - 0.8 ** (t + 1))
        wanted = wanted - size * m / (v**0.5 + 0.01)
        np.testing.assert_allclose(float(step(gradient)), before, rtol=1e-12)
        np.testing.assert_allclose(np.asarray(x), wanted, rtol=1e-12)
        np.testing.assert_allclose(np.asarray(gradient), g, rtol=1e-12)
    assert state["t"] == 4
    assert ("t" in config) is not apart
    np.testing.assert_allclose(np.asarray(state["denom"]), v**0.5 + 0.01, rtol=1e-12)


def test_adam_keeps_single_precision_and_goes_on_from_a_plain_count():
    x, config = torch.FloatTensor([1.0, 2.0]), {"t": 3}
    optim.adam(lambda x: (0, x * 2), x, config)
    assert x.type() == config["m"].type() == config["denom"].type() == "torch.FloatTensor"
    assert config["t"] == 4


def test_losses_of_the_tutorial_fall_alike_by_either_update():
    """`params:add(-eta, gradParams)` and `updateParameters(eta)` are the same step."""
    curves = []
    for by_hand in (True, False):
        torch.manualSeed(287)
        x = torch.randn(5, 4)
        y = torch.randn(5, 1)
        net = nn.Sequential().add(nn.Linear(4, 3)).add(nn.Tanh()).add(nn.Linear(3, 1))
        mse = nn.MSECriterion()
        params, grads = net.getParameters()
        losses = []
        for _ in range(5):
            net.zeroGradParameters()
            predictions = net.forward(x)
            losses.append(mse.forward(predictions, y))
            net.backward(x, mse.backward(predictions, y))
            if by_hand:
                params.add(-0.01, grads)
            else:
                net.updateParameters(0.01)
        assert losses == sorted(losses, reverse=True)
        curves.append(losses)
    assert curves[0] == curves[1]


def test_linear_draws_the_tutorials_weights():
    """Seed 287: the numbers that the tutorial prints come out of the constructors in its order."""
    torch.manualSeed(287)
    torch.Tensor(5).uniform()
    torch.randn(1)
    x = torch.range(1, 5)
    output = nn.Linear(5, 3).forward(x)
    np.testing.assert_allclose(np.asarray(output), [-2.8031, 1.9383, -1.8525], atol=5e-5)

"""Optimisers against the numbers of the original Torch7, double precision.

`oracle/optim_all.jsonl`: a problem, the configuration, x0, and x after 1, 2, 3, 10 and 50 steps.
"""

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn import optim
from fnn.optim import apply_updates

NAMES = {
    "alpha": "alpha",
    "dampening": "dampening",
    "epsilon": "eps",
    "etaminus": "smaller",
    "etaplus": "larger",
    "lambda": "decay",
    "learningRate": "learning_rate",
    "learningRateDecay": "learning_rate_decay",
    "momentum": "momentum",
    "nesterov": "nesterov",
    "rho": "rho",
    "eps": "eps",
    "t0": "start",
    "weightDecay": "weight_decay",
    "weightDecays": "weight_decay",
}
# Where Torch7's defaults differ from ours, which are PyTorch's.
DEFAULTS = {
    "adagrad": {"learning_rate": 1e-3},
    "adam": {"epsilon_hat": True},
    "adamax": {"eps": 1e-38},
    "asgd": {"learning_rate": 1e-4},
    "rprop": {"step_size": 0.1},
}


def matrix():
    return np.diag(np.arange(1.0, 11)) + (np.eye(10, k=1) + np.eye(10, k=-1)) / 4


def slope(problem, x):
    if problem == "rosenbrock":
        a, b = x
        return jnp.stack([400 * a * (a * a - b) + 2 * a - 2, 200 * (b - a * a)])
    return matrix() @ x - np.resize([0.5, 1.5, -0.5], 10)


def translated(name, config):
    """Torch7's configuration in our words."""
    hyper = {NAMES[n]: np.asarray(v) if type(v) is list else v for n, v in config.items()}
    hyper = DEFAULTS.get(name, {}) | hyper
    if name == "sgd":
        hyper = {"learning_rate": 1e-3, "dampening": hyper.get("momentum", 0.0)} | hyper
    return hyper


LINES = (Path(__file__).parent / "oracle/optim_all.jsonl").read_text().splitlines()
CASES = [case for case in map(json.loads, LINES) if "x" in case]


@pytest.mark.parametrize(
    "case", CASES, ids=lambda c: f"{c['optimizer']}-{c['problem']}-{[*c['config']]}"
)
def test_equals_torch7(case):
    name, config = case["optimizer"], dict(case["config"])
    rule, rates = getattr(optim, name), config.pop("learningRates", None)
    betas = config.pop("beta1", 0.9), config.pop("beta2", 0.999)
    begin = {"initial_square": config.pop("initialMean")} if "initialMean" in config else {}
    if name == "asgd":
        eta, power = config.pop("eta0", 1e-4), config.pop("alpha", 0.75)
        config["learningRate"] = eta
        begin["learning_rate"] = eta
    hyper = translated(name, config)
    hyper |= {"betas": betas} if name in ("adam", "adamax") else {}
    hyper |= {"power": power} if name == "asgd" else {}
    if rates is not None:
        hyper["learning_rate"] = hyper["learning_rate"] * np.asarray(rates)
    begin |= {n: hyper.pop(n) for n in ("step_size",) if n in hyper}
    begin |= {"momentum": hyper["momentum"]} if name == "sgd" and "momentum" in hyper else {}
    with jax.enable_x64(True):
        x = jnp.asarray(case["x0"], jnp.float64)
        state = rule.init(x, **begin)
        for i in range(50):
            updates, state = rule.update(slope(case["problem"], x), state, x, **hyper)
            x = apply_updates(x, updates)
            if str(i + 1) in case["x"]:
                at = x
                if name == "nag":
                    at = rule.behind(state, x, momentum=hyper.get("momentum", 0.9))
                wanted = case["x"][str(i + 1)]
                np.testing.assert_allclose(at, wanted, rtol=1e-10, atol=1e-12)
                if name == "asgd":
                    wanted = case["average"][str(i + 1)]
                    np.testing.assert_allclose(state.average, wanted, rtol=1e-10, atol=1e-12)

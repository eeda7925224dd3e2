"""optim's optimisers that make one step a call."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax import Array

from fnn.errors import require
from fnn.optim import adadelta as pure_adadelta
from fnn.optim import adagrad as pure_adagrad
from fnn.optim import adam as pure_adam
from fnn.optim import adamax as pure_adamax
from fnn.optim import asgd as pure_asgd
from fnn.optim import nag as pure_nag
from fnn.optim import rmsprop as pure_rmsprop
from fnn.optim import rprop as pure_rprop
from fnn.optim import sgd as pure_sgd
from fnn.optim.rule import absent, like
from fnn.torch7.optim.method import Method, Opfunc, Slot, Step
from fnn.torch7.optim.objective import Names, pair, setting
from fnn.torch7.table import Table
from fnn.torch7.tensor import Tensor

RATE = {"learning_rate": {"learningRate": 1e-3}, "learning_rate_decay": {"learningRateDecay": 0}}
BETAS = {"betas": {"beta1": 0.9, "beta2": 0.999}}


def counter(name: str) -> Slot:
    """The number of steps so far."""
    return Slot(name, 0, scalar=True)


def root(name: str, mean: str, epsilon: str | float, within: bool = False) -> Callable:
    """A state that shows the root of a mean; an epsilon is added to the root, or to the mean."""

    def shown(step: Step) -> dict[str, Array]:
        square = getattr(step.after, mean)
        e = like(step.config[epsilon] if isinstance(epsilon, str) else epsilon, square)
        return {name: jnp.sqrt(square + e) if within else jnp.sqrt(square) + e}

    return shown


adam = Method(
    pure_adam,
    (counter("t"), Slot("m"), Slot("v"), None),
    RATE | BETAS | {"eps": {"epsilon": 1e-8}},
    fixed={"epsilon_hat": True},
    shows=root("denom", "square", "epsilon"),
)


def candidates(step: Step) -> dict[str, Array]:
    """Both of which Adamax takes the larger; and that, as a reduction along their axis."""
    faded = like(step.config["beta2"], step.x) * step.before.largest
    new = jnp.abs(step.gradient) + like(step.config["epsilon"], step.x)
    return {"max": jnp.stack([faded, new]), "u": step.after.largest[None]}


adamax = Method(
    pure_adamax,
    (counter("t"), Slot("m"), Slot("u")),
    BETAS | {"learning_rate": {"learningRate": 2e-3}, "eps": {"epsilon": 1e-38}},
    shows=candidates,
)

adagrad = Method(
    pure_adagrad,
    (counter("evalCounter"), Slot("paramVariance")),
    RATE,
    shows=root("paramStd", "total", 1e-10),
    notice="no state table, ADAGRAD initializing",
)


def stride(step: Step) -> dict[str, Array]:
    """Adadelta's step, and the root that divided it."""
    std = root("paramStd", "square", "eps", within=True)(step)
    return std | {"delta": -step.updates}


adadelta = Method(
    pure_adadelta,
    (counter("evalCounter"), Slot("paramVariance"), Slot("accDelta")),
    {"rho": {"rho": 0.9}, "eps": {"eps": 1e-6}},
    shows=stride,
    notice="no state table, ADADELTA initializing",
)

rmsprop = Method(
    pure_rmsprop,
    (None, Slot("m", setting="initialMean"), None, None),
    {
        "learning_rate": {"learningRate": 1e-2},
        "alpha": {"alpha": 0.99},
        "eps": {"epsilon": 1e-8},
    },
    shows=root("tmp", "square", "epsilon"),
)


def ahead(step: Step) -> Array:
    """Nesterov's direction."""
    return step.gradient + like(step.config["momentum"], step.x) * step.after.velocity


def single(way: Callable[[Step], Array]) -> Callable[[Step], dict[str, Array]]:
    """A state that shows what the rates and the decays of single parameters came to."""

    def shown(step: Step) -> dict[str, Array]:
        config = step.config
        decays, rates = config.get("weightDecay", 0), config.get("learningRates")
        found = {"decayParameters": decays * step.x} if jnp.ndim(decays) else {}
        return found if rates is None else found | {"deltaParameters": rates * way(step)}

    return shown


def descent(rule: Any, way: Callable[[Step], Array], **options: Any) -> Method:
    """`sgd` in one of its forms, or `nag`: they take rates and decays of single parameters."""
    velocity = options.pop("velocity", Slot("dfdx"))
    settings = RATE | ({"momentum": {"momentum": 0.9}} if velocity else {})
    return Method(
        rule,
        (counter("evalCounter"), velocity),
        settings,
        optional=("weightDecay", "learningRates"),
        shows=single(way),
        **options,
    )


plain = descent(pure_sgd, lambda step: step.gradient, velocity=None)
heavy = descent(pure_sgd, lambda step: step.after.velocity)
nesterov = descent(pure_sgd, ahead, leaves=ahead, fixed={"nesterov": True})


def sgd(
    opfunc: Opfunc, x: Tensor, config: Names | None = None, state: Names | None = None
) -> tuple[Tensor, Table]:
    """One step of stochastic gradient descent, which changes `x` in place.

    Args:
        opfunc: takes `x`, returns the function's value and its gradient
        x: the parameters
        config: learningRate (1e-3), learningRateDecay, weightDecay or weightDecays, momentum,
            dampening (defaults to momentum), nesterov, learningRates (one factor a parameter)
        state: what is kept between steps; by default it is kept in `config`

    Returns:
        `x`, and a table of the function's value before the step.

    """
    config = {} if config is None else config
    state = config if state is None else state
    momentum = setting(config, "momentum", 0)
    dampening = setting(config, "dampening", momentum)
    require(
        not config.get("nesterov") or (momentum > 0 and dampening == 0),
        "optim.sgd",
        f"nesterov with momentum {momentum} and dampening {dampening}",
        "momentum above 0 and dampening 0",
        "dampening defaults to momentum: set it to 0",
    )
    decays = config.get("weightDecays")
    require(
        decays is None or absent(setting(config, "weightDecay", 0)),
        "optim.sgd",
        "weightDecay and weightDecays",
        "one of them",
        "the decays of single parameters replace the common one",
    )
    method = plain if absent(momentum) else nesterov if config.get("nesterov") else heavy
    # The first velocity is the gradient itself.
    damped = method is heavy and isinstance(state.get("dfdx"), Tensor)
    more = {"dampening": dampening} if damped else {}
    fx, dfdx = pair(opfunc(x))
    method.step(
        x, dfdx, config, state, **more | ({} if decays is None else {"weightDecay": decays})
    )
    return x, Table([fx])


look_ahead = descent(
    pure_nag,
    lambda step: step.gradient,
    place=lambda step: pure_nag.behind(
        step.after, step.x + step.updates, momentum=step.config["momentum"]
    ),
)


def nag(
    opfunc: Opfunc, x: Tensor, config: Names | None = None, state: Names | None = None
) -> tuple[Tensor, Table]:
    """One step of Nesterov's accelerated gradient, which asks for the gradient ahead of `x`.

    Settings: learningRate (1e-3), learningRateDecay, weightDecay, momentum (0.9), learningRates.
    The table has the value where the gradient was taken. As in the original, dampening is nothing
    to it.
    """
    config = {} if config is None else config
    state = config if state is None else state
    momentum = setting(config, "momentum", 0.9)
    require(momentum > 0, "optim.nag", f"momentum {momentum}", "more than 0", "optim.sgd has none")
    if isinstance(state.get("dfdx"), Tensor):
        x.add(momentum, state["dfdx"])
    return look_ahead(opfunc, x, config, state)


def averaged(step: Step) -> dict[str, Array]:
    """The weight of the next average, and what the last was moved by."""
    config, x = step.config, step.x + step.updates
    weights = (
        pure_asgd.weight(state.step, config["t0"], step.after.rate)
        for state in (step.before, step.after)
    )
    last, following = weights
    return {"mu_t": following, "tmp": like(last, x) * (x - step.before.average)}


averaging = Method(
    pure_asgd,
    (counter("t"), Slot("eta_t", 1e-4, "eta0", scalar=True), Slot("ax")),
    {
        "learning_rate": {"eta0": 1e-4},
        "decay": {"lambda": 1e-4},
        "power": {"alpha": 0.75},
        "start": {"t0": 1e6},
    },
    optional=(),
    shows=averaged,
)


def asgd(
    opfunc: Opfunc, x: Tensor, config: Names | None = None, state: Names | None = None
) -> tuple[Tensor, Table, Tensor]:
    """One step of stochastic gradient descent that also averages; it returns the average, too.

    Settings, which are written to `config`: eta0 (1e-4), lambda (1e-4), alpha (0.75), t0 (1e6).
    """
    config = {} if config is None else config
    state = config if state is None else state
    config |= averaging.known(config)
    return *averaging(opfunc, x, config, state), state["ax"]


def signs(step: Step) -> dict[str, Array]:
    """Which signs changed, which step sizes stand at their lower limit, where it goes."""
    turn = jnp.sign(step.gradient * step.before.before)
    low = step.after.size == like(step.config["stepsizemin"], step.x)
    masks = {"psign": turn > 0, "nsign": turn < 0, "zsign": turn == 0, "dminmax": low & (turn < 0)}
    shown = {name: mask.astype(jnp.uint8) for name, mask in masks.items()}
    return shown | {"sign": jnp.sign(step.after.before)}


resilient = Method(
    pure_rprop,
    (None, Slot("delta"), Slot("stepsize", 0.1, "stepsize")),
    {
        "factors": {"etaminus": 0.5, "etaplus": 1.2},
        "limits": {"stepsizemin": 1e-6, "stepsizemax": 50.0},
    },
    optional=(),
    leaves=lambda step: step.after.before,
    shows=signs,
)


def rprop(
    opfunc: Opfunc, x: Tensor, config: Names | None = None, state: Names | None = None
) -> tuple[Tensor, Table]:
    """`niter` steps of Rprop (1), and a table of the values before each.

    Settings: stepsize (0.1), etaplus (1.2), etaminus (0.5), stepsizemax (50), stepsizemin (1e-6).
    The gradient is set to zero where its sign has changed.
    """
    values = Table()
    if config is None and state is None:
        print("no state table RPROP initializing")
    config = {} if config is None else config
    for _ in range(setting(config, "niter", 1)):
        values.append(resilient(opfunc, x, config, state)[1][1])
    return x, values

"""optim: minimise a function that gives its value and its gradient."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax import Array

from fnn.errors import require
from fnn.optim import sgd as pure_sgd
from fnn.tensor.number import Number
from fnn.tensor.run import run
from fnn.torch7.table import Table
from fnn.torch7.tensor import Tensor

__all__ = ["sgd"]


def sgd(
    opfunc: Callable[[Tensor], tuple[Any, Tensor]],
    x: Tensor,
    config: dict[str, Any] | None = None,
    state: dict[str, Any] | None = None,
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
    momentum = config.get("momentum", 0)
    dampening = config.get("dampening", momentum)
    nesterov = config.get("nesterov", False)
    decays = config.get("weightDecays")
    require(
        not nesterov or (momentum > 0 and dampening == 0),
        "optim.sgd",
        f"nesterov with momentum {momentum} and dampening {dampening}",
        "momentum above 0 and dampening 0",
        "dampening defaults to momentum: set it to 0",
    )
    require(
        decays is None or "weightDecay" not in config or config["weightDecay"] == 0,
        "optim.sgd",
        "weightDecay and weightDecays",
        "one of them",
        "the decays of single parameters replace the common one",
    )
    fx, dfdx = opfunc(x)
    count = state.setdefault("evalCounter", Number.of(0, jnp.int32))
    if not isinstance(count, Number):  # loaded from a file, say
        count = state["evalCounter"] = Number.of(count, jnp.int32)
    velocity = state.get("dfdx") if momentum else None
    if momentum and velocity is None:
        velocity = state["dfdx"] = dfdx.clone().zero()
    run(
        sgd_step,
        [x, dfdx, count, *([velocity] if momentum else [])],
        config.get("learningRate", 1e-3),
        config.get("learningRateDecay", 0),
        config.get("weightDecay", 0) if decays is None else decays,
        config.get("learningRates"),
        momentum,
        dampening,
        nesterov=nesterov,
        into=[x, dfdx, count, *([velocity] if momentum else [])],
    )
    return x, Table([fx])


def sgd_step(
    tensors: list[Array],
    rate: Any,
    rate_decay: Any,
    weight_decay: Any,
    rates: Array | None,
    momentum: Any,
    dampening: Any,
    *,
    nesterov: bool,
) -> tuple[list[Array], None]:
    """Parameters, gradient, count and velocity after a step; Torch7 changes the gradient too."""
    x, gradient, count, *velocity = tensors
    gradient = gradient + weight_decay * x
    updates, state = pure_sgd.update(
        gradient,
        pure_sgd.State(count, velocity[0] if velocity else None),
        x,
        learning_rate=rate if rates is None else rate * rates,
        learning_rate_decay=rate_decay,
        momentum=momentum if velocity else 0.0,
        dampening=0.0 if nesterov else dampening,
        nesterov=nesterov,
    )
    moved = [] if state.velocity is None else [state.velocity]
    if moved:
        gradient = gradient + momentum * moved[0] if nesterov else gradient
    return [x + updates, gradient, state.step, *moved], None

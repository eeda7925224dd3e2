"""optim: minimise a function that gives its value and its gradient."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax import Array

from fnn.errors import require
from fnn.optim import adam as pure_adam
from fnn.optim import sgd as pure_sgd
from fnn.optim.rule import corrected, downhill, like
from fnn.tensor.number import Number
from fnn.tensor.run import run
from fnn.torch7.table import Table
from fnn.torch7.tensor import Tensor

__all__ = ["adam", "sgd"]


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
    count = counter(state, "evalCounter")
    velocity = state.get("dfdx") if momentum else None
    if momentum and velocity is None:
        velocity = state["dfdx"] = dfdx.clone().zero()
    steps = run(
        sgd_step,
        [x, dfdx, count, *([velocity] if momentum else [])],
        config.get("learningRate", 1e-3),
        config.get("learningRateDecay", 0),
        config.get("weightDecay", 0) if decays is None else decays,
        config.get("learningRates"),
        momentum,
        dampening,
        nesterov=nesterov,
        into=[x, dfdx, *([velocity] if momentum else [])],
    )
    state["evalCounter"] = Number(steps)
    return x, Table([fx])


def counter(state: dict[str, Any], name: str) -> Number:
    """The number of steps so far, which need not be known to be counted."""
    count = state.get(name, 0)  # a plain number at first, or loaded from a file
    return count if isinstance(count, Number) else Number.of(count, jnp.int32)


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
) -> tuple[list[Array], Array]:
    """Parameters, gradient and velocity after a step, and the count; the gradient changes too."""
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
    return [x + updates, gradient, *moved], state.step


def adam(
    opfunc: Callable[[Tensor], tuple[Any, Tensor]],
    x: Tensor,
    config: dict[str, Any] | None = None,
    state: dict[str, Any] | None = None,
) -> tuple[Tensor, Table]:
    """One step of Adam, which changes `x` in place.

    Args:
        opfunc: as in `sgd`
        x: as in `sgd`
        config: learningRate (1e-3), learningRateDecay, beta1 (0.9), beta2 (0.999), epsilon (1e-8),
            weightDecay
        state: what is kept between steps: t, m, v and denom; by default it is kept in `config`

    Returns:
        What `sgd` returns.

    """
    config = {} if config is None else config
    state = config if state is None else state
    decay = config.get("weightDecay") or None
    fx, dfdx = opfunc(x)
    count = counter(state, "t")
    for name in ("m", "v", "denom"):
        if name not in state:
            state[name] = dfdx.clone().zero()
    steps = run(
        adam_step,
        [x, dfdx, count, state["m"], state["v"]],
        config.get("learningRate", 1e-3),
        config.get("learningRateDecay", 0),
        (config.get("beta1", 0.9), config.get("beta2", 0.999)),
        config.get("epsilon", 1e-8),
        decay,
        into=[x, state["m"], state["v"], state["denom"], *([] if decay is None else [dfdx])],
    )
    state["t"] = Number(steps)
    return x, Table([fx])


def adam_step(
    tensors: list[Array],
    rate: Any,
    rate_decay: Any,
    betas: tuple[Any, Any],
    epsilon: Any,
    weight_decay: Any,
) -> tuple[list[Array], Array]:
    """Parameters, both means, the divisor, the gradient if weights decay; and the count.

    Torch7 adds `epsilon` to the root of the second mean before that mean is corrected.
    """
    x, gradient, count, mean, square = tensors
    if weight_decay is not None:
        gradient = gradient + weight_decay * x
    updates, after = pure_adam.update(
        gradient,
        pure_adam.State(count, mean, square, None),
        x,
        learning_rate=-downhill(rate, rate_decay, count, x),
        betas=betas,
        eps=epsilon / jnp.sqrt(corrected(1 - betas[1], count + 1, x)),
    )
    divisor = jnp.sqrt(after.square) + like(epsilon, x)
    changed = [] if weight_decay is None else [gradient]
    return [x + updates, after.mean, after.square, divisor, *changed], after.step

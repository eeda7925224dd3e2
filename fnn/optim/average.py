"""A running mean of the parameters, which often does better than the last of them.

>>> import jax.numpy as jnp
>>> from fnn.optim import average
>>> mean = average.init({"weight": jnp.zeros(1)})
>>> for value in (1.0, 2.0, 6.0):
...     mean = average.update(mean, {"weight": jnp.full(1, value)})
>>> mean.params["weight"].item()
3.0

The running statistics of a batch normalisation belong to the parameters that they were gathered
with: gather them anew with the averaged ones. With `momentum=1` a layer's statistics are those of
one batch, and their mean over the batches is a plain average again:

    for x in batches:
        _, found = network(mean.params, state, x, train=True)       # layers with momentum=1
        statistics = average.update(statistics, found)
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from fnn.optim.rule import first_step, scalar, toward


class State(NamedTuple):
    """How many were averaged; their mean."""

    step: Array
    params: Any


def init(params: Any) -> State:
    """A mean of none, which the first update replaces."""
    return State(first_step(), params)


def update(state: State, params: Any, *, decay: Any = None) -> State:
    """The mean with one more set of parameters: plain, or with `decay` exponential.

        mean = mean + (params - mean) / (step + 1)          plain
        mean = decay * mean + (1 - decay) * params          exponential; the first is params

    Source: Polyak and Juditsky 1992, Izmailov et al. 2018; PyTorch `swa_utils.AveragedModel`.
    """

    def rule(mean: Array, p: Array) -> Array:
        share = 1 / (scalar(state.step, p) + 1)
        weight = share if decay is None else jnp.where(state.step == 0, 1, 1 - scalar(decay, p))
        return toward(mean, p, weight)

    return State(state.step + 1, jax.tree.map(rule, state.params, params))

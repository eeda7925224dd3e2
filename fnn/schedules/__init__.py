"""Schedules: hyperparameters that change with the number of steps done.

A schedule is a frozen, hashable value that is called with a step, which may be traced. Rates are
absolute: `linear(0.1, 0.0, 100)` goes from 0.1 to 0. Momenta have schedules as rates have.
`plateau` looks at a measure instead of the step, and so has a state.

>>> float(warmup(10, cosine(0.1, 90))(5))
0.05000000074505806
"""

from fnn.schedules.cycle import cyclic, one_cycle, one_cycle_momentum, warm_restarts
from fnn.schedules.decay import (
    constant,
    cosine,
    exponential,
    held,
    linear,
    multi_step,
    multiplicative,
    polynomial,
    scaled,
    step,
)
from fnn.schedules.join import chained, join, warmup
from fnn.schedules.plateau import plateau

__all__ = [
    "chained",
    "constant",
    "cosine",
    "cyclic",
    "exponential",
    "held",
    "join",
    "linear",
    "multi_step",
    "multiplicative",
    "one_cycle",
    "one_cycle_momentum",
    "plateau",
    "polynomial",
    "scaled",
    "step",
    "warm_restarts",
    "warmup",
]

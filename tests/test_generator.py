"""The random stream against numbers that Torch7 printed, and against a living PyTorch."""

import copy
import pickle
import time

import jax
import numpy as np
import pytest

from fnn.errors import LayerError
from fnn.tensor.generator import PyTorchGenerator, Torch7Generator

# Torch7 after manualSeed(123); every row starts afresh.
TORCH7 = {
    "random": (lambda g: g.random((5,)), [2991312382, 3062119789, 1228959102, 1840268610, 974319580]),
    "random(1, 10)": (lambda g: g.integers((10,), 1, 11), [3, 10, 3, 1, 1, 3, 7, 8, 10, 5]),
    "rand": (
        lambda g: g.uniform((5,)),
        "0.6964691872708499 0.7129553214181215 0.2861393387429416 0.428470924962312 0.22685145493596792",
    ),
    "uniform(-1/sqrt(3), 1/sqrt(3))": (
        lambda g: g.uniform((2, 3), -(3**-0.5), 3**-0.5).ravel(),
        "0.22686307631658442 0.24589962429223144 -0.24694502069166807 "
        "-0.08259466145578825 -0.31540477204294715 0.22041484066259664",
    ),
    "randn": (
        lambda g: g.normal((5,)),
        "-0.5214430627124417 -1.491419435981541 -0.23812953316813365 1.0306183433272835 0.222089468928047",
    ),
    "exponential(1.5)": (
        lambda g: g.exponential((3,), 1.5),
        "0.7948480993285756 0.8320782672248097 0.22471165865885295",
    ),
    "cauchy(0, 1)": (
        lambda g: g.cauchy((3,), 0, 1),
        "0.709729693025559 0.7906584673427741 -0.7952911378772569",
    ),
    "logNormal(1, 2)": (
        lambda g: g.log_normal((3,), 1, 2),
        "0.9580204780306288 0.13767783226140481 1.688331787886376",
    ),
    "geometric(0.3)": (lambda g: g.geometric((4,), 0.3), [1, 2, 1, 1]),
    "bernoulli(0.3)": (lambda g: g.bernoulli((10,), 0.3), [0, 0, 1, 0, 1, 0, 0, 0, 0, 0]),
    "randperm(8)": (lambda g: g.permutation(8) + 1, [7, 3, 2, 4, 5, 8, 1, 6]),
}

"""The ways of executing an imperative program, and what has to be equal among them.

A program takes `wrap`, with which it decorates its step, and returns whatever is worth comparing.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import fnn.pytorch as torch
import fnn.torch7 as torch7
import transforms
from fnn.pytorch import nn, optim
from fnn.pytorch.random import keys as pytorch_keys
from fnn.tensor import run
from fnn.tensor.number import Number
from fnn.tensor.tensor import TensorBase
from fnn.torch7 import nn as nn7
from fnn.torch7.random import keys as torch7_keys

Wrap = Callable[[Callable], Callable]
Program = Callable[[Wrap], Any]


def as_written(step: Callable) -> Callable:
    """No decoration."""
    return step


def eager(program: Program) -> Any:
    """Every operation at once."""
    with run.eager():
        return outcome(program, as_written)


def recorded(program: Program) -> Any:
    """As written, without anything said about the execution."""
    return outcome(program, as_written)


def lifted(program: Program) -> Any:
    """The step is one compiled program."""
    return outcome(program, transforms.jit)


WAYS = {"recorded": recorded, "lifted": lifted}


def outcome(program: Program, wrap: Wrap) -> Any:
    """All numbers of a program, and those of the random streams."""
    torch.manual_seed(11)
    torch7.manualSeed(11)
    found = plain(program(wrap))
    return found, random_state()


def random_state() -> list[np.ndarray]:
    """Where the streams of both facades are."""
    keys = [np.array(keys.storage.array) for keys in (pytorch_keys, torch7_keys)]
    return [*keys, np.array(torch.get_rng_state()), np.array(torch7.getRNGState())]


def plain(x: Any) -> Any:
    """Copies of all numbers in `x`: of networks with gradients and results, of optimisers."""
    if isinstance(x, torch.Tensor):
        # What a compiled function returns has no history.
        return [np.array(x.detach()), x.is_leaf and x.requires_grad, plain(x.grad)]
    if isinstance(x, TensorBase):
        return np.array(x)
    if isinstance(x, nn.Module):
        modes = [module.training for module in x.modules()]
        return [modes, dict(plain(list(x.named_parameters()))), plain(dict(x.named_buffers()))]
    if isinstance(x, optim.Optimizer):
        return plain(x.state_dict())
    if isinstance(x, nn7.Module):
        modes = [module.train for module in x.listModules()]
        return [modes, plain(x.parameters()), plain(x.output), plain(x.gradInput)]
    if isinstance(x, nn7.Criterion):
        return [plain(x.output), plain(x.gradInput)]
    if isinstance(x, Number):
        return x.value
    if isinstance(x, Mapping):
        return {name: plain(value) for name, value in x.items()}
    if isinstance(x, list | tuple | torch7.Table):
        return [plain(y) for y in x]
    return x


def assert_same(found: Any, wanted: Any, path: str = "") -> None:
    """Assert that two outcomes are equal but for the order of rounding in doubles."""
    if isinstance(wanted, dict):
        assert list(found) == list(wanted), path
        for name, value in wanted.items():
            assert_same(found[name], value, f"{path}.{name}")
    elif isinstance(wanted, list | tuple):
        assert len(found) == len(wanted), path
        for i, value in enumerate(wanted):
            assert_same(found[i], value, f"{path}[{i}]")
    elif isinstance(wanted, np.ndarray):
        assert found.dtype == wanted.dtype, path
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12, err_msg=path)
    elif isinstance(wanted, float):
        assert type(found) in (int, float), path
        assert math.isclose(found, wanted, rel_tol=1e-9, abs_tol=1e-12), (path, found, wanted)
    else:
        assert found == wanted, path

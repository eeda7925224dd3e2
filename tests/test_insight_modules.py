"""Modules with methods of their own have layers in profiles and findings too."""

from collections import OrderedDict

import jax
import jax.numpy as jnp
import pytest

import fnn.pytorch as torch
import fnn.torch7 as torch7
import transforms
from fnn.pytorch import nn
from fnn.torch7 import nn as nn7
from tests.policies.pytorch_training import sgd, training_step
from transforms import NonFiniteError, find_nonfinite, profile

pytestmark = pytest.mark.unoptimised


@jax.custom_vjp
def cube(x):
    return x**3


cube.defvjp(lambda x: (x**3, x), lambda x, g: (3 * x**2 * g,))
again = jax.checkpoint(lambda x: jnp.sin(jnp.tanh(x)))


def root(x):
    return jnp.sqrt(x)


class Block(nn.Module):
    """A child of a child, functions, and a derived network whose child has its name."""

    def __init__(self, activation):
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(3, 3), nn.Tanh())
        self.last = nn.Sequential(OrderedDict(last=nn.Sequential(nn.Pure(activation, {}))))

    def forward(self, x):
        x = self.inner[0](x).relu() + self.inner(x)
        return self.last(x) * 2


class Net(nn.Module):
    def __init__(self, activation=jnp.tanh):
        super().__init__()
        self.block = nn.Sequential(Block(activation), nn.Tanh())
        self.head = nn.Linear(3, 2)

    def forward(self, x, times=1):
        for _ in range(times):
            x = self.block(x)
        return self.head(x)


PATHS = {"block.0", "block.0.inner.0", "block.0.inner.1", "block.0.last.last.0", "block.1", "head"}


def pytorch_step(net):
    step = training_step(net, sgd(net), lambda output, _: output.sum())
    return lambda x: step(x, None)


def places(step, *args):
    return {(row.layer, row.direction) for row in profile(step, rounds=1)(*args).rows}


@pytest.mark.parametrize("activation", [jnp.tanh, cube, again], ids=["plain", "custom", "remat"])
def test_a_profile_names_modules_with_a_forward_of_their_own(activation):
    torch.manual_seed(0)
    found = places(pytorch_step(Net(activation)), torch.ones(4, 3))
    assert {layer for layer, direction in found if direction == "forward"} == {*PATHS, ""}
    assert {layer for layer, direction in found if direction == "backward"} >= PATHS
    assert {layer for layer, _ in found} == {*PATHS, ""}


def test_a_module_called_twice_and_a_method_have_their_names():
    net = Net()

    def step(x):
        return net.forward(net.block(x), times=2).sum()

    layers = {layer for layer, _ in places(step, torch.ones(4, 3))}
    assert layers <= {path.removeprefix("block.") for path in PATHS} | {*PATHS, "0", ""}


def test_names_are_found_only_while_something_is_traced(monkeypatch):
    net = Net()
    step, x = pytorch_step(net), torch.ones(4, 3)
    monkeypatch.setattr(nn.Module, "_find_paths", None)
    assert step(x).grad_fn.scopes == ()
    with pytest.raises(TypeError, match="not callable"):
        transforms.jit(step)(x)


@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_a_finding_names_the_module(direction):
    net = Net(root)
    with torch.no_grad():
        for p in net.parameters():
            p.fill_(0)
        if direction == "forward":
            net.block[0].inner[0].bias.fill_(-1)
    with pytest.raises(NonFiniteError) as found:
        find_nonfinite(pytorch_step(net))(torch.zeros(4, 3))
    assert (found.value.layer, found.value.direction) == ("block.0.last.last.0", direction)


def test_gradients_by_transforms_have_names():
    net = Net()

    def slopes(x):
        return transforms.grad(lambda x: net(x).sum())(x)

    found = places(slopes, torch.ones(4, 3))
    assert {layer for layer, direction in found if direction == "backward"} >= PATHS
    assert {layer for layer, _ in found} <= {*PATHS, ""}


class Square(nn7.Module):
    """Its own methods, with a derived module inside."""

    def __init__(self):
        super().__init__()
        self.inner = nn7.Sequential().add(nn7.Linear(3, 3)).add(nn7.Tanh())

    def updateOutput(self, input):
        self.output = self.inner.forward(input)
        self.output = torch7.cmul(self.output, self.output)
        return self.output

    def updateGradInput(self, input, gradOutput):
        slope = torch7.cmul(self.inner.output, gradOutput).mul(2)
        self.gradInput = self.inner.backward(input, slope)
        return self.gradInput


@pytest.mark.parametrize("methods", ["backward", "updateGradInput"])
def test_a_profile_names_torch7_modules_with_methods_of_their_own(methods):
    net = nn7.Sequential().add(nn7.Linear(3, 3))
    net.add(nn7.Sequential().add(Square()).add(nn7.Sequential().add(nn7.Tanh())))

    def step(x):
        output = net.forward(x)
        if methods == "backward":
            return net.backward(x, output)
        net.updateGradInput(x, output)
        return net.accGradParameters(x, output)

    found = places(step, torch7.ones(4, 3))
    layers = {"0", "1.0", "1.0.inner.0", "1.0.inner.1", "1.1.0"}
    assert {layer for layer, direction in found if direction == "forward"} == layers
    assert {layer for layer, direction in found if direction == "backward"} >= layers
    assert {layer for layer, _ in found} <= {*layers, "1.0.inner", ""}

"""Modules of the user's own, among those that are derived."""

import numpy as np
import pytest

import fnn.torch7 as torch
from fnn.torch7 import nn
from tests.torch7_own import Double, Reversed

pytestmark = pytest.mark.unoptimised


class Shift(nn.Module):
    """The input plus a weight; its gradient knows of no scale."""

    def __init__(self, size):
        super().__init__()
        self.weight, self.gradWeight = torch.ones(size), torch.zeros(size)

    def updateOutput(self, input):
        self.output.resizeAs(input).copy(input)
        self.output.add(self.weight.view(1, -1).expandAs(input))
        return self.output

    def updateGradInput(self, input, gradOutput):
        self.gradInput.resizeAs(gradOutput).copy(gradOutput)
        return self.gradInput

    def accGradParameters(self, input, gradOutput, scale=1):
        self.gradWeight.add(scale, gradOutput.sum(1).view(-1))


class Difference(nn.Module):
    """The first input less the second."""

    def updateOutput(self, input):
        self.output.resizeAs(input[1]).copy(input[1]).add(-1, input[2])
        return self.output

    def updateGradInput(self, input, gradOutput):
        self.gradInput = torch.Table([gradOutput.clone(), gradOutput.clone().mul(-1)])
        return self.gradInput


class Inner(Difference):
    """The same, of two that are inside of a table."""

    def updateOutput(self, input):
        return super().updateOutput(input[1])

    def updateGradInput(self, input, gradOutput):
        self.gradInput = torch.Table([super().updateGradInput(input[1], gradOutput)])
        return self.gradInput


def with_two_inputs(module):
    a, b = nn.Identity()(), nn.Identity()()
    return nn.gModule([a, b], [nn.Identity()(b), module(a)])


def of_split_pair():
    pair, other = nn.Identity()(), nn.Identity()()
    first, second = pair.split(2)
    return nn.gModule([pair, other], [Double()(other), nn.CSubTable()([first, second])])


TABLES = {
    "alone": (lambda: Difference(), lambda a, b: [a, b], lambda y: y),
    "of a tuple": (lambda: Difference(), lambda a, b: (a, b), lambda y: y),
    "inside of a table": (lambda: Inner(), lambda a, b: [[a, b]], lambda y: y),
    "first": (lambda: nn.Sequential().add(Difference()), lambda a, b: [a, b], lambda y: y),
    "one of many": (
        lambda: nn.ParallelTable().add(Difference()).add(Double()),
        lambda a, b: torch.Table([[a, b], a]),
        lambda y: y[1],
    ),
    "in a graph": (
        lambda: with_two_inputs(Difference()),
        lambda a, b: [[a, b], b],
        lambda y: y[2],
    ),
    "split in a graph": (
        of_split_pair,
        lambda a, b: [[a, b], b],
        lambda y: y[2],
    ),
}


@pytest.mark.parametrize("case", TABLES)
def test_modules_of_the_users_own_count_in_tables_from_1(case):
    make, pack, output = TABLES[case]
    a, b = torch.ones(2), torch.Tensor([3, 5])
    assert output(make().forward(pack(a, b))).tolist() == [-2, -4]


def test_modules_of_the_users_own():
    x, g = torch.randn(3, 4), torch.randn(3, 2)
    last, shift = nn.Linear(4, 2), Shift(4)
    net = nn.Sequential().add(nn.Tanh()).add(Double()).add(shift).add(last)
    net.zeroGradParameters()
    y = net.forward(x)
    inner = 2 * np.tanh(np.asarray(x)) + 1
    np.testing.assert_allclose(
        np.asarray(y), inner @ np.asarray(last.weight).T + last.bias.tolist()
    )
    assert net.output is last.output
    net.backward(x, g)
    by_inner = np.asarray(g) @ np.asarray(last.weight)
    np.testing.assert_allclose(np.asarray(shift.gradWeight), by_inner.sum(0))
    np.testing.assert_allclose(np.asarray(last.gradWeight), np.asarray(g).T @ inner)
    slope = 2 * (1 - np.tanh(np.asarray(x)) ** 2)
    np.testing.assert_allclose(np.asarray(net.gradInput), by_inner * slope)
    # A step without gradients: the weight takes their place meanwhile.
    kept, old = shift.gradWeight, shift.weight.clone()
    net.updateGradInput(x, g)
    net.accUpdateGradParameters(x, g, 0.1)
    np.testing.assert_allclose(np.asarray(shift.weight), np.asarray(old) - 0.1 * by_inner.sum(0))
    assert shift.gradWeight is kept


def test_a_method_of_ones_own_on_a_derived_module():
    mine = Reversed(4, 2)
    theirs = nn.Linear(4, 2)
    theirs.weight.copy(mine.weight)
    theirs.bias.copy(mine.bias)
    x, g = torch.randn(3, 4), torch.randn(3, 2)
    for inside in (mine, nn.Sequential().add(mine), nn.Sequential().add(nn.Identity()).add(mine)):
        for module in (inside, theirs):
            module.zeroGradParameters()
            module.forward(x)
            module.backward(x, g)
        np.testing.assert_allclose(np.asarray(mine.output), np.asarray(theirs.output))
        np.testing.assert_allclose(np.asarray(inside.gradInput), -np.asarray(theirs.gradInput))
        np.testing.assert_allclose(np.asarray(mine.gradWeight), np.asarray(theirs.gradWeight))
    frozen = nn.Sequential().add(theirs)  # a method put on one object counts as well
    theirs.accGradParameters = lambda input, gradOutput, scale=1: None
    before = theirs.gradWeight.clone()
    frozen.forward(x)
    frozen.backward(x, g)
    assert theirs.gradWeight.equal(before)


def test_what_is_none_is_not_computed():
    first, last = nn.Linear(4, 3), nn.Linear(3, 2)
    net = nn.Sequential().add(first).add(last)
    first.gradInput, last.gradWeight = None, None
    x, g = torch.randn(2, 4), torch.randn(2, 2)
    last.gradBias.zero()
    net.forward(x)
    assert net.backward(x, g) is None
    np.testing.assert_allclose(np.asarray(last.gradBias), np.asarray(g).sum(0))
    np.testing.assert_allclose(
        np.asarray(first.gradBias), (np.asarray(g) @ np.asarray(last.weight)).sum(0)
    )
    assert last.gradWeight is None

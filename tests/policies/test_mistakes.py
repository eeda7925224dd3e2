"""Mistakes in shapes and types are reported where they are made, not where a value is wanted."""

import traceback

import pytest

import fnn.pytorch as torch
import fnn.torch7 as torch7
import transforms
from fnn.pytorch import nn
from fnn.tensor import run as engine
from fnn.torch7 import nn as nn7
from tests.policies.ways import as_written


def matmul(x):
    y = x.t() + 1
    z = torch.ones(2, 2)
    y = y @ z  # wrong
    return y.sum()


def width(x):
    y = nn.Linear(3, 2)(x)
    z = nn.Linear(3, 2)(y)  # wrong
    return z.sum() + y.sum()


def inside_a_network(x):
    net = nn.Sequential(nn.Linear(3, 2), nn.Tanh(), nn.Linear(3, 2))
    y = x * 2
    y = net(y)  # wrong
    return (y * 2).sum()


def broadcast(x):
    y = x.t().clone()
    y.add_(torch.ones(2, 3))  # wrong
    return y


def sizes(x):
    y = x + 1
    y = y.view(4, 5)  # wrong
    return y * 2


def type_of_a_result(x):
    y = torch.ones(3, dtype=torch.int64)
    y += x[0]  # wrong
    return y


def index(x):
    y = x[1] * 2
    z = x[:, 7]  # wrong
    return y.sum() + z.sum()


def gradient_of_a_matrix(x):
    y = x.detach().clone().requires_grad_()
    z = y * 2
    z.backward()  # wrong
    return y.grad


def leaf(x):
    y = x.detach().clone().requires_grad_()
    y.mul_(2)  # wrong
    return y


def backward_twice(x):
    y = x.detach().clone().requires_grad_()
    z = (y * y).sum()
    z.backward()
    z.backward()  # wrong
    return y.grad


def joined(x):
    y = x * 2
    y = torch.cat([y, y[:, :2]])  # wrong
    return y


def elements(x):
    y = torch7.ones(3)
    y.cmul(torch7.ones(4))  # wrong
    return y


def type_of_data(x):
    net = nn7.Linear(3, 2)
    y = torch7.ones(4, 3).float()
    y = net.forward(y)  # wrong
    return y


def gradient_of_another_output(x):
    net, y = nn7.Sequential().add(nn7.Linear(3, 2)), torch7.ones(4, 3)
    net.forward(y)
    net.backward(y, torch7.ones(4, 3))  # wrong
    return net.gradInput


def target(x):
    criterion, y = nn7.MSECriterion(), torch7.ones(4)
    loss = criterion.forward(y, torch7.ones(4))
    loss += criterion.forward(y, torch7.ones(5))  # wrong
    return loss


def product(x):
    y = torch7.ones(2, 3)
    z = y.t() * 2
    z = z * z  # wrong
    return z


def copied(x):
    y = torch7.ones(2, 3)
    y.narrow(1, 1, 1).copy(torch7.ones(2, 2))  # wrong
    return y


MISTAKES = (
    matmul,
    width,
    inside_a_network,
    broadcast,
    sizes,
    type_of_a_result,
    index,
    joined,
    gradient_of_a_matrix,
    leaf,
    backward_twice,
    elements,
    type_of_data,
    gradient_of_another_output,
    target,
    product,
    copied,
)


@pytest.mark.parametrize("wrap", [as_written, transforms.jit])
@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_reported_at_their_line(mistake, wrap):
    with pytest.raises((TypeError, ValueError, RuntimeError, IndexError)) as caught:
        wrap(mistake)(torch.ones(4, 3))
    frames = traceback.extract_tb(caught.value.__traceback__)
    here = [frame.line for frame in frames if frame.filename == __file__]
    assert here[-1].endswith("# wrong")
    with engine.eager(), pytest.raises(type(caught.value)) as in_eager:
        mistake(torch.ones(4, 3))
    assert str(in_eager.value) == str(caught.value)

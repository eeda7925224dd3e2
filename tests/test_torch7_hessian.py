"""nn.hessian: diagonals that are computed by squares, against the formulas that define them."""

import numpy as np
import pytest

import fnn.torch7 as torch
from fnn.torch7 import nn
from fnn.torch7.learner import Learner

pytestmark = [pytest.mark.unoptimised, pytest.mark.usefixtures("diagonals")]


@pytest.fixture
def diagonals(monkeypatch):
    """nn.hessian, for one test."""
    for kind in (nn.Module, nn.Sequential, nn.Container, Learner, nn.Criterion):
        for name in ("parameters", "getParameters"):
            if name in vars(kind):
                monkeypatch.setattr(kind, name, vars(kind)[name])
    nn.hessian.enable()


def assert_close(found, wanted):
    np.testing.assert_allclose(np.asarray(found), wanted, rtol=1e-10, atol=1e-13)


def units(x):
    """Tensors of a size, each with a single 1."""
    for i in range(x.nElement()):
        unit = np.zeros(x.nElement())
        unit[i] = 1
        yield torch.fromarray(unit.reshape(x.size().tolist()))


def without_bias(module):
    """A copy that is linear in its input."""
    found = module.clone()
    found.bias.zero()
    return found


def with_weight(module, weight):
    found = without_bias(module)
    found.weight.copy(weight)
    return found


LINEAR = [
    (lambda: nn.Linear(3, 2), (3,)),
    (lambda: nn.Linear(3, 2), (4, 3)),
    (lambda: nn.SpatialConvolution(2, 3, 2, 3, 2, 1, 1, 0), (2, 7, 4)),
    (lambda: nn.SpatialConvolutionLocal(2, 2, 4, 3, 2, 2), (2, 3, 4)),
    (lambda: nn.SpatialConvolutionMap(nn.tables.full(2, 2), 2, 2), (2, 3, 4)),
    (lambda: nn.SpatialConvolutionMap(nn.tables.oneToOne(2), 2, 1), (2, 3, 4)),
    (lambda: nn.SpatialFullConvolution(2, 3, 2, 3, 2, 1), (2, 3, 2)),
    (lambda: nn.SpatialFullConvolutionMap(nn.tables.full(2, 2), 2, 2), (2, 3, 2)),
]


@pytest.mark.parametrize(("make", "size"), LINEAR)
def test_a_linear_module_squares_its_coefficients(make, size):
    """Those of the inputs and of the weights, found one by one."""
    module, x = make(), torch.randn(*size)
    output = np.array(module.forward(x))
    h = torch.rand(*output.shape)
    module.initDiagHessianParameters()
    given = np.asarray(h)

    def through(squares):
        return [(np.asarray(y) ** 2 * given).sum() for y in squares]

    linear = without_bias(module)
    by_input = through(linear.forward(unit) for unit in units(x))
    by_weight = through(with_weight(module, unit).forward(x) for unit in units(module.weight))
    found = module.updateDiagHessianInput(x, h)
    assert_close(found, np.reshape(by_input, size))
    assert module.diagHessianInput is found
    for count in (1, 2):
        module.accDiagHessianParameters(x, h)
        wanted = np.reshape(by_weight, module.weight.size().tolist())
        assert_close(module.diagHessianWeight, count * wanted)
    features = module.bias.size().tolist()
    others = range(given.ndim - 1) if isinstance(module, nn.Linear) else range(len(features), 3)
    assert_close(module.diagHessianBias, 2 * given.sum(tuple(others)))
    assert_close(module.forward(x), output)


def of_tanh(x, h):
    return h * (1 - np.tanh(x) ** 2) ** 2


POINTWISE = {
    "Tanh": of_tanh,
    "TanhShrink": lambda x, h: of_tanh(x, h) + h,
    "Square": lambda x, h: h * (2 * x) ** 2,
    "Sqrt": lambda x, h: h / (4 * x),
}


@pytest.mark.parametrize("name", POINTWISE)
def test_a_function_of_each_element_squares_its_slope(name):
    """TanhShrink is to the original a sum of two ways, whose diagonals add up."""
    module, x, h = getattr(nn, name)(), torch.rand(2, 3).add(0.1), torch.rand(2, 3)
    output = module.forward(x).clone()
    found = module.updateDiagHessianInput(x, h)
    assert_close(found, POINTWISE[name](np.asarray(x), np.asarray(h)))
    assert module.diagHessianInput is found
    assert_close(module.output, np.asarray(output))


def test_a_reshaped_diagonal():
    module, x, h = nn.Reshape(6), torch.randn(4, 2, 3), torch.rand(4, 6)
    module.forward(x)
    found = module.updateDiagHessianInput(x, h)
    assert found.size().tolist() == [4, 2, 3]
    assert_close(found, np.asarray(h).reshape(4, 2, 3))


CRITERIONS = {
    "mean": (lambda: nn.MSECriterion(), lambda x: np.full(x.shape, 2 / x.size)),
    "sum": (lambda: nn.MSECriterion(False), lambda x: np.full(x.shape, 2)),
    "weights of the target": (
        lambda: nn.WeightedMSECriterion(torch.Tensor([3, 5])),
        lambda x: np.full(x.shape, 2 / x.size),
    ),
    "magnitudes": (lambda: nn.L1Cost(), lambda x: x != 0),
}


@pytest.mark.parametrize("name", CRITERIONS)
def test_a_criterion_begins(name):
    make, wanted = CRITERIONS[name]
    x = torch.Tensor([[1, 0], [-2, 3], [0, 4]])
    assert_close(make().updateDiagHessianInput(x, x), wanted(np.asarray(x)))


def test_the_second_derivative_of_weighted_squares():
    """The weights multiply the target, so that they do not matter to it."""
    criterion, x, y = nn.WeightedMSECriterion(torch.Tensor([3, 5])), torch.randn(2), torch.randn(2)
    before = criterion.backward(x, y).clone()
    slope = criterion.backward(x.clone().add(1), y) - before
    assert_close(slope, np.asarray(criterion.updateDiagHessianInput(x, y)))


def test_diagonals_go_back_through_a_chain():
    net = nn.Sequential().add(nn.Linear(3, 2)).add(nn.Tanh()).add(nn.Linear(2, 1))
    net.initDiagHessianParameters()
    params, grads, diagonal = net.getParameters()
    assert params.nElement() == grads.nElement() == diagonal.nElement() == 11
    x, criterion = torch.randn(4, 3), nn.MSECriterion()
    output = net.forward(x)
    by_output = criterion.updateDiagHessianInput(output, output)
    assert_close(by_output, np.full((4, 1), 0.5))
    net.updateDiagHessianInput(x, by_output)
    net.accDiagHessianParameters(x, by_output)
    x, w, v, h = map(np.array, (x, net.get(1).weight, net.get(3).weight, net.get(2).output))
    inner = 0.5 * v**2 * (1 - h**2) ** 2
    assert_close(net.diagHessianInput, inner @ w**2)
    assert_close(net.get(1).diagHessianWeight, inner.T @ x**2)
    assert_close(net.get(3).diagHessianBias, [2])
    assert diagonal[11] == pytest.approx(2)
    with pytest.raises(ValueError, match="undefined"):
        nn.Sigmoid().updateDiagHessianInput(output, output)


def test_linear_modules_are_checked_by_the_jacobian():
    for module, x in (
        (nn.Linear(3, 2), torch.Tensor(3)),
        (nn.Linear(3, 2), torch.Tensor(2, 3)),
        (nn.SpatialConvolution(1, 2, 2, 2), torch.Tensor(1, 3, 3)),
    ):
        assert nn.Jacobian.testDiagHessianInput(module, x) < 1e-12
        assert nn.Jacobian.testDiagHessianWeight(module, x) < 1e-12
        assert nn.Jacobian.testDiagHessianBias(module, x) < 1e-12

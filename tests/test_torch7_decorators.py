"""nn's decorators, and what else is made around a module."""

import re

import numpy as np
import pytest

import fnn.torch7 as torch
from fnn.torch7 import nn
from tests.torch7_numbers import assert_close, same
from tests.torch7_own import Double, Reversed

pytestmark = pytest.mark.unoptimised


@pytest.mark.parametrize("eager", [False, True])
def test_a_decorator_with_parameters_of_its_own_goes_back_as_a_whole(eager):
    with torch.eager(eager):
        module, x, g = nn.WeightNorm(nn.Linear(4, 2)), torch.randn(3, 4), torch.randn(3, 2)
        module.forward(x)
        x.mul(2)
        module.zeroGradParameters()
        module.backward(x, g)
        found = [gradient.clone() for gradient in module.parameters()[1]]
        module.forward(x)
        module.zeroGradParameters()
        module.backward(x, g)
        for gradient, wanted in zip(found, module.parameters()[1], strict=True):
            assert_close(gradient, wanted)


def test_bottle_says_what_its_module_does():
    with pytest.raises(ValueError, match="number of"):
        nn.Bottle(nn.View(-1, 6), 3).forward(torch.randn(4, 3, 2, 3))


def test_weight_norm():
    for inner, dim in ((nn.SpatialConvolution(2, 3, 2, 2), 1), (nn.Linear(4, 3, False), 2)):
        module = nn.WeightNorm(inner, dim)
        x = torch.randn(2, 2, 4, 4) if dim == 1 else torch.randn(2, 4)
        output = module.forward(x).clone()
        assert np.asarray(module.g) == pytest.approx(
            np.linalg.norm(np.asarray(module.v), axis=1, keepdims=True)
        )
        inner.weight.fill(7)  # of no consequence: it is made anew
        assert_close(module.forward(x), output)
        module.evaluate()
        assert_close(inner.forward(x), output)
    assert nn.Jacobian.testJacobianParameters(module, x, module.v, module.gradV) < 1e-6


@pytest.mark.parametrize("inside", [nn.Linear, Reversed])
def test_dont_cast(inside):
    net = nn.Sequential().add(nn.DontCast(inside(2, 2), True)).float()
    x, g = torch.FloatTensor(3, 2).fill(1), torch.FloatTensor(3, 2).fill(1)
    assert net.get(1).get(1).weight.type() == "torch.DoubleTensor"
    assert net.forward(x).type() == net.backward(x, g).type() == "torch.FloatTensor"
    assert net.type() == "torch.FloatTensor"
    plain = nn.DontCast(nn.Linear(2, 2)).float()
    assert plain.forward(torch.ones(2)).type() == "torch.DoubleTensor"
    assert plain.moduleType is None


def test_what_is_cast_has_the_default_type_at_first():
    module = nn.DontCast(nn.Linear(2, 2).float(), True)
    assert module.moduleType == "torch.FloatTensor"
    x, g = torch.ones(3, 2), torch.ones(3, 2)
    assert module.forward(x).type() == module.backward(x, g).type() == "torch.DoubleTensor"


def test_nan():
    inner = nn.Sequential().add(nn.Linear(2, 2)).add(nn.Identity())
    module = nn.NaN(inner)
    x, bad = torch.randn(2), torch.Tensor([0, np.nan])
    module.zeroGradParameters()
    module.forward(x)
    module.backward(x, x)
    for method, message in (
        (lambda: module.forward(bad), "NaN found in input"),
        (lambda: module.backward(x, bad), "NaN found in gradOutput"),
        (lambda: module.accGradParameters(x, x), "NaN found in gradParameters"),
    ):
        with pytest.raises(ValueError, match=message):
            method()
    inner.get(1).weight[1][1] = np.nan
    with pytest.raises(
        ValueError, match=rf"NaN found in parameters of module :\nnn.NaN\({module.id}"
    ):
        module.forward(x)
    assert nn.NaN(nn.Tanh()).id == module.id + 1


def test_profile(capsys):
    module = nn.Profile(nn.Tanh(), 2)
    x = torch.randn(3)
    for _ in range(3):
        module.forward(x)
        module.backward(x, x)
    lines = [re.sub(r"\d\.\d{3}", "0", line) for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        f"nn.Tanh took 0 seconds for 2 {way} passes" for way in ("forward", "backward")
    ]
    assert (module.numFwds, module.numBwds) == (1, 1)


def test_decorate():
    class Mine(nn.Identity):
        pass

    nn.Decorator.decorate(Mine)
    assert Mine.updateOutput is nn.Decorator.updateOutput


def test_jacobian():
    x, module = torch.Tensor(3), nn.Linear(3, 2)
    weight, gradient = module.weight, module.gradWeight
    assert nn.Jacobian.testJacobian(module, x) < 1e-7
    assert -2 <= x.min() < x.max() <= 2
    assert nn.Jacobian.testJacobianParameters(module, x, weight, gradient) < 1e-7
    assert nn.Jacobian.testJacobianUpdateParameters(module, x, weight) < 1e-7
    before = x.clone()
    torch.manualSeed(3)
    assert nn.Jacobian.testIO(module, x) == (0, 0)
    assert same(x, before.tolist())
    after = torch.uniform()
    torch.manualSeed(3)
    assert after == torch.rand(3)[3]  # one number for each output came first
    errors = nn.Jacobian.testAllUpdate(module, x, "weight", "gradWeight")
    assert len(errors) == 4
    assert max(errors.values()) < 1e-12
    assert nn.Jacobian.forward(module, x).size().tolist() == [3, 2]
    assert nn.Jacobian.testJacobian(Reversed(3, 2), x) > 0.1
    sparse = torch.Tensor([[1, 0.5], [3, 0.25]])
    assert nn.SparseJacobian.backward(Double(), sparse).size().tolist() == [2, 4]
    assert nn.SparseJacobian.testJacobian(Double(), sparse) < 1e-7
    assert same(sparse.select(2, 1), [1, 3])


def test_layer_normalization():
    module = nn.LayerNormalization(4, 0.5)
    x = torch.randn(3, 4)
    y = np.array(x) - np.mean(np.array(x), 1, keepdims=True)
    wanted = 2 * y / np.sqrt(np.sum(y**2, 1, keepdims=True) + 1e-10) + 0.5
    np.testing.assert_allclose(np.asarray(module.forward(x)), wanted, rtol=1e-12)

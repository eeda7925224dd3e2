"""The lines of three Torch7 tutorials that need only tensors, and the numbers printed there."""

import math

import numpy as np
import pytest

import fnn.torch7 as torch
from tests.torch7_numbers import close, same

# The first seed: its printed numbers, by tensors only.


def test_numbers_of_the_first_tutorial():
    torch.manualSeed(287)
    x = torch.range(1, 5)
    weight = torch.Tensor(5).uniform(-1 / math.sqrt(5), 1 / math.sqrt(5))
    assert close(weight, "-0.3180 -0.0484 0.1885 0.4165 0.3364")
    assert weight[1] == pytest.approx(-0.317982074301, abs=1e-12)
    assert close(torch.cmul(weight, x), "-0.3180 -0.0968 0.5655 1.6661 1.6822")
    assert close(x.sum(1), "15.0000")
    assert x.sum(1).dim() == 1
    batch = torch.cmul(x.view(1, 5).expand(3, 5), weight.view(1, 5).expand(3, 5))
    assert same(batch[3], torch.cmul(weight, x).tolist())
    assert close(torch.cmul(weight, x).sum(1), "3.4990")
    joined = torch.cat(torch.cmul(weight, x), x.sum(1), 1)
    assert close(joined, "-0.3180 -0.0968 0.5655 1.6661 1.6822 15.0000")

    gradOut = torch.randn(1)
    assert gradOut[1] == pytest.approx(1.68341974182, abs=1e-11)
    g = gradOut.expand(5)
    assert close(torch.cmul(g, weight), "-0.5353 -0.0815 0.3173 0.7012 0.5664")
    assert (torch.cmul(g, weight) - weight * gradOut[1]).abs().max() < 1e-10
    assert close(torch.cmul(g, x), "1.6834 3.3668 5.0503 6.7337 8.4171")

    def linear(inputs, outputs):
        bound = 1 / math.sqrt(inputs)
        return (
            torch.Tensor(outputs, inputs).uniform(-bound, bound),
            torch.Tensor(outputs).uniform(-bound, bound),
        )

    W, b = linear(5, 3)
    assert close(W * x + b, "-2.8031 1.9383 -1.8525")
    table = torch.Tensor(5, 3).normal(0, 1)  # begins with the half that gradOut left over
    assert table[1].tolist() == pytest.approx([-0.340809882906, 0.859416259607, 1.21393547662])
    bias = torch.Tensor(5).uniform(-1 / math.sqrt(5), 1 / math.sqrt(5))
    assert close(x + bias, "1.4369 2.2328 2.5575 4.2737 4.6302")

    x = torch.randn(5)
    assert close(torch.sigmoid(x), "0.6790 0.5264 0.6779 0.6240 0.5938")
    assert close(torch.tanh(x), "0.6346 0.1051 0.6315 0.4672 0.3626")
    assert close(torch.cmax(x, 0), "0.7491 0.1055 0.7440 0.5065 0.3799")
    softmax = x - math.log(torch.exp(x).sum())
    assert close(softmax, "-1.3853 -2.0289 -1.3905 -1.6280 -1.7545")
    X = torch.randn(3, 2)
    assert close(X.max(1)[0], "0.9011 2.5226")
    assert close(X.mean(2), "0.4434 0.2421 1.2315")
    assert close(X.view(2, 3), "0.9011 -0.0143 -0.8167 1.3009 -0.0597 2.5226")

    x_d = torch.randn(1, 3)
    embedding = torch.randn(5, 2)
    W, b = linear(3, 2)
    assert close(embedding[[2]] + x_d * W.t() + b, "1.2212 -2.0951")
    t = [torch.randn(1, 3), torch.randn(1, 3), torch.randn(1, 2)]
    assert close(torch.cat(t, 2), "-0.6461 2.0589 -0.7707 0.0129 -0.6880 0.9008 0.0479 1.5202")
    y = torch.randn(3)
    assert f"{torch.pow(y, 2).mean():.14g}" == "1.8225688302461"
    assert f"{torch.zeros(3).dist(y) ** 2:.14g}" == "5.4677064907383"
    assert close(torch.zeros(3).add(-2, y), "2.3650 -1.6119 3.6986")


# The second seed's tensors.


def test_sizes_and_products():
    assert torch.Tensor(5, 3).size().tolist() == [5, 3]
    a, b = torch.rand(5, 3), torch.rand(3, 4)
    c = torch.Tensor(5, 4)
    assert c.mm(a, b) is c
    assert same(c, (a * b).tolist())
    assert same(c, torch.mm(a, b).tolist())
    assert same(c, (a @ b).tolist())
    np.testing.assert_allclose(np.asarray(c), np.asarray(a) @ np.asarray(b), rtol=1e-14)


def test_clone_and_copy_share_nothing():
    a = torch.rand(5, 3)
    a.fill(1)
    c, m = a.clone(), torch.Tensor(a.size()).copy(a)
    assert same(m, a.tolist())
    c.fill(1.8)
    assert a.min() == a.max() == 1
    assert same(c, [[1.8] * 3] * 5)


def test_storage_and_columns():
    a, b = torch.Tensor(2, 3), torch.Tensor(3, 2)
    x = a.storage()
    for i in range(1, x.size() + 1):
        x[i] = i
    assert same(a, [[1, 2, 3], [4, 5, 6]])
    b[[], [1]].fill(2)
    b[[], [2]].fill(3)
    assert same(b, [[2, 3]] * 3)
    assert same(a * b, [[12, 18], [30, 45]])
    a, b = a.cuda(), b.cuda()
    c = torch.Tensor(5, 4).cuda()
    assert same(c.mm(a, b), [[12, 18], [30, 45]])
    assert c.size().tolist() == [2, 2]


def test_transpose_shares():
    a = torch.rand(5, 3)
    b = a.transpose(1, 2)
    a[2, 1] = 5
    assert b[1][2] == b[1, 2] == 5
    assert b.storage() is a.storage()
    assert a.storage()[4] == 5
    assert (a.isContiguous(), b.isContiguous()) == (True, False)
    assert (a.stride().tolist(), b.stride().tolist()) == ([3, 1], [1, 3])


# The third seed's identities.


def test_linear_map_and_its_gradients():
    torch.manualSeed(1)
    X, W, B = torch.randn(3), torch.randn(4, 3), torch.randn(4)
    gradOutput = torch.Tensor([1, 2, 3, 4])
    Y = torch.addmv(B, W, X)
    assert (W * X + B - Y).abs().max() < 1e-14
    outer = gradOutput.reshape(4, 1) * X.reshape(1, 3)
    assert outer.equal(torch.ger(gradOutput, X))
    back = W.transpose(1, 2) * gradOutput.reshape(4, 1)
    assert back.size().tolist() == [3, 1]
    assert (back - torch.mv(W.t(), gradOutput)).abs().max() < 1e-14
    view = X.reshape(3, 1).fill(0)
    assert view.sum() == 0 != X.norm()

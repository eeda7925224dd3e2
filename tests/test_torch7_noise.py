"""Noise in training: what Torch7's stream gives, element by element, in the order of calls."""

import numpy as np
import pytest

import fnn.torch7 as torch
import transforms
from fnn.torch7 import nn

ROWS = [
    (nn.Dropout(0.3), (4, 6), (4, 6), 0.7),
    (nn.Dropout(0.3, True), (4, 6), (4, 6), 1.0),
    (nn.SpatialDropout(0.3), (2, 3, 2, 2), (2, 3, 1, 1), 1.0),
    (nn.VolumetricDropout(0.3), (3, 2, 2, 2), (3, 1, 1, 1), 1.0),
]


def drawn(size, scale):
    """Noise as Torch7 draws it after manualSeed(3)."""
    torch.manualSeed(3)
    return torch.Tensor(*size).bernoulli(0.7).div(scale)


@pytest.mark.parametrize(("module", "size", "noise", "scale"), ROWS, ids=lambda x: str(x))
def test_noise_from_the_stream(module, size, noise, scale):
    wanted = drawn(noise, scale)
    x, g = torch.Tensor(*size).fill(2), torch.Tensor(*size).fill(3)
    torch.manualSeed(3)
    net = nn.Sequential().add(nn.Identity()).add(module)
    y, d = net.forward(x), net.backward(x, g)
    shape = np.broadcast_to(np.asarray(wanted), size)
    np.testing.assert_allclose(np.asarray(y), 2 * shape, rtol=1e-15)
    np.testing.assert_allclose(np.asarray(d), 3 * shape, rtol=1e-15)
    assert np.array_equal(np.asarray(module.noise), np.asarray(wanted))


def test_evaluation_and_pure_layers_draw_nothing_from_the_stream():
    torch.manualSeed(3)
    wanted = torch.uniform()
    for module, size, *_ in ROWS:
        torch.manualSeed(3)
        module.evaluate()
        module.forward(torch.Tensor(*size).fill(1))
        assert module.pure()[0] is not None
        assert torch.uniform() == wanted
        module.training()


OTHERS = [(nn.RReLU(), (4, 6)), (nn.WhiteNoise(0, 1), (4, 6))]


@pytest.mark.parametrize(("module", "size"), [*(row[:2] for row in ROWS), *OTHERS])
@pytest.mark.parametrize("examples", [1, 2])
def test_an_evaluation_between_two_steps_leaves_no_trace(module, size, examples):
    def step(evaluates):
        torch.manualSeed(3)
        net = nn.Sequential().add(nn.Sequential().add(module.clone()).add(nn.Square()))
        x, z = torch.randn(*size), torch.randn(examples * size[0], *size[1:])
        if evaluates:
            net.evaluate()
            net.forward(z)
        net.training()
        y = net.forward(x).clone()
        return [y, net.backward(x, y).clone(), net.get(1).get(1).output]

    for found, wanted in zip(step(True), step(False), strict=True):
        assert found.size().tolist() == wanted.size().tolist()
        assert found.equal(wanted)


def test_stochastic_inference_draws_in_evaluation_too():
    module = nn.Dropout(0.5, False, False, True)
    module.evaluate()
    y = module.forward(torch.ones(100))
    assert sorted(set(y.tolist())) == [0, 2]
    assert module.backward(torch.ones(100), torch.ones(100)).tolist() == [1] * 100


def test_in_place():
    x, g = torch.ones(50), torch.ones(50)
    module = nn.Dropout(0.5, False, True)
    assert module.forward(x).tolist() == x.tolist() == (module.noise).tolist()
    assert module.backward(x, g).tolist() == g.tolist() == module.noise.tolist()


def test_p_may_change():
    module = nn.Dropout(0.5)
    module.p = 0
    assert module.forward(torch.ones(50)).tolist() == [1] * 50
    with pytest.raises(ValueError, match="percentage"):
        module.setp(50)


def test_compiled_steps_draw_from_keys():
    net = nn.Sequential().add(nn.Linear(3, 50)).add(nn.Dropout(0.5))
    step = transforms.jit(lambda x: net.forward(x).clone())
    x = torch.ones(1, 3)
    torch.manualSeed(1)
    first, second = step(x), step(x)
    assert first.eq(0).sum() > 0
    assert not first.equal(second)
    torch.manualSeed(1)
    assert step(x).equal(first)


def test_slopes_are_drawn_only_where_they_are_needed():
    x, g = torch.Tensor([[1, -2, 0], [-3, 4, 5]]), torch.ones(2, 3)
    torch.manualSeed(3)
    a, b, c, after = (*torch.Tensor(3).uniform(0.125, 1 / 3).tolist(), torch.uniform())
    torch.manualSeed(3)
    module = nn.RReLU()
    assert module.forward(x).tolist() == [[1, -2 * a, 0], [-3 * c, 4, 5]]
    assert torch.uniform() == after
    assert module.noise.tolist() == [[1, a, b], [c, 1, 1]]
    assert module.backward(x, g).tolist() == module.noise.tolist()
    assert nn.RReLU(0, 1, True).forward(x).tolist() == x.tolist()
    assert -3 < x[2, 1] < 0
    assert module.forward(g).tolist() == g.tolist()


def test_white_noise():
    x, module = torch.zeros(2, 3), nn.WhiteNoise(1, 0.5)
    torch.manualSeed(3)
    wanted = torch.Tensor(2, 3).normal(1, 0.5).tolist()
    torch.manualSeed(3)
    assert module.forward(x).tolist() == wanted
    assert module.backward(x, x).tolist() == x.tolist()
    module.evaluate()
    assert module.forward(x).tolist() == [[1] * 3] * 2


@pytest.mark.parametrize("make", [nn.RReLU, nn.WhiteNoise])
def test_noise_inside_compiled_functions(make):
    module, x = make(), torch.Tensor(50).fill(-1)
    y = transforms.jit(lambda x: module.forward(x).clone())(x)
    assert len(set(y.tolist())) == 50

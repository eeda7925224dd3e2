"""transforms.epochs: many imperative steps in one program, with the numbers of the loop."""

import numpy as np
import pytest

import fnn.pytorch as torch
import fnn.torch7 as torch7
import transforms
from fnn.pytorch import nn, optim
from tests.policies import pytorch_training, torch7_training
from transforms.signature import TransformError

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(7, 6, 3))
Y = RANDOM.integers(0, 2, (7, 6))


def pytorch_step(make):
    torch.manual_seed(1)
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Dropout(0.2), nn.Linear(4, 2)).double()
    return net, pytorch_training.training_step(net, make(net.parameters()))


def torch7_step():
    torch7.manualSeed(1)
    net, config = torch7_training.network(), {"learningRate": 0.1, "momentum": 0.9}
    return net, torch7_training.sgd_step(net, config), config


OPTIMISERS = {
    "sgd": lambda p: optim.SGD(p, lr=0.1),
    "momentum": lambda p: optim.SGD(p, lr=0.1, momentum=0.9),
    "adam": lambda p: optim.Adam(p, lr=0.01),
}


@pytest.mark.parametrize("make", OPTIMISERS.values(), ids=OPTIMISERS)
@pytest.mark.parametrize("times", [1, 2])
def test_pytorch_has_the_numbers_of_the_loop(make, times):
    net, step = pytorch_step(make)
    x, y = torch.from_numpy(X), torch.from_numpy(Y)
    wanted = [step(x[i], y[i]).item() for _ in range(times) for i in range(7)]
    twin, other = pytorch_step(make)
    losses = transforms.epochs(other, times=times)(x, y)
    assert isinstance(losses, torch.Tensor)
    np.testing.assert_allclose(np.asarray(losses), wanted, rtol=1e-12)
    for ours, theirs in zip(twin.parameters(), net.parameters(), strict=True):
        np.testing.assert_allclose(
            np.asarray(ours.detach()), np.asarray(theirs.detach()), rtol=1e-11
        )
        np.testing.assert_allclose(np.asarray(ours.grad), np.asarray(theirs.grad), rtol=1e-9)


def test_torch7_has_the_numbers_of_the_loop():
    net, step, config = torch7_step()
    wanted = [float(step(torch7.fromarray(X[i]), torch7.fromarray(Y[i] + 1.0))) for i in range(7)]
    twin, other, state = torch7_step()
    losses = transforms.epochs(other)(torch7.fromarray(X), torch7.fromarray(Y + 1.0))
    np.testing.assert_allclose(np.asarray(losses), wanted, rtol=1e-12)
    for ours, theirs in zip(twin.parameters()[0], net.parameters()[0], strict=True):
        np.testing.assert_allclose(np.asarray(ours), np.asarray(theirs), rtol=1e-11)
    np.testing.assert_allclose(np.asarray(twin.output), np.asarray(net.output), rtol=1e-11)
    assert state["evalCounter"] == config["evalCounter"] == 7


def test_progress_is_reported_from_inside():
    _, step = pytorch_step(OPTIMISERS["sgd"])
    seen = []
    losses = transforms.epochs(
        step, times=3, every=4, progress=lambda i, loss: seen.append((i, float(loss)))
    )(torch.from_numpy(X), torch.from_numpy(Y))
    assert [i for i, _ in seen] == [4, 8, 12, 16, 20]
    np.testing.assert_array_equal([x for _, x in seen], np.asarray(losses)[3::4])


@pytest.mark.parametrize("dtype", ["float64", "int64", "float32", "bool"])
def test_progress_has_the_numbers_of_the_outputs(dtype):
    total = torch.zeros((), dtype=torch.float64)
    data = np.arange(4).reshape(4, 1, 1) * np.full((300, 300), (2**40 + 1) / 3)
    seen = []

    def step(x):
        total.add_((x @ x).sum())  # so much that jax computes it in a thread of its own
        value = total.to(getattr(torch, dtype))
        return {"one": value, "some": torch.stack([value, value])}

    found = transforms.epochs(step, progress=lambda i, x: seen.append(x))(torch.from_numpy(data))
    assert [str(np.asarray(x["one"]).dtype) for x in seen] == [dtype] * 4
    for name, array in found.items():
        np.testing.assert_array_equal([x[name] for x in seen], np.asarray(array))


def test_a_second_call_goes_on_and_compiles_nothing():
    _, step = pytorch_step(OPTIMISERS["momentum"])
    x, y = torch.from_numpy(X), torch.from_numpy(Y)
    run = transforms.epochs(step)
    first = np.asarray(run(x, y)).copy()
    run(x, y)
    with transforms.count_compilations() as log:
        third = np.asarray(run(x, y))
    assert log.total == 0
    assert third.mean() < first.mean()


def test_mistakes_are_named():
    _, step = pytorch_step(OPTIMISERS["sgd"])
    with pytest.raises(TransformError, match="one leading axis"):
        transforms.epochs(step)(torch.from_numpy(X), torch.from_numpy(Y[:3]))
    with pytest.raises(TransformError, match="a batch is changed in place"):
        transforms.epochs(lambda x: x.add_(1).sum())(torch.from_numpy(X))
    kept = []
    with pytest.raises(TransformError, match="changes the structure"):
        transforms.epochs(lambda x: kept.append(x.sum()))(torch.from_numpy(X))

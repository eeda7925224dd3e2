"""transforms.jit on imperative code: one program, the same numbers, nothing stale or leaked."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn.pytorch as torch
import fnn.torch7 as torch7
import transforms
from fnn.pytorch import nn, optim
from fnn.torch7 import nn as nn7
from tests.policies import pytorch_training, torch7_training

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(6, 3)).astype(np.float32)
Y = RANDOM.integers(0, 2, 6)


def values(x):
    return np.asarray(x.detach()).copy()


def network():
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))


def pytorch_step(make):
    net = network()
    optimizer = make(net.parameters())
    return net, optimizer, pytorch_training.training_step(net, optimizer)


def torch7_step(dtype="torch.DoubleTensor", **config):
    before = torch7.getdefaulttensortype()
    torch7.setdefaulttensortype(dtype)
    torch7.manualSeed(1)
    net = torch7_training.network()
    torch7.setdefaulttensortype(before)
    return net, config, torch7_training.sgd_step(net, config)


def count(step):
    return sum(map(len, step._lifted.programs.values()))


OPTIMISERS = {
    "sgd": lambda p: optim.SGD(p, lr=0.1),
    "momentum": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01),
    "nesterov": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "adam": lambda p: optim.Adam(p, lr=0.01),
    "amsgrad": lambda p: optim.Adam(p, lr=0.01, amsgrad=True),
}


@pytest.mark.parametrize("make", OPTIMISERS.values(), ids=OPTIMISERS)
def test_pytorch_step_has_the_same_numbers(make):
    x, y = torch.from_numpy(X), torch.from_numpy(Y)
    net, _, step = pytorch_step(make)
    eager = [step(x, y).item() for _ in range(6)]
    twin, _, other = pytorch_step(make)
    lifted = transforms.jit(other)
    losses = [lifted(x, y) for _ in range(6)]
    np.testing.assert_allclose([loss.item() for loss in losses], eager, rtol=1e-6)
    for ours, theirs in zip(twin.parameters(), net.parameters(), strict=True):
        np.testing.assert_allclose(values(ours), values(theirs), rtol=2e-6, atol=1e-7)
        np.testing.assert_allclose(
            np.asarray(ours.grad), np.asarray(theirs.grad), rtol=1e-5, atol=1e-7
        )
    assert count(lifted) <= 2  # one before the optimiser has any state, one after


CONFIGS = {
    "sgd": {"learningRate": 0.1},
    "momentum": {"learningRate": 0.1, "momentum": 0.9},
    "decays": {"learningRate": 0.1, "learningRateDecay": 0.1, "weightDecay": 0.01},
    "nesterov": {"learningRate": 0.1, "momentum": 0.9, "dampening": 0, "nesterov": True},
}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_torch7_step_has_the_same_numbers_in_doubles(config):
    x, y = torch7.fromarray(X.astype(np.float64)), torch7.fromarray(Y + 1.0)
    net, _, step = torch7_step(**config)
    eager = [step(x, y) for _ in range(6)]
    twin, state, other = torch7_step(**config)
    lifted = transforms.jit(other)
    np.testing.assert_allclose([float(lifted(x, y)) for _ in range(6)], eager, rtol=1e-13)
    for ours, theirs in zip(twin.parameters()[0], net.parameters()[0], strict=True):
        np.testing.assert_allclose(np.asarray(ours), np.asarray(theirs), rtol=1e-12)
    np.testing.assert_allclose(np.asarray(twin.output), np.asarray(net.output), rtol=1e-12)
    np.testing.assert_allclose(np.asarray(twin.gradInput), np.asarray(net.gradInput), rtol=1e-10)
    assert state["evalCounter"] == 6
    assert count(lifted) == 2
    assert not jax.config.jax_enable_x64


def test_another_batch_size_is_another_program_and_the_first_is_kept():
    net, _, step = pytorch_step(OPTIMISERS["momentum"])
    lifted = transforms.jit(step)
    sizes = [6, 6, 4, 6, 4, 6]
    for size in sizes:
        lifted(torch.from_numpy(X[:size]), torch.from_numpy(Y[:size]))
    assert count(lifted) == 3
    twin, _, eager = pytorch_step(OPTIMISERS["momentum"])
    for size in sizes:
        eager(torch.from_numpy(X[:size]), torch.from_numpy(Y[:size]))
    for ours, theirs in zip(net.parameters(), twin.parameters(), strict=True):
        np.testing.assert_allclose(values(ours), values(theirs), rtol=1e-5, atol=1e-6)


def test_output_of_a_module_follows_the_batch_size():
    net = nn7.Sequential().add(nn7.Linear(3, 2)).add(nn7.Tanh())
    forward = transforms.jit(lambda x: net.forward(x))
    for size in (6, 4, 6, 4, 6, 4):
        forward(torch7.fromarray(X[:size].astype(np.float64)))
        assert tuple(net.output.size()) == (size, 2)


def test_a_changed_flag_or_rate_never_runs_a_stale_program():
    net = nn.Sequential(nn.Dropout(0.5))
    forward = transforms.jit(lambda x: net(x))
    ones = torch.ones(1000)
    assert 300 < (np.asarray(forward(ones)) == 0).sum() < 700
    net.eval()
    assert (np.asarray(forward(ones)) == 1).all()
    net.train()
    assert (np.asarray(forward(ones)) == 0).any()
    assert count(forward) == 2

    net, optimizer, step = pytorch_step(OPTIMISERS["sgd"])
    lifted = transforms.jit(step)
    lifted(torch.from_numpy(X), torch.from_numpy(Y))
    optimizer.param_groups[0]["lr"] = 0.0
    before = [values(p) for p in net.parameters()]
    lifted(torch.from_numpy(X), torch.from_numpy(Y))
    for p, b in zip(net.parameters(), before, strict=True):
        np.testing.assert_array_equal(values(p), b)


def test_a_variable_may_be_assigned_after_some_calls():
    x, net = torch.from_numpy(X), network()
    later = True

    @transforms.jit
    def step(x):
        try:
            return net(x) * later
        except NameError:
            return net(x)

    del later
    for _ in range(3):
        np.testing.assert_array_equal(values(step(x)), values(net(x)))
    later = 3.0
    for _ in range(3):
        np.testing.assert_allclose(values(step(x)), values(net(x) * 3), rtol=1e-6)
    assert count(step) == 2


def test_random_numbers_are_fresh_in_every_call_and_equal_those_of_eager_code():
    net = nn.Dropout(0.5)
    lifted = transforms.jit(lambda x: net(x))
    ones = torch.ones(64)
    torch.manual_seed(3)
    compiled = [np.asarray(lifted(ones)) for _ in range(3)]
    torch.manual_seed(3)
    eager = [np.asarray(net(ones)) for _ in range(3)]
    np.testing.assert_array_equal(compiled, eager)
    assert (compiled[0] != compiled[1]).any()


@pytest.mark.parametrize("when", ["forward", "backward", "step"])
def test_an_exception_leaves_everything_as_it_was(when):
    net, optimizer, _ = pytorch_step(OPTIMISERS["momentum"])
    criterion = nn.CrossEntropyLoss()

    def step(x, y):
        net.train(False)
        optimizer.zero_grad()
        loss = criterion(net(x), y)
        if when == "forward":
            raise KeyError(when)
        loss.backward()
        if when == "backward":
            raise KeyError(when)
        optimizer.step()
        raise KeyError(when)

    before = {n: values(p) for n, p in net.named_parameters()}
    with pytest.raises(KeyError, match=when):
        transforms.jit(step)(torch.from_numpy(X), torch.from_numpy(Y))
    assert net.training
    assert not optimizer.state
    for name, p in net.named_parameters():
        np.testing.assert_array_equal(values(p), before[name])
        assert p.grad is None
    net(torch.from_numpy(X)).sum().backward()
    assert all(p.grad is not None for p in net.parameters())


def test_results_of_different_calls_are_different_tensors():
    net = network()
    forward = transforms.jit(lambda x: net(x))
    first = forward(torch.from_numpy(X))
    kept = values(first)
    second = forward(torch.from_numpy(2 * X))
    assert first is not second
    np.testing.assert_array_equal(values(first), kept)


class Keeper(nn.Module):
    """Returns what it also keeps, alone and in a list, and keeps what it does not return."""

    def __init__(self, paired):
        super().__init__()
        self.paired, self.total = paired, torch.zeros(3)

    def forward(self, x):
        self.last = self.total + x
        self.pair = [self.last, x * 2] if self.paired else [self.last, None]
        self.total = self.last * 2
        return self.last


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("hold", [True, False])
def test_a_result_that_is_also_kept_is_new_in_every_call(hold, paired):
    keeper, eager, held, totals = Keeper(paired), Keeper(paired), [], []
    inputs = [torch.full((3,), float(i)) for i in range(8)]
    wanted = [(values(eager(x)), values(eager.total)) for x in inputs]
    lifted = transforms.jit(keeper)
    for x, (_, total) in zip(inputs, wanted, strict=True):
        found = lifted(x)
        assert keeper.last is keeper.pair[0] is found
        np.testing.assert_array_equal(values(keeper.total), total)
        if paired:
            np.testing.assert_array_equal(values(keeper.pair[1]), 2 * values(x))
        held.append(found)
        totals.append(keeper.total if hold else id(keeper.total))
    for found, (last, _) in zip(held, wanted, strict=True):
        np.testing.assert_array_equal(values(found), last)
    assert len(set(map(id, held))) == len(held)
    if not paired:  # what is not returned is written in place again, if nobody has hold of it
        assert len({x if isinstance(x, int) else id(x) for x in totals[2:]}) == (6 if hold else 1)


def test_shared_parameters_stay_shared():
    a = nn.Linear(3, 3)
    net = nn.Sequential(a, nn.Tanh(), a)
    optimizer = optim.SGD(net.parameters(), lr=0.1)

    def step(x):
        optimizer.zero_grad()
        loss = (net(x) ** 2).sum()
        loss.backward()
        optimizer.step()
        return loss

    start = [values(p) for p in net.parameters()]
    eager = [step(torch.from_numpy(X)).item() for _ in range(4)]
    for p, s in zip(net.parameters(), start, strict=True):
        p.storage.array = jnp.asarray(s)
        p.grad = None
    lifted = transforms.jit(step)
    np.testing.assert_allclose(
        [lifted(torch.from_numpy(X)).item() for _ in range(4)], eager, rtol=1e-5
    )
    assert net[0] is net[2]


def test_views_write_through_inside_a_program():
    a = torch7.Tensor(4, 4).fill(1)
    row = a[2]

    @transforms.jit
    def change():
        row.fill(5)
        return a.sum()

    assert float(change()) == 32
    assert np.asarray(a)[1].tolist() == [5, 5, 5, 5]
    a.fill(0)
    assert float(change()) == 20


def test_a_value_that_is_not_returned_says_so_when_used():
    kept = []
    x = torch.ones(3)

    @transforms.jit
    def leak():
        kept.append(x * 2)
        return x + 1

    leak()
    assert np.asarray(kept[0]).tolist() == [2, 2, 2]  # a list that is closed over is kept up
    holder = {}
    transforms.jit(lambda: holder.setdefault("y", x * 3).sum())()
    assert np.asarray(holder["y"]).tolist() == [3, 3, 3]

    @transforms.jit
    def lose():
        global LOST
        LOST = x * 2
        return x + 1

    lose()
    with pytest.raises(RuntimeError, match="inside a compiled function"):
        LOST.sum()


LOST = None


def test_numbers_are_not_looked_at_while_compiling():
    """They would be constants of the program, and stale in the next call."""
    w, a = torch.ones(1), torch7.Tensor([1.0, 2.0])
    for look in (
        lambda: torch.ones(1) * float(w),
        lambda: torch.ones(1) if w > 0 else torch.zeros(1),
        lambda: torch.ones(1) * torch.from_numpy(w.numpy()),
        lambda: torch7.Tensor(2).fill(float(a.sum())),
        lambda: torch7.fromarray(np.asarray(a)),
    ):
        with pytest.raises(RuntimeError, match="not known while a function is compiled"):
            transforms.jit(look)()
    assert transforms.jit(lambda: w * torch.tensor(3.0).item())().item() == 3


def test_a_number_taken_from_a_tensor_is_never_stale():
    w, a = torch.ones(1), torch7.Tensor([1.0, 2.0])
    scaled = transforms.jit(lambda: torch.ones(1) * w.item())
    filled = transforms.jit(lambda: torch7.Tensor(2).fill(2).mul(a.sum()))
    assert scaled().item() == 1
    assert np.asarray(filled()).tolist() == [6, 6]
    w.fill_(5)
    a.fill(1)
    assert scaled().item() == 5
    assert np.asarray(filled()).tolist() == [4, 4]


def test_pure_functions_stay_with_jax():
    f = transforms.jit(lambda x, y: x + y)
    assert f(jnp.ones(2), 1).tolist() == [2, 2]
    assert f._lifted is None
    assert f.lower(jnp.ones(2), 1).compile() is not None


def test_jit_written_twice_is_one():
    def f(x):
        return x + 1

    assert transforms.jit(f) is transforms.jit(f)
    with transforms.count_compilations() as count:
        for _ in range(3):
            transforms.jit(f)(jnp.ones(3))
    assert count.counts["f"] == 1


def test_a_lifted_function_says_why_it_was_traced_again():
    net = nn.Dropout(0.5)
    forward = transforms.jit(lambda x: net(x))
    with transforms.explain() as log:
        forward(torch.ones(3))
        net.eval()
        forward(torch.ones(3))
        forward(torch.ones(4))
    assert "net.training: False, before True" in str(log)


def test_compiled_steps_can_be_nested_and_mixed_with_eager_ones():
    _, _, step = pytorch_step(OPTIMISERS["momentum"])
    lifted = transforms.jit(step)
    x, y = torch.from_numpy(X), torch.from_numpy(Y)
    mixed = [lifted(x, y).item(), step(x, y).item(), lifted(x, y).item(), step(x, y).item()]
    _, _, eager = pytorch_step(OPTIMISERS["momentum"])
    np.testing.assert_allclose(mixed, [eager(x, y).item() for _ in range(4)], rtol=1e-6)

    _, _, step = pytorch_step(OPTIMISERS["momentum"])
    inner = transforms.jit(step)

    @transforms.jit
    def twice(x, y):
        inner(x, y)
        return inner(x, y)

    two = [twice(x, y).item(), twice(x, y).item()]
    np.testing.assert_allclose(two, mixed[1::2], rtol=1e-6)


def test_numbers_in_dicts_are_data_as_long_as_nobody_looks_at_them():
    def training(transform):
        net, x = network(), torch.ones(4, 3)
        optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)

        def step():
            optimizer.zero_grad()
            net(x).square().sum().backward()
            optimizer.step()

        step = transform(step)
        for rate in 0.1, 0.05, 0.025, 0.0, 0.3, 0.2:
            optimizer.param_groups[0].update(lr=rate, momentum=0.9 + rate)
            step()
        return [values(p) for p in net.parameters()], step

    ours, lifted = training(transforms.jit)
    theirs, _ = training(lambda step: step)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)
    assert count(lifted) == 3  # the first, with the optimiser's state, and without a rate


def test_a_number_that_was_looked_at_selects_the_program():
    settings, memory = {"rate": 0.5, "limit": 1.0, "power": 2.0}, torch.zeros(2)

    @transforms.jit
    def move(x):
        if settings["rate"] > settings["limit"]:
            return memory.add_(x * settings["rate"])
        return memory.sub_(x ** (settings["power"] + 1))

    ones = torch.full((2,), 2.0)
    for rate, limit, power, wanted, traces in [
        (0.5, 1.0, 2.0, -8.0, 1),
        (0.7, 1.0, 2.0, -16.0, 1),
        (0.7, 1.0, 1.0, -20.0, 2),
        (2.0, 1.0, 1.0, -16.0, 3),
        (0.7, 1.0, 2.0, -24.0, 3),
    ]:
        settings.update(rate=rate, limit=limit, power=power)
        move(ones)
        assert memory.tolist() == [wanted] * 2
        assert count(move) == traces
    assert type(settings["rate"]) is float

"""nn and optim of the PyTorch door against a live PyTorch, where there is one."""

import numpy as np
import pytest

import fnn.pytorch as ours
from fnn.pytorch import nn, optim

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.normal(size=(4, 2, 9, 8)).astype(np.float32)
ROWS = RANDOM.normal(size=(5, 6)).astype(np.float32)
LABELS = RANDOM.integers(0, 6, 5)

MODULES = [
    ("Linear", (6, 3), {}, ROWS),
    ("Linear", (6, 3), {"bias": False}, ROWS[0]),
    ("Conv2d", (2, 4, 3), {"padding": 1}, IMAGES),
    ("Conv2d", (2, 4, (3, 2)), {"stride": 2, "padding": (0, 1), "dilation": (2, 1)}, IMAGES),
    ("Conv2d", (2, 4, 3), {"groups": 2, "bias": False, "padding": "same"}, IMAGES[0]),
    ("MaxPool2d", (2,), {}, IMAGES),
    ("MaxPool2d", ((3, 2),), {"stride": 2, "padding": 1, "ceil_mode": True}, IMAGES),
    ("ReLU", (), {}, ROWS),
    ("Tanh", (), {}, ROWS),
    ("Sigmoid", (), {}, ROWS),
    ("Softmax", (1,), {}, ROWS),
    ("LogSoftmax", (), {"dim": 0}, ROWS),
    ("Flatten", (), {}, IMAGES),
    ("Flatten", (), {"start_dim": 0, "end_dim": 2}, IMAGES),
    ("Identity", (), {}, ROWS),
]


def name(case):
    return f"{case[0]}{case[1]}{case[2]}" if isinstance(case, tuple) else None


@pytest.mark.parametrize("case", MODULES, ids=name)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_module(case, dtype):
    torch = pytest.importorskip("torch")
    kind, args, keywords, x = case
    torch.manual_seed(3)
    theirs = getattr(torch.nn, kind)(*args, **keywords)
    ours.manual_seed(3)
    mine = getattr(nn, kind)(*args, **keywords)
    assert repr(mine) == repr(theirs)
    for (n, p), (m, q) in zip(mine.named_parameters(), theirs.named_parameters(), strict=True):
        assert n == m
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=1e-6)
    mine, theirs = mine.to(getattr(ours, dtype)), theirs.to(getattr(torch, dtype))
    a = ours.from_numpy(x.astype(dtype)).requires_grad_()
    b = torch.from_numpy(x.astype(dtype)).requires_grad_()
    left, right = mine(a), theirs(b)
    scale = {"float32": 1e-6, "float64": 1e-12}[dtype] * (1 + abs(right.detach().numpy()).max())
    np.testing.assert_allclose(left.detach().numpy(), right.detach().numpy(), rtol=0, atol=scale)
    (left * left).sum().backward()
    (right * right).sum().backward()
    found = [a.grad, *(p.grad for p in mine.parameters())]
    wanted = [b.grad, *(p.grad for p in theirs.parameters())]
    for mine_grad, their_grad in zip(found, wanted, strict=True):
        want = their_grad.numpy()
        limit = {"float32": 3e-6, "float64": 1e-11}[dtype] * (1 + abs(want).max())
        np.testing.assert_allclose(mine_grad.numpy(), want, rtol=0, atol=limit)


LOSSES = [
    ("MSELoss", {}, ROWS, ROWS[::-1].copy()),
    ("MSELoss", {"reduction": "sum"}, ROWS, ROWS[::-1].copy()),
    ("CrossEntropyLoss", {}, ROWS, LABELS),
    ("CrossEntropyLoss", {"reduction": "sum", "label_smoothing": 0.1}, ROWS, LABELS),
    ("CrossEntropyLoss", {"ignore_index": int(LABELS[0])}, ROWS, LABELS),
    ("CrossEntropyLoss", {"weight": np.arange(1, 7, dtype=np.float32)}, ROWS, LABELS),
    ("CrossEntropyLoss", {"reduction": "none"}, ROWS, LABELS),
    ("NLLLoss", {}, ROWS, LABELS),
    ("NLLLoss", {"reduction": "sum"}, ROWS, LABELS),
]


@pytest.mark.parametrize("case", LOSSES, ids=lambda case: f"{case[0]}{[*case[1]]}")
def test_loss(case):
    torch = pytest.importorskip("torch")
    kind, keywords, x, target = case
    results = []
    for t, n in ((ours, nn), (torch, torch.nn)):
        given = {
            k: t.from_numpy(v) if isinstance(v, np.ndarray) else v for k, v in keywords.items()
        }
        a = t.from_numpy(x).requires_grad_()
        loss = getattr(n, kind)(**given)(a, t.from_numpy(target))
        loss.sum().backward()
        results.append((loss.detach().numpy(), a.grad.numpy()))
    for mine, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=2e-6, atol=1e-7)


OPTIMISERS = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.2, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    ("SGD", {"lr": 0.1, "maximize": True}),
    ("Adam", {"lr": 0.01}),
    ("Adam", {"lr": 0.01, "betas": (0.8, 0.9), "eps": 1e-3, "weight_decay": 0.1}),
    ("Adam", {"lr": 0.01, "amsgrad": True}),
]


@pytest.mark.parametrize("case", OPTIMISERS, ids=lambda case: f"{case[0]}{[*case[1]]}")
def test_optimiser(case):
    torch = pytest.importorskip("torch")
    kind, keywords = case
    results = []
    for t, n, o in ((ours, nn, optim), (torch, torch.nn, torch.optim)):
        t.manual_seed(0)
        net = n.Sequential(n.Linear(6, 4), n.Tanh(), n.Linear(4, 6)).double()
        optimizer = getattr(o, kind)(net.parameters(), **keywords)
        x, y = t.from_numpy(ROWS.astype(np.float64)), t.from_numpy(LABELS)
        losses = []
        for i in range(20):
            optimizer.zero_grad()
            loss = n.CrossEntropyLoss()(net(x), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            if i == 9:
                optimizer.param_groups[0]["lr"] *= 0.5
        results.append(losses)
    np.testing.assert_allclose(*results, rtol=1e-10)


def test_groups_closures_and_saved_state():
    a, b = nn.Linear(3, 2), nn.Linear(2, 1)
    optimizer = optim.SGD(
        [{"params": a.parameters(), "lr": 0.0}, {"params": b.parameters()}], lr=0.01, momentum=0.9
    )
    x = ours.ones(4, 3)

    def closure():
        optimizer.zero_grad()
        loss = (b(a(x)) ** 2).sum()
        loss.backward()
        return loss

    before = a.weight.detach().numpy(), b.weight.detach().numpy()
    first = optimizer.step(closure)
    np.testing.assert_array_equal(a.weight.detach().numpy(), before[0])
    assert (b.weight.detach().numpy() != before[1]).any()
    saved = optimizer.state_dict()
    assert saved["param_groups"][0]["params"] == [0, 1]
    optimizer.load_state_dict(saved)
    assert optimizer.step(closure).item() < first.item()
    with pytest.raises(ValueError, match="more than one parameter group"):
        optimizer.add_param_group({"params": a.parameters()})
    with pytest.raises(ValueError, match="Invalid learning rate"):
        optim.SGD(a.parameters(), lr=-1)
    with pytest.raises(ValueError, match="no parameters"):
        optim.SGD([], lr=1)


def test_modules_of_ones_own():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Linear(3, 4)
            self.rest = nn.Sequential(nn.ReLU(), nn.Linear(4, 1))
            self.scale = nn.Parameter(ours.ones(1))
            self.register_buffer("seen", ours.zeros(1))

        def forward(self, x):
            return self.rest(self.first(x)) * self.scale

    model = Model()
    names = [n for n, _ in model.named_parameters()]
    assert names == ["scale", "first.weight", "first.bias", "rest.1.weight", "rest.1.bias"]
    assert [*model.state_dict()] == ["scale", "seen", *names[1:]]
    assert not model.eval().rest[0].training
    twin = Model()
    assert twin.load_state_dict(model.state_dict()).missing_keys == []
    x = ours.randn(2, 3)
    np.testing.assert_array_equal(twin(x).detach().numpy(), model(x).detach().numpy())
    with pytest.raises(RuntimeError, match=r"Missing key.*first\.weight"):
        model.load_state_dict({})
    with pytest.raises(AttributeError, match="before Module"):
        type("Bad", (nn.Module,), {"__init__": lambda self: setattr(self, "a", nn.ReLU())})()
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = model.nothing


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.Conv2d(1, 1, 1, padding_mode="reflect"),
        lambda: nn.ReLU(inplace=True),
        lambda: nn.MaxPool2d(2, return_indices=True),
    ],
)
def test_what_cannot_be_honoured_is_refused(make):
    with pytest.raises(ValueError, match="wanted"):
        make()

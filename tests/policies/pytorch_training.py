"""Ways to train in PyTorch's words; each gives equal numbers under every execution."""

import numpy as np

import fnn
import fnn.pytorch as torch
from fnn.pytorch import nn, optim

RANDOM = np.random.default_rng(0)
X, Y = RANDOM.normal(size=(6, 3)), RANDOM.integers(0, 2, 6)


def data(rows=6):
    return torch.from_numpy(X[:rows]), torch.from_numpy(Y[:rows])


def network(*middle):
    return nn.Sequential(nn.Linear(3, 4), *(middle or [nn.Tanh()]), nn.Linear(4, 2))


def sgd(net, **options):
    return optim.SGD(net.parameters(), **{"lr": 0.1, **options})


def training_step(net, optimizer, criterion=None):
    criterion = criterion or nn.CrossEntropyLoss()

    def step(x, y):
        optimizer.zero_grad()
        loss = criterion(net(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return step


def fit(wrap, net, optimizer, sizes=(6,) * 4, between=lambda i: None):
    """Some steps, with something done before each; the losses, the network, the optimiser."""
    step, losses = wrap(training_step(net, optimizer)), []
    for i, size in enumerate(sizes):
        between(i)
        losses.append(step(*data(size)))
    return losses, net, optimizer


def optimiser(make):
    def program(wrap):
        net = network()
        return fit(wrap, net, make(net.parameters()))

    return program


def last_batch_is_smaller(wrap):
    net = network()
    return fit(wrap, net, sgd(net, momentum=0.9), sizes=(4, 4, 2, 4, 4, 2))


def loss_is_printed_now_and_then(wrap):
    net, lines = network(), []
    step = wrap(training_step(net, sgd(net)))
    for i in range(6):
        loss = step(*data())
        if i % 2 == 1:
            lines.append(f"{i}: {loss.item():.6f} {loss:.3f} {float(net[0].bias.mean()):.6f}")
    return lines, net


def rate_changes(wrap):
    net = network()
    optimizer = sgd(net)

    def between(i):
        optimizer.param_groups[0]["lr"] = 0.1 / (1 + i // 2)

    return fit(wrap, net, optimizer, between=between)


def momentum_begins_and_weights_decay_later(wrap):
    net = network()
    optimizer = sgd(net)

    def between(i):
        optimizer.param_groups[0].update([{}, {"momentum": 0.9}, {}, {"weight_decay": 0.1}][i])

    return fit(wrap, net, optimizer, between=between)


def modes_change(wrap):
    net = network(nn.Pure(fnn.layer(fnn.batch_norm, 4), *norm_values()), nn.Dropout(0.5))
    first = net[0]
    changes = [net.train, net.eval, first.train, lambda: net.train(True), net[2].eval]
    return fit(wrap, net, sgd(net), (6,) * 5, lambda i: changes[i]())


def norm_values():
    layer = fnn.layer(fnn.batch_norm, 4)
    params = {"weight": np.ones(4), "bias": np.zeros(4)}
    return params, {k: np.array(v, np.float64) for k, v in layer.initial_state().items()}


def evaluated_in_between(wrap):
    net = network(nn.Tanh(), nn.Dropout(0.3))
    found = []

    @wrap
    def evaluate(x, y):
        with torch.no_grad():
            return (net(x).argmax(1) == y).double().mean()

    def between(i):
        net.eval()
        found.append(evaluate(*data()))
        net.train()

    return fit(wrap, net, sgd(net), between=between), found


def gradients_add_up(wrap):
    net = network()
    optimizer, criterion = sgd(net), nn.CrossEntropyLoss()

    @wrap
    def add(x, y):
        parts = zip(x.chunk(2), y.chunk(2), strict=True)
        loss = sum(criterion(net(part), labels) for part, labels in parts)
        loss.backward()
        (net(x).sum() * 0.01).backward()
        return loss

    @wrap
    def move():
        optimizer.step()
        optimizer.zero_grad(set_to_none=False)

    losses = []
    for _ in range(3):
        losses += [add(*data()), add(*data(4))]
        grads = [p.grad.clone() for p in net.parameters()]
        move()
    return losses, grads, net


def gradients_are_clipped(wrap):
    net = network()
    optimizer, criterion = sgd(net), nn.CrossEntropyLoss()

    @wrap
    def step(x, y):
        optimizer.zero_grad()
        criterion(net(x), y).backward()
        grads = [p.grad for p in net.parameters()]
        norm = sum((g * g).sum() for g in grads) ** 0.5
        for g in grads:
            g.mul_((0.1 / (norm + 1e-6)).clamp(max=1)).clamp_(-0.05, 0.05)
        optimizer.step()
        return norm

    return [step(*data()) for _ in range(3)], net


def weights_are_tied(wrap):
    encode, decode = nn.Linear(3, 3, bias=False), nn.Linear(3, 3)
    decode.weight = encode.weight
    net = nn.Sequential(encode, nn.Tanh(), decode, encode, nn.Linear(3, 2))
    return fit(wrap, net, sgd(net, momentum=0.5)), decode.weight is encode.weight


def two_networks_share_a_module(wrap):
    trunk = nn.Linear(3, 4)
    nets = [nn.Sequential(trunk, nn.Tanh(), nn.Linear(4, 2)) for _ in range(2)]
    steps = [wrap(training_step(net, sgd(net))) for net in nets]
    losses = [step(*data()) for _ in range(3) for step in steps]
    both = wrap(lambda x: nets[0](x) - nets[1](x))
    return losses, nets, both(data()[0])


def groups(wrap):
    net = network()
    first, last = ({"params": list(net[i].parameters())} for i in (0, 2))
    optimizer = optim.Adam([first, {**last, "lr": 0.5}], lr=0.01)

    def between(i):
        optimizer.param_groups[i % 2]["lr"] *= 0.5

    return fit(wrap, net, optimizer, between=between)


def frozen_in_the_middle(wrap):
    net = network()

    def between(i):
        net[0].requires_grad_(i in (0, 3))

    return fit(wrap, net, sgd(net), between=between)


def noise(wrap):
    net = network(nn.Dropout(0.2), nn.ReLU(), nn.Dropout(0.5))
    out = wrap(net)
    outputs = [out(data()[0]) for _ in range(2)]
    return fit(wrap, net, sgd(net)), outputs, out(data()[0])


PROGRAMS = {
    "sgd": optimiser(lambda p: optim.SGD(p, lr=0.1)),
    "momentum": optimiser(lambda p: optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01)),
    "adam": optimiser(lambda p: optim.Adam(p, lr=0.01)),
    "amsgrad": optimiser(lambda p: optim.Adam(p, lr=0.01, amsgrad=True, weight_decay=0.1)),
    **{
        f.__name__: f
        for f in (
            last_batch_is_smaller,
            loss_is_printed_now_and_then,
            rate_changes,
            momentum_begins_and_weights_decay_later,
            modes_change,
            evaluated_in_between,
            gradients_add_up,
            gradients_are_clipped,
            weights_are_tied,
            two_networks_share_a_module,
            groups,
            frozen_in_the_middle,
            noise,
        )
    },
}

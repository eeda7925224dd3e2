"""Views, changes in place, copies and kept results in PyTorch's words.

Each program gives equal numbers under every execution.
"""

import copy
import pickle

import numpy as np

import fnn
import fnn.pytorch as torch
from fnn.pytorch import nn, optim
from tests.policies.pytorch_training import data, fit, network, norm_values, sgd, training_step

RANDOM = np.random.default_rng(1)
LARGE, LABELS = RANDOM.normal(size=(24, 3)), RANDOM.integers(0, 2, 24)


def batches_are_views(wrap):
    net = network()
    x, y = torch.from_numpy(LARGE), torch.from_numpy(LABELS)
    step, order = wrap(training_step(net, sgd(net))), torch.randperm(24)
    parts = [(x[i : i + 6], y[i : i + 6]) for i in (0, 6, 12)]
    parts += [(x.narrow(0, i, 6), y.narrow(0, i, 6)) for i in (1, 7)]
    parts += [(x[order[i : i + 6]], y[order[i : i + 6]]) for i in (0, 6)]
    parts += [(x[::4], y[::4]), (x.view(4, 6, 3)[2], y.view(4, 6)[2]), (x[:6], y[:6])]
    parts += [(x.t()[:, 3:9].t(), y[3:9]), (x.select(0, 3).expand(6, 3), y[3].expand(6))]
    losses = [step(*part) for part in parts]
    x.mul_(2)
    return losses, [step(*part) for part in parts[:4]], net


def changes_between_forward_and_backward(wrap):
    net = network(nn.Pure(fnn.layer(fnn.batch_norm, 4), *norm_values()), nn.Tanh())
    optimizer = sgd(net)

    @wrap
    def step(x, y):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(x), y)
        x.mul_(0.5)
        net[0].weight.data.mul_(2)
        net[1].running_mean.zero_()
        net[3].bias.data = torch.ones(2)
        loss.backward()
        with torch.no_grad():
            net[0].weight.mul_(0.5)
        optimizer.step()
        return loss, x

    return [step(*data()) for _ in range(3)], net


class Scaled(nn.Module):
    """A user's module with tensor code, a buffer and changes in place."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(4))
        self.register_buffer("mean", torch.zeros(4))
        self.last = None

    def forward(self, x):
        if self.training:
            with torch.no_grad():
                self.mean.mul_(0.9).add_(x.mean(0), alpha=0.1)
        out = x - self.mean
        out.mul_(self.scale)
        out[:, 1] = out[:, 1] * 2
        self.last = out.detach()
        return out


def modules_of_ones_own(wrap):
    net = network(Scaled(), nn.Tanh(), nn.Dropout(0.2), Scaled())
    found = fit(wrap, net, sgd(net))
    return found, net[1].last, net.eval()(data()[0])


def results_are_kept(wrap):
    net = network()
    optimizer = sgd(net)

    @wrap
    def step(x, y):
        optimizer.zero_grad()
        out = net(x)
        loss = nn.functional.cross_entropy(out, y)
        loss.backward()
        grads = [p.grad.clone() for p in net.parameters()]
        optimizer.step()
        return loss, out, out.detach(), out.detach()[1], grads, net[0].weight.detach().clone()

    return [step(*data()) for _ in range(4)]


def results_are_dropped(wrap):
    net = network()
    step = wrap(training_step(net, sgd(net, momentum=0.9)))
    for _ in range(3):
        x, y = data()
        step(x, y)
        x.add_(1)
        del x, y
    out = net(data()[0])
    first, last = out[0], out[1]
    del out, first
    return net, last


def copied(make):
    def program(wrap):
        net = network(nn.Tanh(), nn.Dropout(0.5))
        optimizer = sgd(net, momentum=0.9)
        step = wrap(training_step(net, optimizer))
        found = [step(*data())]
        other, twin = make((net, optimizer))
        found += [step(*data()), wrap(training_step(other, twin))(*data()), step(*data())]
        return found, net, optimizer, other, twin

    return program


def saved_and_loaded(wrap):
    net = network()
    optimizer = optim.Adam(net.parameters(), lr=0.05)
    step = wrap(training_step(net, optimizer))
    losses = [step(*data())]
    saved = copy.deepcopy((net.state_dict(), optimizer.state_dict()))
    live = net.state_dict()
    losses += [step(*data()), step(*data())]
    net.load_state_dict(saved[0])
    optimizer.load_state_dict(saved[1])
    losses += [step(*data()), step(*data())]
    other = network()
    other.load_state_dict(live)
    return losses, net, optimizer, dict(live), other, saved[0]


def average_of_weights(wrap):
    net = network()
    mean = [p.detach().clone() for p in net.parameters()]
    train = training_step(net, sgd(net))

    @wrap
    def step(x, y):
        loss = train(x, y)
        for m, p in zip(mean, net.parameters(), strict=True):
            m.mul_(0.9).add_(p.detach(), alpha=0.1)
        return loss

    return [step(*data()) for _ in range(4)], mean, net


def ways_back(wrap):
    """Hooks, a graph that is kept, gradients that are asked for."""
    net = network()
    seen = []
    net[0].weight.register_hook(lambda g: g * 2)

    @wrap
    def step(x, y):
        net.zero_grad()
        hidden = net[1](net[0](x))
        hidden.retain_grad()
        loss = nn.functional.cross_entropy(net[2](hidden), y)
        asked = torch.autograd.grad(loss, [net[2].weight, hidden], retain_graph=True)
        loss.backward(retain_graph=True)
        loss.backward()
        with torch.no_grad():
            for p in net.parameters():
                p -= 0.1 * p.grad
        return loss, asked, hidden.grad

    seen += [step(*data()) for _ in range(3)]
    return seen, net


def arrays_of_numpy_change_afterwards(wrap):
    """A tensor has the elements that an array had when it was given."""
    net = network()
    train, found = training_step(net, sgd(net)), []
    step = wrap(lambda x, y, a: [train(x, y), torch.ones(3) * torch.as_tensor(a), x[0] + 0])
    for i in range(3):
        x, y, a, rows = LARGE[:6].copy(), LABELS[:6].copy(), np.full(3, i / 3), np.arange(3) + i
        given = torch.from_numpy(x), torch.tensor(y), torch.as_tensor(a)
        found += [step(*given), given[0][torch.from_numpy(rows)], given[0][rows.tolist()]]
        for array in (x, y, a, rows):
            array.fill(1)
    return found, net


def views_are_written_through(wrap):
    t = torch.arange(12).double().reshape(3, 4)
    row, column, turned = t[1], t[:, 2], t.t()
    part, flat, deep = t.narrow(1, 1, 2), t.view(-1), t.t()[1:3, 1:].t()

    @wrap
    def step(by):
        row.add_(by)
        turned[0] = column[1] + 1
        part.mul_(2)
        flat[3:9:2] -= row[1]
        before = t.clone()
        deep.copy_(part[1:] * 0.5)
        column.fill_(by)
        turned.add_(t.sum())
        t[t.t().argmax(1)[:1]] = 1.5
        flat[0] = part.sum() + deep[0, 1]
        return before, row + 0, turned.sum(0)

    found = [step(torch.tensor(float(i))) for i in range(3)]
    return found, [t, row, column, turned, part, flat, deep]


PROGRAMS = {
    "copied": copied(copy.deepcopy),
    "pickled": copied(lambda pair: pickle.loads(pickle.dumps(pair))),
    **{
        f.__name__: f
        for f in (
            batches_are_views,
            changes_between_forward_and_backward,
            modules_of_ones_own,
            results_are_kept,
            results_are_dropped,
            saved_and_loaded,
            average_of_weights,
            ways_back,
            arrays_of_numpy_change_afterwards,
            views_are_written_through,
        )
    },
}

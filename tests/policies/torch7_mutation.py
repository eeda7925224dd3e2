"""Views, changes in place, copies and kept results in Torch7's words.

Each program gives equal numbers under every execution.
"""

import copy
import pickle

import numpy as np

import fnn.torch7 as torch
from fnn.torch7 import nn
from tests.policies.torch7_training import data, network, noise, sgd_step, training_step

RANDOM = np.random.default_rng(1)
LARGE, LABELS = RANDOM.normal(size=(24, 3)), RANDOM.integers(1, 3, 24).astype(np.float64)


def batches_are_views(wrap):
    net = network()
    x, y = torch.fromarray(LARGE), torch.fromarray(LABELS)
    step = wrap(training_step(net))
    parts = [(x.narrow(1, i, 6), y.narrow(1, i, 6)) for i in (1, 7, 2)]
    parts += [(x[[i, i + 5]], y[[i, i + 5]]) for i in (3, 19)]
    parts += [(x.view(4, 6, 3)[2], y.view(4, 6)[2]), (x.narrow(1, 4, 6).t().clone().t(), y[[4, 9]])]
    parts += [(x.select(1, 3).view(1, 3).expand(6, 3), y[[3, 3]].expand(6)), (x[5], 2)]
    losses = [step(*part) for part in parts]
    x.mul(2)
    return losses, [step(*part) for part in parts[:4]], net


def changes_between_forward_and_backward(wrap):
    net, criterion = network(), nn.ClassNLLCriterion()

    @wrap
    def step(x, y):
        net.zeroGradParameters()
        output = net.forward(x)
        loss = criterion.forward(output, y)
        back = criterion.backward(output, y)
        x.mul(0.5)
        output.fill(3)
        net.get(2).output.zero()
        net.get(3).weight.mul(2)
        net.backward(x, back)
        net.gradInput.add(1)
        back.fill(7)
        net.updateParameters(0.1)
        return loss, x

    return [step(*data()) for _ in range(3)], net, criterion


class Scaled(nn.Module):
    """A user's module: Torch7's three methods, with tensor code in place."""

    def __init__(self, size):
        super().__init__()
        self.weight, self.gradWeight = torch.ones(size), torch.zeros(size)
        self.mean, self.calls = torch.zeros(size), torch.zeros(1)

    def updateOutput(self, input):
        self.calls.add(1)
        if self.train:
            self.mean.mul(0.9).add(0.1, input.mean(1).view(-1))
        self.output.resizeAs(input).copy(input).add(-1, self.mean.view(1, -1).expandAs(input))
        for i in range(1, input.size(1) + 1):
            self.output[i].cmul(self.weight)
        return self.output

    def updateGradInput(self, input, gradOutput):
        self.gradInput.resizeAs(gradOutput).copy(gradOutput)
        self.gradInput.cmul(self.weight.view(1, -1).expandAs(input))
        return self.gradInput

    def accGradParameters(self, input, gradOutput, scale=1):
        self.gradWeight.add(scale, torch.cmul(input, gradOutput).sum(1).view(-1))


def modules_of_ones_own(wrap):
    own = Scaled(4)
    net = network(own, nn.Sequential().add(nn.Tanh()).add(Scaled(4)))
    step = wrap(sgd_step(net, {"learningRate": 0.1}))
    found = [step(*data(size)) for size in (6, 6, 4)]
    net.evaluate()
    return found, [step(*data()) for _ in range(2)], net, own.mean, own.calls


def results_are_kept(wrap):
    net = network()
    train = training_step(net)

    @wrap
    def step(x, y):
        loss = train(x, y)
        return loss, net.output, net.output.clone(), net.get(1).gradWeight.clone(), net.output[1]

    return [step(*data()) for _ in range(4)]


def copied(make):
    def program(wrap):
        net, config = network(noise()), {"learningRate": 0.1, "momentum": 0.9}
        step = wrap(sgd_step(net, config))
        found = [step(*data())]
        other, twin = make((net, config))
        found += [step(*data()), wrap(sgd_step(other, twin))(*data()), other, step(*data())]
        net.clearState()
        return found, step(*data()), net, config, other, twin

    return program


def saved_and_loaded(wrap):
    net, config = network(), {"learningRate": 0.1, "momentum": 0.9}
    step = wrap(sgd_step(net, config))
    losses = [step(*data())]
    params, _ = net.parameters()
    saved, kept = [p.clone() for p in params], copy.deepcopy(config)
    losses += [step(*data()), step(*data())]
    for p, s in zip(params, saved, strict=True):
        p.copy(s)
    config.update(kept)
    return losses, step(*data()), net, config


def vector_of_parameters_changes(wrap):
    net, criterion = network(), nn.ClassNLLCriterion()
    params, grads = net.getParameters()
    weight, row, turned = net.get(1).weight, net.get(1).weight[2], net.get(3).weight.t()

    @wrap
    def step(x, y):
        params.mul(0.9)
        row.add(1)
        before = net.forward(x).clone()
        turned.narrow(1, 2, 2).copy(weight.t()[[1, 2], [1, 2]])
        params[[1, 5]] = weight.sum() / 10
        loss = criterion.forward(net.forward(x), y)
        net.backward(x, criterion.backward(net.output, y))
        grads[[3, 9]].mul(2)
        net.get(1).gradWeight.t()[1].fill(0.5)
        params.add(-0.1, grads)
        return loss, before

    return [step(*data()) for _ in range(3)], net, [params, grads, weight, row, turned]


def arrays_of_numpy_change_afterwards(wrap):
    """A tensor has the elements that an array had when it was given; modules take arrays, too."""
    net, held = network(), torch.Tensor(3)
    train, found = training_step(net), []
    step = wrap(lambda x, y: [train(x, y), net.output.clone()])
    for i in range(3):
        x, y, a = LARGE[:6].copy(), LABELS[:6].copy(), np.full(3, i / 3)
        given = torch.fromarray(x)
        found += [step(given, torch.fromarray(y)), held.copy(a).clone(), held + torch.Tensor(a)]
        found += [net.forward(x).clone(), given]
        for array in (x, y, a):
            array.fill(1)
    return found, net, held


def views_are_written_through(wrap):
    t = torch.range(1, 12).resize(3, 4)
    row, column, turned = t[2], t.select(2, 3), t.t()
    part, flat, deep = t.narrow(2, 2, 2), t.view(12), t.t()[[2, 3], [2, 3]].t()

    @wrap
    def step(by):
        row.add(by.sum())
        turned[1] = torch.cmul(column, column)
        part.mul(2)
        flat[[4, 9]].csub(row[1])
        before = t.clone()
        deep.copy(part[[2, 3]].clone().mul(0.5))
        column.copy(by)
        turned.add(t.sum())
        flat[1] = part.sum() + deep[1][2]
        part.cmax(-5)
        return before, row.clone(), turned.sum(1), t[3][3]

    found = [step(torch.ones(3).fill(i)) for i in range(3)]
    t.resize(3, 3)
    return found, step(torch.ones(3)), [t, row, column, turned, part, flat, deep]


PROGRAMS = {
    "copied": copied(lambda pair: (pair[0].clone(), copy.deepcopy(pair[1]))),
    "pickled": copied(lambda pair: pickle.loads(pickle.dumps(pair))),
    **{
        f.__name__: f
        for f in (
            batches_are_views,
            changes_between_forward_and_backward,
            modules_of_ones_own,
            results_are_kept,
            saved_and_loaded,
            vector_of_parameters_changes,
            arrays_of_numpy_change_afterwards,
            views_are_written_through,
        )
    },
}

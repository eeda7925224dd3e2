"""Programs as they are written when nobody thinks of compiling: they look at values in the middle.

Those in REFUSED can't be lifted, and say so; those in AS_WRITTEN give other numbers if lifted, as
compiled programs draw from other streams, or leave the results inside networks alone.
"""

import numpy as np

import fnn.pytorch as torch
import fnn.torch7 as torch7
from fnn.pytorch import nn
from fnn.torch7 import nn as nn7
from tests.policies import pytorch_training, torch7_training

data, data7 = pytorch_training.data, torch7_training.data
network, network7 = pytorch_training.network, torch7_training.network


def looks_between_forward_and_backward(wrap):
    net = network()
    optimizer = pytorch_training.sgd(net)

    @wrap
    def step(x, y):
        optimizer.zero_grad()
        out = net(x)
        loss = nn.functional.cross_entropy(out, y)
        seen = [loss.item(), f"{loss:.6f}", str(loss.detach() > 0), out.detach().numpy()]
        loss.backward()
        seen += [net[0].weight.grad.numpy(), repr(net[0].bias.grad)]
        optimizer.step()
        return seen, str(net[2].bias), out.tolist()

    return [step(*data()) for _ in range(3)], net


def values_decide(wrap):
    net = network()
    optimizer = pytorch_training.sgd(net)

    @wrap
    def step(x, y):
        for i in range(20):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(net(x), y)
            if loss < 0.6:
                return i, loss
            loss.backward()
            norm = net[0].weight.grad.norm().item()
            if norm > 0.1:
                net[0].weight.grad.mul_(0.1 / norm)
            optimizer.param_groups[0]["lr"] = float(loss)
            optimizer.step()
        return -1, loss

    return [step(*data()), step(*data(4))], net


def totals_are_numbers(wrap):
    net = network()
    step, total, best, right = (
        pytorch_training.training_step(net, pytorch_training.sgd(net)),
        0,
        9,
        0,
    )

    @wrap
    def epoch():
        nonlocal total, best, right
        x, y = data()
        for i in range(3):
            loss = step(x, y).item()
            total, best = total + loss * len(x), min(best, loss)
            right += int((net(x).argmax(1) == y).sum())
            x = x[x[:, 0] > -0.5] if i else x
            y = y[: len(x)]
        return total / 18, best, right

    return [epoch(), epoch()], net


def number_of_a_criterion(wrap):
    net, criterion = network7(), nn7.ClassNLLCriterion()
    rates = [0.1]

    @wrap
    def step(x, y):
        loss = criterion.forward(net.forward(x), y)
        text = f"{loss:.6f} {loss}"
        net.zeroGradParameters()
        net.backward(x, criterion.backward(net.output, y))
        rates.append(rates[-1] * 0.5 if loss > 0.7 else min(rates[-1], float(loss)))
        net.updateParameters(rates[-1])
        return text, round(loss, 4), net.output[1][2], net.get(1).weight.max() > loss

    return [step(*data7()) for _ in range(3)], net, rates


def elements_are_read(wrap):
    t = torch7.range(1, 6).resize(2, 3)

    @wrap
    def step(x):
        t.apply(lambda e: e * 2 if e < 4 else None)
        t[1][2] = t[2][3] + 1
        t.map(t.clone().mul(2), lambda a, b: max(a, b - 10))
        x.copy(t.t().clone().cmax(t[1][1]))
        t.storage[3] = 7
        return t.totable(), t.maskedSelect(t.gt(6)), str(t), np.asarray(x)

    return [step(torch7.Tensor(3, 2)) for _ in range(3)], t


REFUSED = {
    f.__name__: f
    for f in (
        looks_between_forward_and_backward,
        values_decide,
        totals_are_numbers,
        number_of_a_criterion,
        elements_are_read,
    )
}


def results_inside(wrap):
    """What modules inside computed is theirs to tell, whatever has changed since."""
    net, criterion = network7(), nn7.ClassNLLCriterion()
    params, grads = net.getParameters()

    @wrap
    def step(x, y):
        grads.zero()
        output = net.forward(x)
        back = criterion.backward(output, y)
        params.mul(2)
        x.add(1)
        hidden = net.get(2).output.clone()
        net.backward(x, back)
        params.add(-0.1, grads)
        back.zero()
        return hidden, net.get(2).gradInput.clone(), net.get(3).output

    return [step(*data7()) for _ in range(3)], [m.output for m in net.listModules()], net


def draws(wrap):
    net = network()
    step = pytorch_training.training_step(net, pytorch_training.sgd(net))

    @wrap
    def noisy(x, y):
        order = torch.randperm(6)
        noise = torch.randn(6, 3) * 0.1 + torch.rand_like(x)
        loss = step((x + noise)[order], y[order])
        x.uniform_()
        return loss, noise

    return [noisy(*data()) for _ in range(3)], net


def draws_of_torch7(wrap):
    net, x = network7(torch7_training.noise()), torch7.Tensor(6, 3)
    step = torch7_training.training_step(net)

    @wrap
    def noisy(y):
        x.uniform(-1, 1).add(torch7.randn(6, 3))
        loss = step(x, y)
        net.get(1).weight.narrow(1, 1, 2).normal(0, 0.1)
        return loss, torch7.bernoulli(0.5), torch7.randperm(4)

    return [noisy(data7()[1]) for _ in range(3)], net, x


AS_WRITTEN = {f.__name__: f for f in (results_inside, draws, draws_of_torch7)}

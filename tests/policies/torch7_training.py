"""Ways to train in Torch7's words; each gives equal numbers under every execution."""

import numpy as np

import fnn
import fnn.torch7 as torch
from fnn.torch7 import nn, optim

RANDOM = np.random.default_rng(0)
X, Y = RANDOM.normal(size=(6, 3)), RANDOM.integers(1, 3, 6).astype(np.float64)


def data(rows=6):
    return torch.fromarray(X[:rows]), torch.fromarray(Y[:rows])


def network(*middle):
    net = nn.Sequential().add(nn.Linear(3, 4))
    for module in middle or [nn.Tanh()]:
        net.add(module)
    return net.add(nn.Linear(4, 2)).add(nn.LogSoftMax())


def training_step(net, rate=0.1, criterion=None):
    criterion = criterion or nn.ClassNLLCriterion()

    def step(x, y):
        loss = criterion.forward(net.forward(x), y)
        net.zeroGradParameters()
        net.backward(x, criterion.backward(net.output, y))
        net.updateParameters(rate)
        return loss

    return step


def sgd_step(net, config, state=None):
    criterion = nn.ClassNLLCriterion()
    params, grads = net.getParameters()

    def step(x, y):
        def feval(_):
            grads.zero()
            loss = criterion.forward(net.forward(x), y)
            net.backward(x, criterion.backward(net.output, y))
            return loss, grads

        _, values = optim.sgd(feval, params, config, state)
        return values[1]

    return step


def update_parameters(wrap):
    net = network()
    step = wrap(training_step(net))
    return [step(*data()) for _ in range(4)], net


def fitted(**config):
    def program(wrap):
        net, state = network(), dict(config)
        step = wrap(sgd_step(net, state))
        return [step(*data()) for _ in range(4)], net, state

    return program


def last_batch_is_smaller(wrap):
    net = network()
    step = wrap(sgd_step(net, {"momentum": 0.9}))
    found = []
    for size in (4, 4, 2, 4, 2):
        found += [step(*data(size)), net.output.clone(), list(net.gradInput.size())]
    return found, net


def modules_one_by_one(wrap):
    first, middle, last = nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)
    criterion = nn.MSECriterion()

    @wrap
    def step(x, y):
        hidden = middle.forward(first.forward(x))
        loss = criterion.forward(last.forward(hidden), y)
        for module in (first, last):
            module.zeroGradParameters()
        back = last.backward(hidden, criterion.backward(last.output, y))
        first.backward(x, middle.backward(first.output, back))
        first.accGradParameters(x, middle.gradInput, 0.5)
        for module in (first, last):
            module.updateParameters(0.1)
        return loss

    x, y = data()[0], torch.fromarray(X[:, :2])
    return [step(x, y) for _ in range(4)], first, middle, last, criterion


def loss_is_printed_now_and_then(wrap):
    net, lines = network(), []
    step = wrap(sgd_step(net, {"learningRate": 0.1}))
    for i in range(6):
        loss = step(*data())
        if i % 2 == 1:
            lines.append(f"{i}: {loss:.6f} {net.get(1).bias.mean():.6f}")
    return lines, net


def rate_changes(wrap):
    net, config = network(), {"learningRate": 0.1, "momentum": 0.5}
    step, found = wrap(sgd_step(net, config)), []
    for i in range(4):
        config.update([{}, {"learningRate": 0.05}, {"momentum": 0.9}, {"weightDecay": 0.1}][i])
        found.append(step(*data()))
    return found, net, config


def rate_is_an_argument(wrap):
    net, criterion = network(), nn.ClassNLLCriterion()

    @wrap
    def step(x, y, rate):
        loss = criterion.forward(net.forward(x), y)
        net.zeroGradParameters()
        net.backward(x, criterion.backward(net.output, y))
        net.updateParameters(rate)
        net.updateParameters(0.01 / (1 + loss))
        return loss

    return [step(*data(), 0.1 / i) for i in range(1, 4)], net


def noise(lower=0.1, upper=0.9):
    """What draws from keys, compiled or not: nn.RReLU itself has Torch's stream where it can."""
    return nn.Pure(fnn.layer(fnn.rrelu, lower=lower, upper=upper), {})


def modes_change(wrap):
    layer = fnn.layer(fnn.batch_norm, 4)
    params = {"weight": np.ones(4), "bias": np.zeros(4)}
    state = {k: np.array(v, np.float64) for k, v in layer.initial_state().items()}
    norm, noisy = nn.Pure(layer, params, state), noise()
    net = network(norm, noisy)
    step, found = wrap(training_step(net)), []
    for change in (net.training, net.evaluate, noisy.training, norm.training):
        change()
        found += [step(*data()), net.output.clone()]
    return found, net, norm.running_mean


def evaluated_in_between(wrap):
    net = network(noise())
    step, found = wrap(sgd_step(net, {"learningRate": 0.1})), []
    evaluate = wrap(lambda x: net.forward(x).clone())
    for _ in range(3):
        found.append(step(*data()))
        net.evaluate()
        found.append(evaluate(data(4)[0]))
        net.training()
    return found, net


def gradients_add_up(wrap):
    net, criterion = network(), nn.ClassNLLCriterion()

    @wrap
    def add(x, y):
        loss = 0
        for i in (1, 4):
            part, labels = x.narrow(1, i, 3), y.narrow(1, i, 3)
            loss += criterion.forward(net.forward(part), labels)
            net.backward(part, criterion.backward(net.output, labels), 0.5)
        return loss / 2

    found = []
    for _ in range(3):
        found += [add(*data()), add(*data())]
        net.updateParameters(0.1)
        net.zeroGradParameters()
    return found, net


def gradients_are_clipped(wrap):
    net, criterion = network(), nn.ClassNLLCriterion()
    params, grads = net.getParameters()

    @wrap
    def step(x, y):
        grads.zero()
        loss = criterion.forward(net.forward(x), y)
        net.backward(x, criterion.backward(net.output, y))
        norm = grads.norm()
        grads.mul(0.5 / (norm + 1e-6)).clamp(-0.2, 0.2)
        net.get(1).gradBias.zero()
        params.add(-0.1, grads)
        return loss, norm

    return [step(*data()) for _ in range(3)], net, params, grads


def weights_are_shared(wrap):
    first = nn.Linear(3, 3)
    second = first.clone("weight", "gradWeight")
    net = nn.Sequential().add(first).add(nn.Tanh()).add(second).add(nn.LogSoftMax())
    step = wrap(sgd_step(net, {"learningRate": 0.1}))
    return [step(*data()) for _ in range(3)], net, first.weight.storage is second.weight.storage


def module_is_used_twice(wrap):
    module = nn.Linear(3, 3)
    net = nn.Sequential().add(module).add(nn.Tanh()).add(module).add(nn.LogSoftMax())
    step = wrap(sgd_step(net, {"learningRate": 0.1}))
    return [step(*data()) for _ in range(3)], net


def two_networks_share_a_module(wrap):
    trunk = nn.Linear(3, 4)
    nets = [nn.Sequential().add(trunk).add(nn.Linear(4, 2)).add(nn.LogSoftMax()) for _ in "ab"]
    steps = [wrap(training_step(net)) for net in nets]
    return [step(*data()) for _ in range(3) for step in steps], nets


def groups(wrap):
    net = network()
    params, _ = net.getParameters()
    rates = torch.ones(params.size(1))
    rates.narrow(1, 1, 12).fill(0.1)
    step = wrap(sgd_step(net, {"learningRate": 0.1, "learningRates": rates}, {}))
    found = [step(*data()), step(*data())]
    rates[1] = 5
    return found, step(*data()), net


def frozen_in_the_middle(wrap):
    net = network()
    step, found = wrap(training_step(net)), []
    for i in range(4):
        net.get(1).accGradParameters = lambda *_: None
        if i % 2:
            del net.get(1).accGradParameters
        found.append(step(*data()))
    return found, net


def tables(wrap):
    branches = nn.ConcatTable().add(nn.Linear(3, 2)).add(nn.Sequential().add(nn.Linear(3, 2)))
    net = nn.Sequential().add(branches).add(nn.ParallelTable().add(nn.Tanh()).add(nn.Sigmoid()))
    mse = nn.MSECriterion()
    target = torch.fromarray(X[:, :2])

    @wrap
    def step(x):
        net.zeroGradParameters()
        out = net.forward(x)
        losses, grads = [], []
        for part in out:
            losses.append(mse.forward(part, target))
            grads.append(mse.backward(part, target).clone())
        net.backward(x, torch.Table(grads))
        net.updateParameters(0.1)
        return losses, out

    return [step(data()[0]) for _ in range(3)], net


PROGRAMS = {
    "sgd": fitted(learningRate=0.1),
    "momentum": fitted(learningRate=0.1, momentum=0.9, weightDecay=0.01, learningRateDecay=0.1),
    "nesterov": fitted(learningRate=0.1, momentum=0.9, dampening=0, nesterov=True),
    **{
        f.__name__: f
        for f in (
            update_parameters,
            last_batch_is_smaller,
            modules_one_by_one,
            loss_is_printed_now_and_then,
            rate_changes,
            rate_is_an_argument,
            modes_change,
            evaluated_in_between,
            gradients_add_up,
            gradients_are_clipped,
            weights_are_shared,
            module_is_used_twice,
            two_networks_share_a_module,
            groups,
            frozen_in_the_middle,
            tables,
        )
    },
}

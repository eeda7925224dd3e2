"""Whole models: trained a little, saved, loaded, and continued as if nothing had happened."""

import numpy as np
import pytest

import fnn.torch7 as torch
from fnn.torch7 import nn, optim
from transforms import count_compilations, explain

pytestmark = pytest.mark.unoptimised

VOCABULARY, UNITS, STEPS, BATCH = 5, 3, 3, 2


def lenet():
    net = nn.Sequential()
    net.add(nn.SpatialConvolution(1, 2, 5, 5)).add(nn.Tanh()).add(nn.SpatialMaxPooling(2, 2, 2, 2))
    net.add(nn.SpatialConvolution(2, 3, 3, 3)).add(nn.Tanh()).add(nn.SpatialMaxPooling(2, 2, 2, 2))
    return net.add(nn.View(3 * 2 * 2)).add(nn.Linear(12, 4)).add(nn.LogSoftMax())


def vgg():
    net = nn.Sequential()
    for planes, inside in ((2, 1), (3, 2)):
        net.add(nn.SpatialConvolution(inside, planes, 3, 3, 1, 1, 1, 1))
        net.add(nn.SpatialBatchNormalization(planes, 1e-3)).add(nn.ReLU(True))
        net.add(nn.Dropout(0.4)).add(nn.SpatialMaxPooling(2, 2, 2, 2).ceil())
    net.add(nn.View(3 * 4 * 4)).add(nn.Linear(48, 6)).add(nn.BatchNormalization(6)).add(
        nn.ReLU(True)
    )
    return net.add(nn.Dropout(0.5)).add(nn.Linear(6, 4)).add(nn.LogSoftMax())


def block(inside, planes, stride):
    path = nn.Sequential()
    path.add(nn.SpatialConvolution(inside, planes, 3, 3, stride, stride, 1, 1))
    path.add(nn.SpatialBatchNormalization(planes)).add(nn.ReLU(True))
    path.add(nn.SpatialConvolution(planes, planes, 3, 3, 1, 1, 1, 1))
    path.add(nn.SpatialBatchNormalization(planes))
    straight = inside == planes and stride == 1
    shortcut = (
        nn.Identity() if straight else nn.SpatialConvolution(inside, planes, 1, 1, stride, stride)
    )
    sides = nn.ConcatTable().add(path).add(shortcut)
    return nn.Sequential().add(sides).add(nn.CAddTable(True)).add(nn.ReLU(True))


def resnet():
    net = nn.Sequential().add(nn.SpatialConvolution(1, 2, 3, 3, 1, 1, 1, 1))
    net.add(block(2, 2, 1)).add(block(2, 4, 2))
    net.add(nn.SpatialAveragePooling(8, 8, 1, 1)).add(nn.View(4))
    return net.add(nn.Linear(4, 4)).add(nn.LogSoftMax())


def lstm():
    """One step of char-rnn's LSTM: an index and a state, to log-probabilities and a state."""
    x, prev_c, prev_h = inputs = [nn.Identity()() for _ in range(3)]
    i2h = nn.Linear(UNITS, 4 * UNITS)(nn.LookupTable(VOCABULARY, UNITS)(x))
    sums = nn.CAddTable()([i2h, nn.Linear(UNITS, 4 * UNITS)(prev_h)])
    n1, n2, n3, n4 = nn.SplitTable(2)(nn.Reshape(4, UNITS)(sums)).split(4)
    i, f, o, g = nn.Sigmoid()(n1), nn.Sigmoid()(n2), nn.Sigmoid()(n3), nn.Tanh()(n4)
    c = nn.CAddTable()([nn.CMulTable()([f, prev_c]), nn.CMulTable()([i, g])])
    h = nn.CMulTable()([o, nn.Tanh()(c)])
    scores = nn.LogSoftMax()(nn.Linear(UNITS, VOCABULARY)(nn.Dropout(0.2)(h)).annotate(name="out"))
    return nn.gModule(inputs, [c, h, scores])


def gru():
    """One step of char-rnn's GRU."""
    x, prev_h = inputs = [nn.Identity()() for _ in range(2)]
    embedded = nn.LookupTable(VOCABULARY, UNITS)(x)

    def total(h):
        return nn.CAddTable()([nn.Linear(UNITS, UNITS)(embedded), nn.Linear(UNITS, UNITS)(h)])

    update, reset = nn.Sigmoid()(total(prev_h)), nn.Sigmoid()(total(prev_h))
    candidate = nn.Tanh()(total(nn.CMulTable()([reset, prev_h])))
    kept = nn.CMulTable()([nn.AddConstant(1)(nn.MulConstant(-1)(update)), prev_h])
    h = nn.CAddTable()([nn.CMulTable()([update, candidate]), kept])
    return nn.gModule(inputs, [h, nn.LogSoftMax()(nn.Linear(UNITS, VOCABULARY)(h))])


def images(net):
    """The loss of a network on a few images, and its gradients."""
    torch.manualSeed(11)
    x, y = torch.randn(BATCH, 1, 16, 16), torch.LongTensor([2, 4])
    criterion = nn.ClassNLLCriterion()

    def step():
        loss = criterion.forward(net.forward(x), y)
        net.backward(x, criterion.backward(net.output, y))
        return loss

    return step


def symbols(cell):
    """The loss of a cell unrolled in time, with its copies sharing all parameters."""
    torch.manualSeed(11)
    xs = [torch.LongTensor([1, 4]), torch.LongTensor([2, 2]), torch.LongTensor([5, 3])]
    copies = [cell.clone("weight", "bias", "gradWeight", "gradBias") for _ in range(STEPS)]
    criterion, count = nn.ClassNLLCriterion(), cell.nInputs - 1

    def step():
        states, loss = [[torch.zeros(BATCH, UNITS) for _ in range(count)]], 0
        for x, copy in zip(xs, copies, strict=True):
            states.append(copy.forward([x, *states[-1][:count]]).tolist())
            loss += float(criterion.forward(states[-1][-1], xs[0]))
        gradients = [torch.zeros(BATCH, UNITS) for _ in range(count)]
        for x, copy, old, new in reversed(list(zip(xs, copies, states, states[1:], strict=False))):
            back = criterion.backward(new[-1], xs[0])
            _, *gradients = copy.backward([x, *old[:count]], [*gradients, back])
        return loss

    return step


MODELS = {
    "lenet": (lenet, images),
    "vgg": (vgg, images),
    "resnet": (resnet, images),
    "lstm": (lstm, symbols),
    "gru": (gru, symbols),
}
ALGORITHMS = {
    "sgd": (optim.sgd, {"learningRate": 0.1, "momentum": 0.9, "weightDecay": 1e-3}),
    "adam": (optim.adam, {"learningRate": 0.01}),
    "rmsprop": (optim.rmsprop, {"learningRate": 0.01}),
}


def train(step, parameters, gradients, algorithm, state, count):
    """The losses of some steps."""

    def feval(x):
        gradients.zero()
        return step(), gradients

    torch.manualSeed(3)  # of the noise
    return [float(algorithm(feval, parameters, state)[1][1]) for _ in range(count)]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("mode", ["binary", "ascii"])
def test_continued_after_loading(model, mode, tmp_path):
    make, use = MODELS[model]
    names = [*ALGORITHMS]
    algorithm, config = ALGORITHMS[names[[*MODELS].index(model) % len(names)]]
    torch.manualSeed(1)
    net, state = make(), dict(config)
    parameters, gradients = net.getParameters()
    first = train(use(net), parameters, gradients, algorithm, state, 3)
    path = str(tmp_path / "checkpoint.t7")
    torch.save(path, {"net": net, "state": state, "losses": first}, mode)

    found = torch.load(path, mode)
    loaded, kept = found["net"], found["state"]
    assert str(loaded) == str(net)
    assert list(found["losses"]) == first
    again, their_gradients = loaded.getParameters()
    assert again.equal(parameters)
    wanted = train(use(net), parameters, gradients, algorithm, state, 3)
    losses = train(use(loaded), again, their_gradients, algorithm, kept, 3)
    assert losses == wanted
    assert len(set(first + losses)) == 6
    np.testing.assert_array_equal(np.asarray(again), np.asarray(parameters))


def test_stochastic_gradient(tmp_path, capsys):
    torch.manualSeed(1)
    mlp = nn.Sequential().add(nn.Linear(2, 4)).add(nn.Tanh()).add(nn.Linear(4, 1))

    class Xor:
        def size(self):
            return 8

        def __getitem__(self, i):
            a, b = (i - 1) % 2, (i - 1) // 2 % 2
            return [torch.Tensor([2 * a - 1, 2 * b - 1]), torch.Tensor([2 * (a ^ b) - 1])]

    def train(net, iterations):
        trainer = nn.StochasticGradient(net, nn.MSECriterion())
        trainer.learningRate, trainer.maxIteration = 0.05, iterations
        trainer.train(Xor())

    train(mlp, 3)
    path = str(tmp_path / "mlp.t7")
    torch.save(path, mlp)
    loaded = torch.load(path)
    text = []
    for net in (mlp, loaded):
        torch.manualSeed(2)
        capsys.readouterr()
        train(net, 4)
        text.append(capsys.readouterr().out)
    assert text[0] == text[1]
    assert text[0].count("# current error = ") == 4
    x = torch.Tensor([1, -1])
    assert mlp.forward(x).equal(loaded.forward(x))


def test_a_step_over_more_samples_one_by_one_compiles_nothing_new():
    net = nn.Sequential().add(nn.Linear(5, 4)).add(nn.Tanh()).add(nn.Linear(4, 3))
    criterion = nn.CrossEntropyCriterion()
    params, gradients = net.getParameters()
    data, labels = torch.randn(30, 5), torch.Tensor(30).random(1, 3)

    def train(samples):
        def feval(_):
            gradients.zero()
            loss = 0
            for i in range(1, samples + 1):
                output = net.forward(data[i])
                loss += criterion.forward(output, labels[i])
                net.backward(data[i], criterion.backward(output, labels[i]))
            return loss, gradients

        for _ in range(2):
            optim.sgd(feval, params, {"learningRate": 0.1})
        return params.sum()

    with count_compilations() as count:
        train(5)
    assert 0 < count.total < 20
    with count_compilations(budget=0):
        train(30)


def test_a_large_network_is_compiled_once_whatever_follows_it():
    net = nn.Sequential()
    for _ in range(60):
        net.add(nn.Linear(2, 2)).add(nn.Tanh())
    params, gradients = net.getParameters()
    x, state = torch.randn(3, 2), {"learningRate": 0.1, "momentum": 0.9}

    def feval(_):
        gradients.zero()
        net.backward(x, net.forward(x))
        return net.output.sum(), gradients

    compiled = []
    for _ in range(3):  # the first makes the momentum, the second uses it
        with explain() as log:
            optim.sgd(feval, params, state)
            float(params.sum())
        names = [compilation.name for compilation in log.compilations]
        compiled.append([name for name in names if "serial" in name or "pull_back" in name])
    assert len(compiled[0]) == 2
    assert not compiled[1]
    assert not compiled[2]

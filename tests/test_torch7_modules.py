"""The protocol of nn's modules.

Numbers in `oracle/protocol.json` are those of the original Torch7, in double precision.
"""

import json

import numpy as np
import pytest

import fnn.torch7 as torch
from fnn.torch7 import nn
from tests.torch7_cases import ORACLE, assert_equal, value
from tests.torch7_numbers import assert_close, same
from tests.torch7_own import Double

pytestmark = pytest.mark.unoptimised


pytestmark = pytest.mark.unoptimised


PROTOCOL = json.loads((ORACLE / "protocol.json").read_text())


def test_get_parameters():
    net = nn.Sequential().add(nn.Linear(2, 3)).add(nn.Linear(3, 1))
    for i, p in enumerate(net.parameters()[0]):
        p.copy(torch.range(*[(1, 6), (7, 9), (10, 12), (13, 13)][i]))
    flat, grads = net.getParameters()
    assert same(flat, [*range(1, 14)])
    assert grads.nElement() == 13
    flat[1] = 100
    assert net.get(1).weight[1][1] == 100
    assert [p.storageOffset() for p in net.parameters()[0]] == [1, 7, 10, 13]
    assert nn.Tanh().getParameters()[0].dim() == 0
    net = nn.Sequential().add(nn.Linear(2, 2)).add(nn.Linear(2, 2))
    net.get(2).share(net.get(1), "weight")
    with pytest.raises(ValueError, match="sharing parameters and gradParameters"):
        net.getParameters()
    net.get(2).share(net.get(1), "gradWeight")
    assert net.getParameters()[0].nElement() == 8


def test_clone_and_share():
    a = nn.Linear(2, 2)
    a.weight.fill(1)
    b, c = a.clone(), a.clone("weight", "bias")
    a.weight.fill(5)
    assert same(b.weight, [[1, 1], [1, 1]])
    assert same(c.weight, [[5, 5], [5, 5]])
    assert (a.shared, b.shared, c.shared) == (True, False, True)
    assert not c.gradWeight.isSetTo(a.gradWeight)
    net = nn.Sequential().add(nn.Sequential().add(nn.Linear(2, 2)))
    twin = net.clone("weight")
    assert twin.get(1).get(1).weight.isSetTo(net.get(1).get(1).weight)
    assert twin.get(1).get(1).shared
    assert not twin.shared


def test_share_with_a_longer_or_shorter_network():
    whole = nn.Sequential().add(nn.Linear(2, 2)).add(nn.Tanh()).add(nn.Linear(2, 1))
    encoder = nn.Sequential().add(nn.Linear(2, 2)).add(nn.ReLU())
    assert encoder.share(whole, "weight", "bias").get(1).weight.isSetTo(whole.get(1).weight)
    longer, shorter = encoder.clone(), nn.Sequential().add(encoder.get(1))
    assert longer.share(shorter, "weight").get(1).weight.isSetTo(whole.get(1).weight)
    for other in (encoder, encoder.clone().add(nn.Tanh())):
        with pytest.raises(ValueError, match=r"nn.Linear.share: given no tensor weight"):
            whole.share(other, "weight")


def test_shared_gradients_add_up():
    """Twice the same layer in a network, with gradients that lie in the same memory."""
    for transposed in (False, True):
        first = nn.Linear(2, 2, False)
        second = first.clone("weight", "gradWeight")
        if transposed:  # as in an autoencoder with tied weights
            second.weight, second.gradWeight = first.weight.t(), first.gradWeight.t()
        net = nn.Sequential().add(first).add(second)
        x, g = torch.randn(3, 2), torch.randn(3, 2)
        net.zeroGradParameters()
        net.forward(x)
        net.backward(x, g)
        w, x, g = map(np.array, (first.weight, x, g))
        v = w.T if transposed else w
        by_second = g.T @ (x @ w.T)
        wanted = (g @ v).T @ x + (by_second.T if transposed else by_second)
        np.testing.assert_allclose(np.asarray(first.gradWeight), wanted)
        net.updateParameters(0.5)  # once for each owner
        np.testing.assert_allclose(np.asarray(first.weight), w - wanted)


def test_steps_without_gradients():
    case = PROTOCOL["accUpdateGradParameters"]
    net = nn.Sequential().add(nn.Linear(3, 2)).add(nn.Tanh()).add(nn.Linear(2, 1))
    for p, wanted in zip(net.parameters()[0], case["params"], strict=True):
        p.copy(value(wanted))
    x, g = value(case["input"]), value(case["gradOutput"])
    net.zeroGradParameters()
    assert_equal(net.forward(x), case["output"])
    assert net.backwardUpdate(x, g, case["lr"]) is net.gradInput
    assert_equal(list(net.parameters()[0]), case["params_after"])
    assert all(same(d.view(-1), [0] * d.nElement()) for d in net.parameters()[1])


class Scale(nn.Module):
    """The input times one weight."""

    def __init__(self):
        super().__init__()
        self.weight, self.gradWeight = torch.Tensor([2]), torch.zeros(1)

    def updateOutput(self, input):
        self.output.resizeAs(input).copy(input).mul(self.weight[1])
        return self.output

    def updateGradInput(self, input, gradOutput):
        self.gradInput.resizeAs(input).copy(gradOutput).mul(self.weight[1])
        return self.gradInput

    def accGradParameters(self, input, gradOutput, scale=1):
        self.gradWeight[1] = self.gradWeight[1] + scale * input.dot(gradOutput)


def test_shared_modules_take_steps_by_way_of_their_gradients():
    module = Scale()
    module.clone("weight")
    x, g = torch.Tensor([1, 2]), torch.Tensor([3, 2])
    module.forward(x)
    module.backwardUpdate(x, g, 0.1)
    assert module.gradWeight[1] == 7
    assert module.weight[1] == pytest.approx(1.3)


LINEAR = {  # with an input
    "Linear": ((3, 2), lambda: torch.randn(4, 3)),
    "Bilinear": ((3, 3, 2), lambda: [torch.randn(4, 3), torch.randn(4, 3)]),
    "PartialLinear": ((3, 2), lambda: torch.randn(4, 3)),
    "LookupTable": ((3, 2), lambda: torch.Tensor([1, 3, 3])),
    "TemporalConvolution": ((3, 2, 1), lambda: torch.randn(4, 3)),
}


@pytest.mark.parametrize("name", LINEAR)
def test_linear_layers_need_no_gradients_for_that(name):
    sizes, draw = LINEAR[name]
    module, x = getattr(nn, name)(*sizes), draw()
    before = module.weight.clone()
    module.clone("weight", "gradWeight")
    module.gradWeight.fill(5)
    g = torch.randn(*module.forward(x).size())
    module.backwardUpdate(x, g, 0.1)
    assert set(module.gradWeight.view(-1).tolist()) == {5}
    change = (module.weight - before).div(-0.1)
    module.gradWeight.zero()
    module.weight.copy(before)
    module.forward(x)
    module.backward(x, g)
    np.testing.assert_allclose(change, module.gradWeight, atol=1e-12)


def tree():
    inner = nn.Sequential().add(nn.Linear(2, 2)).add(nn.Tanh())
    sides = nn.ConcatTable().add(nn.Tanh()).add(inner)
    return nn.Sequential().add(nn.Linear(2, 2)).add(sides).add(nn.Identity())


def test_traversal():
    net, seen = tree(), []
    first, last = ["Sequential", "Linear"], ["Tanh", "Identity"]
    names = [*first, "ConcatTable", "Tanh", *first, *last]
    net.apply(lambda module: seen.append(torch.type(module)))
    assert seen == [torch.type(m) for m in net.listModules()] == [f"nn.{name}" for name in names]
    found, around = net.findModules("nn.Linear")
    assert list(found) == [net.get(1), net.get(2).get(2).get(1)]
    assert list(around) == [net, net.get(2).get(2)]
    assert len(net.findModules("nn.Container")[0]) == 0
    assert net.findModules("nn.Sequential")[1][1] is net
    changed = net.replace(lambda m: nn.Sigmoid() if torch.type(m) == "nn.Tanh" else m)
    assert changed is net
    text = PROTOCOL["module_traversal"]["after_replace"]
    assert str(net) == text.replace("nn.CAddTable", "nn.Identity")


def test_training_and_evaluation_reach_everything():
    net = tree()
    net.evaluate()
    assert not any(module.train for module in net.listModules())
    net.training()
    assert all(module.train for module in net.listModules())


def test_modules_that_learn_in_forward_or_draw_are_in_training_from_the_start():
    noise = (nn.Dropout, nn.SpatialDropout, nn.VolumetricDropout, nn.RReLU)
    assert [make().train for make in noise] == [True] * 4
    assert nn.BatchNormalization(2).train is True
    others = (nn.Linear(2, 2), nn.WhiteNoise(), nn.IndexLinear(2, 2), nn.Sequential())
    assert [module.train for module in others] == [None] * 4
    module = nn.Dropout()
    module.train = None
    assert module.forward(torch.ones(50)).equal(torch.ones(50))


def test_clear_state():
    net = nn.Sequential().add(nn.Linear(2, 2)).add(nn.Tanh())
    x = torch.randn(3, 2)
    output = net.forward(x)
    net.backward(x, output)
    inner = net.get(1).output
    assert net.clearState() is net
    assert net.get(1).output is inner
    assert [m.output.dim() for m in net.listModules()] == [0, 0, 0]
    assert [m.gradInput.dim() for m in net.listModules()] == [0, 0, 0]
    assert net.output is not net.get(2).output
    assert net.get(1).weight.dim() == net.get(1).gradWeight.dim() == 2
    assert net.forward(x).dim() == 2


@pytest.mark.parametrize("make", [nn.Identity, nn.Contiguous, nn.Copy, lambda: nn.SelectTable(1)])
def test_clear_state_leaves_the_tensors_of_others_alone(make):
    module, x, g = make(), torch.ones(3), torch.ones(3)
    given = [x, torch.ones(2)] if isinstance(module, nn.SelectTable) else x
    module.forward(given)
    module.backward(given, g)
    module.clearState()
    assert x.tolist() == g.tolist() == [1, 1, 1]
    assert module.output.dim() == 0


def test_editing_a_chain():
    case = PROTOCOL["sequential_edit"]
    net = nn.Sequential().add(nn.Linear(2, 3)).add(nn.Tanh())
    assert net.insert(nn.ReLU(), 1) is None
    net.insert(nn.Sigmoid())
    assert str(net) == case["after_insert"]
    net.remove(2)
    assert str(net) == case["after_remove2"]
    net.remove()
    assert str(net) == case["after_remove_last"]
    assert len(net) == net.size() == 2
    with pytest.raises(ValueError, match="contiguous to existing modules"):
        net.insert(nn.ReLU(), 4)
    with pytest.raises(ValueError, match="index out of range"):
        net.remove(3)
    for wrong in (None, 3, nn.Tanh, nn.Tanh()()):
        with pytest.raises(ValueError, match=r"nn\.Sequential\.add: given .*, wanted a module"):
            net.add(wrong)
    assert net.forward(torch.Tensor([-1, 2])).tolist() == [0, np.tanh(2)]
    x = torch.randn(2)
    assert nn.Sequential().forward(x) is x


def test_types():
    a, criterion = nn.Linear(2, 2), nn.ClassNLLCriterion(torch.ones(2))
    net = nn.Sequential().add(a).add(a.clone("weight", "bias")).add(nn.ParallelTable())
    weight = a.weight
    assert net.type() == "torch.DoubleTensor"
    assert net.float() is net
    assert (net.type(), a.type(), a.weight.type()) == ("torch.FloatTensor",) * 3
    assert weight.type() == "torch.DoubleTensor"
    assert net.get(2).weight.isSetTo(a.weight)
    x = torch.FloatTensor(1, 2).fill(1)
    net.remove()
    assert net.forward(x).type() == "torch.FloatTensor"
    assert net.double().get(2).weight.isSetTo(a.weight)
    assert criterion.float().weights.type() == "torch.FloatTensor"
    assert nn.Linear(1, 1).half().weight.type() == "torch.HalfTensor"
    one, two, cache = nn.Linear(1, 1), nn.Linear(1, 1), {}
    two.share(one, "weight")
    one.float(cache)
    two.float(cache)
    assert one.weight.isSetTo(two.weight)


def test_calling():
    module = nn.Tanh()
    x, g = torch.randn(2), torch.ones(2)
    assert module(x) is module.output
    output, gradInput = module(x, g)
    assert (output, gradInput) == (module.output, module.gradInput)


@pytest.mark.parametrize("by_hand", [False, True])
def test_stochastic_gradient(capsys, by_hand):
    case = PROTOCOL["StochasticGradient"]
    net = nn.Sequential().add(nn.Linear(2, 3)).add(nn.Tanh()).add(nn.Linear(3, 2))
    net.add(nn.LogSoftMax())
    if by_hand:
        net.insert(Same(), 2)
    for p, wanted in zip(net.parameters()[0], case["params"], strict=True):
        p.copy(value(wanted))
    trainer = nn.StochasticGradient(net, nn.ClassNLLCriterion())
    for name, setting in case["config"].items():
        setattr(trainer, name, setting)
    errors, examples = [], []
    trainer.hookIteration = lambda self, iteration, error: errors.append(error)
    trainer.hookExample = lambda self, example: examples.append(example)
    data = Data(list(zip(map(value, case["xs"]), case["ys"], strict=True)))
    trainer.train(data)
    assert errors == pytest.approx(case["errors"], rel=1e-12)
    assert capsys.readouterr().out.splitlines() == case["printed"]
    assert_equal(list(net.parameters()[0]), case["params_after"])
    assert examples == data.examples * 3


class Same(Double):
    def updateOutput(self, input):
        return self.output.resizeAs(input).copy(input)

    def updateGradInput(self, input, gradOutput):
        return self.gradInput.resizeAs(input).copy(gradOutput)


class Data:
    def __init__(self, examples):
        self.examples = examples

    def size(self):
        return len(self.examples)

    def __getitem__(self, index):
        return self.examples[index - 1]


def test_utils():
    case = PROTOCOL["nn_utils"]
    a = value(case["a"])
    _, source = nn.utils.recursiveCopy(None, a)
    assert source is a
    copied, _ = nn.utils.recursiveCopy([], a)
    assert_equal(copied, case["copied"])
    resized, _ = nn.utils.recursiveResizeAs([], a)
    assert resized[2][1].size().tolist() == [3]
    nn.utils.recursiveFill(resized, 1)
    added, _ = nn.utils.recursiveAdd(copied, 2, resized)
    assert_close(added[1], np.asarray(a[0]) + 2)
    assert nn.utils.recursiveType(a, "torch.FloatTensor")[0].type() == "torch.FloatTensor"
    assert nn.utils.addSingletonDimension(torch.randn(2, 3), 2).size().tolist() == [2, 1, 3]
    view = nn.utils.contiguousView(torch.Tensor(), torch.randn(2, 3).t(), 6)
    assert view.size().tolist() == [6]


def test_fields():
    for made, fields in (
        (nn.Module(), ("_type", "output", "gradInput")),
        (nn.Sequential(), ("_type", "output", "gradInput", "modules")),
        (nn.Concat(2), ("dimension", "outputSize", "modules")),
        (nn.Linear(2, 2), ("weight", "bias", "gradWeight", "gradBias", "_type")),
        (nn.Bottle(nn.Tanh()), ("nInputDim", "nOutputDim", "dimDelta", "inShape", "outShape")),
        (nn.GPU(nn.Tanh(), 1), ("device", "outdevice")),
        (nn.MapTable(nn.Tanh()), ("shared", "sharedparams")),
    ):
        assert not [name for name in fields if not hasattr(made, name)]

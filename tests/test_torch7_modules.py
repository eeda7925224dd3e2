"""nn's containers and the protocol of its modules.

Numbers in `oracle/containers.jsonl` and `oracle/protocol.json` are those of the original Torch7, in
double precision.
"""

import json
import re

import jax
import numpy as np
import pytest

import fnn.torch7 as torch
import transforms
from fnn.torch7 import nn
from tests.torch7_cases import ORACLE, assert_equal, build, cases, parameters, value
from tests.torch7_numbers import same

pytestmark = pytest.mark.unoptimised

CASES = cases("containers")
PROTOCOL = json.loads((ORACLE / "protocol.json").read_text())

DEVIATIONS = {
    "nn.DepthConcat/1": "the original ignores `scale`",
    "nn.WeightNorm/1": "the original adds to gradients that it has overwritten before",
    "nn.LayerNormalization/1": "the original subtracts the means of other examples in a batch",
    "nn.LayerNormalization/3": "the original subtracts the means of other examples in a batch",
}


def prepared(case):
    """A module with the parameters of a case, and those with their gradients, by name."""
    module = build(case)
    pairs = dict(zip(case.get("param_order", []), parameters(module), strict=True))
    for name, (p, _) in pairs.items():
        p.copy(value(case["params"][name]))
    return module, pairs


def assert_gradients(pairs, wanted):
    for name, (_, gradient) in pairs.items():
        assert_equal(gradient, wanted[name])


def as_before(self, input):
    """A method of the user's own."""
    return super(type(self), self).updateOutput(input)


@pytest.mark.parametrize("by_hand", [False, True], ids=["fused", "by hand"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_container(case, by_hand):
    """As one program, and with a module inside that computes in a way of its own."""
    module, pairs = prepared(case)
    assert str(module) == case["tostring"]
    assert torch.type(module) == case["name"]
    if case["name"] == "nn.LayerNormalization" and case["id"] in DEVIATIONS:
        return
    if by_hand:
        for child in module.listModules():
            if not hasattr(child, "modules"):
                kind = type(child)
                child.__class__ = type(kind.__name__, (kind,), {"updateOutput": as_before})
        if case["name"] == "nn.WeightNorm":
            with pytest.raises(ValueError, match="methods of its own"):
                module.forward(value(case["input"]))
            return
        assert module.layer is None
    x, g = value(case["input"]), value(case["gradOutput"])
    module.zeroGradParameters()
    output = module.forward(x)
    assert_equal(output, case["output"])
    assert module.output is output
    gradInput = module.backward(x, g)
    assert_equal(gradInput, case["gradInput"])
    assert module.gradInput is gradInput
    assert_gradients(pairs, case.get("gradParams"))
    if "gradParams_acc_half" in case and case["id"] not in DEVIATIONS:
        module.backward(x, g, 0.5)
        assert_gradients(pairs, case["gradParams_acc_half"])
        module.updateParameters(0.1)
        for name, (p, _) in pairs.items():
            assert_equal(p, case["params_updated"][name])


@pytest.mark.parametrize("name", ["nn.DepthConcat/1", "nn.WeightNorm/1"])
def test_gradients_add_up(name):
    case = next(case for case in CASES if case["id"] == name)
    module, pairs = prepared(case)
    x, g = value(case["input"]), value(case["gradOutput"])
    module.forward(x)
    module.zeroGradParameters()
    module.backward(x, g)
    module.backward(x, g, 0.5)
    for p, (_, gradient) in pairs.items():
        wanted = np.array(case["gradParams"][p]["data"]).reshape(gradient.size().tolist())
        np.testing.assert_allclose(np.asarray(gradient), 1.5 * wanted, rtol=1e-12)


# What a module is printed as, and how it is made; a text alone is also how it is made.
TEXTS = {
    "nn.Sequential {\n  [input -> (1) -> (2) -> (3) -> output]\n  (1): nn.Linear(10 -> 5)\n"
    "  (2): nn.Tanh\n  (3): nn.Linear(5 -> 2) without bias\n}": "nn.Sequential()"
    ".add(nn.Linear(10, 5)).add(nn.Tanh()).add(nn.Linear(5, 2, False))",
    "nn.ParallelTable {\n  input\n    |`-> (1): nn.Linear(2 -> 3)\n     `-> (2): nn.Sequential {\n"
    "           [input -> (1) -> (2) -> output]\n           (1): nn.Tanh\n"
    "           (2): nn.Dropout(0.300000)\n         }\n     ... -> output\n}": "nn.ParallelTable()"
    ".add(nn.Linear(2, 3)).add(nn.Sequential().add(nn.Tanh()).add(nn.Dropout(0.3)))",
    "nn.MapTable {\n  nn.Linear(2 -> 3)\n}": "nn.MapTable(nn.Linear(2, 3))",
    "nn.MapTable { }": "nn.MapTable()",
    "nn.Concat {\n  input\n     ... -> output\n}": "nn.Concat(1)",
    "nn.MapTable {\n  nn.Sequential {\n          [input -> (1) -> (2) -> output]\n"
    "          (1): nn.Linear(2 -> 3)\n          (2): nn.Tanh\n        }\n}": "nn.MapTable("
    "nn.Sequential().add(nn.Linear(2, 3)).add(nn.Tanh()))",
    "nn.Bottle @ nn.Linear(2 -> 3)": "nn.Bottle(nn.Linear(2, 3))",
    "nn.WeightNorm @ nn.Linear(2 -> 3)": "nn.WeightNorm(nn.Linear(2, 3))",
    "nn.NaN(5) @ nn.Linear(2 -> 3)": "nn.NaN(nn.Linear(2, 3), 5)",
    "nn.Profile @ nn.Linear(2 -> 3)": "nn.Profile(nn.Linear(2, 3))",
    "nn.Container": "nn.Container()",
    "nn.Module": "nn.Module()",
    "nn.SpatialConvolution(3 -> 8, 3x3, 2,1)": "nn.SpatialConvolution(3, 8, 3, 3, 2, 1)",
    "nn.SpatialConvolution(3 -> 8, 5x3)": "nn.SpatialConvolution(3, 8, 5, 3)",
    "nn.SpatialFullConvolution(3 -> 8, 3x3, 2,2, 1,1, 1,1)": "nn.SpatialFullConvolution("
    "3, 8, 3, 3, 2, 2, 1, 1, 1, 1)",
    "nn.SpatialMaxPooling(2x2, 2,2)": "nn.SpatialMaxPooling(2, 2, 2, 2)",
    "nn.SpatialMaxPooling(3x3, 2,2, 1,1)": "nn.SpatialMaxPooling(3, 3, 2, 2, 1, 1)",
    "nn.SpatialAveragePooling(2x2, 2,2)": "nn.SpatialAveragePooling(2, 2, 2, 2)",
    "nn.SpatialDilatedMaxPooling(2x2, 2,2, 2,2)": "nn.SpatialDilatedMaxPooling("
    "2, 2, 2, 2, 0, 0, 2, 2)",
    "nn.VolumetricMaxPooling(2x2x2, 2,2,2)": "nn.VolumetricMaxPooling(2, 2, 2, 2, 2, 2)",
    "nn.Dropout(0.500000)": "nn.Dropout(0.5)",
    "nn.SpatialDropout(0.250000)": "nn.SpatialDropout(0.25)",
    "nn.LeakyReLU(0.01)": "",
    "nn.LeakyReLU(0.333333)": "nn.LeakyReLU(1 / 3)",
    "nn.ELU (alpha:0.500000)": "nn.ELU(0.5)",
    "nn.RReLU (l:0.125000, u:0.333333)": "nn.RReLU()",
    "CReLU()": "nn.CReLU(1)",
    "nn.BatchNormalization (2D) (4)": "nn.BatchNormalization(4)",
    "nn.SpatialBatchNormalization (4D) (4)": "nn.SpatialBatchNormalization(4)",
    "nn.Normalize(1.500000)": "nn.Normalize(1.5)",
    "nn.View(-1, 3, 4)": "",
    "nn.Unsqueeze(dim 2)": "nn.Unsqueeze(2)",
    "nn.SelectTable(-1)": "",
    "nn.Bilinear(2x3 -> 4) ": "nn.Bilinear(2, 3, 4)",
    "nn.LinearWeightNorm(2 -> 3)": "nn.LinearWeightNorm(2, 3)",
    "nn.PartialLinear(2 -> 3)": "nn.PartialLinear(2, 3)",
    "nn.WhiteNoise mean: 0.500000, std: 0.250000": "nn.WhiteNoise(0.5, 0.25)",
    "nn.SpatialZeroPadding(l=1, r=2, t=3, b=4)": "nn.SpatialZeroPadding(1, 2, 3, 4)",
    "nn.SpatialReflectionPadding(l=1, r=1, t=1, b=1)": "nn.SpatialReflectionPadding(1)",
    "nn.VolumetricReplicationPadding(left=1, right=1, top=1, bottom=1, front=1, back=1)": (
        "nn.VolumetricReplicationPadding(1)"
    ),
    "nn.SpatialUpSamplingBilinear(3, 4)": "nn.SpatialUpSamplingBilinear(dict(oheight=3, owidth=4))",
    "nn.UpSampling(2x, nearest)": "nn.UpSampling(2, 'nearest')",
    "nn.UpSampling(2x, linear)": "nn.UpSampling(2, 'linear')",
    "nn.TemporalRowConvolution(3, 2, 2)": "",
    "nn.SpatialMaxUnpooling associated to nn.SpatialMaxPooling(2x2, 2,2)": (
        "nn.SpatialMaxUnpooling(nn.SpatialMaxPooling(2, 2, 2, 2))"
    ),
    "nn.LogSoftMax": "nn.LogSoftMax()",
    "nn.CAddTable": "nn.CAddTable()",
    "nn.ClassNLLCriterion": "nn.ClassNLLCriterion()",
    "nn.ParallelCriterion": "nn.ParallelCriterion()",
}


@pytest.mark.parametrize("text", TEXTS)
def test_text(text):
    assert str(eval(TEXTS[text] or text)) == text


class Double(nn.Module):
    """Twice the input, in place, as one writes modules for Torch7."""

    def updateOutput(self, input):
        self.output.resizeAs(input).copy(input).mul(2)
        return self.output

    def updateGradInput(self, input, gradOutput):
        self.gradInput.resizeAs(gradOutput).copy(gradOutput).mul(2)
        return self.gradInput


class Shift(nn.Module):
    """The input plus a weight; its gradient knows of no scale."""

    def __init__(self, size):
        super().__init__()
        self.weight, self.gradWeight = torch.ones(size), torch.zeros(size)

    def updateOutput(self, input):
        self.output.resizeAs(input).copy(input)
        self.output.add(self.weight.view(1, -1).expandAs(input))
        return self.output

    def updateGradInput(self, input, gradOutput):
        self.gradInput.resizeAs(gradOutput).copy(gradOutput)
        return self.gradInput

    def accGradParameters(self, input, gradOutput, scale=1):
        self.gradWeight.add(scale, gradOutput.sum(1).view(-1))


class Difference(nn.Module):
    """The first input less the second."""

    def updateOutput(self, input):
        self.output.resizeAs(input[1]).copy(input[1]).add(-1, input[2])
        return self.output

    def updateGradInput(self, input, gradOutput):
        self.gradInput = torch.Table([gradOutput.clone(), gradOutput.clone().mul(-1)])
        return self.gradInput


class Inner(Difference):
    """The same, of two that are inside of a table."""

    def updateOutput(self, input):
        return super().updateOutput(input[1])

    def updateGradInput(self, input, gradOutput):
        self.gradInput = torch.Table([super().updateGradInput(input[1], gradOutput)])
        return self.gradInput


def with_two_inputs(module):
    a, b = nn.Identity()(), nn.Identity()()
    return nn.gModule([a, b], [nn.Identity()(b), module(a)])


def of_split_pair():
    pair, other = nn.Identity()(), nn.Identity()()
    first, second = pair.split(2)
    return nn.gModule([pair, other], [Double()(other), nn.CSubTable()([first, second])])


TABLES = {
    "alone": (lambda: Difference(), lambda a, b: [a, b], lambda y: y),
    "of a tuple": (lambda: Difference(), lambda a, b: (a, b), lambda y: y),
    "inside of a table": (lambda: Inner(), lambda a, b: [[a, b]], lambda y: y),
    "first": (lambda: nn.Sequential().add(Difference()), lambda a, b: [a, b], lambda y: y),
    "one of many": (
        lambda: nn.ParallelTable().add(Difference()).add(Double()),
        lambda a, b: torch.Table([[a, b], a]),
        lambda y: y[1],
    ),
    "in a graph": (
        lambda: with_two_inputs(Difference()),
        lambda a, b: [[a, b], b],
        lambda y: y[2],
    ),
    "split in a graph": (
        of_split_pair,
        lambda a, b: [[a, b], b],
        lambda y: y[2],
    ),
}


@pytest.mark.parametrize("case", TABLES)
def test_modules_of_the_users_own_count_in_tables_from_1(case):
    make, pack, output = TABLES[case]
    a, b = torch.ones(2), torch.Tensor([3, 5])
    assert output(make().forward(pack(a, b))).tolist() == [-2, -4]


class Reversed(nn.Linear):
    """Linear, with the gradient by the input reversed."""

    def updateGradInput(self, input, gradOutput):
        super().updateGradInput(input, gradOutput)
        self.gradInput.mul(-1)
        return self.gradInput


def test_modules_of_the_users_own():
    x, g = torch.randn(3, 4), torch.randn(3, 2)
    last, shift = nn.Linear(4, 2), Shift(4)
    net = nn.Sequential().add(nn.Tanh()).add(Double()).add(shift).add(last)
    net.zeroGradParameters()
    y = net.forward(x)
    inner = 2 * np.tanh(np.asarray(x)) + 1
    np.testing.assert_allclose(
        np.asarray(y), inner @ np.asarray(last.weight).T + last.bias.tolist()
    )
    assert net.output is last.output
    net.backward(x, g)
    by_inner = np.asarray(g) @ np.asarray(last.weight)
    np.testing.assert_allclose(np.asarray(shift.gradWeight), by_inner.sum(0))
    np.testing.assert_allclose(np.asarray(last.gradWeight), np.asarray(g).T @ inner)
    slope = 2 * (1 - np.tanh(np.asarray(x)) ** 2)
    np.testing.assert_allclose(np.asarray(net.gradInput), by_inner * slope)
    # A step without gradients: the weight takes their place meanwhile.
    kept, old = shift.gradWeight, shift.weight.clone()
    net.updateGradInput(x, g)
    net.accUpdateGradParameters(x, g, 0.1)
    np.testing.assert_allclose(np.asarray(shift.weight), np.asarray(old) - 0.1 * by_inner.sum(0))
    assert shift.gradWeight is kept


def test_a_method_of_ones_own_on_a_derived_module():
    mine = Reversed(4, 2)
    theirs = nn.Linear(4, 2)
    theirs.weight.copy(mine.weight)
    theirs.bias.copy(mine.bias)
    x, g = torch.randn(3, 4), torch.randn(3, 2)
    for inside in (mine, nn.Sequential().add(mine), nn.Sequential().add(nn.Identity()).add(mine)):
        for module in (inside, theirs):
            module.zeroGradParameters()
            module.forward(x)
            module.backward(x, g)
        np.testing.assert_allclose(np.asarray(mine.output), np.asarray(theirs.output))
        np.testing.assert_allclose(np.asarray(inside.gradInput), -np.asarray(theirs.gradInput))
        np.testing.assert_allclose(np.asarray(mine.gradWeight), np.asarray(theirs.gradWeight))
    frozen = nn.Sequential().add(theirs)  # a method put on one object counts as well
    theirs.accGradParameters = lambda input, gradOutput, scale=1: None
    before = theirs.gradWeight.clone()
    frozen.forward(x)
    frozen.backward(x, g)
    assert theirs.gradWeight.equal(before)


def test_what_is_none_is_not_computed():
    first, last = nn.Linear(4, 3), nn.Linear(3, 2)
    net = nn.Sequential().add(first).add(last)
    first.gradInput, last.gradWeight = None, None
    x, g = torch.randn(2, 4), torch.randn(2, 2)
    last.gradBias.zero()
    net.forward(x)
    assert net.backward(x, g) is None
    np.testing.assert_allclose(np.asarray(last.gradBias), np.asarray(g).sum(0))
    np.testing.assert_allclose(
        np.asarray(first.gradBias), (np.asarray(g) @ np.asarray(last.weight)).sum(0)
    )
    assert last.gradWeight is None


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


CONTENT = [  # with what forward kept of the input
    *((name, (), (2, 4)) for name in ("Tanh", "Sigmoid", "SoftMax", "LogSoftMax", "SoftMin")),
    *((name, (), (2, 4)) for name in ("SoftPlus", "ELU", "TanhShrink", "Exp", "Sqrt")),
    ("Max", (1,), (4, 2)),
    ("Min", (2,), (2, 4)),
    ("Euclidean", (4, 3), (2, 4)),
    ("TemporalRowConvolution", (2, 2), (4, 2)),
    ("TemporalMaxPooling", (2,), (4, 2)),
    ("TemporalDynamicKMaxPooling", (2,), (4, 2)),
    ("SpatialConvolution", (2, 3, 2, 2), (2, 4, 4)),
    ("SpatialMaxPooling", (2, 2), (2, 4, 4)),
    ("SpatialFractionalMaxPooling", (2, 2, 3, 3), (2, 4, 4)),
    ("VolumetricConvolution", (2, 3, 2, 2, 2), (2, 3, 3, 3)),
]


@pytest.mark.parametrize("inside", [False, True], ids=["alone", "in a network"])
@pytest.mark.parametrize(("name", "arguments", "size"), CONTENT)
def test_backward_is_content_with_what_forward_kept(name, arguments, size, inside):
    module, x = getattr(nn, name)(*arguments), torch.randn(*size).abs()
    net = nn.ConcatTable().add(module).add(nn.Square()) if inside else module
    g = torch.randn(*module.forward(x).size())
    gradients = net.parameters()[1] or []
    found = []
    for overwrite in (False, True):
        net.zeroGradParameters()
        torch.manualSeed(1)
        net.forward(x)
        before = x.clone()
        if overwrite:
            x.mul(-2).add(1)
        net.backward(x, [g, x.clone().zero()] if inside else g)
        found.append([np.asarray(t) for t in (module.gradInput, *gradients)])
        x.copy(before)
    for wanted, kept in zip(*found, strict=True):
        np.testing.assert_allclose(kept, wanted)


@pytest.mark.parametrize(
    "module",
    [
        lambda inplace: nn.ELU(0.7, inplace),
        lambda inplace: nn.LeakyReLU(0.2, inplace),
        lambda inplace: nn.HardTanh(-0.5, 0.5, inplace),
        lambda inplace: nn.MulConstant(2.5, inplace),
        lambda inplace: nn.Sequential().add(Double()).add(nn.ELU(0.7, inplace)),
    ],
)
def test_the_gradient_in_place_is_that_elsewhere(module):
    x, g, found = torch.randn(6), torch.randn(6), []
    for inplace in (False, True):
        net, own = module(inplace), x.clone()
        found.append([net.forward(own).tolist(), net.backward(own, g.clone()).tolist()])
    assert found[0] == found[1]


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


IN_PLACE = {
    "ReLU": (lambda: nn.ReLU(True), [0, 2], [0, 1]),
    "HardTanh": (lambda: nn.HardTanh(-1, 1, True), [-1, 1], [0, 0]),
    "AddConstant": (lambda: nn.AddConstant(1, True), [-2, 2], [1, 1]),  # undone by backward
    "Dropout": (lambda: nn.Dropout(0, False, True), [-2, 2], [1, 1]),
    "CAddTable": (lambda: nn.CAddTable(True), [-4, 4], [1, 1]),
}


@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place_modules_share_the_memory_of_their_last_input_only(name):
    make, output, gradient = IN_PLACE[name]
    module = make()
    held = []
    for _ in range(2):
        x, g = torch.Tensor([-2, 2]), torch.ones(2)
        given = [x, x.clone()] if name == "CAddTable" else x
        held.append((x, g, module.forward(given), module.backward(given, g)))
        module.output.sum()
    for x, g, _, _ in held:
        assert (x.tolist(), g.tolist()) == (output, gradient)
    (_, _, y, _), (x, _, again, _) = held
    assert again is y is not x
    assert x.isSetTo(y)
    module.clearState()
    assert x.dim() == 1


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


def in_a_graph(first, last):
    x = nn.Identity()()
    return nn.gModule([x], [last(nn.Tanh()(first(x)))])


BETWEEN = {
    "in a row": lambda first, last: nn.Sequential().add(first).add(nn.Tanh()).add(last),
    "nested": lambda first, last: (
        nn.Sequential().add(nn.Sequential().add(first).add(nn.Tanh())).add(last)
    ),
    "beside a module of one's own": lambda first, last: (
        nn.Sequential().add(first).add(nn.Tanh()).add(last).add(Double()).add(nn.MulConstant(0.5))
    ),
    "in a graph": in_a_graph,
}


@pytest.mark.parametrize("eager", [False, True])
@pytest.mark.parametrize("case", BETWEEN)
def test_backward_takes_what_the_tensors_hold(case, eager):
    with torch.eager(eager):
        first, last = nn.Linear(4, 3), nn.Linear(3, 2)
        net, x, g = BETWEEN[case](first, last), torch.randn(5, 4), torch.randn(5, 2)
        net.zeroGradParameters()
        net.forward(x)
        inner = np.tanh(np.asarray(x) @ np.asarray(first.weight).T + first.bias.tolist())
        for tensor in (first.weight, last.weight, x):
            tensor.mul(2)
        net.backward(x, g)
        by_inner = np.asarray(g) @ np.asarray(last.weight) * (1 - inner**2)
        np.testing.assert_allclose(np.asarray(net.gradInput), by_inner @ np.asarray(first.weight))
        np.testing.assert_allclose(np.asarray(last.gradWeight), np.asarray(g).T @ inner)
        np.testing.assert_allclose(np.asarray(first.gradWeight), by_inner.T @ np.asarray(x))


def setting(name, value):
    return lambda module: setattr(module, name, value)


SETTINGS = {
    "a factor": (lambda: nn.MulConstant(2), setting("constant_scalar", 5), lambda x: 5),
    "a bound": (lambda: nn.HardTanh(), setting("max_val", 0.1), lambda x: (x > -1) & (x < 0.1)),
    "the mode": (
        lambda: nn.BatchNormalization(3, 0, 1, False),  # of which the last statistics are kept
        lambda module: module.evaluate(),
        lambda x: x.var(0, ddof=1) ** -0.5,
    ),
    "the mode of noise": (
        lambda: nn.Dropout(0.5, True),
        lambda module: module.evaluate(),
        lambda x: 0.5,
    ),
}


@pytest.mark.parametrize("case", SETTINGS)
def test_backward_takes_the_settings_that_it_finds(case):
    """And the outputs that forward left: a network, as each of the modules in it."""
    make, change, slope = SETTINGS[case]
    x, g = torch.randn(5, 3), torch.randn(5, 3)
    by_x = slope(np.asarray(x)) * np.asarray(g)
    module = make()
    module.forward(x)
    change(module)
    np.testing.assert_allclose(module.backward(x, g), by_x)
    for between in BETWEEN.values():
        first, last = nn.MulConstant(1), make()
        net = between(first, last)
        net.forward(x)
        inner = np.tanh(np.asarray(x))
        change(last)
        first.constant_scalar = 3
        wanted = 3 * (1 - inner**2) * slope(inner) * np.asarray(g)
        np.testing.assert_allclose(net.backward(x, g), wanted)


def test_frequencies_scale_gradients_from_now_on():
    module, x = nn.LookupTable(4, 3), torch.Tensor([1, 4, 1])
    module.zeroGradParameters()
    module.forward(x)
    module.scaleGradByFreq()
    module.backward(x, torch.ones(3, 3))
    assert module.gradWeight.sum(2).view(-1).tolist() == [3, 0, 0, 3]


@pytest.mark.parametrize("eager", [False, True])
def test_a_decorator_with_parameters_of_its_own_goes_back_as_a_whole(eager):
    with torch.eager(eager):
        module, x, g = nn.WeightNorm(nn.Linear(4, 2)), torch.randn(3, 4), torch.randn(3, 2)
        module.forward(x)
        x.mul(2)
        module.zeroGradParameters()
        module.backward(x, g)
        found = [gradient.clone() for gradient in module.parameters()[1]]
        module.forward(x)
        module.zeroGradParameters()
        module.backward(x, g)
        for gradient, wanted in zip(found, module.parameters()[1], strict=True):
            assert_close(gradient, wanted)


@pytest.mark.parametrize("compiled", [False, True])
def test_backward_may_be_for_an_earlier_input(compiled):
    """As in a loop over time with one layer; what inner modules need is of the last forward."""
    for make in (lambda: nn.Linear(3, 2), lambda: nn.Sequential().add(nn.Linear(3, 2))):
        module, xs, gs = make(), torch.randn(4, 3), torch.randn(4, 2)
        weight, grad = (tensors[1] for tensors in module.parameters())

        def through(module, xs, gs):
            module.zeroGradParameters()
            for t in range(1, 5):
                module.forward(xs[t])
            return [module.backward(xs[t], gs[t]).clone() for t in range(1, 5)]

        found = (transforms.jit(through) if compiled else through)(module, xs, gs)
        np.testing.assert_allclose(np.asarray(grad), np.asarray(gs).T @ np.asarray(xs), rtol=1e-12)
        for t, gradient in enumerate(found, 1):
            wanted = np.asarray(gs[t]) @ np.asarray(weight)
            np.testing.assert_allclose(np.asarray(gradient), wanted, rtol=1e-12)
    net = nn.Sequential().add(nn.Linear(3, 2)).add(nn.Tanh())
    net.forward(xs[1])
    y = np.asarray(net.forward(xs[2])).copy()
    net.zeroGradParameters()
    net.backward(xs[1], gs[1])
    wanted = np.outer(np.asarray(gs[1]) * (1 - y * y), np.asarray(xs[1]))
    np.testing.assert_allclose(np.asarray(net.get(1).gradWeight), wanted, rtol=1e-12)


def test_backward_takes_outputs_inside_that_were_changed():
    net = nn.Sequential().add(nn.Linear(4, 3)).add(nn.Dropout()).add(nn.Linear(3, 2))
    x, g = torch.randn(5, 4), torch.randn(5, 2)
    net.evaluate()
    net.zeroGradParameters()
    net.forward(x)
    first, dropout, last = net.modules
    inner = np.asarray(dropout.output.mul(2))
    last.weight.mul(3)
    for count in (1, 2):
        by_inner = np.asarray(g) @ np.asarray(last.weight)
        np.testing.assert_allclose(net.backward(x, g), by_inner @ np.asarray(first.weight))
        np.testing.assert_allclose(last.gradWeight, count * np.asarray(g).T @ inner)


def test_a_module_inside_can_go_back_by_itself():
    """After its network ran as one program; and with an input of its own."""
    first, last = nn.Linear(3, 2), nn.Tanh()
    net = nn.Sequential().add(first).add(last)
    x, g = torch.randn(4, 3), torch.randn(4, 2)
    net.forward(x)
    wanted = net.backward(x, g).clone()
    net.forward(x)
    assert_close(first.backward(x, last.backward(first.output, g)), wanted)
    alone = first.forward(x.clone().mul(2)).clone()
    assert first.output.equal(alone)


def test_what_a_frozen_network_inside_another_one_holds():
    frozen = nn.Sequential().add(nn.Linear(3, 2)).add(nn.BatchNormalization(2)).add(nn.Tanh())
    net = nn.Sequential().add(nn.Linear(3, 3)).add(frozen)
    frozen.evaluate()
    x, g = torch.randn(4, 3), torch.randn(4, 2)
    net.forward(x)
    net.backward(x, g)
    wanted = frozen.get(1).forward(net.get(1).forward(x)).clone()
    net.forward(x)
    net.backward(x, g)
    assert_close(frozen.get(1).output, wanted)
    assert_close(frozen.get(2).output.clone().tanh(), net.output)
    assert_close(frozen.get(1).gradInput, frozen.gradInput)


def assert_close(a, b):
    np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-12)


@pytest.mark.parametrize("inside", [nn.Tanh, Double], ids=["fused", "by hand"])
def test_an_error_says_where(inside):
    branch = nn.Sequential().add(inside()).add(nn.Linear(3, 2))
    net = nn.Sequential().add(inside()).add(nn.Concat(1).add(branch))
    with pytest.raises((ValueError, TypeError)) as caught:
        net.forward(torch.randn(4))
    notes = "\n".join(caught.value.__notes__)
    for place in ("2 module of nn.Sequential", "1 module of nn.Concat"):
        assert f"In {place}:" in notes


@pytest.mark.parametrize(
    "before",
    [
        lambda: nn.ConcatTable().add(nn.Tanh()),
        lambda: nn.Sequential().add(nn.Replicate(1)).add(nn.SplitTable(1)).add(nn.NarrowTable(1)),
    ],
)
def test_a_table_of_one_stays_a_table(before):
    net = nn.Sequential().add(before()).add(nn.Identity()).add(nn.Contiguous())
    assert net.layer is not None
    x = torch.randn(3)
    (inside,) = output = net.forward(x)
    assert isinstance(output, torch.Table)
    assert inside.size().tolist() == [3]
    assert net.backward(x, output).size().tolist() == [3]
    first = nn.Sequential().add(net).add(nn.SelectTable(1)).forward(x)
    assert_close(first, np.asarray(inside))


def test_contiguous_keeps_its_tensors():
    module, x = nn.Contiguous(), torch.randn(2, 3)
    output, gradient = module.forward(x), module.backward(x, x)
    assert output is not x
    assert output.isSetTo(x)
    assert module.forward(x.t()) is output
    assert module.backward(x.t(), x.t()) is gradient
    assert output.isContiguous()
    assert_close(output, x.t())


def test_map_table():
    module = nn.MapTable(nn.Linear(2, 1))

    def count():
        return len(module.parameters()[0])

    xs = [torch.randn(2) for _ in range(3)]
    counts = [count()]
    module.forward(xs)
    counts.append(count())
    module.resize(1)
    counts.append(count())
    module.forward(xs)
    module.clearState()
    counts.append(count())
    assert counts == [2, 6, 2, 2]
    inner = module.module
    inner.zeroGradParameters()
    gs = [torch.randn(1) for _ in xs]
    module.forward(xs)
    module.backward(xs, gs)
    wanted = sum(np.outer(g, x) for g, x in zip(map(np.array, gs), map(np.array, xs), strict=True))
    assert_close(inner.gradWeight, wanted)
    before = inner.weight.clone()
    module.updateParameters(0.1)
    assert_close(inner.weight, np.asarray(before) - 0.1 * wanted)
    assert len(module.forward(xs[:2])) == 2
    with pytest.raises(ValueError, match="single module"):
        module.add(nn.Tanh())
    # Inside a network that runs as one program, and was never told how many elements there are.
    branches = nn.ConcatTable().add(nn.Tanh()).add(nn.Identity()).add(nn.Tanh())
    module = nn.MapTable(nn.Sequential().add(nn.Linear(2, 3)).add(nn.Tanh()))
    net = nn.Sequential().add(branches).add(module)
    assert net.layer is not None
    x = torch.randn(4, 2)
    outputs = net.forward(x)
    assert len(outputs) == 3
    net.zeroGradParameters()
    net.backward(x, outputs)
    inner = module.get(2).get(1)
    assert_close(inner.output, np.asarray(module.module.get(1).forward(x)))
    assert_close(module.get(2).output, outputs[2])
    assert module.get(3).get(2).gradInput.size().tolist() == [4, 3]
    apart = nn.MapTable(nn.Linear(2, 1), False)
    apart.forward(xs)
    assert not apart.get(2).weight.isSetTo(apart.get(1).weight)


def test_bottle_says_what_its_module_does():
    with pytest.raises(ValueError, match="number of"):
        nn.Bottle(nn.View(-1, 6), 3).forward(torch.randn(4, 3, 2, 3))


def test_weight_norm():
    for inner, dim in ((nn.SpatialConvolution(2, 3, 2, 2), 1), (nn.Linear(4, 3, False), 2)):
        module = nn.WeightNorm(inner, dim)
        x = torch.randn(2, 2, 4, 4) if dim == 1 else torch.randn(2, 4)
        output = module.forward(x).clone()
        assert np.asarray(module.g) == pytest.approx(
            np.linalg.norm(np.asarray(module.v), axis=1, keepdims=True)
        )
        inner.weight.fill(7)  # of no consequence: it is made anew
        assert_close(module.forward(x), output)
        module.evaluate()
        assert_close(inner.forward(x), output)
    assert nn.Jacobian.testJacobianParameters(module, x, module.v, module.gradV) < 1e-6


@pytest.mark.parametrize("inside", [nn.Linear, Reversed])
def test_dont_cast(inside):
    net = nn.Sequential().add(nn.DontCast(inside(2, 2), True)).float()
    x, g = torch.FloatTensor(3, 2).fill(1), torch.FloatTensor(3, 2).fill(1)
    assert net.get(1).get(1).weight.type() == "torch.DoubleTensor"
    assert net.forward(x).type() == net.backward(x, g).type() == "torch.FloatTensor"
    assert net.type() == "torch.FloatTensor"
    plain = nn.DontCast(nn.Linear(2, 2)).float()
    assert plain.forward(torch.ones(2)).type() == "torch.DoubleTensor"
    assert plain.moduleType is None


def test_what_is_cast_has_the_default_type_at_first():
    module = nn.DontCast(nn.Linear(2, 2).float(), True)
    assert module.moduleType == "torch.FloatTensor"
    x, g = torch.ones(3, 2), torch.ones(3, 2)
    assert module.forward(x).type() == module.backward(x, g).type() == "torch.DoubleTensor"


def test_nan():
    inner = nn.Sequential().add(nn.Linear(2, 2)).add(nn.Identity())
    module = nn.NaN(inner)
    x, bad = torch.randn(2), torch.Tensor([0, np.nan])
    module.zeroGradParameters()
    module.forward(x)
    module.backward(x, x)
    for method, message in (
        (lambda: module.forward(bad), "NaN found in input"),
        (lambda: module.backward(x, bad), "NaN found in gradOutput"),
        (lambda: module.accGradParameters(x, x), "NaN found in gradParameters"),
    ):
        with pytest.raises(ValueError, match=message):
            method()
    inner.get(1).weight[1][1] = np.nan
    with pytest.raises(
        ValueError, match=rf"NaN found in parameters of module :\nnn.NaN\({module.id}"
    ):
        module.forward(x)
    assert nn.NaN(nn.Tanh()).id == module.id + 1


def test_profile(capsys):
    module = nn.Profile(nn.Tanh(), 2)
    x = torch.randn(3)
    for _ in range(3):
        module.forward(x)
        module.backward(x, x)
    lines = [re.sub(r"\d\.\d{3}", "0", line) for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        f"nn.Tanh took 0 seconds for 2 {way} passes" for way in ("forward", "backward")
    ]
    assert (module.numFwds, module.numBwds) == (1, 1)


def test_decorate():
    class Mine(nn.Identity):
        pass

    nn.Decorator.decorate(Mine)
    assert Mine.updateOutput is nn.Decorator.updateOutput


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


def test_jacobian():
    x, module = torch.Tensor(3), nn.Linear(3, 2)
    weight, gradient = module.weight, module.gradWeight
    assert nn.Jacobian.testJacobian(module, x) < 1e-7
    assert -2 <= x.min() < x.max() <= 2
    assert nn.Jacobian.testJacobianParameters(module, x, weight, gradient) < 1e-7
    assert nn.Jacobian.testJacobianUpdateParameters(module, x, weight) < 1e-7
    before = x.clone()
    torch.manualSeed(3)
    assert nn.Jacobian.testIO(module, x) == (0, 0)
    assert same(x, before.tolist())
    after = torch.uniform()
    torch.manualSeed(3)
    assert after == torch.rand(3)[3]  # one number for each output came first
    errors = nn.Jacobian.testAllUpdate(module, x, "weight", "gradWeight")
    assert len(errors) == 4
    assert max(errors.values()) < 1e-12
    assert nn.Jacobian.forward(module, x).size().tolist() == [3, 2]
    assert nn.Jacobian.testJacobian(Reversed(3, 2), x) > 0.1
    sparse = torch.Tensor([[1, 0.5], [3, 0.25]])
    assert nn.SparseJacobian.backward(Double(), sparse).size().tolist() == [2, 4]
    assert nn.SparseJacobian.testJacobian(Double(), sparse) < 1e-7
    assert same(sparse.select(2, 1), [1, 3])


def test_layer_normalization():
    module = nn.LayerNormalization(4, 0.5)
    x = torch.randn(3, 4)
    y = np.array(x) - np.mean(np.array(x), 1, keepdims=True)
    wanted = 2 * y / np.sqrt(np.sum(y**2, 1, keepdims=True) + 1e-10) + 0.5
    np.testing.assert_allclose(np.asarray(module.forward(x)), wanted, rtol=1e-12)


ALONE = np.arange(6.0).reshape(2, 3)


@pytest.mark.parametrize(
    ("module", "wanted", "gradient"),
    [
        (nn.Sequential().add(nn.Identity()), [ALONE], [ALONE]),
        (nn.Sequential().add(nn.Identity()).add(nn.SelectTable(1)), ALONE, [ALONE]),
        (nn.Sequential().add(nn.Identity()).add(nn.JoinTable(1)), ALONE, [ALONE]),
        (nn.Sequential().add(nn.ParallelTable().add(nn.Identity())), [ALONE], [ALONE]),
        (nn.ConcatTable().add(nn.Identity()).add(nn.Identity()), [[ALONE]] * 2, [2 * ALONE]),
        (nn.ConcatTable().add(nn.SelectTable(1)).add(nn.Identity()), [ALONE, [ALONE]], [2 * ALONE]),
    ],
)
def test_a_table_of_one_is_no_tensor(module, wanted, gradient):
    input = torch.Table([torch.fromarray(ALONE)])
    output = module.forward(input)
    for ours, theirs in ((output, wanted), (module.backward(input, output), gradient)):
        ours = jax.tree.map(np.asarray, as_lists(ours))
        assert jax.tree.structure(ours) == jax.tree.structure(theirs)
        jax.tree.map(np.testing.assert_array_equal, ours, theirs)


def as_lists(x):
    return x if torch.isTensor(x) else list(map(as_lists, x))


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


PASSING_ON = {
    "Identity": (nn.Identity, 1),
    "Contiguous": (nn.Contiguous, 1),
    "Copy": (lambda: nn.Copy("torch.DoubleTensor", "torch.DoubleTensor"), 1),
    "SelectTable": (lambda: nn.SelectTable(1), 2),
    "NarrowTable": (lambda: nn.NarrowTable(1, 2), 2),
    "FlattenTable": (nn.FlattenTable, 2),
    "gModule": (lambda: nn.gModule([x := nn.Identity()()], [nn.Dropout(0.5)(x), x]), 1),
    "Sequential": (lambda: nn.Sequential().add(nn.Identity()).add(nn.Dropout(0.5)), 1),
}


@pytest.mark.parametrize("name", PASSING_ON)
def test_what_was_passed_on_one_by_one_is_not_written_into_by_a_network(name):
    make, count = PASSING_ON[name]
    module = make()
    net = nn.Sequential().add(nn.Identity()).add(module)

    def run(net, number):
        """Pass numbers through; the tensors that were given."""
        given = [torch.ones(2).mul(number) for _ in range(count)]
        output = net.forward(given if count > 1 else given[0])
        several = torch.type(output) == "table"
        back = [torch.ones(2).mul(number) for _ in range(len(output) if several else 1)]
        net.backward(given if count > 1 else given[0], back if several else back[0])
        return [*given, *back]

    mine = run(module, 3)
    for _ in range(2):
        net.evaluate()
        run(net, 5)
        for inside in module.listModules():
            assert None not in (inside.output, inside.gradInput)
    assert [x.tolist() for x in mine] == [[3, 3]] * len(mine)

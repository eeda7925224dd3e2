"""nn's containers, and what they do with tables.

Numbers in `oracle/containers.jsonl` are those of the original Torch7, in double precision.
"""

import jax
import numpy as np
import pytest

import fnn.torch7 as torch
from fnn.torch7 import nn
from tests.torch7_cases import assert_equal, build, cases, parameters, value
from tests.torch7_numbers import assert_close
from tests.torch7_own import Double

pytestmark = pytest.mark.unoptimised


CASES = cases("containers")


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


def test_the_results_of_a_sequential_are_those_of_its_ends():
    first, last = nn.Linear(2, 3), nn.Tanh()
    net = nn.Sequential().add(first).add(last)
    assert net.output is last.output
    assert net.gradInput is first.gradInput
    x = torch.randn(4, 2)
    net.backward(x, net.forward(x))
    hidden, gradient = first.output.clone(), last.gradInput.clone()
    net.remove()
    assert net.output.equal(hidden)
    net.insert(last, 1)
    assert net.output.equal(hidden)
    assert net.gradInput.equal(gradient)
    net.remove(1)
    net.remove()
    assert net.output.dim() == net.gradInput.dim() == 0
    first.gradInput = None  # which is not computed then
    assert isinstance(nn.Sequential().add(first).gradInput, torch.Tensor)


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
    module = nn.MapTable(nn.MulConstant(2))
    net = nn.Sequential().add(nn.ConcatTable().add(nn.Identity()).add(nn.Identity())).add(module)
    net.forward(x)
    module.resize(2)
    module.get(2).constant_scalar = 3  # of this clone alone
    assert [y.tolist() for y in net.forward(x)] == [(x * 2).tolist(), (x * 3).tolist()]
    apart = nn.MapTable(nn.Linear(2, 1), False)
    apart.forward(xs)
    assert not apart.get(2).weight.isSetTo(apart.get(1).weight)


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

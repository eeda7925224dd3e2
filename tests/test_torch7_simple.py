"""Torch7's simple layers beyond single numbers: first values, fields, indices, forms of input."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

import fnn.torch7 as torch
import transforms
from fnn.errors import LayerError
from fnn.torch7 import nn
from fnn.torch7.counting import CountError

pytestmark = pytest.mark.unoptimised

HERE = Path(__file__).parent / "oracle"


def uniform(bound, *size):
    return lambda: torch.Tensor(*size).uniform(-bound, bound)


def normal(*size):
    return lambda: torch.Tensor(*size).normal(0, 1)


# What each parameter is filled with, in the order of the draws.
FIRST_VALUES = [
    (lambda: nn.Linear(4, 3), {"weight": uniform(0.5, 3, 4), "bias": uniform(0.5, 3)}),
    (lambda: nn.Bilinear(4, 2, 3), {"weight": uniform(0.5, 3, 4, 2), "bias": uniform(0.5, 3)}),
    (lambda: nn.Euclidean(4, 3), {"weight": uniform(0.5, 4, 3)}),
    (lambda: nn.WeightedEuclidean(4, 3), {"weight": uniform(0.5, 4, 3)}),
    (lambda: nn.Cosine(3, 4), {"weight": uniform(0.5, 4, 3)}),
    (lambda: nn.Add(4), {"bias": uniform(0.5, 4)}),
    (lambda: nn.Add(4, True), {"bias": uniform(1, 1)}),
    (lambda: nn.Mul(), {"weight": uniform(1, 1)}),
    (lambda: nn.CMul(2, 2), {"weight": uniform(0.5, 2, 2)}),
    (lambda: nn.CAdd(torch.LongStorage([4, 1])), {"bias": uniform(0.5, 4, 1)}),
    (lambda: nn.Kmeans(2, 3), {"weight": uniform(1, 2, 3)}),
    (lambda: nn.LookupTable(3, 2), {"weight": normal(3, 2)}),
    (lambda: nn.PartialLinear(2, 3), {"weight": normal(3, 2)}),
    (
        lambda: nn.SparseLinear(4, 2),
        {"weight": uniform(0.5, 2, 4), "bias": lambda: uniform(0.5, 2)().mul(1e-6)},
    ),
    (lambda: nn.LinearWeightNorm(4, 3), {"v": uniform(0.5, 3, 4), "bias": uniform(0.5, 3)}),
    (lambda: nn.IndexLinear(4, 2), {}),
]


@pytest.mark.parametrize(("make", "draws"), FIRST_VALUES)
def test_first_values_come_in_the_original_order(make, draws):
    torch.manualSeed(5)
    wanted = {name: draw().tolist() for name, draw in draws.items()}
    after = torch.uniform()
    torch.manualSeed(5)
    module = make()
    assert {name: getattr(module, name).tolist() for name in draws} == wanted
    assert torch.uniform() == after  # nothing else was drawn


def test_a_standard_deviation_bounds_uniform_values():
    module = nn.Linear(30, 40)
    module.reset(2)
    assert 3 < module.weight.max() <= 2 * 3**0.5
    assert nn.LookupTable(100, 30).reset(5).weight.std() == pytest.approx(5, rel=0.1)
    assert nn.WeightedEuclidean(2, 3).diagCov.tolist() == [[1] * 3] * 2


@pytest.mark.parametrize(
    "module", [nn.PReLU(2), nn.PartialLinear(3, 2), nn.WeightNorm(nn.Linear(3, 2))]
)
def test_reset_leaves_alone_what_torch7_s_does(module):
    inner = module.modules[1] if isinstance(module, nn.Container) else nn.Module()
    kept = [p for p in module.parameters()[0] if p is not inner.bias]
    for parameter in kept:
        parameter.fill(7)
    torch.manualSeed(5)
    nn.Sequential().add(module).reset().reset(0.3)
    assert all(parameter.eq(7).all() for parameter in kept)
    after = torch.uniform()
    torch.manualSeed(5)
    inner.reset()
    inner.reset(0.3)
    assert torch.uniform() == after


def numbers(x):
    return np.asarray(x).tolist()


X = [[-2.0, 0.5], [3.0, -0.25]]
LIVE = [
    (nn.Threshold(), {"threshold": 0.5, "val": 9}, [[9, 9], [3, 9]]),
    (nn.HardTanh(), {"min_val": -0.5, "max_val": 0.25}, [[-0.5, 0.25], [0.25, -0.25]]),
    (nn.LeakyReLU(), {"negval": 0.5}, [[-1, 0.5], [3, -0.125]]),
    (nn.HardShrink(), {"lambda": 1}, [[-2, 0], [3, 0]]),
    (nn.SoftShrink(), {"lambda_": 1}, [[-1, 0], [2, 0]]),
    (nn.MulConstant(1), {"constant_scalar": 4}, [[-8, 2], [12, -1]]),
    (nn.Power(1), {"pow": 2}, [[4, 0.25], [9, 0.0625]]),
    (nn.Max(1), {"dimension": 2}, [0.5, 3]),
    (nn.Sum(1), {"sizeAverage": True, "squeeze": False}, [[0.5, 0.125]]),
    (nn.Narrow(1, 1), {"dimension": 2, "index": 2}, [[0.5], [-0.25]]),
    (nn.Replicate(1), {"nfeatures": 2, "dim": 3}, [[[-2, -2], [0.5, 0.5]], [[3, 3], [-0.25] * 2]]),
    (nn.Padding(1, 1), {"dim": 2, "pad": -1, "value": 7}, [[7, -2, 0.5], [7, 3, -0.25]]),
    (nn.View(4), {"size": torch.LongStorage([1, 4])}, [[-2, 0.5, 3, -0.25]]),
    (nn.Normalize(2), {"p": float("inf"), "eps": 0}, [[-1, 0.25], [1, -0.25 / 3]]),
]


@pytest.mark.parametrize(("module", "fields", "wanted"), LIVE, ids=lambda x: str(x)[:20])
def test_fields_are_live(module, fields, wanted):
    x = torch.Tensor(X)
    module.forward(x)
    for name, field in fields.items():
        setattr(module, name, field)
    assert numbers(module.forward(x)) == wanted
    net = nn.Sequential().add(nn.Identity()).add(module)
    assert numbers(net.forward(x)) == wanted
    assert numbers(transforms.jit(lambda x: net.forward(x).clone())(x)) == wanted


WRONG_INDICES = [
    (nn.LookupTable(4, 2), torch.LongTensor([1, 0])),
    (nn.LookupTable(4, 2), torch.LongTensor([5])),
    (nn.Sequential().add(nn.LookupTable(4, 2)).add(nn.Tanh()), torch.LongTensor([0])),
    (nn.OneHot(3), 4),
    (nn.Index(1), [torch.ones(2, 3), torch.LongTensor([3])]),
    (nn.SparseLinear(4, 2), torch.Tensor([[5, 1]])),
    (nn.IndexLinear(4, 2), [torch.LongTensor([0]), torch.ones(1)]),
    (nn.SelectTable(3), [torch.ones(1), torch.ones(1)]),
]


INDICES = torch.LongTensor([[1, 3], [2, 5]])
NODE = nn.Identity()()
WRONG_INSIDE = {  # the containers on the way, the innermost first
    "2 of nn.Sequential": (
        lambda table: nn.Sequential().add(nn.View(-1)).add(table).add(nn.Mean(1)),
        INDICES,
    ),
    "3 of nn.Sequential": (
        lambda table: nn.Sequential().add(nn.Max(2)).add(nn.AddConstant(3)).add(table),
        INDICES,
    ),
    "1 of nn.ParallelTable": (
        lambda table: nn.ParallelTable().add(table).add(nn.Linear(3, 3)),
        [INDICES, torch.ones(2, 3)],
    ),
    "2 of nn.Concat, 1 of nn.Sequential": (
        lambda table: nn.Sequential().add(nn.Concat(2).add(nn.LookupTable(9, 2)).add(table)),
        INDICES,
    ),
    "2 of nn.gModule": (lambda table: nn.gModule([NODE], [table(NODE)]), INDICES),
    "2 of nn.MapTable": (lambda table: nn.MapTable(table), [INDICES - INDICES + 1, INDICES]),
}


@pytest.mark.parametrize("where", WRONG_INSIDE)
def test_a_wrong_index_inside_a_network_is_found_before_it_runs(where):
    make, x = WRONG_INSIDE[where]
    net = make(nn.LookupTable(4, 2))
    with pytest.raises(
        CountError, match=r"nn.LookupTable: given index \d, wanted 1\.\.4"
    ) as caught:
        net.forward(x)
    places = re.findall(r"In (\d) module of (nn\.\w+)", "\n".join(caught.value.__notes__))
    assert ", ".join(f"{i} of {name}" for i, name in reversed(places)) == where


def test_indices_that_parameters_decide_are_not_looked_at_before():
    net = nn.Sequential().add(nn.Linear(2, 2)).add(nn.LookupTable(4, 2))
    net.get(1).weight.fill(3)
    assert np.isnan(np.asarray(net.forward(torch.ones(1, 2)))).all()


@pytest.mark.parametrize(("module", "x"), WRONG_INDICES, ids=lambda x: str(x)[:12])
def test_wrong_indices(module, x):
    with pytest.raises(CountError, match=r"given index \d, wanted 1\.\."):
        module.forward(x)


def test_wrong_names_partitions_and_dimensions():
    with pytest.raises(ValueError, match="exists in the input table"):
        nn.SelectTable("b").forward({"a": torch.ones(1)})
    with pytest.raises(CountError):
        nn.PartialLinear(2, 3).setPartition(torch.Tensor([4]))
    with pytest.raises(CountError, match="dimension 0"):
        nn.Max(0)
    with pytest.raises(ValueError, match="threshold"):
        nn.Threshold(0, 1, True)


def test_identity_and_tables_pass_the_same_objects_on():
    x, g = torch.ones(2), torch.ones(2)
    table = [x, [torch.zeros(3), x]]
    assert nn.Identity().forward(x) is x
    assert nn.Identity().backward(x, g) is g
    assert nn.SelectTable(-2).forward(table) is x
    select = nn.SelectTable("b")
    assert select.forward({"a": g, "b": x}) is x
    gradInput = select.backward({"a": g, "b": x}, g)
    assert gradInput["b"] is g
    assert gradInput["a"].tolist() == [0, 0]
    net = nn.Sequential().add(nn.SelectTable("b")).add(nn.MulConstant(3))
    assert net.forward({"a": g, "b": x}).tolist() == [3, 3]


def test_the_same_tensor_twice_in_a_table():
    x = torch.ones(1)
    module = nn.NarrowTable(2)
    assert module.forward([x, x]) == [x]
    assert [d.tolist() for d in module.backward([x, x], [x])] == [[0], [1]]


def test_a_table_of_one_has_gradients_in_a_table():
    x = torch.ones(2)
    for module in (nn.CAddTable(), nn.JoinTable(1), nn.CMaxTable()):
        module.forward([x])
        assert [d.tolist() for d in module.backward([x], x)] == [[1, 1]]


def test_one_hot_of_a_number():
    module = nn.OneHot(3)
    assert module.forward(2).tolist() == [0, 1, 0]
    assert module.updateGradInput(2, torch.ones(3)) == 0
    assert module.backward(2, torch.ones(3)).tolist() == []  # it is not set
    assert module.float().forward(torch.LongTensor([1])).type() == "torch.FloatTensor"


def test_a_constant_is_a_number():
    with pytest.raises(LayerError, match="wanted a number or a tensor"):
        nn.Constant("a")


def test_the_gradient_by_indices_is_of_the_type_of_the_module():
    x, places = torch.ones(3), torch.LongTensor([3, 1])
    hot = nn.OneHot(3)
    for module in (hot, nn.Sequential().add(hot).add(nn.Tanh())):
        gradient = module.backward(places, module.forward(places))
        assert (gradient.type(), gradient.tolist()) == (x.type(), [0, 0])
    pick = nn.Index(1)
    gradient = pick.backward([x, places], pick.forward([x, places]))
    assert [d.tolist() for d in gradient] == [[1, 0, 1], [0, 0]]
    assert gradient[2].type() == x.type()


def test_unsqueeze_takes_the_first_input_for_one_example():
    net = nn.Sequential().add(nn.Tanh()).add(nn.Unsqueeze(1))
    assert list(net.forward(torch.ones(3)).size()) == [1, 3]
    assert list(net.forward(torch.ones(2, 3)).size()) == [2, 1, 3]


def test_masks_of_different_counts():
    module, x = nn.MaskedSelect(), torch.Tensor([1, 2, 3])
    for mask, wanted in (([1, 0, 1], [1, 3]), ([0, 1, 0], [2])):
        operands = [x, torch.ByteTensor(mask)]
        assert module.forward(operands).tolist() == wanted
        assert module.backward(operands, torch.ones(len(wanted)))[1].tolist() == mask


def test_reshape_may_be_told_about_batches():
    x = torch.ones(1, 6)
    assert list(nn.Reshape(2, 3).forward(x).size()) == [1, 2, 3]
    assert list(nn.Reshape(2, 3, False).forward(x).size()) == [2, 3]
    assert list(nn.Reshape(2, 3, batchMode=True).forward(x).size()) == [1, 2, 3]


def test_convert_takes_off_the_axis_that_it_put_in():
    assert list(nn.Convert("bchw", "bf").forward(torch.ones(2, 3, 4)).size()) == [24]
    assert nn.Convert().float().forward(torch.ones(2)).type() == "torch.FloatTensor"


def test_copy_passes_on_what_has_the_type():
    x, g = torch.ones(2), torch.ones(2)
    module = nn.Copy()
    assert module.forward(x) is x
    assert module.backward(x, g) is g
    forced = nn.Copy(x.type(), x.type(), True)
    assert forced.forward(x) is not x
    assert forced.float().forward(x).type() == "torch.FloatTensor"
    assert nn.Copy(None, None, False, True).float().type() == "torch.DoubleTensor"
    other = nn.Copy(x.type(), "torch.FloatTensor")
    assert [t.type() for t in (other, other.output, other.gradInput)] == [
        x.type(),
        "torch.FloatTensor",
        x.type(),
    ]


def test_a_vector_as_constant_in_place():
    module, x = nn.AddConstant(torch.Tensor([1, 2]), True), torch.zeros(3, 2)
    assert module.forward(x).tolist() == x.tolist() == [[1, 2]] * 3
    module.backward(x, torch.ones(3, 2))
    assert x.tolist() == [[0, 0]] * 3


def test_weight_norm_from_and_to_linear():
    linear, x = nn.Linear(3, 2), torch.randn(4, 3)
    wanted = numbers(linear.forward(x))
    normed = nn.LinearWeightNorm.fromLinear(linear)
    for module in (normed, normed.toLinear()):
        np.testing.assert_allclose(numbers(module.forward(x)), wanted, rtol=1e-12, atol=1e-14)
    normed.g.mul(2)
    normed.evaluate()
    np.testing.assert_allclose(numbers(normed.weight), 2 * np.asarray(linear.weight), rtol=1e-13)


def test_linear_without_bias():
    module = nn.Linear(3, 2).noBias()
    assert module.bias is None
    assert str(module) == "nn.Linear(3 -> 2) without bias"
    assert len(module.parameters()[0]) == 1
    assert nn.Linear(3, 2, False).bias is None


def test_kmeans_begins_with_rows():
    rows = torch.Tensor([[0, 0], [0, 1], [9, 9], [9, 8], [-50, 0]])
    module = nn.Kmeans(3, 2)
    module.initRandom(rows)
    assert all(row in rows.tolist() for row in module.weight.tolist())
    module.initKmeansPlus(rows)
    assert sorted(module.forward(rows).tolist()[i] for i in (0, 2, 4)) == [1, 2, 3]
    assert module.loss <= 2


def test_lookup_leaves_its_padding_alone():
    module, x = nn.LookupTable(3, 2).setPadding(2), torch.LongTensor([1, 2, 3])
    module.forward(x)
    module.backward(x, torch.ones(3, 2))
    assert module.gradWeight.tolist() == [[1, 1], [0, 0], [1, 1]]


SPARSE = [[[1, 0.5], [3, 2]], [[2, 1]]]
DENSE = [[0.5, 0, 2], [0, 1, 0]]


def test_sparse_linear_takes_what_linear_takes():
    module, linear = nn.SparseLinear(3, 2), nn.Linear(3, 2)
    linear.weight.copy(module.weight)
    linear.bias.copy(module.bias)
    wanted = numbers(linear.forward(torch.Tensor(DENSE)))
    one = [torch.Tensor(SPARSE[0])]
    padded = torch.Tensor([SPARSE[0], [*SPARSE[1], [0, 0]]])
    forms = [([torch.Tensor(rows) for rows in SPARSE], wanted), (padded, wanted)]
    for x, y in [*forms, (one, wanted[:1]), (one[0], wanted[0])]:
        np.testing.assert_allclose(numbers(module.forward(x)), y, rtol=1e-12, atol=1e-14)
    assert module.forward([]).tolist() == module.bias.tolist()
    module.weightDecay = 0.5
    module.forward(one[0])
    module.backward(one[0], torch.zeros(2))
    assert numbers(module.gradWeight) == (0.5 * np.asarray(module.weight)).tolist()


FORMS = [
    [[torch.LongTensor([1, 3]), torch.LongTensor([2])], [torch.Tensor([0.5, 2]), torch.ones(1)]],
    [torch.LongTensor([1, 3, 2]), torch.Tensor([0.5, 2, 1]), torch.LongTensor([2, 1])],
    [torch.LongTensor([1, 3, 2]), torch.Tensor([0.5, 2, 1]), [2, 1]],
]


@pytest.mark.parametrize("x", FORMS)
def test_index_linear_takes_what_linear_takes(x):
    module, linear = nn.IndexLinear(3, 2, True).reset(), nn.Linear(3, 2)
    linear.weight.copy(module.weight.t())
    linear.bias.copy(module.bias)
    linear.zeroGradParameters()
    dense, g = torch.Tensor(DENSE), torch.Tensor([[1, 2], [3, 4]])
    np.testing.assert_allclose(numbers(module.forward(x)), numbers(linear.forward(dense)))
    keys, values = module.backward(x, g)
    wanted = numbers(linear.backward(dense, g))
    np.testing.assert_allclose([numbers(row) for row in values], wanted)
    assert [numbers(row) for row in keys] == [[1, 2, 3]] * 2
    np.testing.assert_allclose(numbers(module.gradWeight.t()), numbers(linear.gradWeight))


def test_index_linear_takes_the_length_of_one_example_as_a_number():
    module = nn.IndexLinear(3, 2, True).reset()
    keys, values = torch.LongTensor([1, 3]), torch.Tensor([0.5, 2])
    wanted = module.forward([keys, values]).tolist()
    assert module.forward([keys, values, 2]).tolist() == [wanted]
    module.flattenInputs([keys, values, 2])
    assert module.cumSumSizes.tolist() == [2]


def test_index_linear_updates_as_the_original():
    lines = (HERE / "simple.jsonl").read_text().splitlines()
    (case,) = (c for c in map(json.loads, lines) if c["id"] == "nn.IndexLinear/3")
    module = nn.IndexLinear(8, 3, True)
    for name in ("weight", "bias"):
        getattr(module, name).copy(np.array(case["params"][name]["data"]))
    keys, values = case["input"]
    x = [[torch.LongTensor(k["data"]) for k in keys], [torch.Tensor(v["data"]) for v in values]]
    module.forward(x)
    module.backward(x, torch.Tensor(case["gradOutput"]["data"]).view(2, 3))
    module.updateParameters(0.1)
    for name in ("weight", "bias"):
        wanted = case["after"][f"{name}_updated"]["data"]
        np.testing.assert_allclose(np.asarray(getattr(module, name)).reshape(-1), wanted)


@pytest.mark.parametrize(("offset", "first"), [(None, 1), (0, 1), (1, 0), (-1, 2)])
def test_index_linear_counts_keys_from(offset, first):
    module = nn.IndexLinear(3, 1, False, offset)
    module.weight.copy(torch.Tensor([1, 2, 4]))
    x = [torch.LongTensor([first, first + 2]), torch.ones(2)]
    assert module.forward(x).tolist() == [5]
    assert torch.deserialize(torch.serialize(module)).forward(x).tolist() == [5]
    with pytest.raises(CountError, match="given index 0"):
        module.forward([torch.LongTensor([first - 1]), torch.ones(1)])


def test_index_linear_normalises_and_decays():
    module = nn.IndexLinear(3, 1, False, None, None, None, True)
    module.weight.select(2, 5).fill(1)
    x = [torch.LongTensor([1, 3, 1]), torch.Tensor([2, -4, 1])]
    assert module.forward(x).tolist() == [1 - 1 + 1]
    assert module.weight.select(2, 1).tolist() == [0] * 3  # training is not said yet
    module.training()
    assert module.forward(x).tolist() == [1 - 1 + 0.5]
    assert module.weight.tolist() == [[2, 0.5, 1, 0, 1], [0, 0, 0, 0, 1], [4, 0.25, 1, 0, 1]]
    module.evaluate()
    assert module.forward([torch.LongTensor([1]), torch.Tensor([-8])]).tolist() == [-1]
    module.weightDecay = 0.5
    module.zeroGradParameters()
    module.forward(x)
    module.backward(x, torch.zeros(1))
    module.updateParameters(1)
    assert module.weight.select(2, 5).tolist() == [0.25, 1, 0.5]


def test_tables_of_anything_are_rearranged():
    letters = [["a1", "a2"], ["b1", "b2"], ["c1", "c2"]]
    assert nn.ZipTable().forward(letters) == [["a1", "b1", "c1"], ["a2", "b2", "c2"]]
    assert nn.ZipTableOneToMany().forward(["x", ["a", "b"]]) == [["x", "a"], ["x", "b"]]
    assert nn.FlattenTable().forward(["x", [1, [True]]]) == ["x", 1, True]
    assert nn.SelectTable("name").forward({"name": "x", "size": 3}) == "x"


def test_gradients_of_a_table_with_names_are_one():
    given, gradient = {"A": torch.zeros(2, 3), "B": torch.zeros(2, 1)}, torch.ones(2, 3)
    module = nn.SelectTable("A")
    found = module.backward(given, gradient)
    assert str(found) == "{\n  A : DoubleTensor - size: 2x3\n  B : DoubleTensor - size: 2x1\n}"
    assert module.backward(found, gradient).A.equal(gradient)
    assert module.forward(found).equal(gradient)


def test_what_is_parallel_may_be_listed_before_its_dimensions_are_known():
    module = nn.Parallel().add(nn.Sequential().add(nn.Tanh())).add(nn.ReLU())
    listed = [torch.type(each) for each in module.listModules()]
    assert listed == ["nn.Parallel", "nn.Sequential", "nn.Tanh", "nn.ReLU"]


def test_utils():
    nested = torch.Table([torch.ones(2), torch.Table([torch.ones(1)])])
    t1, t2 = nn.utils.recursiveResizeAs(None, nested)
    assert [list(t1[1].size()), list(t1[2][1].size())] == [[2], [1]]
    assert t2 is nested
    nn.utils.recursiveFill(t1, 3)
    nn.utils.recursiveAdd(t1, 2, nested)
    assert t1[2][1].tolist() == [5]
    copied, _ = nn.utils.recursiveCopy(torch.Table(), t1)
    assert copied[1].tolist() == [5, 5]
    assert copied[1] is not t1[1]
    flat = torch.ones(4)
    views = nn.utils.recursiveType([flat, flat.narrow(1, 2, 2)], "torch.FloatTensor")
    views[1].fill(7)
    assert views[0].type() == "torch.FloatTensor"
    assert views[0].tolist() == [1, 7, 7, 1]
    assert list(nn.utils.addSingletonDimension(torch.ones(2, 3), 2).size()) == [2, 1, 3]
    transposed = torch.Tensor([[1, 2], [3, 4]]).t()
    assert nn.utils.contiguousView(None, transposed, 4).tolist() == [1, 3, 2, 4]
    module = nn.Linear(2, 2)
    module.cache = torch.Table([1])
    nn.utils.clear(module, "weight", "cache", "absent")
    assert module.weight.dim() == len(module.cache) == 0


def test_normalize_has_no_slope_of_its_own_at_zero():
    module, x, g = nn.Normalize(1, 0), torch.Tensor([0, 1, -3]), torch.Tensor([4, 0, 8])
    module.forward(x)
    assert module.backward(x, g).tolist() == [1, 1.5, 0.5]

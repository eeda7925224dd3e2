"""Torch7's files as live objects. The files are the original's; so are the modules' numbers."""

import base64
import json
import random
import zlib
from contextlib import suppress
from numbers import Number, Real

import jax.numpy as jnp
import numpy as np
import pytest

import fnn.torch7 as torch
from fnn.files import t7
from fnn.files.t7.walk import OBJECTS, walk
from fnn.torch7 import nn, optim
from fnn.torch7.files.formats import tensor
from fnn.torch7.files.saved import Saver
from fnn.torch7.table import Fields
from tests.torch7_cases import ORACLE, build, cases, value

pytestmark = pytest.mark.unoptimised

PRINTED = json.loads((ORACLE / "files.json").read_text())
del PRINTED["origin"]
FILES = {
    f"{name}-{mode}": (mode, base64.b64decode(text) if mode == "binary" else text.encode())
    for name, texts in PRINTED.items()
    for mode, text in zip(("binary", "ascii"), texts, strict=True)
}


def original(name):
    return torch.deserialize(FILES[f"{name}-binary"][1])


def again(x, mode="binary"):
    return torch.deserialize(torch.serialize(x, mode), mode)


def difference(a, b):
    """Where two records differ, if they do, in what they hold or in which objects are one."""
    paired, stack = {}, [("", a, b)]
    while stack:
        path, x, y = stack.pop()
        if type(x) is not type(y) and x != y:
            return f"{path}: {x!r:.60} and {y!r:.60}"
        if not isinstance(x, OBJECTS):
            if x != y and x == x:
                return f"{path}: {x!r:.60} and {y!r:.60}"
            continue
        if id(x) in paired or id(y) in paired:
            if paired.get(id(x)) is not y or paired.get(id(y)) is not x:
                return f"{path}: one object in one of them only"
            continue
        paired[id(x)], paired[id(y)] = y, x
        if isinstance(x, t7.Storage):
            if x.kind != y.kind or not np.array_equal(x.array, y.array, equal_nan=True):
                return f"{path}: storages {x} and {y}"
        elif isinstance(x, t7.Tensor):
            own = [(r.kind, r.size, r.stride, r.offset) for r in (x, y)]
            if own[0] != own[1]:
                return f"{path}: tensors {own}"
            stack.append((f"{path}.storage", x.storage, y.storage))
        elif isinstance(x, t7.TorchObject):
            if (x.name, x.version) != (y.name, y.version):
                return f"{path}: {x.name} {x.version} and {y.name} {y.version}"
            stack.append((path, x.content, y.content))
        else:
            one, two = plain_keys(x), plain_keys(y)
            if one.keys() != two.keys():
                return f"{path}: keys {sorted(map(str, one.keys() ^ two.keys()))}"
            stack += [(f"{path}.{k}", v, two[k]) for k, v in one.items()]
    return None


def plain_keys(table):
    """The entries of a table; what is false may be missing, as nil is false to Lua."""
    return {k: v for k, v in table.entries if not isinstance(k, OBJECTS) and v is not False}


@pytest.mark.parametrize("name", FILES)
def test_what_the_original_wrote_is_loaded_and_written_again(name):
    mode, data = FILES[name]
    found = torch.deserialize(data, mode)
    assert difference(t7.loads(torch.serialize(found, mode), mode), t7.loads(data, mode)) is None


def test_objects_of_the_original():
    assert original("number") == 3.25
    assert original("string") == "hello"
    assert original("list") == [1, 2, "x", [True]]
    assert original("tensor").tolist() == [[1, 2, 3], [4, 5, 6]]
    assert original("tensor").type() == "torch.DoubleTensor"
    assert original("tensor_empty").dim() == 0
    assert original("storage").tolist() == [3, 4]
    assert isinstance(original("storage"), torch.LongStorage)
    state = original("optim_state")
    assert state["learningRate"] == state.learningRate == 0.1
    assert type(state.evalCounter) is int


def test_modules_of_the_original_run():
    linear = original("linear")
    assert isinstance(linear, nn.Linear)
    assert str(linear) == "nn.Linear(2 -> 3)"
    assert linear.forward(torch.Tensor([1, 10])).tolist() == [21 + 7, 43 + 8, 65 + 9]
    linear.zeroGradParameters()
    assert linear.backward(torch.Tensor([1, 10]), torch.Tensor([1, 0, 0])).tolist() == [1, 2]
    assert linear.gradWeight.tolist() == [[1, 10], [0, 0], [0, 0]]
    net, x = original("sequential"), torch.Tensor([[0.5, -1], [2, 3]])
    w1, b1, w2, b2 = (np.asarray(p) for p in net.parameters()[0])
    expected = np.tanh(np.asarray(x) @ w1.T + b1) @ w2.T + b2
    np.testing.assert_allclose(np.asarray(net.forward(x)), expected, rtol=1e-12)
    criterion = original("criterion")
    scores = torch.Tensor([[-1, -2, -3], [-4, -5, -6]])
    assert criterion.forward(scores, torch.Tensor([1, 3])) == 19 / 4


def test_a_graph_of_the_original_runs():
    graph, x = original("gmodule"), torch.Tensor([0.5, -2])
    _, linear, _ = graph.modules
    w, b = np.asarray(linear.weight), np.asarray(linear.bias)
    expected = np.tanh(w @ np.asarray(x) + b)
    np.testing.assert_allclose(np.asarray(graph.forward(x)), expected, rtol=1e-12)
    gradient = graph.backward(x, torch.ones(2))
    np.testing.assert_allclose(np.asarray(gradient), w.T @ (1 - expected**2), rtol=1e-12)
    assert_same(again(graph).forward(x), graph.forward(x))


CROSSING = json.loads((ORACLE / "crossing.json").read_text())
CALLS, BEGUN = (zlib.decompress(base64.b64decode(CROSSING[name])) for name in ("calls", "begun"))


def test_modules_that_the_original_keeps_in_its_own_way_run():
    calls = torch.deserialize(CALLS)
    assert len(calls) == 7
    for call in calls:
        assert str(call.module) == call.str
        call.module.zeroGradParameters()
        assert_same(call.module.forward(call.input), call.output, 1e-12)
        gradient = call.module.backward(call.input, call.gradOutput)
        assert_same(gradient, call.gradInput, 1e-12)


def begun():
    """The modules in `BEGUN`, made anew."""
    return [
        nn.WeightNorm(nn.Linear(2, 3)),
        nn.CReLU(3),
        nn.Copy("torch.DoubleTensor", "torch.FloatTensor"),
        nn.IndexLinear(3, 2),
        nn.MapTable(nn.Linear(1, 1)),
        nn.MixtureTable(),
        nn.Profile(nn.Linear(1, 1)),
        nn.LinearWeightNorm(2, 3),
        nn.ConcatTable(),
        nn.ParallelTable(),
        nn.JoinTable(1),
        nn.CAddTable(),
        nn.CSubTable(),
        nn.CMulTable(),
        nn.CDivTable(),
        nn.CMaxTable(),
        nn.CMinTable(),
        nn.CAddTensorTable(),
        nn.MM(),
        nn.MV(),
        nn.DotProduct(),
        nn.CosineDistance(),
        nn.PairwiseDistance(2),
        nn.Bilinear(1, 1, 1),
        nn.Index(1),
        nn.SelectTable(1),
        nn.NarrowTable(1),
        nn.FlattenTable(),
        nn.ZipTable(),
        nn.ZipTableOneToMany(),
        nn.SparseLinear(2, 1),
        nn.PartialLinear(2, 2),
        nn.VolumetricBatchNormalization(2),
        nn.CosineEmbeddingCriterion(),
    ]


def kind_of(x):
    """What a record is, or for a table what is in it."""
    if isinstance(x, t7.Table):
        return {k: kind_of(v) for k, v in x.entries}
    own = {t7.Storage: "kind", t7.Tensor: "kind", t7.TorchObject: "name"}.get(type(x))
    return (type(x), getattr(x, own)) if own else Number if isinstance(x, Number) else type(x)


def test_modules_are_written_with_all_that_the_original_has_in_them():
    """Its methods rely on it: a table that is filled, say, instead of a tensor."""
    for module, wanted in zip(begun(), t7.loads(BEGUN).values(), strict=True):
        found = Saver().record(module)
        assert (found.name, found.version) == (wanted.name, wanted.version)
        for name, field in wanted.fields().items():
            assert kind_of(found.fields().get(name)) == kind_of(field), (module, name)


def test_a_gradient_that_the_original_left_transposed_is_loaded():
    """As a SpatialDepthWiseConvolution has it after backward."""
    weight, transposed = numbers(3, 8), numbers(2, 3, 2, 2)
    transposed.size, transposed.stride = (3, 2, 2, 2), (4, 12, 2, 1)
    sizes = {"nInputPlane": 2, "nOutputPlane": 3, "kW": 2, "kH": 2, "dW": 1, "dH": 1}
    fields = sizes | {"padW": 0, "padH": 0, "weight": weight, "gradWeight": transposed}
    found = loaded("nn.SpatialDepthWiseConvolution", **fields, bias=numbers(6))
    wanted = np.arange(1.0, 25).reshape(2, 3, 4).transpose(1, 0, 2).reshape(3, 8) / 8
    assert found.gradWeight.tolist() == wanted.tolist()


def module_cases():
    """All the module cases of the original, by class."""
    found = {}
    for case in cases(*sorted(path.stem for path in ORACLE.glob("*.jsonl"))):
        name = case.get("name", "")
        if name.startswith("nn.") and "target" not in case:
            found.setdefault(name, []).append(case)
    return found


MODULES = module_cases()


@pytest.mark.parametrize("name", MODULES)
def test_a_module_is_loaded_as_it_was_saved(name):
    for number, case in enumerate(MODULES[name]):
        module = build(case)
        state = torch.getRNGState()
        found = again(module)
        assert torch.getRNGState().equal(state)
        assert type(found) is type(module)
        assert str(found) == str(module)
        first, second = (Saver().record(x) for x in (module, found))
        assert difference(first, second) is None
        if number == 0 and "gradOutput" in case:
            torch.manualSeed(1)
            output = module.forward(value(case["input"]))
            torch.manualSeed(1)
            assert_same(found.forward(value(case["input"])), output)
            gradients = [
                m.backward(value(case["input"]), value(case["gradOutput"])) for m in (module, found)
            ]
            assert_same(*gradients)
            for m in (module, found):
                assert difference(*(Saver().record(x) for x in (again(m), m))) is None


def assert_same(a, b, rtol=0):
    """Equal numbers in tensors or tables of them."""
    if isinstance(a, torch.Tensor):
        assert a.type() == b.type()
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol)
    elif isinstance(a, Real):
        assert a == b
    else:
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            assert_same(x, y, rtol)


def net():
    return nn.Sequential().add(nn.Linear(3, 4)).add(nn.Tanh()).add(nn.Linear(4, 2))


def test_parameters_in_one_storage_stay_there():
    before = net()
    flat, gradients = before.getParameters()
    after, p, g = again([before, flat, gradients])
    assert len({id(x.storage) for x in after.parameters()[0]}) == 1
    assert after.get(1).weight.storage is p.storage
    assert after.get(3).gradBias.storage is g.storage
    p.fill(2)
    assert after.get(3).weight.tolist() == [[2] * 4] * 2
    table = {"a": after.get(1).weight, "b": after}
    found = again(table)
    assert found.a is found.b.get(1).weight


def test_views_and_identity():
    x = torch.range(1, 12).resize(3, 4)
    given = [x, x.t(), x.narrow(2, 2, 2), x.select(1, 2), x, torch.ones(2).view(1, 2).expand(5, 2)]
    found = again(given)
    for a, b in zip(given, found, strict=True):
        assert_same(a, b)
        assert a.geometry == b.geometry
    assert found[1].storage is found[3].storage is found[5].storage
    assert found[6].storage.size() == 2
    found[4].fill(0)
    assert found[1].select(1, 2).sum() == 0
    layer = nn.Linear(2, 2)
    twice = again(nn.Sequential().add(layer).add(layer))
    assert twice.get(1) is twice.get(2)


@pytest.mark.parametrize("mode", ["binary", "ascii", "b32", "b64"])
def test_every_kind_of_value(mode, tmp_path):
    for kind in ["Byte", "Char", "Short", "Int", "Long", "Half", "Float", "Double"]:
        x = getattr(torch, f"{kind}Tensor")([[1, 2], [100, 4]])
        torch.save(tmp_path / "x.t7", [x, x.storage], mode)
        found, storage = torch.load(tmp_path / "x.t7", mode)
        assert_same(found, x)
        assert found.storage is storage
    values = [
        1,
        2.5,
        -0.0,
        True,
        "ü",
        b"\xff",
        {"a": {"b": []}},
        [[1], [2, 3]],
        torch.LongStorage([2]),
    ]
    assert again(values, mode).tolist()[:8] == values[:8]
    assert again({"a": None, "b": 1}, mode) == {"b": 1}
    mixed = again({1: "x", "y": 2}, mode)
    assert (mixed[1], mixed.y) == ("x", 2)
    assert again({2.5: 1, True: 2, 7: 3}, mode) == {2.5: 1, True: 2, 7: 3}
    arrays = again(
        [np.arange(4.0).reshape(2, 2).T, jnp.ones(2, "int32"), np.float32(2), np.array(3)], mode
    )
    assert arrays[1].tolist() == [[0, 2], [1, 3]]
    assert arrays[2].type() == "torch.IntTensor"
    assert (arrays[3], arrays[4]) == (2, 3)
    assert again(np.array([True, False]), mode).type() == "torch.ByteTensor"
    assert again((nn.MSECriterion().forward(torch.ones(2), torch.zeros(2)),), mode) == [1]


@pytest.mark.parametrize("mode", ["binary", "ascii"])
def test_generators_go_on_where_they_were(mode):
    stream = torch.Generator()
    torch.manualSeed(stream, 123)
    torch.randn(stream, 3)  # half a pair is left
    found, same = again([stream, stream], mode)
    assert found is same
    assert torch.initialSeed(found) == 123
    assert torch.randn(found, 700).equal(torch.randn(stream, 700))
    data = torch.serialize(stream)
    with pytest.raises(t7.FileError, match="Generator"):
        torch.deserialize(data[:-5048] + bytes(5048))
    with pytest.raises(t7.FileError, match="cut off"):
        torch.deserialize(data[:-1])


def test_names_that_python_keeps_for_itself():
    found = again({"lambda": 1, "in": 2, "rate": 3})
    assert (found.lambda_, found["in"], found.rate) == (1, 2, 3)
    found.in_ = 5
    assert found["in"] == 5
    with pytest.raises(AttributeError, match="no 'rat', but lambda, in, rate"):
        found.rat  # noqa: B018
    assert str(again({"a": torch.Tensor(2), "b": 1})).startswith(
        "{\n  a : DoubleTensor - size: 2\n"
    )


@pytest.mark.parametrize("method", ["sgd", "adam"])
def test_training_goes_on_where_it_was(method, tmp_path):
    torch.manualSeed(3)
    x, y = torch.randn(6, 3), torch.randn(6, 2)

    def train(net, config, steps):
        criterion, (p, g) = nn.MSECriterion(), net.getParameters()

        def feval(_):
            net.zeroGradParameters()
            loss = criterion.forward(net.forward(x), y)
            net.backward(x, criterion.backward(net.output, y))
            return loss, g

        return [getattr(optim, method)(feval, p, config)[1][1] for _ in range(steps)]

    one, config = net().add(nn.Dropout(0.25)), {"learningRate": 0.05, "momentum": 0.5}
    first = train(one, config, 3)
    torch.save(tmp_path / "state.t7", {"net": one, "config": config})
    state = torch.getRNGState()
    found = torch.load(tmp_path / "state.t7")
    expected = train(one, config, 3)
    torch.setRNGState(state)
    assert train(found.net, found.config, 3) == expected != first


@pytest.mark.parametrize("method", ["sgd", "adam", "asgd", "adagrad", "lbfgs", "cg"])
def test_empty_tables_serve_as_settings_and_states(method):
    found, wanted = again({"config": {}, "state": {}}), {"config": {}, "state": {}}
    for tables in (found, wanted):
        x = tables["x"] = torch.Tensor([1, 2])
        for _ in range(3):
            getattr(optim, method)(
                lambda x: (x.dot(x), x * 2), x, tables["config"], tables["state"]
            )
    later = again(found)
    for tables in (found, later):
        assert tables.x.equal(wanted["x"])
        assert str(tables) == str(later)
        for name in ("config", "state"):
            assert str(tables[name]) == str(Fields(wanted[name]))
    for numbered in (again([]), again(again([]))):
        numbered.append(5)
        assert numbered == again(numbered) == [5]


def test_results_of_the_last_run_are_saved():
    before, x = net(), torch.ones(2, 3)
    output = before.forward(x).clone()
    after = again(before)
    assert_same(after.output, output)
    assert after.output is after.get(3).output
    assert_same(after.get(1).output, before.get(1).output)


def test_buffers_that_share_memory_do_no_harm():
    """Torch7's outputs are often views of longer storages, or share one."""
    record = Saver().record(net())
    memory = t7.Storage("Double", np.zeros(100))
    modules = record.fields()["modules"].values()
    for i, module in enumerate([record, *modules]):
        entries = dict(module.content.entries)
        entries["output"] = t7.Tensor("Double", (5, 4), (4, 1), i, memory)
        entries["gradInput"] = t7.Tensor("Double", (50, 2), (2, 1), 0, memory)
        module.content.entries = [*entries.items()]
    found = torch.deserialize(t7.dumps(record))
    for n in (2, 30):
        x = torch.ones(n, 3)
        assert found.forward(x).size().tolist() == [n, 2]
        assert found.backward(x, torch.ones(n, 2)).size().tolist() == [n, 3]
        for module in found.modules:
            assert module.output.size(1) == n
            np.asarray(module.gradInput)


def test_random_stream_is_not_touched():
    data = FILES["convnet-binary"][1]
    torch.manualSeed(5)
    expected = torch.randn(3).tolist(), torch.rand(3).tolist()
    torch.manualSeed(5)
    found = [torch.randn(3).tolist()]
    torch.deserialize(data)
    assert (*found, torch.rand(3).tolist()) == expected


# What old versions and other packages wrote.


def fields(**values):
    entries = {
        "_type": "torch.FloatTensor",
        "output": t7.Tensor("Float"),
        "gradInput": t7.Tensor("Float"),
    }
    return t7.Table([*(entries | values).items()])


def loaded(name, version=1, **values):
    return torch.deserialize(t7.dumps(t7.TorchObject(name, version, fields(**values))))


def numbers(*size, kind="Float"):
    return tensor(kind, np.arange(1.0, np.prod(size) + 1).reshape(size) / 8)


def test_old_convolutions():
    weights = {"weight": numbers(2, 9), "bias": numbers(2), "gradWeight": numbers(2, 9)}
    sizes = {"nInputPlane": 1, "nOutputPlane": 2, "kW": 3, "kH": 3, "dW": 1, "dH": 1}
    x = torch.FloatTensor(1, 4, 4).fill(1)
    outputs = []
    for name in ("nn.SpatialConvolutionMM", "nn.SpatialConvolution", "cudnn.SpatialConvolution"):
        found = loaded(name, **sizes, **weights, padding=1)
        assert found.weight.length == 18
        outputs.append(found.forward(x).tolist())
    assert outputs[0] == outputs[1] == outputs[2]
    none = loaded("nn.SpatialConvolution", **sizes, **weights, padW=1)
    assert (none.padW, none.padH) == (1, 0)
    assert none.forward(x).size().tolist() == [2, 2, 4]
    assert none.gradBias.type() == "torch.FloatTensor"
    bare = loaded("nn.SpatialConvolution", **sizes, weight=numbers(2, 1, 3, 3))
    assert bare.bias is None
    assert len(bare.parameters()[0]) == 1
    assert bare.forward(x).size().tolist() == [2, 2, 2]
    with pytest.raises(t7.FileError, match=r"object: nn.SpatialConvolution .* no weight"):
        loaded("nn.SpatialConvolution", **sizes)
    with pytest.raises(t7.FileError, match=r"weight of size \[2, 8\], wanted \[2, 1, 3, 3\]"):
        loaded("nn.SpatialConvolution", **sizes, weight=numbers(2, 8))


def test_old_volumetric_full_convolutions():
    sizes = {"nInputPlane": 2, "nOutputPlane": 3} | {f"{n}{a}": 1 for n in "kd" for a in "TWH"}
    weights = {"weight": numbers(3, 2, 1, 1, 1), "gradWeight": numbers(3, 2, 1, 1, 1)}
    found = loaded("nn.VolumetricFullConvolution", **sizes, **weights, pT=1, pW=0, pH=0)
    assert (found.padT, found.padW, found.adjT) == (1, 0, 0)
    y = found.forward(torch.FloatTensor([1, 0]).view(2, 1, 1, 1).expand(2, 3, 1, 1).clone())
    assert y.select(2, 1).view(-1).tolist() == [0.125, 0.375, 0.625]


@pytest.mark.parametrize(
    ("normalize", "first", "second", "wanted"),
    [
        (
            0,
            [[4, 8], [-2, -4]],
            [[0.5, 1], [1.5, 3], [7.5, -2.5]],
            [[11.5, 5.5], [0, 0], [-1.5, -3], [1.5, 3]],
        ),
        (
            4,
            [[1, 2, 1, 2], [1, 2, -1, -2]],
            [[0.5, 1, 0.25, 0.5], [0.5, 1, 0.5, 1], [1.5, -0.5, 1.5, -0.5]],
            [[17.5, 2.5, 1.5], [0, 0, 0], [21, -0.75, -1.5], [7, 0.5, 1]],
        ),
    ],
)
def test_gradients_that_an_index_linear_has_gathered(normalize, first, second, wanted):
    keys = [np.array([1, 3]), np.array([3, 4, 1]), np.array([2])]
    rows = map(np.array, (first, second, [second[0]]))  # the last from before zeroGradParameters
    record = Saver().record(nn.IndexLinear(4, 2, False, 0, None, None, bool(normalize)))
    weight = np.repeat(np.arange(normalize + 2.0)[None], 4, 0)
    found = {"weight": tensor("Double", weight), "gradWeight": tensor("Double", np.zeros((5, 2)))}
    found["updateKeys"] = tensor("Long", np.concatenate(keys[:2]))
    found["running"] = fields(
        keys=t7.Table.of(*(tensor("Long", k) for k in keys)),
        gradWeight=t7.Table.of(*(tensor("Double", r) for r in rows)),
        counter=3,
    )
    kept = {name: x for name, x in record.fields().items() if name not in found}
    module = loaded("nn.IndexLinear", **kept, **found)
    for each in (module, again(module), again(again(module))):
        unused, gradient = np.split(np.asarray(each.gradWeight), [max(normalize - 1, 0)], 1)
        assert gradient.tolist() == wanted
        assert not unused.any()


def test_modules_of_cudnn_and_of_cuda():
    assert type(loaded("cudnn.ReLU", inplace=True)) is nn.ReLU
    pool = loaded("cudnn.SpatialMaxPooling", kW=2, kH=2, dW=2, dH=2, mode="CUDNN_POOLING_MAX")
    assert pool.forward(torch.FloatTensor(1, 4, 4)).size().tolist() == [1, 2, 2]
    linear = loaded(
        "nn.Linear",
        _type="torch.CudaTensor",
        weight=numbers(2, 3, kind="Cuda"),
        bias=numbers(2, kind="Cuda"),
    )
    assert linear.type() == linear.weight.type() == linear.gradWeight.type() == "torch.FloatTensor"
    linear.forward(torch.FloatTensor(3))
    assert loaded("nn.Tanh").type() == "torch.FloatTensor"


def test_old_dropout_and_the_gradient_that_is_not_wanted():
    dropout = loaded("nn.Dropout", p=0.5, train=False)
    assert dropout.forward(torch.FloatTensor([2])).tolist() == [1]
    record = Saver().record(net())
    record.fields()["modules"].values()[0].content.entries[:] = [
        e for e in record.fields()["modules"].values()[0].content.entries if e[0] != "gradInput"
    ]
    found = torch.deserialize(t7.dumps(record))
    assert found.get(1).gradInput is None


# What graphs did not have yet, by the month before which they were saved.
LATER = {
    "October 2015": {"modules", "name", "reverseMap"},
    "November 2014": {"modules", "name", "reverseMap", "annotations"},
    "February 2014": {"modules", "name", "reverseMap", "annotations", "nInputs", "forwardNodeId"},
}


def graphs():
    """A graph that the original wrote, and one of two inputs whose modules give and take tables."""
    first, second = nn.Identity()(), nn.Linear(3, 2)()
    left, right = nn.ConcatTable().add(nn.Tanh()).add(nn.Linear(2, 2))(first).split(2)
    sum_ = nn.CAddTable()([left, right, second])
    ours = nn.gModule([first, second], [nn.Square()(sum_), right])
    return {
        "one input": (t7.loads(FILES["gmodule-binary"][1]), torch.Tensor([0.5, -2])),
        "tables": (Saver().record(ours), [torch.randn(4, 2), torch.randn(4, 3)]),
    }


@pytest.mark.parametrize("month", LATER)
@pytest.mark.parametrize("name", ["one input", "tables"])
def test_old_graphs(name, month):
    record, x = graphs()[name]
    module = torch.deserialize(t7.dumps(record))
    output = module.forward(x)
    for _, part, _ in walk(record):
        table = part.content if isinstance(part, t7.TorchObject) else part
        if isinstance(table, t7.Table) and {"mapindex", "forwardnodes"} & table.fields().keys():
            table.entries[:] = [
                e for e in table.entries if not isinstance(e[0], str) or e[0] not in LATER[month]
            ]
    found = torch.deserialize(t7.dumps(record))
    assert_same(found.forward(x), output)
    assert_same(found.backward(x, output), module.backward(x, output))
    assert str(found) == "nn.gModule"
    assert len(found.modules) == len(module.modules)
    assert found.forwardnodes[2].label() == module.forwardnodes[2].label()
    assert found.nInputs == module.nInputs
    assert_same(again(found).forward(x), output)


# Classes of others.


class Scale(nn.Module):
    """A user's module, whose constructor has an argument that is no field."""

    typename = "my.Scale"

    def __init__(self, twice):
        super().__init__()
        self.factor, self._count = 2 * twice, 0

    def updateOutput(self, input):
        self.output = input * self.factor
        return self.output


def test_classes_of_users():
    found = again(nn.Sequential().add(Scale(3)))
    assert type(found.get(1)) is Scale
    assert (found.get(1).factor, found.get(1)._count) == (6, 0)
    assert found.forward(torch.ones(2)).tolist() == [6, 6]


def test_objects_of_unknown_classes():
    inner = t7.TorchObject("dp.Thing", 3, t7.Table([("rate", 0.5), (1, "one")]))
    found = torch.deserialize(t7.dumps(inner))
    assert (found.rate, found[1]) == (0.5, "one")
    assert str(found).startswith("dp.Thing {\n  rate : 0.5\n")
    assert difference(Saver().record(found), inner) is None
    with pytest.raises(AttributeError, match=r"dp.Thing has no field 'size'"):
        found.size  # noqa: B018
    lstm = t7.TorchObject("rnn.Cell", 1, fields(weight=numbers(2, 2), gradWeight=numbers(2, 2)))
    box = t7.TorchObject("nn.Sequential", 1, fields(modules=t7.Table.of(lstm)))
    found = torch.deserialize(t7.dumps(box))
    assert str(found) == "nn.Sequential {\n  [input -> (1) -> output]\n  (1): rnn.Cell\n}"
    assert found.parameters()[0][1].tolist() == [[0.125, 0.25], [0.375, 0.5]]
    with pytest.raises(NotImplementedError, match=r"rnn.Cell: the class is not known here"):
        found.forward(torch.ones(2))
    assert difference(Saver().record(found), box) is None
    copied = found.clone()
    assert copied.get(1).weight.tolist() == found.get(1).weight.tolist()


def test_functions_are_kept_shut():
    code = b"\x1bLua and more"
    data = b"\x08\0\0\0\1\0\0\0" + len(code).to_bytes(4, "little") + code + bytes(4)
    found = torch.deserialize(data)
    assert "13 bytes, not read" in str(found)
    with pytest.raises(TypeError, match="never run"):
        found()
    with pytest.raises(TypeError, match="functions, classes and methods are not written"):
        torch.serialize(found)


def test_what_cannot_be_saved_is_refused_with_its_path():
    module = net()
    module.get(2).hook = print
    with pytest.raises(TypeError, match=r"object.net.modules\[2\].hook: given a builtin_function"):
        torch.serialize({"net": module})
    for bad, what in [(object(), "object"), ({1, 2}, "set"), (nn.Linear, "type"), (1j, "complex")]:
        with pytest.raises(TypeError, match=rf"object\[2\]: given a .*{what}"):
            torch.serialize([1, bad])
    with pytest.raises(TypeError, match="belongs to Python"):
        torch.serialize(object())
    pure = nn.Pure(*nn.Linear(2, 2).pure())
    with pytest.raises(ValueError, match=r"nn.Pure needs apply, params, which no field says"):
        torch.serialize(nn.Sequential().add(pure))


def test_cycles_and_long_chains():
    table = {"x": [1]}
    table["x"].append(table)
    found = again(table)
    assert found.x[2] is found
    module = nn.Sequential().add(nn.Tanh())
    module.get(1).parent = module
    found = again(module)
    assert found.get(1).parent is found
    with pytest.raises(ValueError, match=r"object.x\[2\]|inside itself"):
        torch.serialize(table, referenced=False)
    chain = []
    for _ in range(5_000):
        chain = [chain]
    assert len(again(chain)) == 1
    chain = nn.Tanh()
    for _ in range(300):
        chain = nn.Sequential().add(chain)
    found = again(chain)
    for _ in range(300):
        found = found.get(1)
    assert type(found) is nn.Tanh


def test_without_references():
    x = torch.ones(2)
    data = torch.serialize([x, x], referenced=False)
    a, b = torch.deserialize(data)
    assert a is not b
    assert len(data) > len(torch.serialize([x, x]))


def test_bytes_in_storages():
    storage = torch.serializeToStorage({"a": 1})
    assert isinstance(storage, torch.CharStorage)
    assert torch.deserializeFromStorage(storage) == {"a": 1}


def test_foreign_files_are_named(tmp_path):
    path = tmp_path / "net.t7"
    np.savez(path.with_suffix(".npz"), x=np.ones(2))
    path.with_suffix(".npz").rename(path)
    with pytest.raises(t7.FileError, match=r"net.t7: no file of Torch7, but a zip archive"):
        torch.load(path)
    torch.save(path, net())
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(t7.FileError, match=r"net.t7: .*cannot follow"):
        torch.load(path)


@pytest.mark.parametrize("seed", range(3))
def test_damaged_files_are_errors_or_values(seed):
    draw = random.Random(seed)
    for _ in range(120):
        mode, data = FILES[draw.choice([*FILES])]
        damaged = bytearray(data)
        for _ in range(draw.randint(1, 3)):
            at = draw.randrange(len(damaged))
            extreme = draw.choice([b"\xff" * 4, b"\xff\xff\xff\x7f", b"999999\n", bytes(4), b"\1"])
            damaged[at : at + draw.choice([0, 1, 4])] = draw.choice([extreme, b"", data[:9]])
        with suppress(t7.FileError):
            torch.deserialize(bytes(damaged), draw.choice([mode, None]))


def test_sizes_in_fields_are_not_believed():
    record = t7.loads(FILES["convnet-binary"][1])
    module = record.fields()["modules"].values()[0]
    for name in ("nOutputPlane", "kW"):
        entries = [(k, 2**40 if k == name else v) for k, v in module.content.entries]
        damaged = t7.TorchObject("nn.SpatialConvolution", 1, t7.Table(entries))
        with pytest.raises(t7.FileError, match="wanted"):
            torch.deserialize(t7.dumps(damaged))


# Torch7's files, value after value.


@pytest.mark.parametrize("mode", ["binary", "ascii"])
def test_values_one_after_the_other(mode, tmp_path):
    x = torch.ones(2)
    file = getattr(torch.DiskFile(tmp_path / "x", "w"), mode)()
    assert file.writeInt(7) == 1
    assert file.writeDouble(torch.DoubleStorage([0.5, 2])) == 2
    file.writeBool(True)
    file.writeObject([x, "a"])
    file.writeObject(x)
    file.writeLong(torch.LongStorage([3, 4]))
    file.writeString("end\nof it")
    with pytest.raises(t7.FileError, match="not open for reading"):
        file.readInt()
    file.close()
    file = getattr(torch.DiskFile(tmp_path / "x"), mode)()
    assert file.readInt() == 7
    assert file.readDouble(2).tolist() == [0.5, 2]
    assert file.readBool() is True
    place = file.position()
    table = file.readObject()
    assert table[1].tolist() == [1, 1]
    assert file.readObject() is table[1]
    assert isinstance(sizes := file.readLong(2), torch.LongStorage)
    assert sizes.tolist() == [3, 4]
    assert (file.readString(), file.readString("*a")) == ("end", "of it")
    with pytest.raises(t7.FileError, match="not open for writing"):
        file.writeInt(1)
    assert file.seek(place).readObject() == table
    with pytest.raises(t7.FileError, match="seek: given 0, wanted 1"):
        file.seek(0)


def test_files_in_memory():
    file = torch.MemoryFile()
    file.writeObject({"a": 1})
    assert file.seek(1).readObject() == {"a": 1}
    storage = file.storage()
    assert storage[len(storage)] == 0
    assert torch.MemoryFile(storage).readObject() == {"a": 1}
    with pytest.raises(t7.FileError, match="wanted a last element 0"):
        torch.MemoryFile(torch.CharStorage([1]))


def text_file(tmp_path, text):
    (tmp_path / "text").write_text(text)
    return torch.DiskFile(tmp_path / "text")


def test_numbers_of_a_text_stand_anywhere(tmp_path):
    file = text_file(tmp_path, "3 0.5\n\n 7\t8\n9\nrest\n")
    assert file.readInt() == 3
    assert file.readDouble(3).tolist() == [0.5, 7, 8]
    assert file.readLong() == 9
    assert file.readString() == "rest"
    with pytest.raises(t7.FileError, match="byte 19 of 19: no line"):
        file.readString()
    with pytest.raises(t7.FileError, match="does not begin with a number"):
        file.seek(15).readInt()


def test_a_quiet_file_notes_errors(tmp_path):
    """As lines are read to the end of a file."""
    file, lines = text_file(tmp_path, "one\ntwo").quiet(), []
    line = file.readString("*l")
    while not file.hasError():
        lines.append(line)
        line = file.readString("*l")
    assert (lines, file.isQuiet()) == (["one", "two"], True)
    file.clearError()
    assert not file.hasError()
    file.seek(1).pedantic()
    with pytest.raises(t7.FileError, match="does not begin with a number"):
        file.readInt()
    assert file.hasError()
    file = text_file(tmp_path, "1 2").quiet()
    assert file.readInt(3).tolist() == [1, 2]
    assert file.hasError()
    assert (file.readInt(), file.readObject(), file.seek(9).position()) == (0, None, 4)


def test_numbers_of_machines_with_the_other_end_first(tmp_path):
    """The header of a file of MNIST's images."""
    path, sizes = tmp_path / "images", [2051, 60000, 28, 28]
    file = torch.DiskFile(path, "w").binary().bigEndianEncoding()
    assert file.writeInt(torch.IntStorage(sizes)) == 4
    with pytest.raises(t7.FileError, match="objects are written with the low end first"):
        file.writeObject(sizes)
    file.littleEndianEncoding().writeShort(1)
    file.close()
    assert path.read_bytes() == np.array(sizes, ">i4").tobytes() + b"\1\0"
    file = torch.DiskFile(path).binary().bigEndianEncoding()
    assert [file.readInt() for _ in sizes] == sizes
    assert file.nativeEndianEncoding().readShort() == 1
    assert (file.isBinary(), file.isReadable(), file.isWritable()) == (True, True, False)
    assert file.isOpened()
    file.close()
    assert not file.isOpened()


def test_text_without_spaces_between_calls(tmp_path):
    file = torch.DiskFile(tmp_path / "x", "w").noAutoSpacing()
    file.writeInt(1)
    file.writeString(";")
    file.writeInt(torch.IntStorage([2, 3]))
    file.writeChar(torch.CharStorage([32, 59, 10]))
    with pytest.raises(t7.FileError, match="spaces between numbers"):
        file.writeObject(1)
    file.autoSpacing().writeDouble(torch.DoubleStorage([4, 5]))
    assert file.isAutoSpacing()
    file.close()
    assert (tmp_path / "x").read_text() == "1;23 ;\n4 5\n"
    file = torch.DiskFile(tmp_path / "x")
    assert (file.noAutoSpacing().readInt(), file.readString("*a")) == (1, ";23 ;\n4 5\n")


def test_files_say_what_they_are(tmp_path):
    path, memory = tmp_path / "x", torch.MemoryFile()
    file = torch.DiskFile(path, "w")
    assert str(file) == f"torch.DiskFile on <{path}> [status: open -- mode  w]"
    assert str(file.close()) == f"torch.DiskFile on <{path}> [status: closed -- mode  w]"
    assert str(torch.PipeFile("true")) == "torch.PipeFile on <true> [status: open -- mode: r ]"
    assert str(memory) == "torch.MemoryFile [status: open -- mode: rw]"
    assert torch.type(memory) == "torch.MemoryFile"
    assert torch.isTypeOf(file, "torch.File")
    assert (file.isReadable(), file.isWritable(), file.isBigEndianCPU()) == (False, True, False)
    assert memory.synchronize() is memory.noBuffer() is memory.close() is memory


def test_files_that_are_not_there(tmp_path):
    path = tmp_path / "x"
    assert torch.DiskFile(path, "r", True) is None
    with pytest.raises(FileNotFoundError):
        torch.DiskFile(path)
    file = torch.DiskFile(path, "rw")
    file.writeString("abc")
    assert path.read_text() == file.seek(1).readString() == "abc"
    file.close()
    with pytest.raises(ValueError, match="given mode 'q'"):
        torch.DiskFile(path, "q")


def test_elements_are_read_into_a_storage():
    file, storage = torch.MemoryFile(), torch.IntStorage(2)
    file.writeInt(torch.IntStorage([4, 5, 6]))
    assert file.seek(1).quiet().readInt(storage) == 2
    assert storage.tolist() == [4, 5]
    assert file.readInt(storage) == 1
    assert storage.tolist() == [6, 5]


def test_booleans_are_whole_numbers():
    file = torch.MemoryFile().noAutoSpacing()
    for x in (None, False, 0, "", True):
        file.writeBool(x)
    assert file.storage().string() == "00111\0"


def test_the_length_of_longs_outlasts_other_modes():
    file = torch.MemoryFile().longSize(4)
    file.writeLong(7)
    file.binary().writeLong(7)
    file.ascii().writeLong(7)
    assert file.storage().tolist() == [*b"7\n", 7, 0, 0, 0, *b"7\n", 0]


def test_what_is_not_referenced_is_written_as_it_is():
    x, file = torch.Tensor([1]), torch.MemoryFile().referenced(False)
    for element in (1, 5):
        x[1] = element
        file.writeObject(x)
    file.seek(1)
    assert [file.readObject()[1], file.readObject()[1]] == [1, 5]


def test_a_file_in_memory_writes_to_its_storage():
    storage = torch.CharStorage().string("5 6\n\0")
    file = torch.MemoryFile(storage, "rw")
    file.seekEnd().writeInt(77)
    assert file.storage() is storage
    file.writeInt(8)
    file.close()
    assert storage.string() == "5 6\n77\n8\n\0"


def test_commands_are_read_from_and_written_to(tmp_path):
    assert torch.PipeFile("printf '1 2\\nend\\n'").readInt(2).tolist() == [1, 2]
    file = torch.PipeFile(f"cat > {tmp_path}/x", "w")
    file.writeString("given")
    file.close()
    assert (tmp_path / "x").read_text() == "given"
    with pytest.raises(t7.FileError, match="ended with status 3"):
        torch.PipeFile("exit 3", "r")
    with pytest.raises(ValueError, match="wanted 'r' or 'w'"):
        torch.PipeFile("cat", "rw")


def test_classes_that_write_in_their_own_way():
    """A GPU has a table before its fields, a Timer nothing at all."""
    header, content = t7.Table.of("torch.CudaTensor", 1), t7.Table.of(device=1)
    given = t7.Table.of(t7.TorchObject("nn.GPU", 1, content, header), t7.TorchObject("torch.Timer"))
    data = t7.dumps(given)
    gpu, timer = t7.loads(data).values()
    assert gpu.header.values() == ["torch.CudaTensor", 1]
    assert gpu.fields() == {"device": 1}
    assert timer.content is None
    assert t7.dumps(t7.loads(data)) == data

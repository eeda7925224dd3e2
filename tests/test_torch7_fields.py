"""Fields that a forward leaves behind in nn's modules, which are computed when they are read."""

import numpy as np
import pytest

import fnn.torch7 as torch
from fnn.torch7 import nn

pytestmark = pytest.mark.unoptimised


def windows(x, *sizes):
    """The windows of a kernel at stride 1 as columns, plane by plane, of one example."""
    axes = tuple(range(1, x.ndim))
    found = np.lib.stride_tricks.sliding_window_view(x, sizes, axes)
    within = range(x.ndim, found.ndim)
    return found.transpose(0, *within, *axes).reshape(x.shape[0] * np.prod(sizes), -1)


def columns(x, *sizes):
    return np.stack([windows(example, *sizes) for example in x])


def norms(x):
    return np.sqrt((x**2).sum(1, keepdims=True) + 1e-10)


def kept(x, count):
    return np.sort(np.argsort(-x, 1)[:, :count], 1) + 1


def inverse_std(x, *axes):
    return 1 / np.sqrt(x.var(axes) + 1e-5)


IMAGES, VOLUMES = (2, 2, 5, 4), (2, 2, 3, 5, 4)
FIELDS = {
    "_indices": [
        (lambda: nn.Max(2), (3, 4), lambda x: x.argmax(1)[:, None] + 1),
        (lambda: nn.Max(1, 1), (3, 4), lambda x: x.argmax(1)[:, None] + 1),
        (lambda: nn.Max(-1), (4,), lambda x: x.argmax(0)[None] + 1),
        (lambda: nn.Min(1), (3, 4, 2), lambda x: x.argmin(0)[None] + 1),
    ],
    "indices": [(lambda: nn.TemporalDynamicKMaxPooling(2), (2, 5, 3), lambda x: kept(x, 2))],
    "norm": [
        (lambda: nn.Normalize(2), (3, 4), norms),
        (lambda: nn.Normalize(2), (4,), lambda x: norms(x[None])),
        (lambda: nn.Normalize(float("inf")), (3, 4), lambda x: abs(x).max(1)[:, None] + 1e-10),
    ],
    "save_mean": [
        (lambda: nn.BatchNormalization(4), (3, 4), lambda x: x.mean(0)),
        (lambda: nn.SpatialBatchNormalization(2), IMAGES, lambda x: x.mean((0, 2, 3))),
    ],
    "save_std": [
        (lambda: nn.BatchNormalization(4), (3, 4), lambda x: inverse_std(x, 0)),
        (lambda: nn.SpatialBatchNormalization(2), IMAGES, lambda x: inverse_std(x, 0, 2, 3)),
    ],
    "finput": [
        (lambda: nn.SpatialConvolution(2, 3, 2, 3), IMAGES, lambda x: columns(x, 3, 2)),
        (lambda: nn.SpatialConvolution(2, 3, 2, 3), IMAGES[1:], lambda x: windows(x, 3, 2)),
        (
            lambda: nn.SpatialConvolutionMM(2, 3, 2, 3, 1, 1, 1, 0),
            IMAGES,
            lambda x: columns(np.pad(x, [(0, 0)] * 3 + [(1, 1)]), 3, 2),
        ),
        (lambda: nn.SpatialConvolutionLocal(2, 3, 4, 5, 2, 3), IMAGES, lambda x: columns(x, 3, 2)),
        (
            lambda: nn.SpatialDepthWiseConvolution(2, 3, 2, 3),
            IMAGES[1:],
            lambda x: windows(x, 3, 2).reshape(1, 2, 6, -1),
        ),
        (lambda: nn.VolumetricConvolution(2, 3, 2, 3, 1), VOLUMES, lambda x: columns(x, 2, 1, 3)),
        (
            lambda: nn.SpatialDilatedConvolution(2, 3, 1, 2, 1, 1, 0, 0, 1, 2),
            IMAGES,
            lambda x: np.stack([x[-1, :, :3], x[-1, :, 2:]], 1).reshape(4, -1),
        ),
        (
            lambda: nn.TemporalRowConvolution(3, 2),
            (2, 5, 3),
            lambda x: columns(x.swapaxes(1, 2), 2).reshape(2, 3, 2, -1),
        ),
        (
            lambda: nn.TemporalRowConvolution(3, 2, 1, True),
            (3, 5),
            lambda x: windows(x, 2).reshape(3, 2, -1),
        ),
    ],
}
ROWS = [(name, *row) for name, rows in FIELDS.items() for row in rows]


def assert_close(found, wanted):
    assert found.size().tolist() == list(wanted.shape)
    np.testing.assert_allclose(np.asarray(found), wanted, rtol=1e-12)


@pytest.mark.parametrize("inside", [False, True], ids=["alone", "in a network"])
@pytest.mark.parametrize(("name", "make", "size", "wanted"), ROWS)
def test_field(name, make, size, wanted, inside):
    module = make()
    net = nn.Sequential().add(nn.MulConstant(2)).add(module) if inside else module
    found = None
    for _ in range(2):
        x = torch.randn(*size)
        output = net.forward(x)
        net.backward(x, output.clone())
        given = np.asarray(x) * (2 if inside else 1)
        assert not vars(module).get("_found", {}).keys() - {name}
        assert_close(getattr(module, name), wanted(given))
        found = getattr(module, name) if found is None else found
        assert getattr(module, name) is found
    assert found.type() == f"torch.{'Long' if 'indices' in name else 'Double'}Tensor"
    net.clearState()
    assert getattr(module, name) is None


@pytest.mark.parametrize(("make", "field"), [(nn.CMaxTable, "maxIdx"), (nn.CMinTable, "minIdx")])
def test_which_table_entry_was_taken(make, field):
    module = make()
    assert getattr(module, field).nElement() == 0
    x = [torch.Tensor([1, 5, 2]), torch.Tensor([1, 2, 3]), torch.Tensor([0, 9, 3])]
    module.forward(x)
    found = getattr(module, field)
    assert found.type() == "torch.DoubleTensor"
    assert found.tolist() == ([1, 3, 2] if field == "maxIdx" else [3, 2, 1])


def test_statistics_are_those_of_the_last_batch_in_training():
    module, x = nn.BatchNormalization(2), torch.randn(4, 2)
    module.forward(x)
    module.evaluate()
    wanted = np.asarray(x).mean(0)
    assert_close(module.save_mean, wanted)
    module.forward(x.clone().mul(3))
    assert_close(module.save_mean, wanted)
    module.training()
    module.forward(x[[1, 1], []])
    assert_close(module.save_mean, wanted)


def test_members_of_each_centroid():
    module, x = nn.Kmeans(3, 1), torch.Tensor([[0], [9], [8], [7]])
    module.weight.copy(torch.Tensor([[0], [8], [100]]))
    assert module.clusterSampleCount.size().tolist() == [3]
    module.forward(x)
    module.backward(x, module.output)
    module.updateParameters(1)
    assert module.clusterSampleCount.tolist() == [1, 3, 0]


def test_the_tanh_of_tanh_shrink():
    module, x = nn.TanhShrink(), torch.randn(3)
    assert torch.type(module.tanh) == "nn.Tanh"
    nn.Sequential().add(module).forward(x)
    assert_close(module.tanh.output, np.tanh(np.asarray(x)))


def test_sizes_or_ratios_of_fractional_pooling():
    by_size = nn.SpatialFractionalMaxPooling(2, 2, 3, 4)
    by_ratio = nn.SpatialFractionalMaxPooling(2, 2, 0.5, 0.6)
    assert (by_size.outW, by_size.outH, by_size.ratioW, by_size.ratioH) == (3, 4, None, None)
    assert (by_ratio.outW, by_ratio.outH, by_ratio.ratioW, by_ratio.ratioH) == (
        None,
        None,
        0.5,
        0.6,
    )


@pytest.mark.parametrize(
    ("shapes", "wanted"),
    [
        (("chw", "whc"), (1, 4, 4, True)),
        (("cbhw", "bf"), (2, 4, 2, False)),
        ((), (1, -1, -1, True)),
    ],
)
def test_shapes_of_convert(shapes, wanted):
    found = nn.Convert(*shapes)
    fields = found.inputBatchDim, found.nInputDim, found.nOutputDim, found.transposition
    assert fields == wanted
    assert found.outputBatchDim == 1
    assert len(found.modules) == 0


def test_columns_are_in_files_only_if_somebody_has_read_them():
    module, x = nn.SpatialConvolution(1, 1, 2, 2), torch.randn(1, 3, 3)
    module.forward(x)
    assert torch.deserialize(torch.serialize(module)).finput.nElement() == 0
    assert module.finput.nElement() == 16
    assert torch.deserialize(torch.serialize(module)).finput.equal(module.finput)


def plain(x):
    """The type of a tensor with its elements; tables and sizes as lists."""
    if hasattr(x, "nElement"):
        return x.type().split(".")[1], np.round(np.asarray(x), 12).tolist() if len(x) else []
    if isinstance(x, dict):
        return {name: plain(value) for name, value in x.items()}
    if isinstance(x, (bool, int, float, type(None))):
        return x
    return [plain(value) for value in x]


def double(*values):
    return "DoubleTensor", list(values)


def long(*values):
    return "LongTensor", list(values)


NONE, NONES, A, B = double(), long(), [[1, 5], [2, 0]], [[3, 4], [2, 6]]
MASK = ("Byte", [[1, 0], [0, 1]])
ROWS_2 = [[1, 0.5], [3, 2]], [[2, 4]]
WORKING = [
    # module, input, then by field: what it is at first, after a forward, after a backward
    (lambda: nn.Add(2), A, {"_ones": (double(1), double(1, 1), double(1, 1))}),
    (lambda: nn.Add(2), [1, 2], {"_ones": (double(1),) * 3}),
    (lambda: nn.Add(2, True), A, {"_ones": (double(1),) * 3}),
    (lambda: nn.Linear(2, 3), A, {"addBuffer": (None, double(1, 1), double(1, 1))}),
    (
        nn.CMaxTable,
        (A, B),
        {
            "mask": (NONE, double([1, 0], [0, 1]), double([1, 0], [0, 1])),
            "maxVals": (NONE, double(3, 6), double(3, 6)),
            "gradMaxVals": (NONE, NONE, double(0, 3)),
        },
    ),
    (
        nn.CMinTable,
        (A, B),
        {
            "mask": (NONE, double([0, 1], [0, 0]), double([0, 1], [0, 0])),
            "minVals": (NONE, double(4), double(4)),
            "gradMaxVals": (NONE, NONE, double(1)),
        },
    ),
    (nn.FlattenTable, (A, (B, (A,))), {"input_map": ([], [1, [2, [3]]], [1, [2, [3]]])}),
    (lambda: nn.JoinTable(1), (A, B), {"size": ([], [4, 2], [4, 2])}),
    (
        lambda: nn.MixtureTable(),
        (A, (A, B)),
        {
            "size": ([], [2, 2, 1], [2, 2, 1]),
            "batchSize": (0, 2, 2),
            "size2": ([], [], []),
            "backwardSetup": (False, False, False),
        },
    ),
    (
        lambda: nn.MixtureTable(),
        ([1, 5], A),
        {"size": ([], [2, 1], [2, 1]), "batchSize": (0, 1, 1), "size2": ([], [], [1, 2])},
    ),
    (
        nn.MaskedSelect,
        (A, MASK),
        {
            "_maskIndices": (NONES, NONES, long(1, 4)),
            "_maskIndexBuffer": (NONES, NONES, long([1, 2], [3, 4])),
            "_maskIndexBufferCPU": (("FloatTensor", []),) * 3,
            "_gradBuffer": (NONE, NONE, double([0, 0], [0, 1])),
            "_gradMask": (("ByteTensor", []),) * 2 + (("ByteTensor", [[0, 0], [0, 0]]),),
        },
    ),
    (lambda: nn.Padding(1, -1, 1), A, {"outputSize": ([], [2, 3], [2, 3])}),
    (nn.PairwiseDistance, (A, B), {"diff": (NONE, *[double([4, 1], [0, 36])] * 2)}),
    (nn.PairwiseDistance, ([1, 5], [2, 0]), {"diff": (NONE,) * 3}),
    (lambda: nn.Reshape(2, 1), A, {"batchsize": ([1, 2, 1], [2, 2, 1], [2, 2, 1])}),
    (lambda: nn.Reshape(4), A, {"batchsize": ([1, 4],) * 3}),
    (
        lambda: nn.SparseLinear(4, 2),
        ROWS_2,
        {
            "formatted_input": (None, *[double([1, 1, 0.5], [1, 3, 2], [2, 2, 4])] * 2),
            "sparseUpdate": (0, 0, 0),
            "lastInput": (None, None, None),
        },
    ),
    (
        lambda: nn.IndexLinear(4, 2),
        ((("Long", [1, 3]), ("Long", [2])), ([0.5, 2], [4])),
        {
            "sizesCache": ([], [long(2, 1)], [long(2, 1)]),
            "cumSumSizesCache": ([], [long(2, 3)], [long(2, 3)]),
            "normalizedValues": (NONE,) * 3,
            "running": ({"cumSumSizes": [], "keys": [], "gradWeight": [], "counter": 1},) * 3,
        },
    ),
    (
        lambda: nn.IndexLinear(4, 2, False, 0, None, None, True),
        (("Long", [1, 3, 3]), [0.5, 2, 1]),
        {
            "normalizedValues": (NONE, double(1, 1, 1), double(1, 1, 1)),
            "sizesCache": ([], [long(3)], [long(3)]),
        },
    ),
    (
        lambda: nn.SpatialFullConvolution(1, 1, 1, 1),
        ([[[1, 5]]], [[[0, 0]]]),
        {"ones": (NONE, NONE, double(1, 1, 1)), "finput": (NONE,) * 3},
    ),
    (nn.ZipTableOneToMany, (A, (A, B)), {"gradInputEl": (NONE, NONE, double([2, 10], [4, 0]))}),
]


def made(x):
    if isinstance(x, list):
        return torch.Tensor(x)
    kind, *values = x
    return getattr(torch, f"{kind}Tensor")(*values) if isinstance(kind, str) else [*map(made, x)]


def counting(x):
    """A gradient of 0, 1, 2, ... for a tensor; each tensor in a table its own."""
    if hasattr(x, "nElement"):
        return x.clone().copy(np.arange(x.nElement(), dtype=float).reshape(tuple(x.size())))
    return [counting(value) for value in x]


@pytest.mark.parametrize("inside", [False, True], ids=["alone", "in a network"])
@pytest.mark.parametrize(("make", "given", "fields"), WORKING)
def test_what_the_original_works_in(make, given, fields, inside):
    module = make()
    net = nn.Sequential().add(nn.Identity()).add(module) if inside else module
    x = made(given)
    looks = [{name: plain(getattr(module, name)) for name in fields}]
    output = net.forward(x)
    looks.append({name: plain(getattr(module, name)) for name in fields})
    output = x if isinstance(module, nn.ZipTableOneToMany) else output
    gradient = [[x[0], y] for y in x[1]] if output is x else counting(output)
    net.backward(x, gradient)
    looks.append({name: plain(getattr(module, name)) for name in fields})
    assert looks == [{name: values[i] for name, values in fields.items()} for i in range(3)]


def test_the_last_gradients_may_be_of_another_size():
    module = nn.CMaxTable()
    x = [torch.Tensor([1, 2]), torch.Tensor([2, 1])]
    module.backward(x, module.forward(x))
    module.forward([torch.randn(3), torch.randn(3)])
    assert torch.deserialize(torch.serialize(module)).gradMaxVals.dim() <= 1


def test_lengths_and_scales_of_weights_in_two_parts():
    module, x = nn.LinearWeightNorm(3, 2), torch.randn(4, 3)
    for _ in range(2):
        module.forward(x)
        lengths = np.linalg.norm(module.v, axis=1, keepdims=True)
        scales = np.asarray(module.g) / lengths
        module.v.mul(3)  # the next forward will see it
        assert_close(module.norm, lengths)
        assert_close(module.scale, scales)
    around = nn.WeightNorm(nn.SpatialConvolution(2, 3, 2, 4), 2)
    sizes = (around.otherDims, around.viewIn.tolist(), around.viewOut.tolist())
    assert sizes == (24, [2, 24], [2, 3, 4, 2])
    around.forward(torch.randn(2, 5, 5))
    lengths = np.sqrt((np.asarray(around.v) ** 2).sum(1, keepdims=True) + 1e-4)
    assert_close(around._norm, lengths)
    assert_close(around._scale, (np.asarray(around.g) / lengths)[:, 0])
    swapped = np.asarray(around.weight).swapaxes(0, 1)
    assert_close(around.permuteIn(around.weight), swapped)
    assert around.permuteOut(around.permuteIn(around.weight)).equal(around.weight)


def test_fields_have_the_type_of_their_module():
    batch, pool = nn.BatchNormalization(2), nn.SpatialMaxPooling(2, 2)
    batch.forward(torch.randn(3, 2))
    pool.forward(torch.randn(1, 4, 4))
    mean, indices = batch.save_mean.float(), pool.indices
    for module in (batch, pool):
        module.float()
    assert batch.save_mean.type() == "torch.FloatTensor"
    assert batch.save_mean.equal(mean)
    assert pool.indices is indices
    assert nn.CMaxTable().float().mask.type() == "torch.FloatTensor"


def test_what_is_set_holds_until_the_next_forward_and_is_in_files():
    module = nn.JoinTable(1)
    module.size = torch.LongStorage([7])
    assert torch.deserialize(torch.serialize(module)).size.tolist() == [7]
    module.forward([torch.Tensor(2), torch.Tensor(3)])
    assert module.size.tolist() == [5]
    assert nn.JoinTable(1).clone().size.tolist() == []
    loaded = torch.deserialize(torch.serialize(nn.Profile(nn.MaskedSelect())))
    assert torch.type(loaded.timer) == "torch.Timer"
    assert loaded.module._gradMask.type() == "torch.ByteTensor"


def test_a_field_is_found_when_it_is_read():
    module = nn.Sequential().add(nn.Add(2)).add(nn.Linear(2, 2))
    for _ in range(2):
        module.backward(x := torch.randn(3, 2), module.forward(x))
    assert all("_found" not in vars(each) for each in module.listModules())


SHAPES = [("bchw", "bf"), ("cbhw", "bf"), ("bchw", "cwhb"), ("bt", "b"), ("b", "bt"), ("b", "bf")]


@pytest.mark.parametrize(("source", "target"), [*SHAPES, ("fb", "bf"), ("b*", "b*")])
def test_the_converter_of_convert(source, target):
    module, x = nn.Convert(source, target), torch.randn(*range(2, 2 + len(source)))
    module.buildConverter(x)
    assert module.converter.forward(x).equal(module.forward(x))


def test_helpers_of_modules():
    x = torch.randn(3, 4)
    for make, wanted in [(nn.Max, 2), (nn.Sum, 2), (nn.SplitTable, 2)]:
        assert make(1, 1)._getPositiveDimension(x) == wanted
        assert make(-2)._getPositiveDimension(x) == 1
    assert nn.JoinTable(1, 1)._getPositiveDimension([x, x]) == 2
    assert nn.Unsqueeze(1, 1)._getActualPosition(x) == 2
    linear, product = nn.Linear(4, 1), nn.CMulTable()
    linear.updateAddBuffer(x)
    assert plain(linear.addBuffer) == double(1, 1, 1)
    pair = [torch.randn(2), torch.randn(2)]
    gradient = product.forward(pair).clone()
    product.backward(pair, gradient)
    wanted = [np.asarray(g) for g in product.gradInput]
    for found, each in zip(product.updateGradInput_efficient(pair, gradient), wanted, strict=True):
        assert_close(found, each)
    table = nn.LookupTable(3, 2, 0, 0.5)
    table.renorm(torch.LongTensor([2]))
    assert abs(table.weight[2].norm() - 0.5) < 1e-6
    assert table.makeInputContiguous(torch.Tensor([1, 2])).type() == "torch.LongTensor"
    places = nn.Min()
    places._lazyInit()
    assert places._indices.type() == "torch.LongTensor"
    whole, part = torch.zeros(5, 6, 6), torch.ones(2, 3, 4)
    nn.DepthConcat(1).windowNarrow(whole, part, 4).copy(part)
    assert whole[[4, 5], [2, 4], [2, 5]].equal(part)
    for given in (torch.randn(2), torch.randn(3, 3)):
        with pytest.raises(ValueError, match="given"):
            nn.BatchNormalization(2).checkInputDim(given)


def test_sparse_inputs_in_one_form():
    rows, keys, values = torch.Tensor([[1, 2]]), torch.LongTensor([2]), torch.Tensor([4])
    module = nn.SparseLinear(4, 1)
    assert module.reshapeInput(rows)[1:] == (False, False)
    assert module.reshapeInput([rows])[1:] == (True, False)
    module = nn.IndexLinear(4, 1)
    module.flattenInputs([[keys, keys], [values, values]])
    assert plain(module.keys) == long(2, 2)
    assert plain(module.cumSumSizes) == long(1, 2)
    module.flattenInputs([keys, values, torch.LongTensor([1])])
    assert module.isFlat
    assert module.keys is keys


def test_a_module_writes_its_fields_as_one_table():
    module, file = nn.Power(3), torch.MemoryFile()
    module.write(file)
    file.seek(1)
    assert file.readObject()["pow"] == 3
    other = nn.Power(2)
    file.seek(1)
    other.read(file)
    assert other.pow == 3
    assert other.forward(torch.Tensor([2])).tolist() == [8]

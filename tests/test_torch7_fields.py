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

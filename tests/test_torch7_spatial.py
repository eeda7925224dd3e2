"""Modules over time and space against numbers printed by the original Torch7, double precision."""

import json

import jax
import numpy as np
import pytest

import fnn.torch7 as torch
import transforms
from fnn.errors import LayerError
from fnn.torch7 import nn
from tests.torch7_cases import ORACLE, assert_equal, build, cases, parameters, value

pytestmark = pytest.mark.unoptimised

CASES = cases("spatial")


def put(module, tensors):
    """Set parameters or state of a case."""
    for name, x in tensors.items():
        getattr(module, name).copy(value(x))


# where only sizes differ: an input is given its batch axis, gradWeight a tensor's axes, for good
RESIZED = {
    "nn.SpatialBatchNormalization/4",
    *(f"nn.SpatialDepthWiseConvolution/{i}" for i in "1234"),
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_module(case):
    """Forward, backward with scale 1 and 0.5, and a step of 0.1, which all run as one program."""
    module = build(case)
    names, pairs = case.get("param_order", []), parameters(module)
    put(module, case.get("params", {}) | case.get("state", {}))
    assert str(module) == case["tostring"]
    x, g = value(case["input"]), value(case["gradOutput"])
    module.zeroGradParameters()
    output = module.forward(x)
    module.backward(x, g)
    if names:
        module.backward(x, g, 0.5)
        module.updateParameters(0.1)
    assert output is module.output
    assert_equal(output, case["output"])
    resized = case["id"] in RESIZED
    gradInput = module.gradInput
    wanted = case["gradInput"]
    assert_equal(gradInput.view(*wanted["size"]) if resized else gradInput, wanted)
    for name, wanted in case.get("state_after", {}).items():
        assert_equal(getattr(module, name), wanted)
    for name, (p, d) in zip(names, pairs, strict=True):
        once, old = (np.array(case[kind][name]["data"]) for kind in ("gradParams", "params"))
        assert resized or p.size().tolist() == case["gradParams"][name]["size"]
        assert p.size().tolist() == d.size().tolist() == case["params"][name]["size"]
        np.testing.assert_allclose(np.asarray(d).ravel(), 1.5 * once, 1e-10, 1e-12)
        np.testing.assert_allclose(np.asarray(p).ravel(), old - 0.15 * once, 1e-10, 1e-12)


MODULES = [
    ("SpatialConvolution(3, 8, 5, 3, 1, 1, 2)", "SpatialConvolution(3 -> 8, 5x3, 1,1, 2,2)"),
    ("SpatialConvolution(3, 8, 5, 3, None, None, None, 1)", "(3 -> 8, 5x3, 1,1, 0,1)"),
    ("SpatialConvolution(3, 8, 5, 3).noBias()", "(3 -> 8, 5x3) without bias"),
    ("SpatialFullConvolution(3, 8, 3, 3, 2, 2, 1, 0, 1)", "(3 -> 8, 3x3, 2,2, 1,0, 1,0)"),
    ("VolumetricConvolution(1, 2, 3, 3, 3, 1, 1, 1, 1).noBias()", "3x3x3, 1,1,1, 1,1,1)"),
    ("VolumetricDilatedConvolution(1, 2, 3, 3, 3).noBias()", "3x3x3, 1,1,1) without bias"),
    ("VolumetricFullConvolution(1, 2, 2, 2, 2, 2, 2, 2, 0, 1, 0, 0, 0, 1)", "0,1,0, 0,0,1)"),
    ("SpatialMaxPooling(3, 3, 2, 2, 1)", "SpatialMaxPooling(3x3, 2,2, 1,0)"),
    ("TemporalRowConvolution(3, 2).noBias()", "TemporalRowConvolution(3, 2) without bias"),
    ("SpatialUpSamplingBilinear({'owidth': 4, 'oheight': 3})", "SpatialUpSamplingBilinear(3, 4)"),
    ("SpatialFractionalMaxPooling(2, 3, 0.5, 0.6)", "SpatialFractionalMaxPooling(0x0, 2,3)"),
]


@pytest.mark.parametrize(("source", "text"), MODULES)
def test_defaults_as_printed(source, text):
    assert str(eval(f"nn.{source}")).endswith(text)


def flat(x):
    return np.asarray(x).ravel().tolist()


def uniform(bound, *sizes):
    return [flat(torch.Tensor(*size).uniform(-bound, bound)) for size in sizes]


DRAWN = [
    (lambda: nn.SpatialConvolutionMM(2, 3, 2, 2), 8, [(3, 8), (3,)]),
    (lambda: nn.SpatialDepthWiseConvolution(2, 3, 2, 2), 8, [(3, 8), (3, 2)]),
    (lambda: nn.SpatialConvolutionLocal(2, 3, 4, 4, 2, 2), 8, [(3, 3, 3, 2, 2, 2), (3, 3, 3)]),
    (lambda: nn.SpatialFullConvolution(2, 3, 2, 2), 8, [(2, 3, 2, 2), (3,)]),
    (lambda: nn.VolumetricFullConvolution(2, 3, 2, 2, 2), 16, [(2, 3, 2, 2, 2), (3,)]),
    (lambda: nn.TemporalConvolution(2, 3, 4), 8, [(3, 8), (3,)]),
    (lambda: nn.TemporalRowConvolution(2, 4), 8, [(2, 1, 4), (2,)]),
    (lambda: nn.TemporalRowConvolution(2, 4, 1, True), 8, [(2, 1, 4), (2,)]),
    (lambda: nn.TemporalSubSampling(2, 4), 4, [(2,), (2,)]),
    (lambda: nn.SpatialSubSampling(2, 4, 2), 8, [(2,), (2,)]),
]


@pytest.mark.parametrize(("make", "fan", "sizes"), DRAWN)
def test_initial_values_are_the_stream_s(make, fan, sizes):
    torch.manualSeed(5)
    module = make()
    found = list(map(flat, module.parameters()[0]))
    found += map(flat, module.reset(0.5).parameters()[0])
    torch.manualSeed(5)
    assert found == uniform(1 / fan**0.5, *sizes) + uniform(0.5 * 3**0.5, *sizes)


def test_connections_and_their_initial_values():
    assert nn.tables.full(2, 2).tolist() == [[1, 1], [2, 1], [1, 2], [2, 2]]
    assert nn.tables.oneToOne(2).tolist() == [[1, 1], [2, 2]]
    torch.manualSeed(2)
    orders = [torch.randperm(5).tolist() for _ in range(3)]
    state = torch.uniform()
    torch.manualSeed(2)
    sources = orders[0][:4] + orders[1][:4]
    targets = [1, 1, 2, 2, 3, 3, 4, 4]
    table = nn.tables.random(5, 4, 2)
    assert table.tolist() == [list(pair) for pair in zip(sources, targets, strict=True)]
    assert torch.uniform() == state
    connections = torch.Tensor([[1, 1], [2, 2], [1, 2]])
    torch.manualSeed(5)
    module = nn.SpatialConvolutionMap(connections, 2, 1)
    torch.manualSeed(5)
    wide, narrow = 1 / 2**0.5, 1 / 4**0.5
    wanted = [torch.uniform(-b, b) for b in (wide, wide, narrow, narrow, narrow, narrow)]
    assert flat(module.weight) == wanted
    assert module.bias.tolist() == [torch.uniform(-b, b) for b in (wide, narrow)]
    before = module.weight.clone()
    module.decayParameters(0.5)
    assert module.weight.equal(before.mul(0.5))


def test_fields_may_change():
    x = torch.randn(1, 2, 6, 6)
    conv = nn.SpatialConvolution(2, 3, 3, 3)
    assert conv.forward(x).size().tolist() == [1, 3, 4, 4]
    conv.padW, conv.dH = 1, 2
    assert conv.forward(x).size().tolist() == [1, 3, 2, 6]
    pool = nn.SpatialAveragePooling(4, 4, 4, 4).ceil()
    means = pool.forward(torch.ones(1, 6, 6))
    pool.divide = False
    assert flat(means) == [1] * 4
    assert flat(pool.forward(torch.ones(1, 6, 6))) == [16] * 4
    pool.divide, pool.padW, pool.padH = True, 1, 1
    assert pool.forward(torch.ones(1, 6, 6))[1][1][1] == 9 / 16
    assert pool.setCountExcludePad().forward(torch.ones(1, 6, 6))[1][1][1] == 1
    batch = nn.BatchNormalization(2)
    batch.momentum = 1
    batch.forward(torch.Tensor([[1, 2], [3, 6]]))
    assert batch.running_mean.tolist() == [2, 4]
    assert batch.running_var.tolist() == [2, 8]


def test_features_first():
    x = torch.randn(2, 7, 3)
    module, other = nn.TemporalRowConvolution(3, 2, 2), nn.TemporalRowConvolution(3, 2, 2, True)
    other.weight.copy(module.weight)
    other.bias.copy(module.bias)
    found = other.forward(x.transpose(2, 3).contiguous()).transpose(2, 3)
    np.testing.assert_allclose(found, module.forward(x), 1e-14)


def test_pooling_knows_where_its_maxima_were():
    x = torch.randn(2, 2, 4, 6)
    pool = nn.SpatialMaxPooling(2, 2)
    assert pool.indices.type() == "torch.LongTensor"
    assert pool.indices.nElement() == 0
    y = pool.forward(x)
    indices = pool.indices
    places = np.asarray(indices).reshape(4, 6).copy()
    maxima = np.take_along_axis(np.asarray(x).reshape(4, 24), places - 1, 1)
    assert flat(maxima) == flat(y)
    net = nn.Sequential().add(nn.Sequential().add(nn.SpatialZeroPadding(0, 0, 2, 0)).add(pool))
    assert net.forward(x).size().tolist() == [2, 2, 3, 3]
    assert pool.indices is indices
    assert np.array_equal(np.asarray(indices).reshape(4, 9)[:, 3:], places + 12)
    assert (pool.iheight, pool.iwidth) == (6, 6)
    assert net.clearState().get(1).get(2).indices.nElement() == 0


def test_nan_is_never_a_maximum():
    x = torch.Tensor([[[np.nan, 2], [1, 0]], [[np.nan, np.nan], [np.nan, np.nan]]])
    for pool in nn.SpatialMaxPooling(2, 2), nn.SpatialAdaptiveMaxPooling(1, 1):
        assert flat(pool.forward(x)) == [2, -np.inf]
        assert flat(pool.backward(x, torch.ones(2, 1, 1))) == [0, 1, 0, 0, 0, 0, 0, 0]


def test_unpooling_in_networks_copies_and_compiled_functions():
    x = torch.randn(2, 2, 4, 6)
    encoder = nn.Sequential().add(nn.SpatialZeroPadding(0)).add(nn.SpatialMaxPooling(2, 2))
    net = nn.Sequential().add(encoder).add(nn.SpatialMaxUnpooling(encoder.get(2)))
    y = np.asarray(net.forward(x)).copy()
    assert sorted(y[y != 0]) == sorted(np.asarray(encoder.output).ravel())
    assert np.array_equal(np.asarray(net.backward(x, torch.ones(2, 2, 4, 6))), y != 0)
    copy = net.clone()
    assert copy.get(2).pooling is copy.get(1).get(2)
    assert np.array_equal(np.asarray(copy.forward(x)), y)
    compiled = transforms.jit(lambda x: net.forward(x).clone())
    assert np.array_equal(np.asarray(compiled(x)), y)
    assert str(net.get(2)).endswith("associated to nn.SpatialMaxPooling(2x2, 2,2)")


def test_fractional_pooling_draws_from_the_stream():
    x = torch.randn(2, 3, 7, 8)
    module = nn.SpatialFractionalMaxPooling(2, 2, 3, 4)
    net = nn.Sequential().add(nn.Identity()).add(module)
    torch.manualSeed(3)
    wanted = [torch.Tensor(2, 3, 2).uniform() for _ in range(2)]
    torch.manualSeed(3)
    first = net.forward(x).clone()
    assert module.randomSamples.equal(wanted[0])
    assert first.size().tolist() == [2, 3, 4, 3]
    maxima = np.asarray(x).reshape(6, 56)[np.arange(6)[:, None], module.indices.view(6, 12) - 1]
    assert np.array_equal(maxima.reshape(first.size().tolist()), np.asarray(first))
    net.forward(x)
    assert module.randomSamples.equal(wanted[1])
    module.fixPoolingRegions()
    net.forward(x)
    assert module.randomSamples.equal(wanted[1])
    assert net.backward(x, torch.ones(2, 3, 4, 3)).sum() == 72
    assert module.fixPoolingRegions(False).newRandomPool is False
    compiled = transforms.jit(lambda x: net.forward(x).clone())
    assert not compiled(x).equal(compiled(x))
    assert net.pure()[0] is not None
    assert module.clearState().randomSamples is None
    volume = nn.VolumetricFractionalMaxPooling(3, 2, 2, 2, 3, 4)
    assert volume.forward(torch.randn(1, 7, 8, 9)).size().tolist() == [1, 4, 3, 2]
    assert volume.getOutputSizes_(volume.output) == (2, 3, 4)


def test_batch_normalisation_of_two_batches_and_of_one_example():
    case = json.loads((ORACLE / "batches.json").read_text())
    module = nn.BatchNormalization(2)
    module.weight.copy(value(case["weight"]))
    module.bias.copy(value(case["bias"]))
    for i in "12":
        assert_equal(module.forward(value(case[f"x{i}"])), case[f"out{i}"])
        assert_equal(module.running_mean, case[f"mean{i}"])
        assert_equal(module.running_var, case[f"var{i}"])
    module.evaluate()
    assert_equal(module.forward(value(case["x2"])), case["eval_out"])
    module.training()
    single = module.forward(value(case["x2"])[[1], []])
    np.testing.assert_allclose(single, np.array(case["eval_out"]["data"][:2])[None], 1e-12)
    assert_equal(module.running_var, case["var2"])


def test_batch_normalisation_starts_with_random_weights():
    torch.manualSeed(4)
    module = nn.SpatialBatchNormalization(3)
    torch.manualSeed(4)
    assert flat(module.weight) == flat(torch.Tensor(3).uniform())
    assert flat(module.bias) == [0, 0, 0]
    plain = nn.BatchNormalization(3, 1e-3, 0.2, False)
    assert plain.parameters() == (None, None)
    assert (plain.eps, plain.momentum, plain.affine) == (1e-3, 0.2, False)
    plain.running_std = torch.Tensor([1, 2, 4])
    np.testing.assert_allclose(plain.running_var, np.array([1, 1 / 4, 1 / 16]) - 1e-3)
    np.testing.assert_allclose(plain.running_std, [1, 2, 4])


def test_kernels_are_normalised_in_place():
    kernel = torch.ones(3, 3)
    module = nn.SpatialContrastiveNormalization(2, kernel)
    assert module.kernel is kernel
    np.testing.assert_allclose(kernel, np.full((3, 3), 1 / 18))
    for module, total in (
        (nn.SpatialSubtractiveNormalization, 1 / 4),
        (nn.SpatialDivisiveNormalization, 1 / 2),
        (nn.SpatialContrastiveNormalization, 1 / 2),
    ):
        assert module(4, torch.ones(5)).kernel.sum() == pytest.approx(total)
    assert nn.SpatialDivisiveNormalization().thresval == 1e-4


NORMALISATIONS = [
    (kind, planes, size)
    for kind in (nn.SpatialSubtractiveNormalization, nn.SpatialDivisiveNormalization)
    for planes, size in ((1, (3, 5)), (2, (3, 3)), (3, (5,)))
]


@pytest.mark.parametrize(("kind", "planes", "size"), NORMALISATIONS)
def test_networks_in_the_fields_of_normalisations_compute_the_same(kind, planes, size):
    """As the original does by them."""
    kernel = torch.rand(*size)
    module, x = kind(planes, kernel), torch.randn(planes, 6, 7)
    share = module.meanestimator.forward(x.clone().fill(1)).clone()
    if kind is nn.SpatialSubtractiveNormalization:
        mean = module.divider.forward([module.meanestimator.forward(x), share])
        wanted = module.subtractor.forward([x, mean])
    else:
        deviation = module.divider.forward([module.stdestimator.forward(x), share])
        wanted = module.normalizer.forward([x, module.thresholder.forward(deviation)])
    np.testing.assert_allclose(module.forward(x), wanted, 1e-10)
    assert module.coef.size().tolist() == [1, 1, 1]
    assert module.parameters() == (None, None)
    assert list(module.listModules()) == [module]
    again = torch.deserialize(torch.serialize(module))
    assert str(again.meanestimator) == str(module.meanestimator)
    assert again.meanestimator.get(2).weight.equal(module.meanestimator.get(2).weight)
    assert module.float().meanestimator.get(2).weight.type() == "torch.FloatTensor"


def test_contrastive_normalisation_is_made_of_the_two_others():
    kernel = torch.rand(5)
    module, x = nn.SpatialContrastiveNormalization(3, kernel, 0.1, 0.2), torch.randn(3, 6, 7)
    first, second = module.normalizer.modules
    assert first.kernel is second.kernel is kernel
    assert (second.threshold, second.thresholder.val) == (0.1, 0.2)
    np.testing.assert_allclose(module.forward(x), module.normalizer.forward(x), 1e-10)
    assert not isinstance(module, nn.SpatialDivisiveNormalization)


@pytest.mark.parametrize(
    ("make", "draws"),
    [
        (lambda: nn.SpatialSubtractiveNormalization(2, torch.ones(3, 5)), 2 * 15 + 1),
        (lambda: nn.SpatialSubtractiveNormalization(2, torch.ones(3)), 2 * 3 + 2 + 2 * 3 + 1),
        (lambda: nn.SpatialDivisiveNormalization(2, torch.ones(3, 5)), 2 * (2 * 15 + 1)),
        (lambda: nn.SpatialContrastiveNormalization(2, torch.ones(3, 5)), 3 * (2 * 15 + 1)),
    ],
)
def test_normalisations_take_from_the_stream_what_the_original_takes(make, draws):
    """For initial weights, which it then overwrites."""
    torch.manualSeed(5)
    wanted = torch.Tensor(draws + 1).uniform()[draws + 1]
    torch.manualSeed(5)
    make()
    assert torch.uniform() == wanted


def test_float_tensors():
    net = (
        nn.Sequential().add(nn.SpatialConvolution(2, 2, 3, 3)).add(nn.SpatialBatchNormalization(2))
    )
    net.add(nn.SpatialMaxPooling(2, 2)).add(nn.SpatialDivisiveNormalization(2, torch.ones(3, 3)))
    net.add(nn.SpatialUpSamplingBilinear(2)).float()
    x = torch.randn(2, 2, 6, 6).float()
    assert net.forward(x).type() == net.backward(x, net.output).type() == "torch.FloatTensor"
    fractional = nn.SpatialFractionalMaxPooling(2, 2, 2, 2)
    assert fractional.forward(x).type() == fractional.randomSamples.type() == "torch.FloatTensor"


def test_sizes_of_pooling():
    """The original counts a window that lies outside, whose maximum is -inf; here there is none."""
    sizes = json.loads((ORACLE / "pool_sizes.json").read_text())
    outside = []
    for k, d, pad, ceil, size, wanted in sizes:
        pool = nn.SpatialMaxPooling(k, 1, d, 1, pad, 0)
        found = pool.ceil() if ceil else pool
        x = jax.ShapeDtypeStruct((1, 1, size), "float32")
        if jax.eval_shape(found.pure()[0], x).shape[-1] != wanted:
            outside.append((k, d, pad, ceil, size))
    assert outside == [(2, 3, 0, True, n) for n in (3, 6, 9)]


ERRORS = [
    (lambda: nn.SpatialConvolution(2, 3, 3, 3), (1, 5, 5), "2, *space"),
    (lambda: nn.SpatialConvolution(1, 3, 5, 5), (1, 3, 3), "output size is too small"),
    (lambda: nn.SpatialMaxPooling(5, 5), (1, 3, 3), "output size is too small"),
    (lambda: nn.SpatialMaxPooling(2, 2, 2, 2, 2, 2), (1, 5, 5), "at most half"),
    (lambda: nn.BatchNormalization(3), (3,), "only mini-batches"),
    (lambda: nn.SpatialBatchNormalization(3), (2, 2, 4, 4), "3"),
    (lambda: nn.SpatialConvolutionLocal(1, 1, 2, 2, 3, 3), None, "not empty"),
    (lambda: nn.SpatialFullConvolution(1, 1, 2, 2, 1, 1, 0, 0, 1), None, "less than the strides"),
    (lambda: nn.SpatialMaxUnpooling(nn.SpatialAveragePooling(2, 2)), None, "nn.SpatialMaxPooling"),
    (lambda: nn.SpatialMaxUnpooling(nn.SpatialMaxPooling(3, 3, 2, 2)), None, "stride"),
    (lambda: nn.SpatialFractionalMaxPooling(1, 2, 3, 3), None, "at least 2"),
    (lambda: nn.SpatialFractionalMaxPooling(2, 2, 3, 0.5), None, "mixed"),
    (lambda: nn.SpatialSubtractiveNormalization(1, torch.ones(4, 4)), None, "odd size"),
    (lambda: nn.SpatialSubtractiveNormalization(3), (1, 9, 9), "number of planes"),
    (lambda: nn.UpSampling({"owidth": 3, "oheight": 3}), None, "linear mode"),
    (lambda: nn.UpSampling({"owidth": 3, "oheight": 3}, "linear"), (1, 1, 2, 2, 2), "odepth"),
    (lambda: nn.UpSampling(2), (1, 2, 2), "batch axis"),
    (lambda: nn.SpatialUpSamplingNearest(1.5), None, "whole"),
    (lambda: nn.BatchNormalization(False), None, "(nOutput, eps, momentum, False)"),
    (lambda: nn.tables.random(2, 3, 4), None, "all of them"),
]


@pytest.mark.parametrize(("make", "size", "message"), ERRORS)
def test_errors_say_what_was_wanted(make, size, message):
    with pytest.raises(LayerError) as caught:
        make().forward(torch.Tensor(*size))
    assert message in str(caught.value)

"""Pooling, normalisation and resizing: numbers of the original Torch7, in double precision."""

import json
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn.adaptive import (
    adaptive_avg_pool,
    adaptive_max_pool,
    fractional_max_pool_indices,
    k_max_pool,
)
from fnn.fold import pixel_shuffle
from fnn.local_norm import (
    contrastive_norm,
    divisive_norm,
    local_response_norm,
    normalize,
    subtractive_norm,
)
from fnn.norm import batch_norm, layer_norm
from fnn.pool import avg_pool, lp_pool, max_pool, subsample
from fnn.resize import resize

pytestmark = pytest.mark.unoptimised

FILE = Path(__file__).parent / "oracle" / "windows.jsonl"
CASES = [json.loads(line) for line in FILE.read_text().splitlines()]


def arrays(found):
    """Tensors in a case as arrays."""
    if isinstance(found, dict) and found.keys() == {"size", "data"}:
        return jnp.asarray(np.array(found["data"], "float64").reshape(found["size"]))
    return {name: arrays(value) for name, value in found.items()}


def batched(function):
    """A function of batches for one example too."""

    def apply(x, axes, *others, **options):
        alone = x.ndim < axes
        y = function(x[None] if alone else x, *others, **options)
        return y[0] if alone else y

    return apply


def flipped(arguments, count, missing):
    """Groups of `count` numbers, each of them from the last axis of space to the first."""
    found = [tuple(arguments[i : i + count][::-1]) for i in range(0, len(arguments), count)]
    return found + missing[len(found) :]


def temporal_last(arguments, count, missing):
    """The same of (time, width, height)."""
    found = [arguments[i : i + count] for i in range(0, len(arguments), count)]
    return [(t, h, w) for t, w, h in found] + missing[len(found) :]


def spatial_pool(pool, names, missing):
    def apply(case, params, x):
        axes = len(missing[-1])
        read = flipped if axes == 2 else temporal_last
        options = dict(zip(names, read(case["arguments"], axes, missing), strict=True))
        mode = case.get("calls", ["floor"])[-1]
        if options.get("stride") == ():
            del options["stride"]
        return pool(x, **options, ceil_mode=mode == "ceil")

    return apply


POOL = ["window", "stride", "padding", "dilation"]


def adaptive(pool):
    return lambda case, params, x: pool(x, size=tuple(case["arguments"][::-1]))


def fractional(case, params, x):
    axes = len(case["arguments"]) // 2
    first, second = case["arguments"][:axes], case["arguments"][axes:]
    # windows are for time, width and height, but samples and sizes for width, height and time
    order = [1, 0] if axes == 2 else [2, 1, 0]
    window, last = tuple(first[i] for i in ([1, 0], [0, 2, 1])[axes - 2]), tuple(second[::-1])
    samples = arrays(case["state"])["randomSamples"][..., jnp.array(order)]
    samples = samples.reshape(*x.shape[:-axes], axes)
    named = {"size": last} if isinstance(last[0], int) else {"ratio": last}
    return fractional_max_pool_indices(x, samples, window=window, **named)[0]


def lp(case, params, x):
    _, p, w, h, *stride = case["arguments"]
    return lp_pool(x, p=p, window=(h, w), stride=tuple(stride[::-1]) or None)


def feature_lp(case, params, x):
    width, stride, p, batch = case["arguments"]
    rest = (1,) * (x.ndim - batch - 1)
    return lp_pool(x, p=p, window=(width, *rest), stride=(stride, *rest))


def subsampled(case, params, x):
    _, *options = case["arguments"]
    if "Temporal" in case["id"]:
        width, stride = (*options, 1)[:2]
        return subsample(params, x.T, window=(width,), stride=stride).T
    w, h, dw, dh = (*options, 1, 1)[:4]
    return subsample(params, x, window=(h, w), stride=(dh, dw))


def temporal(case, params, x):
    width, *stride = case["arguments"]
    return max_pool(x, window=(width, 1), stride=(*stride, 1) if stride else None)


def batch(case, params, x):
    _, *options = case["arguments"]
    state = arrays(case["state"])
    train = case.get("mode") != "evaluate"
    named = dict(zip(("eps", "momentum"), options, strict=False))
    return batch_norm(params, state, x.reshape(case["output"]["size"]), train=train, **named)


def layer(case, params, x):
    n, _, eps, affine = case["arguments"] + [0, 1e-10, True][len(case["arguments"]) - 1 :]
    gains = dict(zip(("weight", "bias"), params.values(), strict=affine))
    if x.ndim == 1:
        return layer_norm({k: v.reshape(n) for k, v in gains.items()}, x, eps=eps / n)
    # the original takes means from other examples: those of the batch, again and again in order
    means = jnp.tile(x.mean(1), n).reshape(x.shape)
    y = normalize(x - means, axis=1, eps=eps, inside=True) * n**0.5
    return y * gains["weight"].reshape(1, n) + gains["bias"].reshape(1, n) if affine else y


def response(case, params, x):
    options = dict(zip(("size", "alpha", "beta", "k"), case["arguments"], strict=False))
    return batched(local_response_norm)(x, 4, **options)


def local(function):
    def apply(case, params, x):
        _, kernel, *options = case["arguments"] or [1, {"size": [9, 9], "data": [1] * 81}]
        named = dict(zip(("threshold", "below"), options, strict=False))
        return batched(function)(x, 4, arrays(kernel), **named)

    return apply


def sampling(case, params, x):
    where, *mode = case["arguments"]
    linear = "linear" in "".join(mode) or "Bilinear" in case["id"]
    options = {"mode": "linear" if linear else "nearest", "align_corners": linear, "single": linear}
    axes = x.ndim - 2 if mode or case["id"].startswith("nn.UpS") else 2
    if isinstance(where, dict):
        return resize(
            x, size=tuple(where[n] for n in ("odepth", "oheight", "owidth")[-axes:]), **options
        )
    return resize(x, scale=(where,) * axes, recompute_scale=True, **options)


MODULES = {
    "SpatialMaxPooling": spatial_pool(max_pool, POOL, [(), (), (0, 0), (1, 1)]),
    "SpatialDilatedMaxPooling": spatial_pool(max_pool, POOL, [(), (), (0, 0), (1, 1)]),
    "SpatialAveragePooling": spatial_pool(avg_pool, POOL[:3], [(), (1, 1), (0, 0)]),
    "VolumetricMaxPooling": spatial_pool(max_pool, POOL, [(), (), (0,) * 3, (1,) * 3]),
    "VolumetricDilatedMaxPooling": spatial_pool(max_pool, POOL, [(), (), (0,) * 3, (1,) * 3]),
    "VolumetricAveragePooling": spatial_pool(avg_pool, POOL[:3], [(), (), (0,) * 3]),
    "SpatialAdaptiveMaxPooling": adaptive(adaptive_max_pool),
    "SpatialAdaptiveAveragePooling": adaptive(adaptive_avg_pool),
    "SpatialFractionalMaxPooling": fractional,
    "VolumetricFractionalMaxPooling": fractional,
    "SpatialLPPooling": lp,
    "FeatureLPPooling": feature_lp,
    "SpatialSubSampling": subsampled,
    "TemporalSubSampling": subsampled,
    "TemporalMaxPooling": temporal,
    "TemporalDynamicKMaxPooling": lambda case, params, x: k_max_pool(
        x, **dict(zip(("minimum", "factor"), case["arguments"], strict=False))
    ),
    "BatchNormalization": batch,
    "SpatialBatchNormalization": batch,
    "VolumetricBatchNormalization": batch,
    "LayerNormalization": layer,
    "Normalize": lambda case, params, x: normalize(
        x, p=case["arguments"][0], axis=-1, eps=1e-10, inside=True
    ),
    "SpatialCrossMapLRN": response,
    "SpatialSubtractiveNormalization": local(subtractive_norm),
    "SpatialDivisiveNormalization": local(divisive_norm),
    "SpatialContrastiveNormalization": local(contrastive_norm),
    "PixelShuffle": lambda case, params, x: pixel_shuffle(x, factor=case["arguments"][0]),
    "SpatialUpSamplingNearest": sampling,
    "SpatialUpSamplingBilinear": sampling,
    "UpSampling": sampling,
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_values_and_gradients(case):
    apply = MODULES[case["id"].split("/")[0].removeprefix("nn.")]
    with jax.enable_x64(True):
        given = arrays({"params": case.get("params", {}), "x": case["input"]})

        @jax.jit
        def both(given, cotangent):
            found, pullback, state = jax.vjp(partial(split, apply, case), given, has_aux=True)
            return found, state, pullback(cotangent)[0]

        found, state, gradients = both(given, arrays(case["gradOutput"]))
        wanted = [case["output"], case["gradInput"], case.get("gradParams", {})]
        wanted = [*map(arrays, wanted), arrays(case.get("state_after", {})) if state else {}]
        given = [found, gradients["x"].reshape(wanted[1].shape), gradients["params"], state]
        # the original's gradient for p = 1 has its eps beside |x| too
        tolerance = 1e-8 if case["id"] == "nn.Normalize/3" else 1e-10
        jax.tree.map(partial(assert_close, tolerance=tolerance), given, wanted)


def split(apply, case, given):
    """The output, and the state if there is one."""
    found = apply(case, **given)
    return found if isinstance(found, tuple) else (found, {})


def assert_close(found, wanted, tolerance):
    np.testing.assert_allclose(found, wanted, tolerance, 1e-12)

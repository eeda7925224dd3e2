"""Pooling and normalisation: numbers of the original Torch7, in double precision."""

import json
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn.adaptive import k_max_pool
from fnn.fold import pixel_shuffle
from fnn.local_norm import normalize
from fnn.norm import layer_norm
from fnn.pool import lp_pool

pytestmark = pytest.mark.unoptimised

FILE = Path(__file__).parent / "oracle" / "windows.jsonl"
CASES = [json.loads(line) for line in FILE.read_text().splitlines()]


def arrays(found):
    """Tensors in a case as arrays."""
    if isinstance(found, dict) and found.keys() == {"size", "data"}:
        return jnp.asarray(np.array(found["data"], "float64").reshape(found["size"]))
    return {name: arrays(value) for name, value in found.items()}


def lp(case, params, x):
    _, p, w, h, *stride = case["arguments"]
    return lp_pool(x, p=p, window=(h, w), stride=tuple(stride[::-1]) or None)


def feature_lp(case, params, x):
    width, stride, p, batch = case["arguments"]
    rest = (1,) * (x.ndim - batch - 1)
    return lp_pool(x, p=p, window=(width, *rest), stride=(stride, *rest))


def layer(case, params, x):
    n, _, eps, affine = case["arguments"] + [0, 1e-10, True][len(case["arguments"]) - 1 :]
    gains = dict(zip(("weight", "bias"), params.values(), strict=affine))
    if x.ndim == 1:
        return layer_norm({k: v.reshape(n) for k, v in gains.items()}, x, eps=eps / n)
    # the original takes means from other examples: those of the batch, again and again in order
    means = jnp.tile(x.mean(1), n).reshape(x.shape)
    y = normalize(x - means, axis=1, eps=eps, inside=True) * n**0.5
    return y * gains["weight"].reshape(1, n) + gains["bias"].reshape(1, n) if affine else y


MODULES = {
    "SpatialLPPooling": lp,
    "FeatureLPPooling": feature_lp,
    "TemporalDynamicKMaxPooling": lambda case, params, x: k_max_pool(
        x, **dict(zip(("minimum", "factor"), case["arguments"], strict=False))
    ),
    "LayerNormalization": layer,
    "Normalize": lambda case, params, x: normalize(
        x, p=case["arguments"][0], axis=-1, eps=1e-10, inside=True
    ),
    "PixelShuffle": lambda case, params, x: pixel_shuffle(x, factor=case["arguments"][0]),
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_values_and_gradients(case):
    apply = MODULES[case["id"].split("/")[0].removeprefix("nn.")]
    with jax.enable_x64(True):
        given = arrays({"params": case.get("params", {}), "x": case["input"]})

        @jax.jit
        def both(given, cotangent):
            found, pullback = jax.vjp(lambda given: apply(case, **given), given)
            return found, pullback(cotangent)[0]

        found, gradients = both(given, arrays(case["gradOutput"]))
        wanted = [case["output"], case["gradInput"], case.get("gradParams", {})]
        wanted = list(map(arrays, wanted))
        given = [found, gradients["x"].reshape(wanted[1].shape), gradients["params"]]
        # the original's gradient for p = 1 has its eps beside |x| too
        tolerance = 1e-8 if case["id"] == "nn.Normalize/3" else 1e-10
        jax.tree.map(partial(assert_close, tolerance=tolerance), given, wanted)


def assert_close(found, wanted, tolerance):
    np.testing.assert_allclose(found, wanted, tolerance, 1e-12)

"""Pure layers against numbers printed by the original Torch7, in double precision.

A case of `oracle/layers.jsonl` has a module's arguments, parameters, input and output, and the
gradients of both for a gradient of the output; all printed by the original in double precision.
Torch7 counts indices and axes from 1.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn

pytestmark = pytest.mark.unoptimised

LINES = (Path(__file__).parent / "oracle" / "layers.jsonl").read_text().splitlines()
CASES = {case["id"][3:]: case for case in map(json.loads, LINES)}

# What is not the derivative in the original: there only the output is compared.
NO_GRADIENT = {
    "IndexLinear/1",  # its backward raises
    "IndexLinear/3",  # gradients stand in tables of their own
    "PairwiseDistance/6",  # a factor is left out for 1 < p < 2
}
KEY = jax.random.key(0)


def value(x) -> Any:
    """Tensors as arrays, indices from 0; tables as lists."""
    if isinstance(x, list):
        return [value(y) for y in x]
    if not isinstance(x, dict) or "data" not in x:
        return x
    dtype = np.int64 if "int" in x else np.float64
    return np.array(x["data"], dtype).reshape(x["size"] or (0,))


def from_0(axis):
    """An axis or an index counted from 0; negative ones count from the end in both."""
    return axis - 1 if axis > 0 else axis


def axes(axis=1, dimensions=None, *rest):
    return {"axis": from_0(axis), "dimensions": dimensions}


def sparse(params, case):
    tables = value(case["input"])
    if not isinstance(tables, list):
        return fnn.sparse_linear(params, tables[:, 0].astype(int) - 1, jnp.array(tables[:, 1]))
    indices, values = np.concatenate(tables).T
    offsets = jnp.cumsum(jnp.array([0, *map(len, tables[:-1])]))
    return fnn.sparse_linear(params, jnp.array(indices.astype(int) - 1), jnp.array(values), offsets)


def indexed(params, keys, values):
    if not isinstance(keys, list):
        return fnn.index_linear(params, keys - 1, values)
    offsets = jnp.cumsum(jnp.array([0, *map(len, keys[:-1])]))
    return fnn.index_linear(params, jnp.concatenate(keys) - 1, jnp.concatenate(values), offsets)


def partial(params, x, chosen):
    params = {"weight": params["network.modules.1.modules.2.weight"], "bias": params["bias"][0]}
    chosen = jnp.arange(len(params["bias"])) if chosen is None else chosen
    return fnn.partial_linear(params, x, chosen)


def normed(params, x, **options):
    weight = fnn.weight_norm(params["v"], params["g"], **options)
    return fnn.linear({"weight": weight} | {k: params[k] for k in params if k == "bias"}, x)


def table(params, indices, padding=0, max_norm=None, norm_type=2.0, frequency=False):
    options: dict[str, Any] = {"padding": padding - 1} if padding else {}
    options |= {"max_norm": max_norm, "norm_type": norm_type, "scale_by_frequency": frequency}
    return fnn.embedding(params, indices.astype(int) - 1, **options)


def maxout(params, x, outputs, pieces, preprocess=None):
    first = {k: params["modules.1." + k] for k in ("weight", "bias")}
    y = fnn.linear(first, x)
    return fnn.maxout(jnp.tanh(y) if preprocess else y, pieces=pieces)


def padded(x, dim, pad, dimensions=None, value=0, index=1):
    options = {"value": float(value), "skip": index - 1}
    return fnn.pad_axis(x, count=pad, **axes(dim, dimensions), **options)


def narrow(x, dim, start, length=1):
    if start < 0:  # an oddity of the original
        start, length = 1, -length - 1
    return fnn.narrow(x, start=start - 1, length=length, axis=from_0(dim))


def dropped(x, case, shared=0, rescale=True):
    rate = case["ctor_args"][0]
    return fnn.dropout(x, KEY, train=False, p=rate, shared=shared, rescale=rescale)


def constant(x, value, dimensions=None):
    return fnn.constant(x, jnp.atleast_1d(jnp.asarray(value, float)), dimensions=dimensions)


def plus(x, number, inplace=False):
    number = tuple(number) if isinstance(number, np.ndarray) else number
    return fnn.add_constant(x, constant=number)


def summed(x, dim=1, dimensions=None, average=False, squeeze=True):
    reduce = fnn.mean_over if average else fnn.sum_over
    return reduce(x, **axes(dim, dimensions), keepdims=not squeeze)


def calls(case) -> dict[str, Any]:
    return {name: value(rest) for name, *rest in case.get("calls", [])}


def swapped(x, *pairs, case):
    swaps = tuple((i - 1, j - 1) for i, j in pairs)
    return fnn.transpose(x, swaps=swaps, dimensions=calls(case).get("setNumInputDims", [None])[0])


def unsqueezed(x, pos, dimensions=None, *, case):
    dimensions = calls(case).get("setNumInputDims", [dimensions])[0]
    return fnn.unsqueeze(x, axis=pos - 1, dimensions=dimensions)


# For each module: its function of parameters, inputs, constructor arguments and the whole case.
LAYERS: dict[str, Callable[[Any, Any, Any, Any], Any]] = {
    "Abs": lambda p, x, a, c: fnn.absolute(*x, at_zero=1.0),
    "Add": lambda p, x, a, c: fnn.shift(p, *x),
    "AddConstant": lambda p, x, a, c: plus(*[*x, *a]),
    "Bilinear": lambda p, x, a, c: fnn.bilinear(p, *x),
    "CAdd": lambda p, x, a, c: fnn.shift(p, *x),
    "CAddTable": lambda p, x, a, c: fnn.add(*x),
    "CAddTensorTable": lambda p, x, a, c: fnn.add_to_each(x[0], *x[1]),
    "CDivTable": lambda p, x, a, c: fnn.divide(*x),
    "CMaxTable": lambda p, x, a, c: fnn.maximum(*x),
    "CMinTable": lambda p, x, a, c: fnn.minimum(*x),
    "CMul": lambda p, x, a, c: fnn.scale(p, *x),
    "CMulTable": lambda p, x, a, c: fnn.multiply(*x),
    "CReLU": lambda p, x, a, c: fnn.crelu(*x, axis=0, dimensions=a[0]),
    "CSubTable": lambda p, x, a, c: fnn.subtract(*x),
    "Clamp": lambda p, x, a, c: fnn.hard_tanh(*x, low=a[0], high=a[1]),
    "Collapse": lambda p, x, a, c: fnn.flatten(*x, start=x[0].ndim - a[0]),
    "Constant": lambda p, x, a, c: constant(*[*x, *a]),
    "Convert": lambda p, x, a, c: fnn.convert(*x, source=a[0], target=a[1]),
    "Cosine": lambda p, x, a, c: fnn.cosine(p, *x),
    "CosineDistance": lambda p, x, a, c: fnn.cosine_similarity(*x, eps=1e-12, squared=True),
    "DotProduct": lambda p, x, a, c: fnn.dot_product(*x),
    "Dropout": lambda p, x, a, c: dropped(x[0], c),
    "Euclidean": lambda p, x, a, c: fnn.euclidean(p, *x),
    "Exp": lambda p, x, a, c: fnn.exp(*x),
    "GatedLinearUnit": lambda p, x, a, c: fnn.glu(*x, axis=from_0(a[0]) if a else -1),
    "GradientReversal": lambda p, x, a, c: fnn.gradient_reversal(
        *x, strength=calls(c).get("setLambda", [*a, 1.0])[0]
    ),
    "Index": lambda p, x, a, c: fnn.index_select(x[0], x[1] - 1, axis=from_0(a[0])),
    "IndexLinear": lambda p, x, a, c: indexed(p, *x),
    "JoinTable": lambda p, x, a, c: fnn.join(*x, **axes(*a)),
    "L1Penalty": lambda p, x, a, c: fnn.l1_penalty(
        *x, weight=a[0], mean=bool(a[1:2] and a[1]), provide=a[2] if a[2:] else True
    ),
    "LinearWeightNorm": lambda p, x, a, c: normed(p, *x, least=a[3] if a[3:] else 1e-16),
    "Log": lambda p, x, a, c: fnn.log(*x),
    "LookupTable": lambda p, x, a, c: table(
        p, *[*x, *a[2:]], frequency="scaleGradByFreq" in calls(c)
    ),
    "MM": lambda p, x, a, c: fnn.matmul(
        *x, transpose_x=bool(a and a[0]), transpose_y=bool(a[1:] and a[1])
    ),
    "MV": lambda p, x, a, c: fnn.matvec(*x, transpose=bool(a and a[0])),
    "MaskedSelect": lambda p, x, a, c: fnn.masked_select(x[0], x[1].astype(bool)),
    "Max": lambda p, x, a, c: fnn.max_over(*x, **axes(*a)),
    "Maxout": lambda p, x, a, c: maxout(p, *[*x, *a[1:]]),
    "Mean": lambda p, x, a, c: fnn.mean_over(*x, **axes(*a)),
    "Min": lambda p, x, a, c: fnn.min_over(*x, **axes(*a)),
    "MixtureTable": lambda p, x, a, c: (
        fnn.mixture(x[0], *x[1])
        if isinstance(x[1], list)
        else fnn.mixture(*x, axis=from_0(a[0] if a else x[0].ndim))
    ),
    "Mul": lambda p, x, a, c: fnn.scale(p, *x),
    "MulConstant": lambda p, x, a, c: fnn.multiply_constant(*x, constant=a[0]),
    "Narrow": lambda p, x, a, c: narrow(*[*x, *a]),
    "OneHot": lambda p, x, a, c: fnn.one_hot(x[0].astype(int) - 1, count=a[0]),
    "PReLU": lambda p, x, a, c: fnn.prelu(p, *x),
    "Padding": lambda p, x, a, c: padded(*[*x, *a]),
    "PairwiseDistance": lambda p, x, a, c: fnn.pairwise_distance(
        *x, p=a[0] if a else 2.0, eps=0.0, slack=1e-6
    ),
    "PartialLinear": lambda p, x, a, c: partial(p, x[0], chosen_outputs(c)),
    "Power": lambda p, x, a, c: fnn.power(*x, exponent=a[0]),
    "RReLU": lambda p, x, a, c: fnn.rrelu(
        x[0], KEY, train=bool(a), **dict(zip(("lower", "upper"), a, strict=False))
    ),
    "Replicate": lambda p, x, a, c: fnn.replicate(*x, count=a[0], **axes(*a[1:])),
    "Select": lambda p, x, a, c: fnn.select(*x, axis=from_0(a[0]), index=from_0(a[1])),
    "SparseLinear": lambda p, x, a, c: sparse(p, c),
    "SpatialDropout": lambda p, x, a, c: dropped(x[0], c, 2, False),
    "SpatialLogSoftMax": lambda p, x, a, c: fnn.log_softmax(*x, axis=None),
    "SpatialSoftMax": lambda p, x, a, c: fnn.softmax(*x, axis=None),
    "SplitTable": lambda p, x, a, c: fnn.split(*x, **axes(*a)),
    "Sqrt": lambda p, x, a, c: fnn.sqrt(*x, flat=True),
    "Square": lambda p, x, a, c: fnn.square(*x),
    "Squeeze": lambda p, x, a, c: fnn.squeeze(
        *x,
        axis=from_0(a[0]) if a and a[0] else None,
        dimensions=a[1] if a[1:] else None,
    ),
    "Sum": lambda p, x, a, c: summed(*[*x, *a]),
    "Transpose": lambda p, x, a, c: swapped(*[*x, *a], case=c),
    "Unsqueeze": lambda p, x, a, c: unsqueezed(*[*x, *a], case=c),
    "VolumetricDropout": lambda p, x, a, c: dropped(x[0], c, 3, False),
    "WeightNorm": lambda p, x, a, c: normed(p, *x, eps=1e-4),
    "WeightedEuclidean": lambda p, x, a, c: fnn.weighted_euclidean(
        {"weight": p["weight"], "diagonal": p["diagCov"]}, *x
    ),
    "WhiteNoise": lambda p, x, a, c: fnn.white_noise(x[0], KEY, train=False, mean=a[0], std=a[1]),
    "ZeroGrad": lambda p, x, a, c: fnn.gradient_stop(*x),
}


def chosen_outputs(case):
    names = [name for name, *_ in case.get("calls", [])]
    return calls(case)["setPartition"][0].astype(int) - 1 if names == ["setPartition"] else None


def close(found, wanted):
    found, wanted = np.asarray(found), np.asarray(wanted)
    assert found.size == wanted.size
    if found.ndim and wanted.shape != (1,):  # the original has no tensors without axes
        assert found.shape == wanted.shape
    np.testing.assert_allclose(found.reshape(-1), wanted.reshape(-1), rtol=1e-10, atol=1e-12)


def close_all(found, wanted):
    found, wanted = jax.tree.leaves(found), jax.tree.leaves(wanted)
    for ours, theirs in zip(found, wanted, strict=True):
        close(ours, theirs)


@pytest.mark.parametrize("name", [n for n in CASES if n.split("/")[0] != "Kmeans"])
def test_layer(name):
    case = CASES[name]
    apply, given = LAYERS[name.split("/")[0]], [*map(value, case["ctor_args"])]
    x = value(case["input"])
    x = x if isinstance(x, list) else [x]
    with jax.enable_x64(True):
        params = {k: jnp.array(value(v)) for k, v in case.get("params", {}).items()}
        leaves, tree = jax.tree.flatten((params, x))
        floating = [i for i, leaf in enumerate(leaves) if np.asarray(leaf).dtype == float]

        def outputs(changed) -> Any:
            filled = [*leaves]
            for i, leaf in zip(floating, changed, strict=True):
                filled[i] = leaf
            params, x = jax.tree.unflatten(tree, filled)
            return apply(params, x, given, case)

        if name in NO_GRADIENT or "gradInput" not in case:
            close_all(outputs([leaves[i] for i in floating]), value(case["output"]))
            return
        directions = jax.tree.leaves(value(case["gradOutput"]))

        @jax.jit
        def both(changed):
            found, pullback = jax.vjp(outputs, changed)
            left = iter(directions)
            return found, *pullback(jax.tree.map(lambda y: next(left).reshape(y.shape), found))

        found, gradients = both([jnp.asarray(leaves[i]) for i in floating])
        close_all(found, value(case["output"]))
        zeros = [*map(np.zeros_like, leaves)]
        for i, gradient in zip(floating, gradients, strict=True):
            zeros[i] = np.asarray(gradient)
        for_params, for_x = jax.tree.unflatten(tree, zeros)
        close_all(for_params, {k: value(v) for k, v in case.get("gradParams", {}).items()})
        if name.split("/")[0] != "SparseLinear":  # whose input also holds the indices
            close_all(for_x, value(case["gradInput"]))


@pytest.mark.parametrize("name", ["Kmeans/1", "Kmeans/2"])
def test_kmeans(name):
    case = CASES[name]
    scale = ([*case["ctor_args"], 1])[2]
    with jax.enable_x64(True):
        x = jnp.array(value(case["input"]))
        params = {"weight": jnp.array(value(case["params"]["weight"]))}
        places, squares = fnn.nearest_centroid(params, x)
        close(places + 1, value(case["output"]))
        close(squares.sum(), case["extra"]["loss"])
        close(scale * fnn.centroid_shift(params, x), value(case["gradParams"]["weight"]))

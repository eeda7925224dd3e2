"""Losses against numbers printed by the original Torch7, double precision, values and gradients.

Torch7 counts labels from 1, ends a list of them with 0, and may give one example a plain number as
its target.
"""

import json
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn import loss

pytestmark = pytest.mark.unoptimised

LINES = (Path(__file__).parent / "oracle" / "criterions.jsonl").read_text().splitlines()


def value(x):
    """An array in double precision, a list of them, or a number."""
    if isinstance(x, list):
        return [value(y) for y in x]
    return jnp.array(x["data"], "float64").reshape(x["size"]) if isinstance(x, dict) else x


def as_list(x):
    return x if isinstance(x, list) else [x]


def of_labels(function, axis=-1):
    """The loss with labels that count from 1; classes lie along an axis."""

    def call(x, target, **options):
        shape = np.delete(x.shape, axis)
        return function(x, jnp.reshape(target, shape).astype("int32") - 1, **options)

    return call


def multi_label_margin(x, target, **options):
    return loss.multi_label_margin(x, target.astype("int32") - 1, **options)


def class_simplex(x, target, *, classes, **options):
    assert x.shape[-1] == classes
    return of_labels(loss.class_simplex)(x, target, **options)


def of_elements(function):
    """The loss with a target for each element of its input, or of the first of two."""

    def call(*given, **options):
        *inputs, target = given
        return function(*inputs, jnp.reshape(target, inputs[0].shape), **options)

    return call


def of_rows(function):
    """The loss with a target for each row of its inputs."""

    def call(x1, x2, target, **options):
        return function(x1, x2, jnp.reshape(target, x1.shape[:-1]), **options)

    return call


# What each criterion computes, and its constructor's arguments.
CRITERIONS = {
    "AbsCriterion": (partial(loss.l1, slope_at_target=1), "mean"),
    "SmoothL1Criterion": (loss.smooth_l1, "mean"),
    "WeightedMSECriterion": (loss.weighted_mse, "weight"),
    "SpatialAutoCropMSECriterion": (loss.centre_crop_mse, "mean"),
    "L1Cost": (loss.l1_cost, ""),
    "DistKLDivCriterion": (loss.kl_div, ""),
    "SpatialClassNLLCriterion": (of_labels(loss.nll, 1), "weight mean"),
    "CrossEntropyCriterion": (of_labels(loss.cross_entropy), "weight mean"),
    "ClassSimplexCriterion": (class_simplex, "classes"),
    "BCECriterion": (partial(loss.bce, eps=1e-12), "weight mean"),
    "MarginCriterion": (loss.hinge, "margin"),
    "SoftMarginCriterion": (loss.soft_margin, ""),
    "MultiMarginCriterion": (of_labels(loss.multi_margin), "p weight margin"),
    "MultiLabelMarginCriterion": (multi_label_margin, ""),
    "MultiLabelSoftMarginCriterion": (loss.bce_with_logits, "weight mean"),
    "HingeEmbeddingCriterion": (of_elements(loss.hinge_embedding), "margin"),
    "L1HingeEmbeddingCriterion": (of_rows(loss.l1_hinge_embedding), "margin"),
    "CosineEmbeddingCriterion": (
        of_rows(partial(loss.cosine_embedding, active_at_margin=False)),
        "margin",
    ),
    "MarginRankingCriterion": (of_elements(partial(loss.margin_ranking, margin=1)), "margin"),
    "DistanceRatioCriterion": (loss.distance_ratio, "mean"),
}
CASES = [case for case in map(json.loads, LINES) if case["name"].removeprefix("nn.") in CRITERIONS]


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_value_and_gradient(case):
    function, names = CRITERIONS[case["name"].removeprefix("nn.")]
    arguments = zip(names.split(), case.get("ctor_args", []), strict=False)
    options = {name: value(a) for name, a in arguments if a is not None}
    if not (options.pop("mean", True) and case.get("set", {}).get("sizeAverage", True)):
        options["reduction"] = "sum"
    inputs, wanted = (as_list(value(case[name])) for name in ("input", "gradInput"))
    target = [value(case["target"])] if "target" in case else []
    call = jax.jit(jax.value_and_grad(lambda xs, *target: function(*xs, *target, **options)))
    output, gradients = call(inputs, *target)
    np.testing.assert_allclose(output, case["output"], rtol=1e-10)
    if "backward_target" in case:
        _, gradients = call(inputs, value(case["backward_target"]))
    for found, theirs in zip(gradients, wanted, strict=True):
        np.testing.assert_allclose(found, theirs, rtol=1e-10, atol=1e-12)

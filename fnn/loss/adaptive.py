"""Labels of very many classes: the frequent ones at full cost, the rare ones in clusters."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from fnn.errors import describe, require
from fnn.linear import linear, linear_init
from fnn.loss.classification import nll

__all__ = ["adaptive_log_softmax", "adaptive_log_softmax_init", "adaptive_nll"]

Params = dict[str, Any]


def adaptive_log_softmax(params: Params, x: Array) -> Array:
    """Log-probabilities of frequent classes, and of rare ones within clusters.

    With `a = log_softmax(head(x))`, whose last entries stand for the clusters, a frequent class has
    `a_k`, and a class of cluster c has `a_c + log_softmax(tail_c(x))`, where `tail_c` is two linear
    maps with few hidden units.

    params: head.weight (frequent + 1, inputs); head.bias (frequent + 1,), optional;
            tail.0.0.weight (hidden, inputs); tail.0.1.weight (rare, hidden)
    x:      (..., inputs)
    ->      (..., frequent + rare)

    There are as many clusters as the parameters have: `tail.0`, `tail.1` and so on.

    Source: PyTorch `nn.AdaptiveLogSoftmaxWithLoss`; Grave et al. 2017.
    """
    tails = [params["tail"][str(i)] for i in range(len(params["tail"]))]
    scores = linear(params["head"], x)
    frequent = scores.shape[-1] - len(tails)
    require(
        frequent >= 0,
        "adaptive_log_softmax",
        f"head.weight {describe(params['head']['weight'])} and {len(tails)} clusters",
        "a row of the head for each cluster, after those of the frequent classes",
        "the parameters were made for other cutoffs",
    )
    logs = jax.nn.log_softmax(scores)
    rare = [
        logs[..., frequent + i, None] + jax.nn.log_softmax(linear(tail["1"], linear(tail["0"], x)))
        for i, tail in enumerate(tails)
    ]
    return jnp.concatenate([logs[..., :frequent], *rare], -1)


def adaptive_log_softmax_init(
    key: Array,
    inputs: int,
    classes: int,
    cutoffs: Sequence[int],
    *,
    div_value: float = 4.0,
    bias: bool = False,
) -> Params:
    """Linear maps as `linear_init` draws them; cluster c begins at the class `cutoffs[c]`.

    Classes are sorted by their frequency. Cluster c has `inputs / div_value^(c + 1)` hidden units;
    only the head may have a bias.
    """
    bounds = [*cutoffs, classes]
    require(
        len(bounds) > 1 and bounds[0] > 0 and all(a < b for a, b in pairwise(bounds)),
        "adaptive_log_softmax_init",
        f"cutoffs {list(cutoffs)} for {classes} classes",
        "increasing numbers between 1 and the last class",
        "they are no sizes of clusters, but where these begin",
    )
    widths = [int(inputs // div_value ** (i + 1)) for i in range(len(cutoffs))]
    require(
        min(widths) > 0,
        "adaptive_log_softmax_init",
        f"{inputs} inputs, div_value={div_value}, {len(cutoffs)} clusters",
        "a hidden unit or more for each cluster",
        "the inputs are too few to be divided so often",
    )
    head, *keys = jax.random.split(key, 1 + 2 * len(cutoffs))
    return {
        "head": linear_init(head, inputs, bounds[0] + len(cutoffs), bias=bias),
        "tail": {
            str(i): {
                "0": linear_init(keys[2 * i], inputs, width, bias=False),
                "1": linear_init(keys[2 * i + 1], width, stop - start, bias=False),
            }
            for i, (width, (start, stop)) in enumerate(zip(widths, pairwise(bounds), strict=True))
        },
    }


def adaptive_nll(params: Params, x: Array, target: Array, *, reduction: str = "mean") -> Array:
    """`nll` of `adaptive_log_softmax`.

    params: head.weight (frequent + 1, inputs); head.bias (frequent + 1,), optional;
            tail.0.0.weight (hidden, inputs); tail.0.1.weight (rare, hidden)
    x:      (batch, inputs)
    target: (batch,) int
    ->      ()

    Unbatched too: (inputs,) with a target ().

    Source: PyTorch `nn.AdaptiveLogSoftmaxWithLoss`; Grave et al. 2017.
    """
    return nll(adaptive_log_softmax(params, x), target, reduction=reduction)

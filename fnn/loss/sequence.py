"""Losses of sequences whose alignment with the input is unknown."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from fnn.errors import describe, known, require, require_indices
from fnn.loss.reduction import reduce

__all__ = ["ctc"]


def ctc(
    x: Array,
    target: Array,
    input_lengths: Array,
    target_lengths: Array,
    *,
    reduction: str = "mean",
    blank: int = 0,
    zero_infinity: bool = False,
    of_scores: bool = False,
) -> Array:
    """Connectionist temporal classification: `-log` of the probability of a sequence of labels.

    That is summed over all ways to write it in `time` steps: each label for one or more steps,
    with any number of blanks around it, and one at least between equal labels.

    x:              (time, batch, classes)
    target:         (batch, labels) int
    input_lengths:  (batch,) int
    target_lengths: (batch,) int
    ->              ()

    `x` are log-probabilities. Unbatched too: x (time, classes), target (labels,) and lengths ().
    The targets may also be joined in one row. What lies beyond a length doesn't count, whatever it
    is. A mean divides each loss by the number of its labels, then by the number of examples.
    A target that doesn't fit into its steps costs infinity with gradient 0, or 0 with
    `zero_infinity`. The gradient is that by x; with `of_scores`, as in PyTorch, it has `e^x` added:
    the gradient by the scores whose log-softmax x is.

    Source: Graves et al. 2006, PyTorch `ctc_loss`.
    """
    name, alone = "ctc", x.ndim == 2
    target, steps, counts = map(jnp.asarray, (target, input_lengths, target_lengths))
    if alone:
        x, target, steps, counts = x[:, None], target[None], steps.reshape(1), counts.reshape(1)
    require(
        x.ndim == 3 and target.ndim in (1, 2) and steps.shape == counts.shape == x.shape[1:2],
        name,
        f"x {describe(x)}, target {describe(target)}, lengths {describe((steps, counts))}",
        "x (time, batch, classes), a target (batch, labels), and two lengths for each example",
        "the batch comes first in x, or lengths are missing",
    )
    if target.ndim == 1:
        target = _separate(target, counts)
    time, _, classes = x.shape
    require(
        0 <= blank < classes,
        name,
        f"blank={blank} for {classes} classes",
        f"one of 0..{classes - 1}",
        "x lacks a class for the blank, or classes count from 1",
    )
    cause = "the lengths are those of other sequences, or labels count from 1"
    require_indices(steps, time + 1, name, cause)
    require_indices(counts, target.shape[1] + 1, name, cause)
    listed = lax.broadcasted_iota(counts.dtype, target.shape, 1) < counts[:, None]
    labels = jnp.where(listed, target, blank)
    require_indices(labels, classes, name, cause)

    cost = partial(_cost, blank=blank, of_scores=of_scores)
    integers = (n.astype(jnp.int32) for n in (labels, steps, counts))
    terms = jax.vmap(cost, (1, 0, 0, 0))(x, *integers)
    if zero_infinity:
        terms = jnp.where(terms == jnp.inf, 0, terms)
    if reduction == "mean":
        terms = terms / jnp.maximum(counts, 1).astype(x.dtype)
    return reduce(name, terms[0] if alone else terms, reduction)


def _separate(target: Array, counts: Array) -> Array:
    """Targets joined in one row, one a row; as long as all of them where lengths aren't known."""
    values = known(counts)
    longest = target.shape[0] if values is None else int(np.max(values, initial=0))
    starts = jnp.cumsum(counts, dtype=counts.dtype) - counts
    places = starts[:, None] + lax.broadcasted_iota(counts.dtype, (len(counts), longest), 1)
    return target.at[places].get(mode="fill")


def _cost(
    x: Array, labels: Array, steps: Array, count: Array, *, blank: int, of_scores: bool
) -> Array:
    """The loss of one sequence.

    Its states are "the first i labels are written, and a blank after them" and "the first i labels
    are written, the last of them just now"; the scan carries the logarithms of their probabilities.
    """
    time, classes = x.shape
    now = jnp.arange(time, dtype=steps.dtype) < steps
    emitted = jnp.take(x, labels, 1, mode="clip")
    repeated = labels == _delayed(labels, blank)[:-1]

    def step(
        states: tuple[Array, Array], given: tuple[Array, Array, Array]
    ) -> tuple[tuple[Array, Array], None]:
        blanks, symbols = states
        pause, write, counts = given
        before = _delayed(symbols, -jnp.inf)
        skip = jnp.where(repeated, -jnp.inf, before[:-1])
        after = pause + _log_sum(blanks, before), write + _log_sum(symbols, blanks[:-1], skip)
        return jax.tree.map(partial(jnp.where, counts), after, states), None

    symbols = jnp.full(labels.shape, -jnp.inf, x.dtype)
    start = _delayed(symbols, 0), symbols
    (blanks, symbols), _ = lax.scan(step, start, (x[:, blank], emitted, now))
    ends = [jnp.take(s, count, mode="clip") for s in (blanks, _delayed(symbols, -jnp.inf))]
    cost = -_log_sum(*ends)
    if of_scores:
        probabilities = jnp.exp(jnp.where(now[:, None], x, -jnp.inf))
        nothing = jnp.sum(probabilities - lax.stop_gradient(probabilities))
        cost = jnp.where(cost == jnp.inf, cost, cost + nothing)
    known = jnp.all((labels >= 0) & (labels < classes))
    known &= (steps >= 0) & (steps <= time) & (count >= 0) & (count <= len(labels))
    return jnp.where(known, cost, jnp.nan)


def _delayed(x: Array, first: float) -> Array:
    """`first`, and then x."""
    return jnp.concatenate([jnp.full((1,), first, x.dtype), x])


def _log_sum(*logs: Array) -> Array:
    """The logarithm of the sum of `e^x`, with gradient 0 where all are -infinity."""
    largest = lax.stop_gradient(jnp.stack(logs).max(0))
    largest = jnp.where(largest == -jnp.inf, 0, largest)
    total = sum((jnp.exp(x - largest) for x in logs[1:]), jnp.exp(logs[0] - largest))
    none = total == 0
    return jnp.where(none, -jnp.inf, jnp.log(jnp.where(none, 1, total)) + largest)

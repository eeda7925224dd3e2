"""The training loop's boilerplate, and nothing more: one pure step, batches, accuracy.

>>> import jax, jax.numpy as jnp, fnn
>>> from fnn import optim
>>> def loss(params, x, y):
...     return fnn.loss.mse(fnn.linear(params, x), y)
>>> descent = optim.optimiser(optim.sgd, learning_rate=0.1)
>>> step = jax.jit(training_step(loss, descent))
>>> params = {"weight": jnp.ones((1, 2))}
>>> training = Training(params, {}, descent.init(params), None)
>>> for x, y in minibatches(jax.random.key(0), (jnp.ones((6, 2)), jnp.ones((6, 1))), 3):
...     training, value = step(training, x, y)
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from fnn.errors import describe, require, require_indices
from fnn.layer import Given, Layer
from fnn.optim import apply_updates

__all__ = ["Training", "accuracy", "minibatches", "training_step"]


class Training(NamedTuple):
    """All that changes in training: a pytree."""

    params: Any
    state: Any
    optimiser: Any
    key: Any


@dataclass(frozen=True)
class TrainingStep:
    """`(training, *batch) -> (training, value)`, a hashable value, so that jit knows it again."""

    loss: Callable
    optimiser: Any

    def __call__(self, training: Training, *batch: Any) -> tuple[Training, Array]:
        """One update, and the value of the loss before it."""
        loss, key, own = Layer(self.loss), training.key, None
        if "key" in loss.reserved:
            key, own = jax.random.split(key)

        def objective(params: Any) -> tuple[Array, Any]:
            return loss.fill(Given(params, training.state, own, True), *batch)

        (value, state), grads = jax.value_and_grad(objective, has_aux=True)(training.params)
        updates, after = self.optimiser.update(grads, training.optimiser, training.params)
        return Training(apply_updates(training.params, updates), state, after, key), value


def training_step(loss: Callable, optimiser: Any) -> TrainingStep:
    """A pure step of training.

    `loss` names what it needs: `loss(params, x, y)` or `loss(params, state, x, y, key, *, train)`;
    with `state` it returns `(value, state)`. `optimiser` is an `Optimiser`, or any of optax's.
    """
    return TrainingStep(loss, optimiser)


def minibatches(order: Any, arrays: Any, size: int, drop_last: bool = False) -> Iterator[Any]:
    """Batches of `size` examples from each array of a tree, in an order or, given a key, shuffled.

    >>> [x.tolist() for x in minibatches(np.arange(5), np.arange(5), 2)]
    [[0, 1], [2, 3], [4]]
    """
    lengths = {len(array) for array in jax.tree.leaves(arrays)}
    require(
        len(lengths) == 1,
        "minibatches",
        describe(arrays),
        "arrays with equally many examples",
        "inputs and labels come from different sets, or the batch is not the first axis",
    )
    count = lengths.pop()
    if isinstance(order, Array) and jnp.issubdtype(order.dtype, jax.dtypes.prng_key):
        order = jax.random.permutation(order, count)
    order = np.asarray(order)
    require_indices(order, count, "minibatches", "the order is of another set")
    stop = len(order) - len(order) % size if drop_last else len(order)
    for start in range(0, stop, size):
        chosen = order[start : start + size]
        yield jax.tree.map(itemgetter(chosen), arrays)


def accuracy(scores: Array, labels: Array) -> Array:
    """The share of examples whose label has the highest score.

    scores: (batch, classes, *space)
    labels: (batch, *space) int
    ->      ()
    """
    axis = min(scores.ndim - 1, 1)
    require(
        labels.shape == scores.shape[:axis] + scores.shape[axis + 1 :],
        "accuracy",
        f"scores {describe(scores)} and labels {describe(labels)}",
        "scores (batch, classes, ...) and labels (batch, ...)",
        "the labels are one-hot, or the classes are not axis 1",
    )
    return jnp.mean(jnp.argmax(scores, axis).astype(labels.dtype) == labels)

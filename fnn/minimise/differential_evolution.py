"""Differential evolution: children are the best plus a difference of two others, mixed with one."""

from collections.abc import Callable
from math import ceil
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.flatten_util import ravel_pytree

from fnn.minimise.loop import Minimum, blank, repeat, values_of


class Draws(NamedTuple):
    """What a generation takes from chance.

    Two others for each child; a number in [0, 1) for each of its entries; the entry that it
    inherits in any case.
    """

    others: Array
    chance: Array
    entry: Array


class Run(NamedTuple):
    """The population and its values, the best so far, and all values."""

    rows: Array
    fitness: Array
    best: Array
    value: Array
    generation: Array
    values: Array


def differential_evolution(
    function: Callable[[Any], Any],
    params: Any,
    key: Any,
    *,
    max_evaluations: int,
    population: int | None = None,
    scale: Any = 0.5,
    crossover: Any = 0.5,
    region: tuple[Any, Any] = (-30.0, 30.0),
    first: Any = None,
    as_torch7: bool = False,
    compiled: bool = True,
) -> Minimum:
    """Minimise a function of parameters from its values alone, by the rule best/1/bin.

    `params` only says what the parameters look like: the first population is uniform in the
    `region`, ten times as many as there are numbers, or it is `first` (a list of such parameters).
    A child's entry is `best + scale * (one - another)`, with the probability `crossover`, else its
    parent's; it takes the parent's place if it is no worse. `key` is a random key, or a function
    from the generation's number to its `Draws`. `values` are those of all evaluations.

    Torch7 begins with the worst for the best, and its children inherit all entries if their number
    is the drawn entry: `as_torch7`. Source: Storn and Price 1997; Torch7 `optim.de`.
    """
    evaluate, like, restore = values_of(function, params, compiled)
    size, kind = like.size, like.dtype
    people = 10 * size if population is None else population
    if first is not None:
        rows = jnp.stack([ravel_pytree(one)[0] for one in first])
        people = len(rows)
    else:
        low, high = (jnp.asarray(bound, kind) for bound in region)
        rows = low + (high - low) * jax.random.uniform(
            jax.random.fold_in(key, 0), (people, size), kind
        )

    def draw(generation: Array) -> Draws:
        if not isinstance(key, Array):
            return key(generation)
        keys = jax.random.split(jax.random.fold_in(key, generation), 4)
        own = jnp.arange(people)
        one = (own + jax.random.randint(keys[0], (people,), 1, people)) % people
        step = jax.random.randint(keys[1], (people,), 1, people - 1)
        # Of the places after one's own, the second skips the one that the first has taken.
        another = (own + jnp.where(step < (one - own) % people, step, step + 1)) % people
        chance = jax.random.uniform(keys[2], (people, size), kind)
        entry = jax.random.randint(keys[3], (people,), 0, size)
        return Draws(jnp.stack([one, another], 1), chance, entry)

    def iterate(run: Run) -> Run:
        others, chance, entry = draw(run.generation + 1)
        places = jnp.arange(people) if as_torch7 else jnp.arange(size)
        forced = (places == entry)[:, None] if as_torch7 else places[None] == entry[:, None]
        mutant = run.best[None] + scale * (run.rows[others[:, 0]] - run.rows[others[:, 1]])
        children = jnp.where((chance < crossover) | forced, mutant, run.rows)
        values = evaluate(children)
        kept = values <= run.fitness
        rows = jnp.where(kept[:, None], children, run.rows)
        fitness = jnp.where(kept, values, run.fitness)
        found = jnp.argmin(jnp.where(kept, values, jnp.inf))
        better = kept[found] & (values[found] < run.value)
        at = (run.generation + 1) * people
        return Run(
            rows,
            fitness,
            jnp.where(better, children[found], run.best),
            jnp.where(better, values[found], run.value),
            run.generation + 1,
            jax.lax.dynamic_update_slice(run.values, values, (at,)),
        )

    def running(run: Run) -> Array:
        return (run.generation + 1) * people + 1 < max_evaluations

    fitness = evaluate(rows)
    begin = jnp.argmax(fitness) if as_torch7 else jnp.argmin(fitness)
    generations = max(ceil((max_evaluations - 1) / people), 1)
    values = blank(generations * people - 1, like).at[:people].set(fitness)
    run = Run(rows, fitness, rows[begin], fitness[begin], jnp.zeros((), jnp.int32), values)
    run = repeat(compiled, running, iterate, run)
    count = (run.generation + 1) * people
    return Minimum(restore(run.best), run.value, run.values, count, count)

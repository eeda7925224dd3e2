"""CMA-ES: draw candidates around a mean, move it to the best, adapt the shape of the cloud."""

from collections.abc import Callable
from math import ceil, floor, log, sqrt
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from fnn.minimise.loop import Minimum, blank, repeat, unless, values_of


class Run(NamedTuple):
    """The cloud: its mean, size and covariance with axes and their lengths, and two paths."""

    mean: Array
    sigma: Array
    covariance: Array
    axes: Array
    lengths: Array
    covariance_path: Array
    sigma_path: Array
    decomposed: Array
    generation: Array
    fitness: Array
    best: Array
    value: Array
    values: Array


def cmaes(
    function: Callable[[Any], Any],
    params: Any,
    key: Any,
    *,
    sigma: Any,
    population: int | None = None,
    max_evaluations: float | None = None,
    target: Any = -jnp.inf,
    min_iterations: int = 1,
    compiled: bool = True,
) -> Minimum:
    """Minimise a function of parameters from its values alone.

    `sigma` is the standard deviation of the first candidates around `params`. By default
    `population` is `4 + 3 log(size)` and `max_evaluations` a thousand times the size squared. It
    ends there, at `target`, or when the cloud or its values hardly differ any more. `key` is a
    random key, or a function from the generation's number to standard normal numbers
    `(population, size)`. `values` are the first, the best of each generation, and the best of all.
    Source: Hansen's barecmaes2; Torch7 `optim.cmaes`.
    """
    evaluate, start, restore = values_of(function, params, compiled)
    size, kind = start.size, start.dtype
    people = 4 + floor(3 * log(size)) if population is None else population
    most = 1e3 * size**2 if max_evaluations is None else max_evaluations
    # Half of an odd population is not a whole number of parents, but counts so in the weights.
    weights = [log(people / 2 + 0.5) - log(i + 1) for i in range(people // 2)]
    weights = [w / sum(weights) for w in weights]
    parents = 1 / sum(w * w for w in weights)
    follow = (4 + parents / size) / (size + 4 + 2 * parents / size)
    follow_sigma = (parents + 2) / (size + parents + 5)
    rank_one = 2 / ((size + 1.3) ** 2 + parents)
    rank_many = min(1 - rank_one, 2 * (parents - 2 + 1 / parents) / ((size + 2) ** 2 + parents))
    damping = 2 * parents / people + 0.3 + follow_sigma

    def draw(generation: Array) -> Array:
        if not isinstance(key, Array):
            return jnp.asarray(key(generation), kind)
        return jax.random.normal(jax.random.fold_in(key, generation), (people, size), kind)

    def decompose(run: Run) -> Run:
        upper = jnp.triu(run.covariance)
        whole = upper + jnp.triu(run.covariance, 1).T
        squares, axes = jnp.linalg.eigh(whole, UPLO="U", symmetrize_input=False)
        return run._replace(
            covariance=whole,
            axes=axes,
            lengths=jnp.sqrt(squares),
            decomposed=run.generation,
        )

    def iterate(run: Run) -> Run:
        waited = people * (run.generation - run.decomposed)
        late = waited > floor(people / (rank_one + rank_many) / size / 10)
        run = unless(compiled, ~late, decompose, run)
        spread = (draw(run.generation) * run.lengths[None]) @ run.axes.T
        candidates = run.mean[None] + run.sigma * spread
        fitness = evaluate(candidates)
        order = jnp.argsort(fitness)
        fitness, chosen = fitness[order], candidates[order[: people // 2]]
        better, generation = fitness[0] < run.value, run.generation + 1

        share = jnp.asarray(weights, kind)
        mean = share @ chosen
        moved = (mean - run.mean) / run.sigma
        whitened = run.axes @ ((run.axes.T @ moved) / run.lengths)
        sigma_path = (1 - follow_sigma) * run.sigma_path
        sigma_path = sigma_path + sqrt(follow_sigma * (2 - follow_sigma) * parents) * whitened
        length = jnp.vdot(sigma_path, sigma_path) / size
        begun = 1 - (1 - follow_sigma) ** (2 * generation.astype(kind))
        steady = jnp.asarray(length / begun < 2 + 4 / (size + 1), kind)
        path = (1 - follow) * run.covariance_path
        path = path + steady * sqrt(follow * (2 - follow) * parents) * moved

        lost = rank_one - (1 - steady) * rank_one * follow * (2 - follow)
        steps = (chosen - run.mean[None]) / run.sigma
        covariance = (1 - lost - rank_many) * run.covariance
        covariance = covariance + rank_one * jnp.outer(path, path)
        covariance = covariance + rank_many * (steps.T * share[None]) @ steps
        growth = jnp.minimum(0.6, follow_sigma / damping * (length - 1) / 2)
        return run._replace(
            mean=mean,
            sigma=run.sigma * jnp.exp(growth),
            covariance=covariance,
            covariance_path=path,
            sigma_path=sigma_path,
            generation=generation,
            fitness=fitness,
            best=jnp.where(better, chosen[0], run.best),
            value=jnp.where(better, fitness[0], run.value),
            values=run.values.at[generation].set(fitness[0]),
        )

    def running(run: Run) -> Array:
        longest = jnp.max(run.lengths)
        stop = (
            (people * run.generation >= ceil(most))
            | (run.fitness[0] <= target)
            | (longest > 1e7 * jnp.min(run.lengths))
            | (run.fitness[-1] - run.fitness[0] < 1e-12)
            | (run.sigma * longest < 1e-11)
        )
        return (run.generation == 0) | ~stop | (run.generation < min_iterations)

    rows = max(ceil(most / people), min_iterations, 1) + 1
    values = blank(rows, start).at[0].set(evaluate(start[None])[0])
    zero, none, round_ = jnp.zeros_like(start), jnp.zeros((), jnp.int32), jnp.eye(size, dtype=kind)
    shape = round_, round_, jnp.ones_like(start), zero, zero, none, none
    begin = jnp.full(people, jnp.inf, kind)
    run = Run(start, jnp.asarray(sigma, kind), *shape, begin, start, begin[0], values)
    run = repeat(compiled, running, iterate, run)
    values = run.values.at[run.generation + 1].set(run.value)
    count = 1 + people * run.generation
    return Minimum(restore(run.best), run.value, values, run.generation + 2, count)

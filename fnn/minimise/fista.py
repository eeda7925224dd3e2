"""FISTA: gradient steps on a smooth function, each followed by the proximal step of a penalty."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.flatten_util import ravel_pytree

from fnn.minimise.loop import Minimum, blank, gradients_of, repeat


class History(NamedTuple):
    """What each iteration found, and NaN after the last.

    Evaluations of its line search; the inverse step; the value of both parts, of the smooth one, of
    the penalty; and the bound that the smooth one was under.
    """

    searches: Array
    inverse_step: Array
    value: Array
    smooth: Array
    penalty: Array
    bound: Array


class Line(NamedTuple):
    """A step that was tried, its value and bound, the inverse step, and how many were tried."""

    x: Array
    value: Array
    bound: Array
    inverse: Array
    tried: Array


class Run(NamedTuple):
    """The point of the last iteration, the one to step from, and its value and gradient."""

    x: Array
    y: Array
    value: Array
    gradient: Array
    inverse: Array
    momentum: Array
    iterations: Array
    evaluations: Array
    history: History
    done: Array


def fista(
    smooth: Callable[[Any], tuple[Any, Any]],
    penalty: Callable[[Any], Any],
    proximal: Callable[[Any, Array], Any],
    params: Any,
    *,
    inverse_step: Any = 0.1,
    growth: Any = 1.5,
    max_iterations: int = 50,
    max_searches: int = 20,
    tolerance: Any = 1e-4,
    accelerate: bool = True,
    compiled: bool = True,
) -> Minimum:
    """Minimise `smooth + penalty`, from `params` on (Torch7: from zero).

    `smooth` gives its value and its gradient. `proximal(params, inverse_step)` gives the minimum of
    `penalty(x) + inverse_step / 2 * |x - params|^2`. The inverse step grows by a factor until the
    smooth part is below its quadratic bound. It ends when the value changes by at most `tolerance`.
    Without acceleration it is ISTA, which is what Torch7 runs unless `doFistaUpdate` is true.
    `values` are those of the iterations, and `state` is a `History`, whose last `inverse_step` can
    start the next call. Source: Beck and Teboulle 2009; Torch7 `optim.FistaLS`.
    """
    evaluate, start, restore = gradients_of(smooth, params)

    def iterate(run: Run) -> Run:
        y, f, g = run.y, run.value, run.gradient

        def attempt(inverse: Array, tried: Array) -> Line:
            x = ravel_pytree(proximal(restore(y - g / inverse), inverse))[0]
            step = x - y
            bound = f + jnp.vdot(g, step) + inverse / 2 * jnp.vdot(step, step)
            return Line(x, evaluate(x)[0], bound, inverse, tried + 1)

        def going(line: Line) -> Array:
            return (line.value > line.bound) & (line.tried <= max_searches)

        def shorten(line: Line) -> Line:
            return attempt(line.inverse * growth, line.tried)

        line = repeat(compiled, going, shorten, attempt(run.inverse, 0 * run.iterations))
        x = jnp.where(line.value <= line.bound, line.x, run.x)
        momentum = (1 + jnp.sqrt(1 + 4 * run.momentum * run.momentum)) / 2
        y = x + (run.momentum - 1) / momentum * (x - run.x) if accelerate else x
        f, g = evaluate(y)
        cost = jnp.asarray(penalty(restore(y)), f.dtype)
        row = line.tried, line.inverse, f + cost, f, cost, line.bound
        at, history = run.iterations, run.history
        history = History(
            *(
                column.at[at].set(jnp.asarray(v, f.dtype))
                for column, v in zip(history, row, strict=True)
            )
        )
        change = jnp.abs(f + cost - run.history.value[at - 1])
        return Run(
            x,
            y,
            f,
            g,
            line.inverse,
            momentum,
            at + 1,
            run.evaluations + line.tried + 1,
            history,
            (at > 0) & (change <= tolerance),
        )

    def running(run: Run) -> Array:
        return ~run.done & (run.iterations < max_iterations)

    value, gradient = evaluate(start)
    inverse = jnp.asarray(inverse_step, start.dtype)
    history = History(*[blank(max_iterations - 1, start)] * 6)
    none, one = jnp.zeros((), jnp.int32), jnp.ones((), start.dtype)
    run = Run(start, start, value, gradient, inverse, one, none, none + 1, history, none > 0)
    run = repeat(compiled, running, iterate, run)
    history = run.history
    total = history.value[run.iterations - 1]
    return Minimum(restore(run.y), total, history.value, run.iterations, run.evaluations, history)

"""Conjugate gradients with a line search by cubic and quadratic interpolation."""

from collections.abc import Callable
from functools import partial
from math import ceil, floor
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from fnn.minimise.loop import Minimum, blank, gradients_of, repeat


class Line(NamedTuple):
    """A line search: `*2` is the newest point, `*3` the one before, `z1` the length so far."""

    x: Array
    z1: Array
    f2: Array
    g2: Array
    d2: Array
    f3: Array
    d3: Array
    z3: Array
    limit: Array
    left: Array
    evaluations: Array


class Run(NamedTuple):
    """Where the run is: value, gradient, direction, slope along it, the first length to try."""

    x: Array
    f1: Array
    g1: Array
    s: Array
    d1: Array
    z1: Array
    failed: Array
    evaluations: Array
    values: Array
    recorded: Array
    stop: Array


def cg(
    function: Callable[[Any], tuple[Any, Any]],
    params: Any,
    *,
    max_iterations: int = 20,
    max_evaluations: float | None = None,
    rho: Any = 0.01,
    sigma: Any = 0.5,
    inside: Any = 0.1,
    outside: Any = 3.0,
    ratio: Any = 100.0,
    retry: bool = True,
    compiled: bool = True,
) -> Minimum:
    """Minimise a function that gives its value and its gradient, by Polak and Ribière's directions.

    A line search makes at most `max_iterations` evaluations and ends where the value fell by `rho`
    of what the slope promised, and the slope to `sigma` of what it was. It keeps away from a
    bracket's ends by `inside` of the bracket, goes out to at most `outside` times the length so
    far, and begins with at most `ratio` times the last length. By default there are 5/4 as many
    evaluations as iterations. After a failed line search there is one more, along the gradient;
    Torch7 stops there: `retry=False`. `values` are those at the ends of line searches.
    Source: Rasmussen's minimize.m; Torch7 `optim.cg`.
    """
    evaluate, x, restore = gradients_of(function, params)
    most = max_iterations * 1.25 if max_evaluations is None else max_evaluations
    tiny = jnp.finfo(x.dtype).tiny

    def search(run: Run) -> Run:
        def unsettled(line: Line) -> Array:
            return (line.f2 > run.f1 + line.z1 * rho * run.d1) | (line.d2 > -sigma * run.d1)

        def going(line: Line) -> Array:
            out = (line.d2 <= sigma * run.d1) & (line.left != 0)
            return jnp.where(unsettled(line), line.left > 0, out)

        def advance(line: Line) -> Line:
            inward = unsettled(line)
            limit = jnp.where(inward, line.z1, line.limit)
            z2 = jnp.where(inward, interpolated(line, run.f1), extrapolated(line))
            z1 = line.z1 + z2
            x = line.x + z2 * run.s
            f2, g2 = evaluate(x)
            return Line(
                x,
                z1,
                f2,
                g2,
                jnp.vdot(g2, run.s),
                jnp.where(inward, line.f3, line.f2),
                jnp.where(inward, line.d3, line.d2),
                jnp.where(inward, line.z3 - z2, -z2),
                limit,
                line.left - 1,
                line.evaluations + 1,
            )

        def interpolated(line: Line, f1: Array) -> Array:
            _, _, f2, _, d2, f3, d3, z3 = line[:8]
            a, b = cubic(line)
            quadratic = z3 - 0.5 * d3 * z3 * z3 / (d3 * z3 + f2 - f3)
            z2 = jnp.where(f2 > f1, quadratic, (jnp.sqrt(b * b - a * d2 * z3 * z3) - b) / a)
            z2 = jnp.where(jnp.isfinite(z2), z2, z3 / 2)
            return jnp.maximum(jnp.minimum(z2, inside * z3), (1 - inside) * z3)

        def extrapolated(line: Line) -> Array:
            z1, d2, z3, limit = line.z1, line.d2, line.z3, line.limit
            a, b = cubic(line)
            z2 = -d2 * z3 * z3 / (b + jnp.sqrt(b * b - a * d2 * z3 * z3))
            bounded, half, far = limit > -0.5, (limit - z1) / 2, z1 * (outside - 1)
            return jnp.select(
                [
                    ~jnp.isfinite(z2) | (z2 < 0),
                    bounded & (z2 + z1 > limit),
                    ~bounded & (z2 + z1 > z1 * outside),
                    z2 < -z3 * inside,
                    bounded & (z2 < (limit - z1) * (1 - inside)),
                ],
                [
                    jnp.where(bounded, half, far),
                    half,
                    far,
                    -z3 * inside,
                    (limit - z1) * (1 - inside),
                ],
                z2,
            )

        def succeed(line: Line) -> Run:
            fresh = jnp.vdot(line.g2, line.g2) - jnp.vdot(line.g2, run.g1)
            s = run.s * (fresh / jnp.vdot(run.g1, run.g1)) - line.g2
            uphill = jnp.vdot(line.g2, s) > 0
            s = jnp.where(uphill, -line.g2, s)
            d = jnp.where(uphill, -jnp.vdot(s, s), jnp.vdot(line.g2, s))
            return run._replace(
                x=line.x,
                f1=line.f2,
                g1=line.g2,
                s=s,
                d1=d,
                z1=line.z1 * jnp.minimum(ratio, run.d1 / (d - tiny)),
                failed=~yes,
                values=run.values.at[run.recorded].set(line.f2),
                recorded=run.recorded + 1,
            )

        def fail(line: Line) -> Run:
            d = -jnp.vdot(line.g2, line.g2)
            stop = (run.failed if retry else yes) | (line.evaluations > floor(most))
            return run._replace(g1=line.g2, s=-line.g2, d1=d, z1=1 / (1 - d), failed=yes, stop=stop)

        x = run.x + run.z1 * run.s
        f2, g2 = evaluate(x)
        count, d2 = run.evaluations + 1, jnp.vdot(g2, run.s)
        left = jnp.minimum(max_iterations, most - count.astype(x.dtype))
        outward = (run.f1, run.d1, -run.z1, jnp.full_like(d2, -1))
        line = Line(x, run.z1, f2, g2, d2, *outward, left, count)
        line = repeat(compiled, going, advance, line)
        success = ~unsettled(line) & (line.d2 > sigma * run.d1)
        found = jax.tree.map(partial(jnp.where, success), succeed(line), fail(line))
        return found._replace(evaluations=line.evaluations)

    def running(run: Run) -> Array:
        return ~run.stop & (run.evaluations < ceil(most))

    value, gradient = evaluate(x)
    yes, one = jnp.ones((), bool), jnp.ones((), jnp.int32)
    slope = -jnp.vdot(gradient, gradient)
    values = blank(ceil(most), x).at[0].set(value)
    place = x, value, gradient, -gradient, slope, 1 / (1 - slope)
    run = repeat(compiled, running, search, Run(*place, ~yes, one, values, one, ~yes))
    return Minimum(restore(run.x), run.f1, run.values, run.recorded, run.evaluations)


def cubic(line: Line) -> tuple[Array, Array]:
    """Coefficients of the cubic through the last two points."""
    _, _, f2, _, d2, f3, d3, z3 = line[:8]
    return 6 * (f2 - f3) / z3 + 3 * (d2 + d3), 3 * (f3 - f2) - z3 * (d3 + 2 * d2)

"""A line search for a step with enough descent and little slope left: Wolfe's strong conditions.

f(x + t d) <= f(x) + c1 t f'(x) d           |f'(x + t d) d| <= c2 |f'(x) d|
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array

from fnn.errors import require
from fnn.minimise.loop import repeat


class Point(NamedTuple):
    """A place along the line: how far, the value, the gradient, and the slope along the line."""

    length: Array
    value: Array
    gradient: Array
    slope: Array


class Outward(NamedTuple):
    """The last two points of steps that grow, and how often they grew."""

    before: Point
    now: Point
    steps: Array


class Inward(NamedTuple):
    """A bracket of two points; evaluations beyond the first; what the last one said."""

    ends: Point
    steps: Array
    stuck: Array
    done: Array
    small: Array


@dataclass(frozen=True)
class Wolfe:
    """The line search of Torch7 and PyTorch, for `lbfgs`.

    It ends after `iterations` evaluations beyond the first, by default when no more are left, or
    when the bracket is too narrow: its `stop`, `width * max|d|` or `width * |slope|`, is below
    `tolerance`. Outward it goes to the cubic's minimum in the next interval (`extrapolate="best"`),
    or to where the cubic levels out, brought into that interval (`"level"`).

    PyTorch's `strong_wolfe` is `Wolfe()`, and Torch7's `optim.lswolfe` is
    `Wolfe(iterations=20, stop="slope", extrapolate="best")`.
    Source: Nocedal and Wright, algorithms 3.5 and 3.6; Schmidt's minFunc.
    """

    c1: Any = 1e-4
    c2: Any = 0.9
    tolerance: Any = 1e-9
    iterations: int | None = None
    stop: str = "width"
    extrapolate: str = "level"

    def __post_init__(self) -> None:
        require(
            self.stop in ("width", "slope") and self.extrapolate in ("level", "best"),
            "Wolfe",
            f"stop={self.stop!r}, extrapolate={self.extrapolate!r}",
            "'width' or 'slope', and 'level' or 'best'",
            "a typo",
        )

    def __call__(
        self,
        evaluate: Callable[[Array], tuple[Array, Array]],
        x: Array,
        length: Array,
        direction: Array,
        value: Array,
        gradient: Array,
        slope: Array,
        *,
        budget: Any,
        compiled: bool = True,
    ) -> tuple[Array, Array, Array, Array]:
        """Value, gradient and length of a good step, and the evaluations that it took."""
        limit = budget if self.iterations is None else self.iterations
        start = Point(jnp.zeros_like(length), value, gradient, slope)
        widest = jnp.max(jnp.abs(direction))

        def at(length: Array) -> Point:
            value, gradient = evaluate(x + length * direction)
            return Point(length, value, gradient, jnp.vdot(gradient, direction))

        def high(p: Point) -> Array:
            return p.value > value + self.c1 * p.length * slope

        def level(p: Point) -> Array:
            return jnp.abs(p.slope) <= -self.c2 * slope

        def above(s: Outward) -> Array:
            return high(s.now) | ((s.steps > 1) & (s.now.value >= s.before.value))

        def going_out(s: Outward) -> Array:
            return ~(above(s) | level(s.now) | (s.now.slope >= 0)) & (s.steps < limit)

        def go_out(s: Outward) -> Outward:
            near = s.now.length + 0.01 * (s.now.length - s.before.length)
            search = best if self.extrapolate == "best" else level_point
            return Outward(s.now, at(search(s.before, s.now, near, s.now.length * 10)), s.steps + 1)

        out = repeat(
            compiled, going_out, go_out, Outward(start, at(length), jnp.zeros((), jnp.int32))
        )
        spent = out.steps >= limit
        done = ~spent & ~above(out) & level(out.now)
        first = choose(spent, start, choose(done, out.now, out.before))

        def narrow(ends: Point, slope: Array, done: Array) -> Array:
            width = jnp.abs(ends.length[1] - ends.length[0])
            scale = widest if self.stop == "width" else jnp.abs(slope)
            return ~done & (width * scale < self.tolerance)

        def going_in(s: Inward) -> Array:
            return ~s.done & ~s.small & (s.steps < limit)

        def go_in(s: Inward) -> Inward:
            ends, low = s.ends, lowest(s.ends)
            least, most = jnp.min(ends.length), jnp.max(ends.length)
            t, margin = level_point(end(ends, 0), end(ends, 1), least, most), 0.1 * (most - least)
            close = jnp.minimum(most - t, t - least) < margin
            moved = close & (s.stuck | (t >= most) | (t <= least))
            inside = jnp.where(most - t < t - least, most - margin, least + margin)
            new = at(jnp.where(moved, inside, t))
            worse = high(new) | (new.value >= ends.value[low])
            done = ~worse & level(new)
            turned = new.slope * (ends.length[1 - low] - ends.length[low]) >= 0
            ends = choose(~worse & ~done & turned, both(end(ends, low), end(ends, low)), ends)
            ends = Point(
                *(
                    rows.at[jnp.where(worse, 1 - low, low)].set(row)
                    for rows, row in zip(ends, new, strict=True)
                )
            )
            small = narrow(ends, new.slope, done)
            return Inward(ends, s.steps + 1, close & ~moved, done, small)

        ends, no = both(first, out.now), jnp.zeros((), bool)
        small = narrow(ends, out.now.slope, done) if self.stop == "width" else no
        found = repeat(compiled, going_in, go_in, Inward(ends, out.steps, no, done, small))
        point = end(found.ends, lowest(found.ends))
        return point.value, point.gradient, point.length, 1 + found.steps


def both(first: Point, second: Point) -> Point:
    """Two points as one with two rows."""
    return Point(*(jnp.stack(pair) for pair in zip(first, second, strict=True)))


def end(ends: Point, i: Any) -> Point:
    """One of them again."""
    return Point(*(rows[i] for rows in ends))


def lowest(ends: Point) -> Array:
    """Which of them is the lower; the first, if they are equal."""
    return jnp.where(ends.value[0] <= ends.value[1], 0, 1)


def choose(condition: Array, first: Point, second: Point) -> Point:
    """One of two points."""
    return Point(*(jnp.where(condition, *pair) for pair in zip(first, second, strict=True)))


def level_point(first: Point, second: Point, low: Array, high: Array) -> Array:
    """Where the cubic through two points has its minimum, brought into an interval.

    The interval's middle, where there is none; its lower end, if a value is infinite or all level.
    """
    backward = first.length > second.length
    a, b = choose(backward, second, first), choose(backward, first, second)
    mean = a.slope + b.slope - 3 * (a.value - b.value) / (a.length - b.length)
    square = jnp.square(mean) - a.slope * b.slope
    root = jnp.sqrt(jnp.maximum(square, 0))
    part = (b.slope + root - mean) / (b.slope - a.slope + 2 * root)
    found = b.length - (b.length - a.length) * part
    found = jnp.fmin(jnp.fmax(found, low), high)  # `low` in place of NaN
    return jnp.where(square >= 0, found, (low + high) / 2)


def best(first: Point, second: Point, low: Array, high: Array) -> Array:
    """Where the cubic through two points is lowest in an interval: inside, or at an end."""
    width, rise = second.length - first.length, second.value - first.value
    secant = rise / width
    square = (3 * secant - 2 * first.slope - second.slope) / width
    cube = (first.slope + second.slope - 2 * secant) / jnp.square(width)
    root = jnp.sqrt(jnp.square(square) - 3 * cube * first.slope)
    q = -(square + jnp.copysign(root, square))
    s = jnp.stack([low - first.length, high - first.length, q / (3 * cube), first.slope / q])
    value = s * (first.slope + s * (square + s * cube))
    inside = (s + first.length >= low) & (s + first.length <= high) & jnp.isfinite(value)
    value = jnp.where(inside.at[:2].set(jnp.isfinite(value[:2])), value, jnp.inf)
    place = jnp.where(jnp.isfinite(value), s + first.length, (low + high) / 2)
    return place[jnp.argmin(value)]

"""L-BFGS: Newton's method with the curvature that the last steps met."""

from collections.abc import Callable
from math import ceil
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.flatten_util import ravel_pytree

from fnn.minimise.loop import Minimum, blank, gradients_of, repeat, unless


class State(NamedTuple):
    """Steps and the changes of the gradient along them, oldest first; and where the last ended."""

    steps: Array
    changes: Array
    inverses: Array
    stored: Array
    scale: Array
    direction: Array
    length: Array
    gradient: Array
    iterations: Array
    evaluations: Array


class Run(NamedTuple):
    """One call: the memory, where it is, what it has done, and whether to stop."""

    memory: State
    x: Array
    value: Array
    gradient: Array
    slope: Array
    iterations: Array
    evaluations: Array
    values: Array
    recorded: Array
    stop: Array


def lbfgs_init(params: Any, *, history: int = 100) -> State:
    """No steps so far, and room for `history` of them."""
    x = ravel_pytree(params)[0]
    zero, none = jnp.zeros_like(x), jnp.zeros((), jnp.int32)
    rows = jnp.zeros((history, x.size), x.dtype)
    one = jnp.ones((), x.dtype)
    return State(rows, rows, rows[:, 0], none, one, zero, 0 * one, zero, none, none)


def lbfgs(
    function: Callable[[Any], tuple[Any, Any]],
    params: Any,
    state: State | None = None,
    *,
    learning_rate: Any = 1.0,
    max_iterations: int = 20,
    max_evaluations: float | None = None,
    tolerance_gradient: Any = 1e-7,
    tolerance_change: Any = 1e-9,
    history: int = 100,
    order: float = jnp.inf,
    search: Callable[..., Any] | None = None,
    compiled: bool = True,
) -> Minimum:
    """Minimise a function that gives its value and its gradient.

    It stops when the gradient is at most `tolerance_gradient`, a step at most `tolerance_change`,
    or the value changes by less than that; `order` is the norm they are measured in. A call goes on
    from the `state` of the last. Without a line search (see `Wolfe`) steps have the length
    `learning_rate`, and the last step is not evaluated. By default there are 5/4 times as many
    evaluations as iterations. Torch7 has `order=1` and `tolerance_gradient=1e-5`.
    Source: Nocedal 1980, Schmidt's minFunc; Torch7 `optim.lbfgs`, PyTorch `optim.LBFGS`.
    """
    evaluate, x, restore = gradients_of(function, params)
    memory = lbfgs_init(params, history=history) if state is None else state
    limit = max_iterations * 5 // 4 if max_evaluations is None else ceil(max_evaluations)

    def size(vector: Array) -> Array:
        return jnp.linalg.norm(vector, order)

    def prepare(run: Run) -> Run:
        """The next direction."""
        memory, g = remember(run.memory, run.gradient), run.gradient
        d = downwards(memory, g)
        first = jnp.minimum(1, 1 / jnp.sum(jnp.abs(g)))
        length = jnp.where(memory.iterations == 0, first, 1) * learning_rate
        slope = jnp.vdot(g, d)
        memory = memory._replace(
            direction=d,
            length=jnp.asarray(length, x.dtype),
            gradient=g,
            iterations=memory.iterations + 1,
        )
        return run._replace(
            memory=memory,
            slope=slope,
            iterations=run.iterations + 1,
            stop=slope > -tolerance_change,
        )

    def going(run: Run) -> Array:
        last = run.iterations >= max_iterations
        return ~run.stop if search is not None else ~run.stop & ~last

    def move(run: Run) -> Run:
        d, t = run.memory.direction, run.memory.length
        if search is None:
            value, g = evaluate(run.x + t * d)
            used = 1
        else:
            budget = limit - run.evaluations
            place = run.x, t, d, run.value, run.gradient, run.slope
            value, g, t, used = search(evaluate, *place, budget=budget, compiled=compiled)
        evaluations = run.evaluations + used
        stop = (
            (run.iterations >= max_iterations)
            | (evaluations >= limit)
            | (size(g) <= tolerance_gradient)
            | (size(t * d) <= tolerance_change)
            | (jnp.abs(value - run.value) < tolerance_change)
        )
        run = run._replace(
            memory=run.memory._replace(length=t),
            x=run.x + t * d,
            value=value,
            gradient=g,
            evaluations=evaluations,
            values=run.values.at[run.recorded].set(value),
            recorded=run.recorded + 1,
            stop=stop,
        )
        return unless(compiled, stop, prepare, run)

    value, gradient = evaluate(x)
    one = jnp.ones((), jnp.int32)
    values = blank(max_iterations, x).at[0].set(value)
    stop = size(gradient) <= tolerance_gradient
    run = Run(memory, x, value, gradient, 0 * value, 0 * one, one, values, one, stop)
    run = unless(compiled, stop, prepare, run)
    run = repeat(compiled, going, move, run)
    x, memory = run.x, run.memory
    if search is None:
        x = jnp.where(run.stop, x, x + memory.length * memory.direction)
    memory = memory._replace(evaluations=memory.evaluations + run.evaluations)
    return Minimum(restore(x), run.value, run.values, run.recorded, run.evaluations, memory)


@jax.jit
def remember(memory: State, gradient: Array) -> State:
    """The last step and the change along it, unless the function curved downwards there."""
    y, s = gradient - memory.gradient, memory.direction * memory.length
    curvature = jnp.vdot(y, s)
    history = len(memory.steps)
    full, at = memory.stored == history, jnp.minimum(memory.stored, history - 1)

    def add(rows: Array, row: Array) -> Array:
        return jnp.where(full, jnp.roll(rows, -1, 0), rows).at[at].set(row)

    def keep(memory: State) -> State:
        return memory._replace(
            steps=add(memory.steps, s),
            changes=add(memory.changes, y),
            inverses=add(memory.inverses, 1 / curvature),
            stored=at + 1,
            scale=curvature / jnp.vdot(y, y),
        )

    return lax.cond(curvature > 1e-10, keep, lambda memory: memory, memory)


@jax.jit
def downwards(memory: State, gradient: Array) -> Array:
    """Minus the gradient times the inverse of the approximate Hessian."""
    steps, changes, inverses, stored, scale = memory[:5]

    def newest_first(i: Any, carry: tuple[Array, Array]) -> tuple[Array, Array]:
        q, parts = carry
        i = stored - 1 - i
        part = jnp.vdot(steps[i], q) * inverses[i]
        return q - part * changes[i], parts.at[i].set(part)

    def oldest_first(i: Any, r: Array) -> Array:
        return r + (parts[i] - jnp.vdot(changes[i], r) * inverses[i]) * steps[i]

    q, parts = lax.fori_loop(0, stored, newest_first, (-gradient, jnp.zeros_like(inverses)))
    return lax.fori_loop(0, stored, oldest_first, q * scale)

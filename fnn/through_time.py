"""Steps of recurrent cells, one after the other through the times of a sequence, and back."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

from fnn.loop import loop, scan
from fnn.matmul import product, transposed
from fnn.recurrence import Kind, Slopes, State, plus


@partial(jax.custom_jvp, nondiff_argnums=(0, 1))
@partial(jax.jit, static_argnums=(0, 1), inline=True)  # so that eager calls compile it once
def through_time(
    kind: Kind,
    reverse: bool,
    weight: Array,
    valid: Array | None,
    project: Array | None,
    gates: Array,
    state: State,
) -> tuple[Array, State]:
    """Repeat a step: the hidden state at each time, and the state after the last.

    `weight` and `project` are weight_hh and weight_hr of the layer; `valid` (time, ..., 1) says
    which examples have not ended yet.
    """
    weight = transposed(weight)

    def step(state: State, each: tuple[Array, Array | None]) -> tuple[State, Array]:
        after = until(each[1], kind.after(each[0], weight, state, project), state)
        return after, after[0]

    state, hidden = lax.scan(step, state, (gates, valid), reverse=reverse)
    return hidden, state


@through_time.defjvp
def _through_time_jvp(
    kind: Kind, reverse: bool, primals: tuple, tangents: tuple
) -> tuple[Any, Any]:
    """A change of weights acts through the gates and the outputs, for all times at once.

    So the gradient by weights is one product after the way back, not a sum over the steps of it.
    """
    weight, valid, project, gates, state = primals
    weights, _, projects, changes, states = tangents
    fixed = weight, valid, project
    slopes, shown, hidden, last = loop(Forward(kind, reverse), fixed, (gates, state))
    begun = state[0][None]
    parts = [hidden[1:], begun] if reverse else [begun, hidden[:-1]]
    changes = plus(changes, product(jnp.concatenate(parts), transposed(weights)))
    beside = None if project is None else product(shown, transposed(projects))
    ways = Change(kind, reverse), Back(kind, reverse)
    fixed = slopes, fixed
    return (hidden, last), loop(ways[0], fixed, (changes, beside, states), ways[1])


@dataclass(frozen=True)
class _Way:
    """A function of all steps of a kind, from the last one on if `reverse`."""

    kind: Kind
    reverse: bool


class Forward(_Way):
    """All steps, and what the way back needs: slopes, and hidden states before a projection."""

    def __call__(self, fixed: tuple, x: tuple[Array, State]) -> tuple:
        """Run them."""
        (weight, valid, project), (gates, state) = fixed, x
        weight = transposed(weight)

        def step(state: State, each: tuple) -> tuple:
            gates, valid = each
            (shown, *others), slopes = self.kind.step(plus(gates, state[0] @ weight), state)
            hidden = shown if project is None else shown @ project.T
            after = until(valid, (hidden, *others), state)
            before = None if project is None else shown
            return after, (slopes[0], (slopes[1:], before, after[0]))

        last, (by_gates, found) = scan(step, state, gates, valid, reverse=self.reverse)
        slopes, shown, hidden = found
        return (by_gates, *slopes), shown, hidden, last


class Change(_Way):
    """How hidden states and the last state change with gates, hidden states and the first state."""

    def __call__(self, fixed: tuple, x: tuple) -> tuple[Array, State]:
        """Run them."""
        (slopes, (weight, valid, project)), (gates, beside, state) = fixed, x

        def step(state: State, each: tuple) -> tuple[State, Array]:
            slopes, valid, *changes = each
            after = changed(self.kind, (weight, project), slopes, valid, (*changes, state))
            return after, after[0]

        times = slopes, valid, gates, beside
        last, hidden = lax.scan(step, state, times, reverse=self.reverse)
        return hidden, last


class Back(_Way):
    """The transpose of `Change`."""

    def __call__(self, fixed: tuple, y: tuple[Array, State]) -> tuple:
        """Run them."""
        (slopes, (weight, valid, project)), (hidden, last) = fixed, y

        def step(state: State, each: tuple) -> tuple:
            by_gates, (others, valid, hidden) = each
            state = (state[0] + hidden, *state[1:])
            forms = by_gates, None if project is None else hidden, state
            way = partial(changed, self.kind, (weight, project), (by_gates, *others), valid)
            gates, beside, state = jax.linear_transpose(way, forms)(state)[0]
            return state, (gates, beside)

        others = slopes[1:], valid, hidden
        state, (gates, beside) = scan(step, last, slopes[0], others, reverse=not self.reverse)
        return gates, beside, state


def changed(
    kind: Kind, weights: tuple[Array, Array | None], slopes: Slopes, valid: Array | None, x: tuple
) -> State:
    """The change of the state after a step."""
    (weight, project), (gates, beside, state) = weights, x
    hidden, *others = kind.along(slopes, plus(gates, state[0] @ weight.T), state)
    if project is not None:
        hidden = hidden @ project.T + beside
    return until(valid, (hidden, *others), state)


def until(valid: Array | None, after: State, before: State) -> State:
    """The state after a step, or the one before where the sequence has ended."""
    if valid is None:
        return after
    return tuple(jnp.where(valid, a, b) for a, b in zip(after, before, strict=True))

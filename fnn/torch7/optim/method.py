"""One step of an optimiser of `fnn.optim` in Torch7's words: one recorded program."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array

from fnn.optim.rule import absent, direction, first_step, like
from fnn.tensor.number import Number
from fnn.tensor.run import run
from fnn.torch7.optim.objective import Names, pair, setting
from fnn.torch7.table import Table
from fnn.torch7.tensor import Tensor

Opfunc = Callable[[Tensor], tuple[Any, Tensor]]


class Slot(NamedTuple):
    """A field of a rule's state: its name in Torch7's state; what it starts from, and the setting
    that may say otherwise. A scalar is a number that need not be known to be computed with.
    """

    name: str
    start: float = 0.0
    setting: str = ""
    scalar: bool = False

    def held_by(self, state: Names, config: Names, dfdx: Tensor) -> Tensor | Number:
        """What a state has in it, made now if it is new, or a plain number, say from a file."""
        found, start = state.get(self.name), setting(config, self.setting, self.start)
        if self.scalar:
            found = start if found is None else found
            if not isinstance(found, Number):
                count = isinstance(self.start, int)
                found = Number.of(int(found), jnp.int32) if count else Number(found)
        elif not isinstance(found, Tensor):
            found = state[self.name] = dfdx.clone().fill(start)
        return found


class Step(NamedTuple):
    """A step that a rule made from `x`: what to add, and the rule's state before and after it."""

    x: Array
    gradient: Array
    updates: Array
    before: Any
    after: Any
    config: Names


def as_it_was(step: Step) -> Array:
    """The gradient that a step was made of."""
    return step.gradient


def moved(step: Step) -> Array:
    """The parameters and what is to be added."""
    return step.x + step.updates


@dataclass(frozen=True, eq=False, repr=False)
class Method:
    """An optimiser that makes one step a call, and changes `x` in place.

        x, fx = method(opfunc, x, config, state)

    `opfunc(x)` gives the function's value and its gradient, and `fx` is a table of the value before
    the step. What is to be kept between steps is kept in `state`, by default in `config`.

    It is made of a module of `fnn.optim`; of what the fields of that rule's state are called here,
    None for those that aren't kept; and of the settings for each of its hyperparameters, with their
    defaults. `optional` settings have none.
    """

    rule: ModuleType
    slots: tuple[Slot | None, ...]
    settings: dict[str, Names]
    optional: tuple[str, ...] = ("weightDecay",)
    fixed: Names = field(default_factory=dict)
    shows: Callable[[Step], dict[str, Array]] = lambda step: {}  # what else is in the state
    leaves: Callable[[Step], Array] = as_it_was  # the caller's gradient
    place: Callable[[Step], Array] = moved  # the caller's `x`
    notice: str = ""

    def __call__(
        self, opfunc: Opfunc, x: Tensor, config: Names | None = None, state: Names | None = None
    ) -> tuple[Tensor, Table]:
        """Make a step."""
        if self.notice and config is None and state is None:
            print(self.notice)
        config = {} if config is None else config
        fx, dfdx = pair(opfunc(x))
        self.step(x, dfdx, config, config if state is None else state)
        return x, Table([fx])

    def __repr__(self) -> str:
        return f"optim.{self.rule.__name__.rpartition('.')[2]}"

    def step(self, x: Tensor, dfdx: Tensor, config: Names, state: Names, **more: Any) -> None:
        """Change `x` and the state, and the gradient as far as the original does."""
        known = self.known(config) | more
        slots = [slot for slot in self.slots if slot]
        held = [slot.held_by(state, config, dfdx) for slot in slots]
        tensors = [y for y in held if isinstance(y, Tensor)]
        changed = [dfdx] if "weightDecay" in known or self.leaves is not as_it_was else []
        found = run(program, [x, dfdx, *held], known, method=self, into=[x, *changed, *tensors])
        for name, result in found.items():
            if not result.form.shape:
                state[name] = Number(result)
            elif isinstance(state.get(name), Tensor):
                state[name].hold(result)
            else:
                state[name] = x._around(result)

    def known(self, config: Names) -> Names:
        """The settings of this method in a configuration; to decay by zero is not to decay."""
        defaults = {name: x for group in self.settings.values() for name, x in group.items()}
        found = {n: setting(config, n, defaults.get(n)) for n in (*defaults, *self.optional)}
        kept = {name: x for name, x in found.items() if x is not None}
        return {n: x for n, x in kept.items() if n != "weightDecay" or not absent(x)}

    def hyper(self, config: Names) -> Names:
        """The rule's hyperparameters."""
        values = {n: tuple(config[s] for s in group) for n, group in self.settings.items()}
        found = {n: x if len(x) > 1 else next(iter(x)) for n, x in values.items()}
        if "learningRates" in config:
            rates = config["learningRates"]
            found["learning_rate"] = like(found["learning_rate"], rates) * rates
        return found | self.fixed


def program(
    arrays: list[Array], config: Names, *, method: Method
) -> tuple[list[Array], dict[str, Array]]:
    """The step itself: what to write to `x`, to the gradient and to the state; and new numbers."""
    x, dfdx, *held = arrays
    slots = iter([y.reshape(x.shape) if y.ndim else y for y in held])
    fields = [next(slots) if slot else None for slot in method.slots]
    fields[:1] = [first_step() if method.slots[0] is None else fields[0]]
    before = method.rule.State(*fields)
    gradient = direction(dfdx.reshape(x.shape), x, config.get("weightDecay", 0), maximize=False)
    share = 1 - like(config["dampening"], x) if "dampening" in config else None
    taken = gradient if share is None else share * gradient
    updates, after = method.rule.update(taken, before, x, **method.hyper(config))

    step = Step(x, gradient, updates, before, after, config)
    kept = [y for slot, y in zip(method.slots, after, strict=True) if slot]
    written = [method.place(step)]
    if "weightDecay" in config or method.leaves is not as_it_was:
        written.append(method.leaves(step).reshape(dfdx.shape))
    written += [y.reshape(old.shape) for y, old in zip(kept, held, strict=True) if old.ndim]
    names = [slot.name for slot in method.slots if slot]
    numbers = {n: y for n, y, old in zip(names, kept, held, strict=True) if not old.ndim}
    return written, numbers | method.shows(step)

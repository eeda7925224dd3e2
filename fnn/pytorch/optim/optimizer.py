"""torch.optim's optimisers, each from its pure rule."""

from collections.abc import Callable, Iterable
from functools import partial
from types import ModuleType
from typing import Any, ClassVar

import jax

from fnn.errors import require
from fnn.optim import adam, apply_updates, sgd
from fnn.optim.together import together
from fnn.pytorch.autograd import enable_grad
from fnn.pytorch.tensor import Tensor
from fnn.tensor.run import run
from transforms.changes import Stateful, Watched, changed


class Optimizer(Stateful):
    """Parameters in groups with hyperparameters, and what is kept for each parameter.

    A subclass names its pure `rule`, PyTorch's names of the rule's hyperparameters, and those of
    the fields of the rule's state.
    """

    transient = ("_last",)

    rule: ClassVar[ModuleType]
    hyper: ClassVar[dict[str, str]]
    slots: ClassVar[dict[str, str]]

    def __init__(self, params: Iterable[Any], defaults: dict[str, Any]):
        self.defaults = defaults
        self.state: dict[Tensor, dict[str, Any]] = Watched()
        self._begun: dict[Tensor, Any] = Watched()  # the options that a state was made for
        self.param_groups: list[dict[str, Any]] = []
        given = list(params)
        require(
            bool(given),
            type(self).__name__,
            "no parameters",
            "an iterable of tensors, or of dicts with their groups",
            "a generator such as model.parameters() can be used once only",
        )
        for group in given if isinstance(given[0], dict) else [{"params": given}]:
            self.add_param_group(group)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Train these parameters too, with hyperparameters of their own."""
        params = param_group["params"]
        params = [params] if isinstance(params, Tensor) else list(params)
        known = {p for group in self.param_groups for p in group["params"]}
        if any(p in known for p in params):
            raise ValueError("some parameters appear in more than one parameter group")
        self.param_groups.append({**self.defaults, **param_group, "params": params})

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all gradients, or set them to zero."""
        for group in self.param_groups:
            for p in group["params"]:
                if set_to_none:
                    p.grad = None
                elif p.grad is not None:
                    p.grad.zero_()

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take one step with the gradients that there are."""
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        for group in self.param_groups:
            params = [p for p in group["params"] if p.grad is not None]
            if not params:
                continue
            values = {pure: group[name] for name, pure in self.hyper.items()}
            # Numbers are data, so that a new learning rate compiles nothing; flags, and zeros that
            # leave a term out, are part of the program.
            data = {n: v for n, v in values.items() if not isinstance(v, bool) and v}
            fixed = {n: v if isinstance(v, bool) else 0 for n, v in values.items() if n not in data}
            states, into = self._states(params, group)
            run(
                step,
                params,
                [p.grad for p in params],
                states,
                data,
                rule=self.rule,
                fixed=tuple(fixed.items()),
                into=into,
            )
        return loss

    def _states(self, params: list[Tensor], group: dict[str, Any]) -> tuple[list[Any], list[Any]]:
        """What is kept for parameters, and all that a step writes; until a setting changes."""
        last = vars(self).setdefault("_last", {})
        settings, options, old, found = last.get(id(group), (None, None, (), None))
        now = [bool(group.get(name)) for name in ("momentum", "amsgrad")]
        if (settings, options) != (changed.structure, now) or list(map(id, params)) != old:
            states = [self._state(p, group) for p in params]
            found = states, params + jax.tree.leaves(states)
            last[id(group)] = changed.structure, now, list(map(id, params)), found
        return found

    def _state(self, p: Tensor, group: dict[str, Any]) -> Any:
        """What the rule keeps for a parameter."""
        kept = self.state.get(p)
        options = tuple((n, bool(group[n])) for n in ("momentum", "amsgrad") if n in group)
        if kept is None or self._begun.get(p, options) != options:
            fresh = run(begin, p, rule=self.rule, options=options)
            made = {name: getattr(fresh, field) for field, name in self.slots.items()}
            tensors = {n: None if s is None else Tensor._around(s) for n, s in made.items()}
            old = {n: t for n, t in (kept or {}).items() if t is not None}
            kept = self.state[p] = Watched(tensors | old)
        if self._begun.get(p) != options:
            self._begun[p] = options
        return self.rule.State(**{field: kept[name] for field, name in self.slots.items()})

    def state_dict(self) -> dict[str, Any]:
        """What is kept, by the parameters' numbers, and the groups."""
        order = [p for group in self.param_groups for p in group["params"]]
        number = {p: i for i, p in enumerate(order)}
        groups = [{**g, "params": [number[p] for p in g["params"]]} for g in self.param_groups]
        return {
            "state": {number[p]: dict(kept) for p, kept in self.state.items()},
            "param_groups": groups,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        order = [p for group in self.param_groups for p in group["params"]]
        self.state = Watched(
            (order[i], Watched((n, None if t is None else t.clone()) for n, t in kept.items()))
            for i, kept in state_dict["state"].items()
        )
        for group, saved in zip(self.param_groups, state_dict["param_groups"], strict=True):
            group.update({n: v for n, v in saved.items() if n != "params"})

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {i}")
            lines += [f"    {n}: {group[n]}" for n in sorted(group) if n != "params"]
        return "\n".join([*lines, ")"])


def begin(p: Any, *, rule: ModuleType, options: tuple) -> Any:
    """What a rule keeps before the first step."""
    return rule.init(p, **dict(options))


def step(
    params: list, grads: list, states: list, data: dict, *, rule: ModuleType, fixed: tuple
) -> tuple[list, None]:
    """Parameters and states after a step; each parameter counts its own steps."""
    updates, kept = together(partial(rule.update, **data, **dict(fixed)), grads, states, params)
    return list(map(apply_updates, params, updates)) + jax.tree.leaves(kept), None


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum if so wanted."""

    rule = sgd
    hyper: ClassVar = {
        "lr": "learning_rate",
        "momentum": "momentum",
        "dampening": "dampening",
        "weight_decay": "weight_decay",
        "nesterov": "nesterov",
        "maximize": "maximize",
    }
    slots: ClassVar = {"step": "step", "velocity": "momentum_buffer"}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ):
        numbers = {"learning rate": lr, "momentum value": momentum}
        for name, value in {**numbers, "weight_decay value": weight_decay}.items():
            if value < 0:
                raise ValueError(f"Invalid {name}: {value}")
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        given = dict(locals())
        super().__init__(params, {name: given[name] for name in self.hyper})


class Adam(Optimizer):
    """A step along the running mean of the gradients, in units of their running size."""

    rule = adam
    hyper: ClassVar = {
        "lr": "learning_rate",
        "betas": "betas",
        "eps": "eps",
        "weight_decay": "weight_decay",
        "maximize": "maximize",
    }
    slots: ClassVar = {
        "step": "step",
        "mean": "exp_avg",
        "square": "exp_avg_sq",
        "largest": "max_exp_avg_sq",
    }

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ):
        if not all(0 <= beta < 1 for beta in betas):
            raise ValueError(f"Invalid beta parameters: {betas}")
        given = dict(locals())
        super().__init__(params, {n: given[n] for n in (*self.hyper, "amsgrad")})

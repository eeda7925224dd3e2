"""Less memory for more time: recompute in the backward pass instead of remembering."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import jax
from jax import checkpoint_policies as known

from transforms.functional import Flow, evaluate, route
from transforms.objects import closed, leaves
from transforms.signature import Transform, TransformError, keep, place

POLICIES = {
    "nothing": known.nothing_saveable,
    "everything": known.everything_saveable,
    "dots": known.dots_saveable,
    "dots_no_batch": known.dots_with_no_batch_dims_saveable,
}


@dataclass(frozen=True)
class Checkpoint(Transform):
    """See `checkpoint`."""

    title = "checkpoint"
    policy: str | tuple[str, ...] = "nothing"

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        """The function's output."""
        call = place(self.function, args, keywords)
        given = dict(zip(call.names, call.args, strict=True))
        arrays = {n: x for n, x in given.items() if n != "train"}
        if isinstance(self.policy, str):
            policy = POLICIES[self.policy]
        else:
            policy = known.save_only_these_names(*self.policy)

        def run(arrays: dict[str, Any]) -> Any:
            return self.function(*(given | arrays).values(), **call.keywords)

        def flowing() -> Any:
            flow = Flow(self.function, args, keywords)
            run = jax.checkpoint(lambda consts: flow(consts, ()), policy=policy)
            outputs, changes, attach = evaluate(run, flow.sources, flow.survey.objects)
            flow.apply(changes)
            found = closed(jax.tree.unflatten(flow.structure, outputs))
            attach([*leaves(found)])
            return found

        def pure() -> Any:
            return jax.checkpoint(run, policy=policy)(arrays)

        return route(self.function, pure, flowing, (args, keywords))


def checkpoint(f: Callable, policy: str | Sequence[str] = "nothing") -> Callable:
    """`f`, whose gradient remembers only what the policy names and computes the rest again.

    `nothing`: only the arguments. `dots`: results of matrix products. `dots_no_batch`: of those
    without batch axes. `everything`: all, as if `f` stood alone. A list of names: values that `f`
    named with `jax.ad_checkpoint.checkpoint_name`. `f` may be a module, a method of one, or code
    that computes with tensors; a tape that is recording remembers the call in the same way.

    >>> import jax.numpy as jnp
    >>> from transforms.derivatives import grad
    >>> grad(checkpoint(lambda x: jnp.sin(jnp.sin(x))))(0.0)
    Array(1., dtype=float32, weak_type=True)
    """
    if isinstance(policy, str):
        if policy not in POLICIES:
            close = get_close_matches(policy, POLICIES, 1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise TransformError(
                f"checkpoint: there is no policy {policy!r}{hint}\nknown: {', '.join(POLICIES)};"
                f" or a list of names given with checkpoint_name, as in [{policy!r}]"
            )
        return keep(Checkpoint(f, policy))
    return keep(Checkpoint(f, tuple(policy)))

"""Is a gradient right? Derived against measured, along one random line.

From the point x along a random direction u, the outputs weighed by a random cotangent v make a
function of one number, phi(h) = <v, f(x + h u)>. Reverse mode gives its slope as <vjp(v), u>,
forward mode as <v, jvp(u)>. The slope is measured by central differences of fourth order, over a
ladder of steps that halve; the step is taken where neighbouring estimates agree best, so nobody has
to choose it. A second verdict needs no tolerance: |phi(h) - phi(0) - h slope| must shrink as h^2;
with a wrong slope it shrinks as h.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from transforms.derivatives import By
from transforms.signature import TransformError, label, place, require_names

Mode = Literal["reverse", "forward"]
MODES: tuple[Mode, ...] = ("reverse", "forward")
REFUSALS = {  # what jax says of functions that have only one of the two modes
    "reverse": "Reverse-mode differentiation does not work",
    "forward": "forward-mode",
}


@dataclass(frozen=True)
class GradientReport:
    """What `check_gradient` found; true when the gradient is right.

    `error` is relative to the size that the slope has along typical directions. `taylor_order` is
    2 or more for a right gradient, 1 for a wrong one, infinite where f is linear to rounding.
    `order` is 1, or 2 when it is the gradient's own gradient that was checked.
    """

    ok: bool
    verdict: str
    error: float
    tolerance: float
    step: float
    taylor_order: float
    dtype: str
    measured: float
    derived: dict[str, float]
    order: int

    def __bool__(self) -> bool:
        return self.ok

    def __repr__(self) -> str:
        derived = ", ".join(f"{mode} {value:.9g}" for mode, value in self.derived.items())
        return (
            f"{self.verdict}: relative error {self.error:.1e} (allowed {self.tolerance:.1e}),"
            f" Taylor order {self.taylor_order:.2f}\n"
            f"slope measured {self.measured:.9g}, derived {derived}"
            f" ({self.dtype}, step {self.step:.1e})"
        )


def check_gradient(
    f: Callable,
    *args: Any,
    key: Array | int | None = None,
    tolerance: float | None = None,
    order: Literal[1, 2] = 1,
    modes: Sequence[Mode] | None = None,
    by: By = None,
    **keywords: Any,
) -> GradientReport:
    """Compare the derivatives of `f` with finite differences along one random direction.

    All floating-point arrays in `args` (pytrees; or in those named in `by`) are perturbed, integers
    and keys are held fixed; all floating-point outputs count, a returned state too. `key` (or a
    seed) draws the direction and the cotangent; a `key` of `f`'s own is passed by position.
    Without `modes`, both are checked where `f` has both: a `custom_vjp` has no forward mode, a
    `while_loop` no reverse mode. `order=2` goes on to check the gradient of the gradient. Without
    `tolerance`, it is eps^0.4 of the least precise type: 5e-7 in float64, 2e-3 in float32, 0.14 in
    bfloat16, or what rounding allows, if that is more.

    >>> bool(check_gradient(jnp.sin, jnp.arange(3.0)))
    True
    >>> cheat = lambda x: x * jax.lax.stop_gradient(x)
    >>> bool(check_gradient(cheat, jnp.arange(3.0)))
    False
    """
    call = place(f, args, keywords)
    wanted = call.names if by is None else (by,) if isinstance(by, str) else tuple(by)
    require_names(f"check_gradient({label(f)})", wanted, call)
    leaves, tree = jax.tree.flatten(call.args)
    owners = jax.tree.leaves(
        tuple(jax.tree.map(lambda _, n=n: n, x) for n, x in zip(call.names, call.args, strict=True))
    )
    where = [i for i, x in enumerate(leaves) if owners[i] in wanted and is_float(x)]
    if not where:
        raise TransformError(
            f"check_gradient({label(f)}): no floating-point number among {', '.join(wanted)}"
        )

    def flat(*perturbed: Array) -> list[Array]:
        filled = list(leaves)
        for i, x in zip(where, perturbed, strict=True):
            filled[i] = x
        output = f(*jax.tree.unflatten(tree, filled), **call.keywords)
        return [jnp.asarray(y) for y in jax.tree.leaves(output) if is_float(y)]

    if key is None or isinstance(key, int):
        key = jax.random.key(0 if key is None else key)
    given = [jnp.asarray(leaves[i]) for i in where]
    report = compare(flat, given, key, tolerance, modes, 1)
    if order == 1 or not report:
        return report
    weights = draw(jax.random.fold_in(key, 2), jax.eval_shape(flat, *given))
    gradient = lambda *x: list(jax.vjp(flat, *x)[1](weights))  # noqa: E731
    return compare(gradient, given, jax.random.fold_in(key, 3), tolerance, modes, 2)


def is_float(x: Any) -> bool:
    """Whether `x` is a real number or an array of them."""
    return isinstance(x, float) or (hasattr(x, "dtype") and jnp.issubdtype(x.dtype, jnp.floating))


def draw(key: Array, like: Sequence[Any]) -> list[Array]:
    """Random arrays of magnitudes between 0.5 and 1: no element is missed, none goes far."""
    return [
        jax.random.uniform(k, x.shape, x.dtype, 0.5, 1) * jax.random.rademacher(s, x.shape, x.dtype)
        for x, (k, s) in zip(like, jax.random.split(key, (len(like), 2)), strict=True)
    ]


def compare(
    f: Callable,
    x: list[Array],
    key: Array,
    tolerance: float | None,
    modes: Sequence[Mode] | None,
    order: int,
) -> GradientReport:
    """Check `f`, a function of arrays that gives a list of arrays."""
    f = jax.jit(f)
    start = f(*x)
    if not start:
        raise TransformError("check_gradient: there is no floating-point output")
    if not all(np.isfinite(precise(y)).all() for y in start):
        raise TransformError("check_gradient: the function is not finite at this point")
    of_x, of_y = jax.random.split(key)
    u = [d * (root_mean_square(a) or 1.0) for d, a in zip(draw(of_x, x), x, strict=True)]
    v = draw(of_y, start)

    def phi(h: float) -> float:
        moved = f(*(a + h * d for a, d in zip(x, u, strict=True)))
        return dot(v, [precise(b) - precise(a) for a, b in zip(start, moved, strict=True)])

    derived, scale = slopes(f, x, u, v, modes)
    types = [jnp.finfo(a.dtype) for a in [*x, *start]]
    worst = max(types, key=lambda t: t.eps)
    ladder = Ladder.of(phi, float(worst.eps))
    tolerance, strict = float(worst.eps) ** 0.4 if tolerance is None else tolerance, tolerance
    ...

"""Is a gradient right? Derived against measured, along one random line.

From the point x along a random direction u, the outputs weighed by a random cotangent v make a
function of one number, phi(h) = <v, f(x + h u)>. Reverse mode gives its slope as <vjp(v), u>,
forward mode as <v, jvp(u)>. The slope is measured by central differences of fourth order over a
ladder of steps that halve, and taken where neighbouring rungs agree best, so nobody has to choose
a step. A second test needs no tolerance: |phi(h) - phi(0) - h slope| shrinks as h^2 if the slope is
right, and as h if it is wrong.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.tree_util import keystr, tree_flatten_with_path

from transforms.point import By
from transforms.signature import TransformError, label, place, require_names

Mode = Literal["reverse", "forward"]
REFUSALS: dict[Mode, str] = {  # what jax says of a function that lacks a mode
    "reverse": "Reverse-mode differentiation does not work",
    "forward": "to a custom_vjp function",
}


@dataclass(frozen=True)
class GradientReport:
    """What `check_gradient` found; true when the gradient is right.

    `error` and `resolution` (the error that rounding alone explains) are relative to the slope.
    `taylor_order` is 2 or more for a right gradient, 1 for a wrong one, and infinite where the
    remainder is lost in rounding, as for linear functions. `order` is 2 when it is the gradient's
    own gradient that is reported on. `wrong` names the arguments to blame.
    """

    ok: bool
    verdict: str
    error: float
    tolerance: float
    resolution: float
    taylor_order: float
    step: float
    dtype: str
    measured: float
    derived: dict[Mode, float]
    order: int
    wrong: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.ok

    def __repr__(self) -> str:
        derived = ", ".join(f"{mode} {value:.9g}" for mode, value in self.derived.items())
        blame = f"\nwrong for: {', '.join(self.wrong)}" if self.wrong else ""
        return (
            f"gradient {'of the gradient ' if self.order == 2 else ''}{self.verdict}: relative"
            f" error {self.error:.1e}, allowed {max(self.tolerance, self.resolution):.1e};"
            f" Taylor order {self.taylor_order:.2f}"
            f"\nslope measured {self.measured:.9g}, {derived} ({self.dtype}, step {self.step:.1e})"
            + blame
        )


def check_gradient(
    f: Callable,
    *args: Any,
    key: Array | int = 0,
    tolerance: float | None = None,
    order: Literal[1, 2] = 1,
    modes: Sequence[Mode] | None = None,
    by: By = None,
    **keywords: Any,
) -> GradientReport:
    """Compare the derivatives of `f` with finite differences along one random direction.

    All real floating-point numbers in `args` (pytrees; or in those named in `by`) are perturbed,
    integers and keys are held fixed; all floating-point outputs count, a returned state too. `key`
    (or a seed) draws the direction; a key of `f`'s own is passed by position. Without `modes`, both
    are checked where `f` has both: a `custom_vjp` has no forward mode, a `while_loop` no reverse
    mode. `order=2` goes on to check the gradient of the gradient. Without a `tolerance`, it is
    eps^(1/3) of the least precise type (6e-6 in float64, 5e-3 in float32, 0.2 in bfloat16), or what
    rounding explains if that is more.

    >>> bool(check_gradient(jnp.sin, jnp.arange(3.0)))
    True
    >>> bool(check_gradient(lambda x: x * jax.lax.stop_gradient(x), jnp.arange(3.0)))
    False
    """
    title = f"check_gradient({label(f)})"
    call = place(f, args, keywords)
    wanted = call.names if by is None else (by,) if isinstance(by, str) else tuple(by)
    require_names(title, wanted, call)
    found, tree = tree_flatten_with_path(call.args)
    leaves = [leaf for _, leaf in found]
    owners = [call.names[path[0].idx] for path, _ in found]
    where = [i for i, x in enumerate(leaves) if owners[i] in wanted and is_float(x)]
    if not where:
        raise TransformError(f"{title}: no floating-point number among {', '.join(wanted)}")
    seed = key if isinstance(key, int) else np.asarray(jax.random.key_data(key))

    def compare(where: list[int]) -> GradientReport:
        def of(*perturbed: Array) -> list[Array]:
            filled = list(leaves)
            for i, x in zip(where, perturbed, strict=True):
                filled[i] = x
            output = f(*jax.tree.unflatten(tree, filled), **call.keywords)
            return [jnp.asarray(y) for y in jax.tree.leaves(output) if is_float(y)]

        point = [np.asarray(jnp.asarray(leaves[i])) for i in where]
        rng = np.random.default_rng(seed)
        report = check_line(title, of, point, rng, tolerance, modes)
        if order == 1 or not report:
            return report
        weights = draw(rng, jax.eval_shape(of, *point))
        gradient = lambda *x: list(jax.vjp(of, *x)[1](weights))  # noqa: E731
        return replace(check_line(title, gradient, point, rng, tolerance, modes), order=2)

    report = compare(where)
    if report or len(where) == 1:
        return report
    guilty = [i for i in where if compare([i]).verdict == "wrong"]
    return replace(report, wrong=tuple(owners[i] + keystr(found[i][0][1:]) for i in guilty))


def is_float(x: Any) -> bool:
    """Whether `x` is a real number or an array of them."""
    return isinstance(x, float) or (hasattr(x, "dtype") and jnp.issubdtype(x.dtype, jnp.floating))


def precise(x: Any) -> np.ndarray:
    """In double precision, on the host: the check's own rounding must not count."""
    return np.asarray(x).astype(np.float64)


def dot(a: Sequence[Any], b: Sequence[Any]) -> float:
    """The inner product of two lists of arrays, on the host."""
    return float(sum(np.vdot(x, y) for x, y in zip(map(precise, a), map(precise, b), strict=True)))


def draw(rng: np.random.Generator, like: Sequence[Any]) -> list[np.ndarray]:
    """Random arrays of magnitudes between 0.5 and 1: no element is missed, none goes far."""
    return [
        (rng.uniform(0.5, 1, x.shape) * rng.choice([-1.0, 1.0], x.shape)).astype(x.dtype)
        for x in like
    ]


def check_line(
    title: str,
    f: Callable,
    x: list[np.ndarray],
    rng: np.random.Generator,
    tolerance: float | None,
    modes: Sequence[Mode] | None,
) -> GradientReport:
    """Compare the slopes of `f`, which takes arrays and gives a sequence of arrays."""
    f = jax.jit(f)
    start = f(*x)
    if not start:
        raise TransformError(f"{title}: there is no floating-point output")
    if not all(np.isfinite(precise(y)).all() for y in start):
        raise TransformError(f"{title}: the function is not finite at this point")
    v = draw(rng, start)
    derived, u = derive(title, f, x, v, rng, modes)

    def phi(h: float) -> float:
        moved = f(*(a + a.dtype.type(h) * d for a, d in zip(x, u, strict=True)))
        rises = (precise(b) - precise(a) for a, b in zip(start, moved, strict=True))
        return float(sum(np.vdot(precise(w), rise) for w, rise in zip(v, rises, strict=True)))

    coarsest = max((a.dtype for a in [*x, *start]), key=lambda dtype: jnp.finfo(dtype).eps)
    eps = float(jnp.finfo(coarsest).eps)
    rounding = eps * float(
        np.sqrt(sum(np.sum((precise(w) * precise(y)) ** 2) for w, y in zip(v, start, strict=True)))
    )
    measured = measure(title, phi, eps, rounding)
    return judge(measured, derived, eps, tolerance, str(coarsest))


def derive(
    title: str,
    f: Callable,
    x: list[np.ndarray],
    v: list[np.ndarray],
    rng: np.random.Generator,
    modes: Sequence[Mode] | None,
) -> tuple[dict[Mode, float], list[np.ndarray]]:
    """The slope by each mode that `f` has, and the direction that it is along."""
    sizes = [np.sqrt(np.mean(precise(a) ** 2)) or 1.0 if a.size else 1.0 for a in x]
    # The best of a few draws: along an unlucky one the slope is a small difference of large terms.
    directions = [
        [d * d.dtype.type(s) for d, s in zip(draw(rng, x), sizes, strict=True)] for _ in range(8)
    ]
    u = directions[0]
    derived: dict[Mode, float] = {}
    for mode, refusal in REFUSALS.items():
        if mode not in (modes or REFUSALS):
            continue
        try:
            if mode == "reverse":
                gradient = jax.jit(lambda x, v: jax.vjp(f, *x)[1](v))(x, v)
                u = max(directions, key=lambda u: abs(dot(gradient, u)))
                derived[mode] = dot(gradient, u)
            else:
                change = jax.jit(lambda x, u: jax.jvp(f, x, u)[1])(tuple(x), tuple(u))
                derived[mode] = dot(v, change)
        except (TypeError, ValueError) as error:
            if modes or refusal not in str(error):
                raise
    if not derived:
        raise TransformError(f"{title}: the function has neither reverse nor forward mode")
    return derived, u


class Measured(NamedTuple):
    """A measured slope, how far it can be trusted, and what it was measured from."""

    slope: float
    resolution: float
    step: float
    noise: float
    steps: np.ndarray
    rises: np.ndarray


def measure(title: str, phi: Callable[[float], float], eps: float, rounding: float) -> Measured:
    """The slope of `phi` at 0, where `phi` is 0, from values that are good to `rounding`."""
    bits = -np.log2(eps)
    first = 0.5
    while not np.isfinite(phi(first) + phi(-first)):
        first /= 2
        if first < eps:
            raise TransformError(f"{title}: the function is not finite near this point")
    steps = first * 0.5 ** np.arange(max(5, int(0.45 * bits)))
    rises, falls = np.array([(phi(float(h)), phi(-float(h))) for h in steps]).T
    # Steps so small that phi is straight: what is left of the second difference is rounding.
    tiny = 0.5 ** np.round(bits * np.array([0.6, 0.65, 0.7]))
    noise = max(rounding / 4, *(abs(phi(float(h)) + phi(-float(h))) / 2 for h in tiny))
    second = (rises - falls) / (2 * steps)
    fourth = (4 * second[1:] - second[:-1]) / 3
    change = np.abs(np.diff(fourth))
    doubt = np.maximum([*change, 0], [0, *change]) + noise / steps[1:]
    best = int(np.argmin(doubt))
    slope, step = float(fourth[best]), float(steps[best + 1])
    resolution = 1.5 * float(doubt[best]) + 4 * eps * abs(slope)
    return Measured(slope, resolution, step, noise, steps, rises)


def taylor_order(measured: Measured, slope: float) -> float:
    """How fast phi(h) - h slope shrinks, at the smallest steps where it is more than rounding."""
    remainder = np.abs(measured.rises - measured.steps * slope)
    clear = remainder > 16 * measured.noise
    pairs = np.flatnonzero(clear[:-1] & clear[1:])
    if not len(pairs):
        return float("inf")
    return float(np.log2(remainder[pairs[-1]] / remainder[pairs[-1] + 1]))


def judge(
    measured: Measured,
    derived: dict[Mode, float],
    eps: float,
    tolerance: float | None,
    dtype: str,
) -> GradientReport:
    """Say whether derived and measured slopes agree."""
    slopes = list(derived.values())
    scale = max(map(abs, [measured.slope, *slopes]))
    difference = max(abs(measured.slope - slope) for slope in slopes)
    order = min(taylor_order(measured, slope) for slope in slopes)
    resolution = measured.resolution / scale if scale else 0.0
    allowed = eps ** (1 / 3) if tolerance is None else tolerance
    zero = scale <= measured.resolution
    error = 0.0 if zero else difference / scale
    if zero:
        verdict = "right (zero, to rounding)"
    elif tolerance is None and resolution > 0.5:
        verdict = f"uncertain (rounding hides errors below {resolution:.0%})"
    elif max(slopes) - min(slopes) > max(eps**0.5, resolution) * scale:
        verdict = "not the same in both modes"
    elif error <= resolution and (tolerance is None or error <= tolerance):
        verdict = "right"
    else:
        verdict = "right" if error <= allowed and order > 1.5 else "wrong"
    return GradientReport(
        ok=verdict.startswith("right"),
        verdict=verdict,
        error=error,
        tolerance=allowed,
        resolution=resolution,
        taylor_order=order,
        step=measured.step,
        dtype=dtype,
        measured=measured.slope,
        derived=derived,
        order=1,
    )

"""The layer, the pass, the line and the step that the first NaN or Inf came from.

    step = find_nonfinite(step)

When a result of a step is not finite, the step is computed again with an eye on every equation, and
the way is followed back from the bad result to the equation that made it. So a NaN that a mask
hides is not blamed, and neither is an infinity that is meant, as in `where(mask, x, -inf)`.
"""

from collections.abc import Callable, Sequence
from functools import update_wrapper
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from transforms.equations import typed
from transforms.jit import Jit, jit
from transforms.origins import INF, KINDS, NAN, Finding, Trial, kinds
from transforms.signature import describe

MOST = 4  # bad results that are named
CAUSES = {
    "log": "the logarithm of zero or of a negative number",
    "exp": "the exponential of a large number",
    "div": "a division by zero",
    "sqrt": "the root of a negative number",
    "rsqrt": "the root of zero or of a negative number",
    "pow": "a power of zero or of a negative number",
    "mul": "zero times infinity, or too large a product",
    "sub": "infinity minus infinity",
    "gather": "an index out of range",
}


class NonFiniteError(FloatingPointError):
    """A step gave a NaN or an Inf.

    `step` counts from 1, `kind` is NaN or Inf, `layer`, `direction` (forward, backward or empty),
    `primitive` and `source` are those of the equation that made it. If an input of the step had it
    already, `argument` is the input's name, and there is no equation.
    """

    step: int
    kind: str
    layer: str = ""
    direction: str = ""
    primitive: str = ""
    source: str = ""
    argument: str = ""


class FindNonfinite:
    """See `find_nonfinite`; `steps` counts the calls."""

    def __init__(self, function: Callable):
        update_wrapper(self, function)
        self.steps = 0
        self._step = function if isinstance(function, Jit) else jit(function)
        self._trials: dict[int, Trial] = {}

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        """The step's results, if they are finite."""
        self.steps += 1
        jaxpr, inputs = self._step.traced(*args, **keywords)
        if not any(isinstance(x, Tracer) for x in inputs):
            if id(jaxpr) not in self._trials:
                self._trials[id(jaxpr)] = Trial(jaxpr)
            with jax.enable_x64(True):
                look(self._trials[id(jaxpr)], typed(jaxpr, inputs), self.steps)
        return self._step(*args, **keywords)


def find_nonfinite(step: Callable) -> FindNonfinite:
    """`step`, compiled; as soon as it gives NaN or Inf, an error says where that came from.

    Each step is computed twice, first only to see whether its results are finite. So nothing has
    changed when the error is raised: parameters are as before the bad step.

    >>> @find_nonfinite
    ... def step(params, x):
    ...     with jax.named_scope("hidden"):
    ...         return jnp.log(x - params["shift"])
    >>> step({"shift": 0.0}, 1.0)
    Array(0., dtype=float32, weak_type=True)
    >>> step({"shift": 1.0}, 1.0)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    transforms.finite.NonFiniteError: step 2: Inf made by log, in layer hidden, forward...
    """
    return FindNonfinite(step)


def look(trial: Trial, inputs: Sequence[Any], step: int) -> None:
    """Raise if results are not finite, and not meant to be."""
    found = kinds(trial.results(*inputs))
    if not any(found):
        return
    finding = trial.find(inputs, NAN | INF)
    pairs = zip(trial.program.output_names, found, strict=True)
    names = [f"{name} ({KINDS[NAN if k & NAN else INF]})" for name, k in pairs if k]
    more = [f"{len(names) - MOST} more"] if len(names) > MOST else []
    seen = ", ".join(names[:MOST] + more)
    if finding:
        raise error_of(finding, step, seen)
    if any(kind & NAN for kind in found):
        error = NonFiniteError(
            f"step {step}: NaN, seen in {seen}, but not when every equation is looked at\n"
            "likely cause: an overflow that depends on which equations XLA fuses"
        )
        error.step, error.kind = step, KINDS[NAN]
        raise error


def error_of(finding: Finding, step: int, seen: str) -> NonFiniteError:
    """A finding in words."""
    kind, last = KINDS[finding.kind], [f"seen in {seen}", "nothing was changed by this step"]
    if not finding.primitive:
        first = f"step {step}: {finding.name} had {kind} in it before the step"
        error = NonFiniteError("\n".join([first, measure(finding.read[0]), *last]))
        error.argument = finding.name
    else:
        verb = f"{kind} {'brought in' if finding.name else 'made'} by {finding.primitive}"
        lines = [f"step {step}: {verb}, in {finding.place}", f"at {finding.place.source}"]
        lines += [*finding.turns, *(f"it gave {measure(x)}" for x in finding.made)]
        lines += [f"of {measure(x)}" for x in finding.read]
        lines += [f"where Inf came from {finding.inherited}"] if finding.inherited else []
        lines += [f"it became NaN by {finding.became}"] if finding.became else []
        if not finding.inherited and (cause := finding.name or CAUSES.get(finding.primitive)):
            lines.append(f"likely cause: {cause}")
        error = NonFiniteError("\n".join(lines + last))
        error.layer, error.direction, _ = finding.place
        error.primitive, error.source = finding.primitive, finding.place.source
    error.step, error.kind = step, kind
    return error


def measure(x: Any) -> str:
    """An array in words: type and shape, how many entries are bad, the range of the others."""
    dtype = getattr(x, "dtype", None)
    if not isinstance(dtype, np.dtype) or jnp.issubdtype(dtype, jnp.complexfloating) or not x.size:
        return describe(x)
    numbers = np.asarray(x).astype(np.float64)
    if numbers.ndim == 0:
        return f"{describe(x)} {numbers:g}"
    good = numbers[np.isfinite(numbers)]
    counts = {"NaN": np.isnan(numbers).sum(), "Inf": np.isinf(numbers).sum()}
    bad = "".join(f"{n} {kind}, " for kind, n in counts.items() if n)
    size = f"{numbers.size} entries: " + bad
    if good.size:
        size += f"{'the others' if bad else 'all finite,'} from {good.min():g} to {good.max():g}"
    return f"{describe(x)}, {size.removesuffix(', ')}"

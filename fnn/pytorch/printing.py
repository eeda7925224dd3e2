"""How tensors print: PyTorch's text, to the character."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import jax.numpy as jnp
import numpy as np

from fnn.pytorch import dtypes
from fnn.pytorch.dtypes import dtype
from fnn.pytorch.types import get_default_dtype
from fnn.tensor.run import known

__all__ = ["set_printoptions"]


@dataclass(frozen=True)
class Options:
    """Digits; from how many elements on to leave some out, and how many to keep; columns."""

    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


PROFILES = {
    "default": Options(),
    "short": Options(precision=2, edgeitems=2),
    "full": Options(threshold=math.inf),
}
_options = [PROFILES["default"]]


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Change how tensors print; `profile` is "default", "short" or "full"."""
    given = {
        "precision": precision,
        "threshold": threshold,
        "edgeitems": edgeitems,
        "linewidth": linewidth,
    }
    _options[0] = replace(
        PROFILES[profile] if profile else _options[0],
        **{name: value for name, value in given.items() if value is not None},
        sci_mode=sci_mode,
    )


def text(tensor: Any) -> str:
    """`tensor(...)`, with what is not a matter of course about its type, place and history."""
    options, kind, prefix = _options[0], dtype.of(tensor.storage), "tensor("
    if not known(tensor.storage):
        size = ", ".join(map(str, tensor.geometry.size))
        return f"tensor(<{kind.name}[{size}], computed when the compiled program runs>)"
    notes = []
    if tensor.device.type != "cpu":
        notes.append(f"device='{tensor.device}'")
    if not tensor.length:
        body = "[]"
        if len(tensor.geometry.size) != 1:
            notes.append(f"size={tensor.geometry.size}")
        if kind is not get_default_dtype():
            notes.append(f"dtype={kind}")
    else:
        body = elements(tensor._peek(), len(prefix), options)
        if kind not in (get_default_dtype(), dtypes.int64, dtypes.bool):
            notes.append(f"dtype={kind}")
    if tensor.grad_fn is not None:
        notes.append(f"grad_fn={tensor.grad_fn}")
    elif tensor.requires_grad:
        notes.append("requires_grad=True")
    return with_notes(prefix + body, notes, len(prefix), options.linewidth)


def with_notes(body: str, notes: list[str], indent: int, linewidth: int) -> str:
    """The text and its notes, each on the line if it fits there, else on the next one."""
    column = len(body) - body.rfind("\n") + 1
    for note in notes:
        if column + len(note) + 2 > linewidth:
            body, column = f"{body},\n{' ' * indent}{note}", indent + len(note)
        else:
            body, column = f"{body}, {note}", column + len(note) + 2
    return body + ")"


def elements(array: np.ndarray, indent: int, options: Options) -> str:
    """The elements in nested brackets: all, or those at both ends of each long axis."""
    edge, many = options.edgeitems, array.size > options.threshold
    cut = [edge if many and length > 2 * edge else 0 for length in array.shape]
    for axis, length in enumerate(array.shape):
        if cut[axis]:
            array = array.take([*range(edge), *range(length - edge, length)], axis)
    one, width = formatter(array, options)

    def nested(part: np.ndarray, indent: int, cut: list[int]) -> str:
        if part.ndim == 0:
            return one(part.item()).rjust(width)
        if part.ndim > 1:
            inner = [nested(x, indent + 1, cut[1:]) for x in part]
            gap, per_line, line = "...", 1, "\n" * (part.ndim - 1) + " " * (indent + 1)
        else:
            inner = [one(x).rjust(width) for x in part.tolist()]
            gap, per_line = " ...", max(1, (options.linewidth - indent) // (width + 2))
            line = "\n" + " " * (indent + 1)
        if cut[0]:
            inner.insert(cut[0], gap)
        lines = [inner[i : i + per_line] for i in range(0, len(inner), per_line)]
        return "[" + f",{line}".join(", ".join(parts) for parts in lines) + "]"

    return nested(array, indent, cut)


def formatter(array: np.ndarray, options: Options) -> tuple[Callable[[Any], str], int]:
    """How to write one element so that all look alike, and the width of the widest."""
    if not jnp.issubdtype(array.dtype, jnp.floating):
        return str, max(len(str(x)) for x in array.ravel().tolist())
    values = array.astype(np.float64).ravel()
    values = values[np.isfinite(values) & (values != 0)]
    if not values.size:
        return whole, 1
    sizes = np.abs(values)
    low, high = sizes.min(), sizes.max()
    scientific = options.sci_mode
    if scientific is None:
        with np.errstate(over="ignore"):
            scientific = high / low > 1000 or high > 1e8 or low < 1e-4
    if not scientific and (values == np.ceil(values)).all():
        return whole, max(len(whole(x)) for x in values)
    form = f".{options.precision}{'e' if scientific else 'f'}"
    return lambda x: format(x, form), max(len(format(x, form)) for x in values)


def whole(x: float) -> str:
    """A float that is an integer, with a point to tell it from one."""
    return f"{x:.0f}" + ("." if math.isfinite(x) else "")

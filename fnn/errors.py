"""What a layer says when it is given something that it can't take.

>>> require(False, "linear", "x float32[2,5]", "(..., 3)", "the layer was made for another width")
Traceback (most recent call last):
    ...
fnn.errors.LayerError: linear: given x float32[2,5], wanted (..., 3)
likely cause: the layer was made for another width
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

__all__ = ["LabelError", "LayerError"]


class LayerError(ValueError):
    """A layer was given an input, a parameter or an option that it can't take."""


class LabelError(LayerError, IndexError):
    """An index or a label lies outside the table that it points into."""


def describe(x: Any) -> str:
    """Shapes and types, briefly: `float32[2,5]`, or the same for every array in a pytree."""
    if isinstance(x, dict):
        return "{" + ", ".join(f"{name}: {describe(value)}" for name, value in x.items()) + "}"
    if isinstance(x, list | tuple):
        return "(" + ", ".join(map(describe, x)) + ")"
    if not hasattr(x, "shape"):
        return repr(x)
    return f"{jnp.result_type(x)}[{','.join(map(str, jnp.shape(x)))}]"


def require(condition: bool, layer: str, given: str, wanted: str, cause: str) -> None:
    """Raise a `LayerError` that says what `layer` was given, what it wanted and why that may be."""
    if not condition:
        raise LayerError(f"{layer}: given {given}, wanted {wanted}\nlikely cause: {cause}")


def known(x: Any) -> np.ndarray | None:
    """The values of an array, or None inside a compiled program, where nobody can look at them."""
    try:
        return np.asarray(x)
    except jax.errors.TracerArrayConversionError:
        return None


def require_indices(indices: Any, size: int, layer: str, cause: str, first: int = 0) -> None:
    """Raise a `LabelError` unless all `indices` are among `size` ones that count from `first`.

    Values that are known only inside a compiled program can't be looked at: there a layer turns an
    index outside its range into NaN, never into another row.
    """
    require(
        jnp.issubdtype(jnp.result_type(indices), jnp.integer),
        layer,
        f"indices {describe(indices)}",
        "integers",
        "the labels are floating-point numbers, or inputs and labels are exchanged",
    )
    values, last = known(indices), first + size - 1
    if values is not None and values.size and not first <= values.min() <= values.max() <= last:
        bad = int(values.min() if values.min() < first else values.max())
        raise LabelError(f"{layer}: given {bad}, wanted {first}..{last}\nlikely cause: {cause}")


def locate(error: Exception, name: str, layer: Any, inputs: tuple[Any, ...]) -> None:
    """Note where in a network an error happened; called at each level on its way out.

    The note reads `at layer 2.body.0: linear(3, 4) given float32[2,5]`, and `error.path` has the
    names of the layers on the way.
    """
    vars(error)["path"] = (name, *getattr(error, "path", ()))
    mark = "at layer "
    notes = getattr(error, "__notes__", [])
    if notes and notes[-1].startswith(mark):
        notes[-1] = f"{mark}{name}.{notes[-1][len(mark) :]}"
    else:
        error.add_note(f"{mark}{name}: {layer!r} given {', '.join(map(describe, inputs))}")

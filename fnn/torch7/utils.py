"""nn.utils: the same for a tensor, and for all tensors in nested tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fnn.torch7.counting import position
from fnn.torch7.passing import converted
from fnn.torch7.table import Table
from fnn.torch7.tensor import Tensor


def recursiveType(param: Any, type: str, tensorCache: dict | None = None) -> Any:
    """Convert all tensors and modules to a type; tensors that share a storage go on sharing it.

    `tensorCache`, a dict, keeps what was converted for the next call.
    """
    return converted(param, type, {} if tensorCache is None else tensorCache)


def recursiveResizeAs(t1: Any, t2: Any) -> tuple[Any, Any]:
    """Resize `t1`, made where there is none, as `t2`."""
    return _pairs(lambda x, y: (x if isinstance(x, Tensor) else y.new()).resizeAs(y), t1, t2), t2


def recursiveFill(t2: Any, val: float) -> Any:
    """Fill with a number."""
    return _each(lambda x: recursiveFill(x, val), t2) if _is_table(t2) else t2.fill(val)


def recursiveAdd(t1: Any, val: Any, t2: Any = None) -> tuple[Any, Any]:
    """Add `t2`, or `val` times it, to `t1`: `recursiveAdd(t1, t2)`, `recursiveAdd(t1, val, t2)`."""
    val, t2 = (1, val) if t2 is None else (val, t2)
    return _pairs(lambda x, y: x.add(val, y), t1, t2), t2


def recursiveCopy(t1: Any, t2: Any) -> tuple[Any, Any]:
    """Have `t1`, made where there is none, hold the elements of `t2`."""

    def copy(x: Any, y: Tensor) -> Tensor:
        return (x if isinstance(x, Tensor) else y.new()).resize(y.size()).copy(y)

    return _pairs(copy, t1, t2), t2


def addSingletonDimension(*arguments: Any) -> Tensor:
    """`(t, dim)` or `(view, t, dim)`: a view with another dimension, of length 1."""
    *view, t, dim = arguments if len(arguments) > 1 else (*arguments, 1)
    size, stride = list(t.geometry.size), list(t.geometry.stride)
    place = position(dim, len(size) + 1, "dimension")
    size.insert(place, 1)
    stride.insert(place, 1)
    found = t._view(t.geometry.offset, size, stride)
    return view[0].set(found) if view else found


def contiguousView(output: Any, input: Tensor, *size: Any) -> Tensor:
    """The input in another size: a view of it, or of a copy if it is not contiguous."""
    found = input.contiguous().view(*size)
    return found if output is None else output.set(found)


def clear(self: Any, *names: Any) -> Any:
    """Empty these fields of an object: its tensors and tables; others become None."""
    given = names[0] if names and _is_table(names[0]) else names
    for name in given:
        value = getattr(self, name, None)
        if isinstance(value, Tensor):
            value.set()
        elif value is not None:
            setattr(self, name, Table() if _is_table(value) else None)
    return self


def _is_table(x: Any) -> bool:
    return isinstance(x, Table | list | tuple | dict)


def _each(function: Callable, x: Any) -> Any:
    """The table with a function of each entry in its place."""
    if isinstance(x, tuple):
        return tuple(map(function, x))
    for key in range(1, len(x) + 1) if isinstance(x, Table) else _keys(x):
        x[key] = function(x[key])
    return x


def _keys(x: Any) -> Any:
    return list(x) if isinstance(x, dict) else range(len(x))


def _pairs(function: Callable, t1: Any, t2: Any) -> Any:
    """A function of a tensor of `t1` and of the one in its place in `t2`, in tables like `t2`."""
    if not _is_table(t2):
        return function(t1, t2)
    if isinstance(t2, dict):
        own = t1 if isinstance(t1, dict) else {}
        return {key: _pairs(function, own.get(key), y) for key, y in t2.items()}
    own = [*t1] if _is_table(t1) else [t1]
    own += [None] * (len(t2) - len(own))
    found = [_pairs(function, x, y) for x, y in zip(own, t2, strict=False)]
    if isinstance(t1, Table):
        t1._items[:] = found
        return t1
    return Table(found)

"""nn.utils: one thing done to all tensors in nested tables."""

from collections.abc import Callable
from typing import Any

from fnn.torch7.passing import converted
from fnn.torch7.table import Table
from fnn.torch7.tensor import Tensor


def recursiveType(x: Any, type: str, tensorCache: dict | None = None) -> Any:
    """The tensors in another type; those that share memory share it afterwards."""
    return converted(x, type, {} if tensorCache is None else tensorCache)


def recursiveResizeAs(t1: Any, t2: Any) -> tuple[Any, Any]:
    """Give the tensors of `t1` the sizes of those of `t2`; missing ones are made."""
    made = over(lambda y, x: tensor_like(x, y).resizeAs(y), t2, t1)
    return made, t2


def recursiveFill(t2: Any, val: Any) -> Any:
    """Fill every tensor with a number."""
    return over(lambda x: x.fill(val), t2)


def recursiveAdd(t1: Any, val: Any, t2: Any = None) -> tuple[Any, Any]:
    """Add `val` times the tensors of `t2` to those of `t1`; `val` may be left out."""
    val, t2 = (1, val) if t2 is None else (val, t2)
    return over(lambda x, y: x.add(val, y), t1, t2), t2


def recursiveCopy(t1: Any, t2: Any, _async: bool = False) -> tuple[Any, Any]:
    """Copy the tensors of `t2` into those of `t1`, which get their sizes."""
    return over(lambda y, x: tensor_like(x, y).resizeAs(y).copy(y), t2, t1), t2


def addSingletonDimension(*arguments: Any) -> Tensor:
    """A view with a new dimension of size 1: `([output,] x, dim)`."""
    *output, x, dim = arguments
    size, stride = list(x.size()), list(x.stride())
    stride.insert(dim - 1, size[dim - 1] * stride[dim - 1] if dim <= len(size) else 1)
    size.insert(dim - 1, 1)
    made = output[0] if output else x.new()
    return made.set(x.storage, x.storageOffset(), size, stride)


def contiguousView(output: Tensor, input: Tensor, *size: Any) -> Tensor:
    """Have `output` be a view of `input` in another size, or of a contiguous copy of it."""
    return output.set(input.contiguous().view(*size))


def clear(x: Any, *fields: Any) -> Any:
    """Empty the named fields: tensors stay the same objects, tables become new ones."""
    names = fields[0] if len(fields) == 1 and not isinstance(fields[0], str) else fields
    for name in names:
        value = getattr(x, name, None)
        if isinstance(value, Tensor):
            value.set()
        elif value is not None:
            setattr(x, name, Table() if isinstance(value, Table | list) else None)
    return x


def tensor_like(x: Any, y: Tensor) -> Tensor:
    """`x` if it is a tensor, else a new one of the type of `y`."""
    return x if isinstance(x, Tensor) else y.new()


def over(function: Callable, x: Any, *others: Any) -> Any:
    """A function of the tensors of one or several nested tables, in the tables of the last one."""
    if isinstance(x, Tensor):
        return function(x, *others)
    parts = [list(y or ()) for y in others]
    rows = [[p[i] if i < len(p) else None for p in parts] for i in range(len(x))]
    return Table(over(function, y, *row) for y, row in zip(x, rows, strict=True))

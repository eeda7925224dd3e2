"""getParameters: many tensors become views of one storage."""

from collections.abc import Iterable
from itertools import pairwise

from fnn.tensor import updates
from fnn.tensor.run import run
from fnn.tensor.views import Geometry, extent
from fnn.torch7.tensor import Tensor


def flatten(tensors: Iterable[Tensor]) -> Tensor:
    """Lay the memory of `tensors` out in one vector, and make them views of it.

    Memory that several tensors share is laid out once, in the order of its first tensor; gaps
    between tensors are left out.
    """
    tensors = list({id(tensor): tensor for tensor in tensors}.values())
    spans: dict[int, list[list[int]]] = {}
    storages = {id(t.storage): t.storage for t in tensors}
    for tensor in tensors:
        spans.setdefault(id(tensor.storage), []).append(
            [tensor.geometry.offset, extent(tensor.geometry)]
        )
    blocks, starts, total = [], {}, 0
    for key, found in spans.items():
        starts[key] = []
        for first, end in merged(found):
            memory = Geometry(first, (end - first,), (1,))
            blocks.append(Tensor._around(storages[key], memory))
            starts[key].append((first, end, total))
            total += end - first
    if not blocks:
        return Tensor()
    flat = Tensor._around(run(updates.concatenated, blocks))
    for tensor in tensors:
        offset, size, stride = tensor.geometry
        first, _, start = next(s for s in starts[id(tensor.storage)] if s[0] <= offset < s[1])
        tensor._hold(flat.storage, Geometry(start + offset - first, size, stride))
    return flat


def overlapping(tensors: Iterable[Tensor]) -> bool:
    """Whether any two tensors share memory, or may do so."""
    spans = sorted(
        (id(t.storage), t.geometry.offset, extent(t.geometry)) for t in tensors if t.length
    )
    return any(a[0] == b[0] and b[1] < a[2] for a, b in pairwise(spans))


def merged(spans: list[list[int]]) -> list[list[int]]:
    """Overlapping and adjoining spans as one."""
    result: list[list[int]] = []
    for first, end in sorted(spans):
        if result and first <= result[-1][1]:
            result[-1][1] = max(end, result[-1][1])
        else:
            result.append([first, end])
    return result

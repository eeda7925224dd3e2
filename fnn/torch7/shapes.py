"""A tensor's views, and its copies in another size."""

from __future__ import annotations

from typing import Any, Self

import jax.numpy as jnp

from fnn.errors import require
from fnn.tensor.run import run
from fnn.tensor.tensor import infer
from fnn.tensor.views import contiguous_stride
from fnn.torch7.counting import axis, cut, position, sizes, span, whole
from fnn.torch7.memory import Memory, into
from fnn.torch7.table import Table


class Shapes(Memory):
    """The part of `Tensor` that looks at the same memory in another way."""

    def narrow(self, dim: Any, first: Any, length: Any) -> Self:
        """`length` elements from `first` on, along a dimension."""
        a = axis(dim, self.dim())
        size, start, count = self._size[a], whole(first), cut(length)
        require(
            start > 0 and 0 < count <= size - start + 1,
            "narrow",
            f"start {start} and length {count} along dimension {a + 1}",
            f"a range within 1..{size}",
            "the range reaches past the end" if start > 0 else "everything counts from 1 here",
        )
        return self._narrow(a, start - 1, count)

    def select(self, dim: Any, index: Any) -> Any:
        """The elements at one index of a dimension, without it; of a vector, a number."""
        a = axis(dim, self.dim())
        at = position(index, self._size[a])
        if self.dim() == 1:
            return self.storage[self.geometry.offset + at * self.geometry.stride[0] + 1]
        return self._select(a, at)

    def sub(self, *bounds: Any) -> Self:
        """A first and a last index for each dimension; negative ones count from the end."""
        view = self
        for a, (first, last) in enumerate(zip(bounds[::2], bounds[1::2], strict=True)):
            view = view._narrow(a, *span(first, last, view.geometry.size[a]))
        return view

    def transpose(self, first: Any, second: Any) -> Self:
        """Two dimensions exchanged."""
        axes = list(range(self.dim()))
        a, b = axis(first, len(axes)), axis(second, len(axes))
        axes[a], axes[b] = b, a
        return self._permute(axes)

    def t(self) -> Self:
        """A matrix's transpose."""
        require(
            self.dim() == 2,
            "t",
            f"a tensor of {self.dim()} dimensions",
            "a matrix",
            "transpose(1, 2) exchanges dimensions of any tensor",
        )
        return self._permute((1, 0))

    def permute(self, *dims: Any) -> Self:
        """The dimensions in another order."""
        axes = [axis(d, self.dim()) for d in dims]
        require(
            sorted(axes) == list(range(self.dim())),
            "permute",
            f"dimensions {list(dims)}",
            f"each of 1..{self.dim()} once",
            "a dimension is missing, or there twice",
        )
        return self._permute(axes)

    def unfold(self, dim: Any, size: Any, step: Any) -> Self:
        """All slices of one size along a dimension, `step` apart, with a new last dimension."""
        (offset, sizes, strides), a = self.geometry, axis(dim, self.dim())
        size, step = cut(size), cut(step)
        require(
            0 < size <= sizes[a] and step > 0,
            "unfold",
            f"size {size} and step {step}",
            f"a size of 1..{sizes[a]} and a positive step",
            "the slices are longer than the dimension",
        )
        count = (sizes[a] - size) // step + 1
        return self._view(
            offset,
            (*sizes[:a], count, *sizes[a + 1 :], size),
            (*strides[:a], strides[a] * step, *strides[a + 1 :], strides[a]),
        )

    @into("set")
    def expand(self, *size: Any) -> Self:
        """Dimensions of size 1 repeated without copying."""
        wanted = sizes(size)
        require(
            len(wanted) == self.dim(),
            "expand",
            f"{len(wanted)} sizes",
            f"{self.dim()}, as many as the tensor has dimensions",
            "a new dimension comes from view, a repetition of elements from repeatTensor",
        )
        return self._expand(wanted)

    @into("set", tensors=1)
    def expandAs(self, other: Shapes) -> Self:
        """Expanded to another tensor's size."""
        return self.expand(other.size())

    @into("set")
    def view(self, *size: Any) -> Self:
        """The elements in another size, of which one length may be -1."""
        require(
            self.isContiguous(),
            "view",
            f"strides {list(self.geometry.stride)} for size {list(self.geometry.size)}",
            "a contiguous tensor",
            "it is a transpose or a part of another tensor: use contiguous() or reshape",
        )
        wanted = infer(sizes(size), self.length)
        return self._view(self.geometry.offset, wanted, contiguous_stride(wanted))

    @into("set", tensors=1)
    def viewAs(self, other: Shapes) -> Self:
        """The elements in another tensor's size."""
        return self.view(other.size())

    def squeeze(self, *arguments: Any) -> Any:
        """Without dimensions of size 1, or without one; a number where a single element is left."""
        source, *dim = (
            arguments if arguments and isinstance(arguments[0], Shapes) else (self, *arguments)
        )
        offset, size, stride = source.geometry
        gone = [axis(d, source.dim()) for d in dim] or range(len(size))
        kept = [i for i in range(len(size)) if size[i] != 1 or i not in gone] or [0]
        view = source._view(offset, [size[i] for i in kept], [stride[i] for i in kept])
        if source is not self:
            view = self.set(view)
        alone = view._size == (1,) and (not dim or source.dim() == 1)
        return view.storage[offset + 1] if alone else view

    def split(self, size: Any, dim: Any = 1) -> Table:
        """Views of `size` along a dimension; the last may be shorter."""
        a, step = axis(dim, self.dim()), cut(size)
        total = self._size[a]
        starts = range(0, total, step)
        return Table(self._narrow(a, i, min(step, total - i)) for i in starts)

    def chunk(self, count: Any, dim: Any = 1) -> Table:
        """`count` views along a dimension, equal but for the last."""
        return self.split(-(-self.size(dim) // cut(count)), dim)

    @into("_become")
    def reshape(self, *size: Any) -> Self:
        """A copy in another size."""
        return self._around(run(jnp.reshape, self, shape=infer(sizes(size), self.length)))

    @into("_become")
    def repeatTensor(self, *counts: Any) -> Self:
        """A copy that repeats the elements along each dimension."""
        reps = sizes(counts)
        require(
            len(reps) >= self.dim(),
            "repeatTensor",
            f"{len(reps)} numbers",
            f"{self.dim()} at least, one for each dimension",
            "the numbers belong to the last dimensions",
        )
        return self._around(run(jnp.tile, self, reps=reps))

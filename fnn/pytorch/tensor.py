"""torch.Tensor: a view of a storage, with PyTorch's names and a place on the tape."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from jax import Array

from fnn.pytorch import dtypes, types
from fnn.pytorch.autograd import accumulate, initial, propagate, refuse_graph
from fnn.pytorch.printing import text
from fnn.pytorch.types import Size
from fnn.pytorch.values import Values
from fnn.tensor.run import run
from fnn.tensor.storage import Storage
from fnn.tensor.tensor import read_through
from fnn.tensor.types import from_data
from fnn.tensor.views import Geometry, is_contiguous

__all__ = ["Tensor", "is_floating_point", "is_tensor", "numel"]


class Tensor(Values):
    """A multi-dimensional array that can remember how it was computed.

    `Tensor(2, 3)` has sizes, `Tensor([[1, 2], [3, 4]])` has data. The functions of `torch` that
    take a tensor first are its methods too.
    """

    transient = ("grad_fn", "retains_grad", "_output", "_base", "_seen", "_rewrites", "_hooks")

    renewed = ("grad",)

    grad: Tensor | None = None
    grad_fn: Any = None
    retains_grad: bool = False
    _plain: ClassVar[type[Tensor]]
    _requires_grad = False
    _output = 0  # which output of `grad_fn` this is
    _base: Tensor | None = None  # the tensor that this is a view of
    _rewrites = 0  # how often it was changed in place by a recorded operation
    _seen = 0  # how often its base had been, when the view was taken
    _hooks: Sequence[Callable[[Any], Any]] = ()

    def __init__(self, *data: Any):
        self._hold(sized_or_filled(data, types.get_default_dtype()))

    @classmethod
    def holding(cls, array: Array) -> Tensor:
        """A tensor with these elements, in a storage of its own; no parameter."""
        return cls._plain._around(Storage(array))

    if TYPE_CHECKING:  # methods made of functions

        def __getitem__(self, index: Any) -> Tensor: ...
        def __setitem__(self, index: Any, value: Any) -> None: ...
        def __neg__(self) -> Tensor: ...
        def __add__(self, other: Any) -> Tensor: ...

        __abs__ = __invert__ = __neg__
        __sub__ = __mul__ = __truediv__ = __floordiv__ = __mod__ = __pow__ = __add__
        __radd__ = __rsub__ = __rmul__ = __rtruediv__ = __rpow__ = __matmul__ = __add__
        __lt__ = __le__ = __gt__ = __ge__ = __and__ = __or__ = __xor__ = __add__

    def _view(self, offset: int, size: Sequence[int], stride: Sequence[int]) -> Any:
        return self._plain._around(self.storage, Geometry(offset, tuple(size), tuple(stride)))

    # What it is.

    @property
    def shape(self) -> Size:
        """The lengths of the axes."""
        return Size(self.geometry.size)

    @property
    def dtype(self) -> dtypes.dtype:
        """The type of the elements."""
        return dtypes.dtype.of(self.storage)

    @property
    def device(self) -> types.device:
        """Where the elements lie."""
        return types.where(self.storage.array)

    @property
    def ndim(self) -> int:
        """How many axes there are."""
        return len(self.geometry.size)

    @property
    def _is_plain(self) -> bool:
        return not self.requires_grad and self.grad is None

    @property
    def requires_grad(self) -> bool:
        """Whether `backward` leads here."""
        return self.grad_fn is not None or self._requires_grad

    @requires_grad.setter
    def requires_grad(self, mode: bool) -> None:
        if self.grad_fn is not None and not mode:
            raise RuntimeError(
                "you can only change requires_grad flags of leaf variables. If you want to use a "
                "computed variable in a subgraph that doesn't require differentiation use "
                "var_no_grad = var.detach()."
            )
        if mode and not self.is_floating_point():
            raise RuntimeError(
                "only Tensors of floating point and complex dtype can require gradients"
            )
        self._requires_grad = bool(mode)

    @property
    def is_leaf(self) -> bool:
        """Whether it was made by the user, not by a recorded operation."""
        return self.grad_fn is None

    @property
    def is_cuda(self) -> bool:
        """Whether it lies on a GPU."""
        return self.device.type == "cuda"

    @property
    def itemsize(self) -> int:
        """The bytes of one element."""
        return self.element_type.itemsize

    @property
    def nbytes(self) -> int:
        """The bytes of all elements."""
        return self.itemsize * self.length

    def size(self, dim: int | None = None) -> Any:
        """The lengths of the axes, or of one."""
        return self.shape if dim is None else self.shape[axis_of(self, dim)]

    def stride(self, dim: int | None = None) -> Any:
        """The steps between elements along the axes, or along one."""
        stride = self.geometry.stride
        return stride if dim is None else stride[axis_of(self, dim)]

    def dim(self) -> int:
        """How many axes there are."""
        return self.ndim

    ndimension = dim

    def nelement(self) -> int:
        """How many elements there are."""
        return self.length

    def element_size(self) -> int:
        """The bytes of one element."""
        return self.itemsize

    def storage_offset(self) -> int:
        """Where in its storage the first element lies."""
        return self.geometry.offset

    def data_ptr(self) -> int:
        """A number that two tensors share if their first elements are the same."""
        return id(self.storage) + self.geometry.offset

    def is_contiguous(self) -> bool:
        """Whether the elements follow each other in memory."""
        return is_contiguous(self.geometry)

    def is_set_to(self, tensor: Tensor) -> bool:
        """Whether two tensors are the same elements of one storage."""
        return self.storage is tensor.storage and self.geometry == tensor.geometry

    # The tape.

    @property
    def data(self) -> Tensor:
        """The same elements without a history; may be assigned to."""
        return self._plain._around(self.storage, self.geometry)

    @data.setter
    def data(self, tensor: Tensor) -> None:
        self._hold(tensor.storage, tensor.geometry)

    def detach(self) -> Tensor:
        """The same elements without a history."""
        return self.data

    def detach_(self) -> Self:
        """Forget the history."""
        self.grad_fn, self._requires_grad, self._output = None, False, 0
        return self

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Have gradients computed for this tensor, or not."""
        if requires_grad and not self.is_floating_point():
            raise RuntimeError("only Tensors of floating point dtype can require gradients")
        self.requires_grad = requires_grad
        return self

    def backward(
        self,
        gradient: Any = None,
        retain_graph: bool = False,
        create_graph: bool = False,
        inputs: Sequence[Tensor] | None = None,
    ) -> None:
        """Add the derivative of this tensor by each leaf, or each of `inputs`, to its `grad`."""
        refuse_graph(create_graph)

        def deliver(leaf: Any, found: Storage) -> None:
            if inputs is None or any(leaf is x for x in inputs):
                accumulate(leaf, found)

        propagate([(self, initial(self, gradient))], deliver, retain_graph)

    def register_hook(self, hook: Callable[[Any], Any]) -> None:
        """Call `hook` with each gradient of this tensor; what it returns takes its place."""

        def apply(gradient: Storage) -> Storage | None:
            replaced = hook(self._plain._around(gradient))
            return None if replaced is None else run(read_through, replaced)

        if self.grad_fn is None:
            self._hooks = (*self._hooks, apply)
        else:
            self.grad_fn.hooks.append((self._output, apply))

    def retain_grad(self) -> None:
        """Keep the gradient of this tensor in `grad`, though it is no leaf."""
        if self.grad_fn is not None and not self.retains_grad:
            self.retains_grad = True
            self.grad_fn.hooks.append((self._output, lambda found: accumulate(self, found)))

    # Copies and text.

    __hash__ = object.__hash__

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        if self.grad_fn is not None:
            raise RuntimeError(
                "Only Tensors created explicitly by the user (graph leaves) support the deepcopy "
                "protocol at the moment; use clone() or detach() first"
            )
        made = memo[id(self)] = self._around(copy.deepcopy(self.storage, memo), self.geometry)
        if self._requires_grad:
            made._requires_grad = True
        made.grad = copy.deepcopy(self.grad, memo)
        return made

    def __repr__(self) -> str:
        plain = type(self) is self._plain
        return text(self) if plain else f"{type(self).__name__} containing:\n{text(self)}"

    def __format__(self, form: str) -> str:
        if self.geometry.size or type(self) is not self._plain:
            return object.__format__(self, form)
        return format(self.item(), form)


Tensor._plain = Tensor


def sized_or_filled(data: tuple[Any, ...], kind: dtypes.dtype, on: Any = None) -> Storage:
    """What the constructors that are older than `torch.tensor` make: of sizes, or of data."""
    if len(data) == 1 and not hasattr(data[0], "__index__") and not isinstance(data[0], Size):
        found = from_data(data[0], kind.numpy)
    else:
        found = from_data(np.zeros(types.shape_of(data)), kind.numpy)
    return Storage(types.place(found, on))


def axis_of(tensor: Tensor, dim: int, new: int = 0) -> int:
    """An axis counted from 0; a negative one counts from the end. `new` axes are about to come."""
    rank = max(len(tensor.geometry.size) + new, 1)
    if not -rank <= dim < rank:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-rank}, {rank - 1}], "
            f"but got {dim})"
        )
    return dim % rank


def method(function: Callable) -> Callable:
    """Have a function of `torch` be a method of tensors, too."""
    setattr(Tensor, function.__name__, function)
    return function


@method
def is_floating_point(input: Tensor) -> bool:
    """Whether the elements are floating-point numbers."""
    return input.dtype.is_floating_point


@method
def numel(input: Tensor) -> int:
    """How many elements there are."""
    return input.length


def is_tensor(obj: Any) -> bool:
    """Whether an object is a tensor."""
    return isinstance(obj, Tensor)

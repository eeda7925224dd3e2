"""What a module holds, by name: parameters, buffers and the modules inside."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Self

from jax import Array

from fnn.pytorch.creation import as_tensor, empty
from fnn.pytorch.nn.parameter import Parameter
from fnn.pytorch.tensor import Tensor
from fnn.shell import Shell
from transforms.changes import Watched

REGISTERS = ("_parameters", "_buffers", "_modules")


class Tree(Shell):
    """A module as the root of a tree of modules, whose tensors have paths.

    Parameters and modules that are assigned go into registers.
    """

    _parameters: dict[str, Any]
    _buffers: dict[str, Any]
    _modules: dict[str, Any]

    def __init__(self) -> None:
        for register in REGISTERS:
            vars(self).setdefault(register, Watched())

    def __setattr__(self, name: str, value: Any) -> None:
        kind = {Parameter: "_parameters"}.get(type(value))
        if isinstance(value, Tree):
            kind = "_modules"
        known = next((r for r in REGISTERS if name in vars(self).get(r, ())), None)
        if kind is None and isinstance(value, Tensor | None):
            kind = known
        if kind is None:
            if known is not None:
                raise TypeError(
                    f"cannot assign '{type(value).__name__}' as {known[1:-1]} '{name}' "
                    "(a tensor, a module or None expected)"
                )
            super().__setattr__(name, value)
            return
        if kind not in vars(self):
            raise AttributeError(f"cannot assign {kind[1:]} before Module.__init__() call")
        for register in REGISTERS:
            if register != kind:
                vars(self)[register].pop(name, None)
        vars(self).pop(name, None)
        vars(self)[kind][name] = value

    def __getattr__(self, name: str) -> Any:
        for register in REGISTERS:
            found = vars(self).get(register, {})
            if name in found:
                return found[name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __delattr__(self, name: str) -> None:
        for register in REGISTERS:
            if name in vars(self)[register]:
                del vars(self)[register][name]
                return
        super().__delattr__(name)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *(n for r in REGISTERS for n in vars(self).get(r, ()))]

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Have a parameter, or a place for one."""
        self._parameters[name] = param

    def register_buffer(self, name: str, tensor: Tensor | None) -> None:
        """Have a tensor that is saved but not trained."""
        self._buffers[name] = tensor

    def register_module(self, name: str, module: Tree | None) -> None:
        """Have a child."""
        self._modules[name] = module

    add_module = register_module

    def _children(self) -> Iterable[tuple[str, Any]]:
        return self.named_children()

    def _add_parameter(self, name: str, shape: tuple[int, ...]) -> None:
        self.register_parameter(name, Parameter(empty(*shape)))

    def _add_buffer(self, name: str, array: Array) -> None:
        self.register_buffer(name, as_tensor(array))

    # Traversal.

    def named_modules(self, prefix: str = "", memo: set | None = None) -> Iterator[tuple[str, Any]]:
        """This module and all inside, each once, with their paths."""
        memo = set() if memo is None else memo
        if self in memo:
            return
        memo.add(self)
        yield prefix, self
        for name, child in self._modules.items():
            if child is not None:
                yield from child.named_modules(f"{prefix}.{name}" if prefix else name, memo)

    def modules(self) -> Iterator[Any]:
        """This module and all inside, each once."""
        return (module for _, module in self.named_modules())

    def named_children(self) -> Iterator[tuple[str, Any]]:
        """The modules directly inside, by name."""
        return ((name, child) for name, child in self._modules.items() if child is not None)

    def children(self) -> Iterator[Any]:
        """The modules directly inside."""
        return (child for _, child in self.named_children())

    def _named(self, register: str, recurse: bool) -> Iterator[tuple[str, Any]]:
        memo = set()
        for path, module in self.named_modules() if recurse else [("", self)]:
            for name, tensor in vars(module)[register].items():
                if tensor is not None and tensor not in memo:
                    memo.add(tensor)
                    yield f"{path}.{name}" if path else name, tensor

    def named_parameters(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, Any]]:
        """All parameters, each once, with their paths."""
        dot = prefix and prefix + "."
        return ((dot + name, tensor) for name, tensor in self._named("_parameters", recurse))

    def parameters(self, recurse: bool = True) -> Iterator[Any]:
        """All parameters, each once."""
        return (tensor for _, tensor in self.named_parameters(recurse=recurse))

    def named_buffers(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, Any]]:
        """All buffers, each once, with their paths."""
        dot = prefix and prefix + "."
        return ((dot + name, tensor) for name, tensor in self._named("_buffers", recurse))

    def buffers(self, recurse: bool = True) -> Iterator[Any]:
        """All buffers, each once."""
        return (tensor for _, tensor in self.named_buffers(recurse=recurse))

    def get_submodule(self, target: str) -> Any:
        """The module at a path."""
        module = self
        for name in target.split(".") if target else ():
            module = module._modules[name]
        return module

    def get_parameter(self, target: str) -> Any:
        """The parameter at a path."""
        path, _, name = target.rpartition(".")
        return self.get_submodule(path)._parameters[name]

    def learnable(self) -> dict[str, Any]:
        """The parameters that `transforms.grad` differentiates by: those that require gradients.

        >>> import transforms
        >>> from fnn.pytorch import nn, ones
        >>> transforms.grad(nn.Sequential(nn.Linear(2, 1)))(ones(2))["0.weight"]
        tensor([[1., 1.]])
        """
        return {name: p for name, p in self.named_parameters() if p.requires_grad}

    def apply(self, fn: Callable[[Any], Any]) -> Self:
        """Call a function with every module inside, children first, and with this one."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

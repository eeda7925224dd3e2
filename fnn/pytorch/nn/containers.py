"""nn's containers."""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any, Self

from fnn.compose import Serial
from fnn.pytorch.nn.module import Module

__all__ = ["Sequential"]


class Sequential(Module):
    """One module after the other; as one program, if all are derived from pure layers."""

    network = Serial

    def __init__(self, *modules: Any):
        super().__init__()
        only = modules[0] if len(modules) == 1 else None
        named = only.items() if isinstance(only, OrderedDict) else enumerate(modules)
        for name, module in named:
            self.add_module(str(name), module)

    def forward(self, input: Any) -> Any:
        """Pass `input` through all modules."""
        if self.layer is not None:
            return super().forward(input)
        for module in self.children():
            input = module(input)
        return input

    def append(self, module: Module) -> Self:
        """Add a module at the end."""
        self.add_module(str(len(self)), module)
        return self

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Any]:
        return self.children()

    def __getitem__(self, index: Any) -> Any:
        names = list(self._modules)
        if isinstance(index, slice):
            return type(self)(OrderedDict((n, self._modules[n]) for n in names[index]))
        return self._modules[names[index]]

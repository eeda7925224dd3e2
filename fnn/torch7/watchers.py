"""nn's decorators that look at what passes through a module: for NaN, and for time."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from time import perf_counter
from typing import Any

import numpy as np

from fnn.errors import LayerError
from fnn.tensor.gradient import differentiable
from fnn.tensor.run import known
from fnn.torch7.decorators import Decorator
from fnn.torch7.found import Working
from fnn.torch7.module import Module
from fnn.torch7.passing import type_name
from fnn.torch7.table import Table
from fnn.torch7.tensor import Tensor
from fnn.torch7.timer import Timer

__all__ = ["NaN", "Profile"]

_ids = count(1)


class NaN(Decorator):
    """Raises an error when a NaN comes out of the module inside, and says where it came from."""

    network = None

    def __init__(self, module: Module, id: int | None = None):
        super().__init__(module)
        self.id = self.newId() if id is None else id

    @staticmethod
    def newId() -> int:
        """1, 2, 3, ... for those that get no name."""
        return next(_ids)

    def recursiveIsNaN(self, x: Any) -> bool:
        """Whether there is a NaN in a tensor, or in one in nested tables."""
        if isinstance(x, Table | list | tuple):
            return any(map(self.recursiveIsNaN, x))
        if not isinstance(x, Tensor) or not differentiable(x.storage):
            return False
        return bool(np.isnan(np.asarray(x)).any())

    def _check(self, **values: Any) -> None:
        """Raise an error if the last of these has a NaN: it names the first one that has."""
        if self.recursiveIsNaN([*values.values()][-1]):
            where = next(name for name, x in values.items() if self.recursiveIsNaN(x))
            raise LayerError(f"NaN found in {where} of module :\n{self}")

    def _through(self, input: Any) -> Any:
        output = super()._through(input)
        self._check(input=input, parameters=self.parameters()[0], output=output)
        return output

    def _back(self, method: str, input: Any, gradOutput: Any, *rest: float) -> Any:
        gradInput = super()._back(method, input, gradOutput, *rest)
        if not method.startswith("acc"):
            self._check(gradOutput=gradOutput, gradInput=gradInput)
        if method != "updateGradInput":
            self._check(gradParameters=self.parameters()[1])
        return gradInput

    @property
    def _title(self) -> str:
        return f"{type_name(self)}({self.id})"


class Profile(Decorator):
    """Measures the module inside, and prints the seconds spent every so many passes."""

    network = None
    timer = Working(lambda self: Timer())

    def __init__(self, module: Module, print_interval: int = 100, name: str | None = None):
        super().__init__(module)
        self.print_interval = print_interval
        self.name = type_name(module) if name is None else name
        self.numFwds = self.numBwds = 0
        self.summedFwdTime = self.summedBwdTime = 0.0

    @property
    def module(self) -> Module:
        """The module that is measured."""
        return self.modules[1]

    def _through(self, input: Any) -> Any:
        return self._measured("Fwd", input, super()._through, input)

    def _back(self, method: str, input: Any, gradOutput: Any, *rest: float) -> Any:
        back = super()._back
        if method.startswith("acc"):
            return back(method, input, gradOutput, *rest)
        return self._measured("Bwd", gradOutput, back, method, input, gradOutput, *rest)

    def _measured(self, way: str, needed: Any, work: Callable, *args: Any) -> Any:
        """Work that needs something computed; the time until its result is."""
        number, seconds = f"num{way}s", f"summed{way}Time"
        wait_for(needed)
        start = perf_counter()
        result = wait_for(work(*args))
        done, spent = getattr(self, number) + 1, getattr(self, seconds) + perf_counter() - start
        if done % self.print_interval == 0:
            name = {"Fwd": "forward", "Bwd": "backward"}[way]
            print(f"{self.name} took {spent:.3f} seconds for {done} {name} passes")
            done, spent = 0, 0.0
        setattr(self, number, done)
        setattr(self, seconds, spent)
        return result


def wait_for(x: Any) -> Any:
    """A table or a tensor, when its numbers have been computed, unless that is done later on."""
    for y in x if isinstance(x, Table | list | tuple) else [x]:
        if isinstance(y, Tensor) and known(y.storage):
            y.array.block_until_ready()
        elif isinstance(y, Table | list | tuple):
            wait_for(y)
    return x

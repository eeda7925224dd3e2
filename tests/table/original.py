"""PyTorch, whose functions are compared with ours where it is installed."""

from importlib import import_module
from importlib.util import find_spec
from typing import Any


class Absent:
    """Stands for a package that isn't there: its functions can be named, but not called."""

    def __getattr__(self, name: str) -> str:
        return name


torch: Any = import_module("torch") if find_spec("torch") else Absent()
F: Any = import_module("torch.nn.functional") if find_spec("torch") else Absent()

"""The table: one row for each variant of a layer, and the row is all that its tests need.

From the layer's shape block `tests/test_layers.py` draws arguments and runs every suite on them.
Each topic of `fnn` has a file of its rows here, `EXAMPLES`; `TORCH` says what PyTorch computes
for a layer with the same arguments.
"""

from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from tests.table.example import Example

EXAMPLES: list[Example] = []
TORCH: dict[Callable, Any] = {}
for _topic in sorted(found.name for found in iter_modules(__path__)):
    _rows = import_module(f"{__name__}.{_topic}")
    EXAMPLES += getattr(_rows, "EXAMPLES", [])
    TORCH |= getattr(_rows, "TORCH", {})

"""Neural networks as plain functions over explicit parameters.

A layer asks for what it needs by name: `params`, `state`, `key`, `train`; see `fnn.layer`'s file.
Losses, minimisers and schedules are imported when asked for, and so are the doors for imperative
code, by their names: `import fnn.torch7`, `import fnn.pytorch`.
"""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING

from fnn import connections, initializers, optim
from fnn.activation import *
from fnn.adaptive import *
from fnn.affine import *
from fnn.attention import *
from fnn.compose import *
from fnn.conv import *
from fnn.distance import *
from fnn.distribution import *
from fnn.dropout import *
from fnn.embedding import *
from fnn.errors import *
from fnn.fold import *
from fnn.gates import *
from fnn.gradient import *
from fnn.graph import *
from fnn.linear import *
from fnn.local_norm import *
from fnn.norm import *
from fnn.padding import *
from fnn.partial_conv import *
from fnn.pointwise import *
from fnn.pool import *
from fnn.product import *
from fnn.recurrent import *
from fnn.reduce import *
from fnn.reparametrise import *
from fnn.resize import *
from fnn.selection import *
from fnn.sequence import *
from fnn.shape import *
from fnn.sparse import *
from fnn.stack import *
from fnn.table import *
from fnn.temporal import *
from fnn.training import *
from fnn.transformer import *
from fnn.transformer_layer import *

if TYPE_CHECKING:
    from fnn import loss, minimise, schedules

_LATER = ("loss", "minimise", "schedules")


def __getattr__(name: str) -> object:
    if name in _LATER:
        return _import_module(f"fnn.{name}")
    raise AttributeError(f"module 'fnn' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})

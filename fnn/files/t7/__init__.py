"""Torch7's files: objects with numbers, written once and referred to after that.

>>> from fnn.files import t7
>>> t7.loads(t7.dumps(t7.Table.of(rate=0.5)), "binary").fields()
{'rate': 0.5}
"""

from fnn.files.errors import FileError
from fnn.files.t7.reader import load, loads
from fnn.files.t7.records import Function, Storage, Table, Tensor, TorchObject
from fnn.files.t7.writer import dump, dumps

__all__ = [
    "FileError",
    "Function",
    "Storage",
    "Table",
    "Tensor",
    "TorchObject",
    "dump",
    "dumps",
    "load",
    "loads",
]

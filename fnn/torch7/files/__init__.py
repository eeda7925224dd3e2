"""torch.save and torch.load: live objects in files of Torch7's."""

from pathlib import Path
from typing import Any

import numpy as np

from fnn.files import t7
from fnn.torch7.files.disk import DiskFile, MemoryFile, PipeFile
from fnn.torch7.files.loaded import Loader
from fnn.torch7.files.saved import Saver
from fnn.torch7.storage import CharStorage, Storage

__all__ = [
    "DiskFile",
    "MemoryFile",
    "PipeFile",
    "deserialize",
    "deserializeFromStorage",
    "load",
    "loadobj",
    "save",
    "saveobj",
    "serialize",
    "serializeToStorage",
]


def save(filename: Any, object: Any, mode: str = "binary", referenced: bool = True) -> None:
    """Write an object to a file that Torch7 can read: "binary", "ascii", "b32" or "b64".

    Without `referenced`, what is one object in several places is written in each of them.
    """
    Path(filename).write_bytes(serialize(object, mode, referenced))


def load(filename: Any, mode: str | None = None, referenced: bool = True) -> Any:
    """The object in a file of Torch7's; without a mode, that is found out.

    `referenced` may be said as to `save`; the file's own numbers say what is one object.

    Modules and criterions come to life; objects of unknown classes have their fields as attributes.
    Nothing in the file is run, and no random number is drawn.
    """
    try:
        return deserialize(Path(filename).read_bytes(), mode)
    except t7.FileError as error:
        raise t7.FileError(f"{filename}: {error}") from error


def serialize(object: Any, mode: str = "binary", referenced: bool = True) -> bytes:
    """The bytes of a file with an object."""
    return t7.dumps(Saver().record(object), mode, referenced)


def deserialize(data: bytes, mode: str | None = None) -> Any:
    """The object in the bytes of a file; see `load`."""
    return Loader().object(t7.loads(bytes(data), mode))


def serializeToStorage(object: Any, mode: str = "binary") -> Storage:
    """The bytes of a file with an object, in a CharStorage."""
    return CharStorage(np.frombuffer(serialize(object, mode), np.int8))


def deserializeFromStorage(storage: Storage, mode: str | None = None) -> Any:
    """The object in a CharStorage."""
    return deserialize(np.asarray(storage.array).astype(np.int8).tobytes(), mode)


saveobj, loadobj = save, load

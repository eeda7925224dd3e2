"""torch.DiskFile, MemoryFile and PipeFile: numbers, strings and objects one after the other."""

from __future__ import annotations

import os
import subprocess
from typing import Any, Self

import numpy as np

from fnn.files import t7
from fnn.torch7.files.file import File
from fnn.torch7.storage import CharStorage, Storage

__all__ = ["DiskFile", "MemoryFile", "PipeFile"]

FLAGS = {"r": "rb", "w": "wb", "rw": "r+b"}


def opener(name: Any, flags: int) -> int:
    """Open a file, which is made if it is to be written."""
    return os.open(name, flags | (os.O_CREAT if flags & os.O_RDWR else 0), 0o666)


class DiskFile(File):
    """`DiskFile(name, "r")`, "w" or "rw"; with `quiet`, None where it can't be opened."""

    typename, _colon = "torch.DiskFile", ""

    def __new__(cls, name: Any, mode: str = "r", quiet: bool = False) -> Any:
        """The file, or nothing."""
        found = super().__new__(cls)
        if mode not in FLAGS:
            return found  # which says what is wrong with the mode
        try:
            found._file = open(name, FLAGS[mode], opener=opener)  # noqa: SIM115
        except OSError:
            if quiet:
                return None
            raise
        return found

    _file: Any

    def __init__(self, name: Any, mode: str = "r", quiet: bool = False):
        self._where = f" on <{name}>"
        super().__init__(b"", mode)
        if mode != "w":
            self._data = bytearray(self._file.read())
        if mode == "r":
            self._file.close()

    def _put(self, data: bytes) -> None:
        start = self._place
        super()._put(data)
        self._file.seek(start)
        self._file.write(data)
        self._file.flush()

    def close(self) -> Self:
        """Be used no more."""
        self._file.close()
        return super().close()


class PipeFile(File):
    """`PipeFile(command, "r")`: what it prints; "w": what it is given, when the file is closed."""

    typename = "torch.PipeFile"

    def __init__(self, command: str, mode: str = "r"):
        if mode not in ("r", "w"):
            raise ValueError(f"given mode {mode!r}, wanted 'r' or 'w'")
        self._command, self._where = command, f" on <{command}>"
        super().__init__(self._run() if mode == "r" else b"", mode)

    def _run(self, given: bytes = b"") -> bytes:
        done = subprocess.run(self._command, shell=True, input=given, stdout=subprocess.PIPE)
        if done.returncode:
            raise t7.FileError(f"{self._command!r} ended with status {done.returncode}")
        return done.stdout

    def close(self) -> Self:
        """Give the command what was written, and be used no more."""
        if self.isWritable() and self.isOpened():
            self._run(bytes(self._data))
        return super().close()


class MemoryFile(File):
    """`MemoryFile("rw")`, or `MemoryFile(storage, mode)` with a CharStorage that ends with a 0."""

    typename = "torch.MemoryFile"

    def __init__(self, *arguments: Any):
        given = arguments[0] if arguments and isinstance(arguments[0], Storage) else None
        data = b"\0" if given is None else np.asarray(given.array).astype(np.int8).tobytes()
        if not data.endswith(b"\0"):
            raise t7.FileError(
                "MemoryFile: given a storage without an end, wanted a last element 0"
            )
        modes = [x for x in arguments if isinstance(x, str)]
        super().__init__(data[:-1], modes[0] if modes else "rw" if given is None else "r")
        self._storage = CharStorage() if given is None else given

    def storage(self) -> Storage:
        """All bytes, and a 0: always the same storage, the one that the file was given."""
        self._storage.array = CharStorage(np.frombuffer(bytes(self._data) + b"\0", np.int8)).array
        return self._storage

    def close(self) -> Self:
        """Leave everything in the storage, and be used no more."""
        self.storage()
        return super().close()

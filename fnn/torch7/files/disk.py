"""torch.DiskFile, MemoryFile and PipeFile: numbers, strings and objects one after the other."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np

from fnn.files import t7
from fnn.torch7.files.file import File
from fnn.torch7.storage import CharStorage, Storage

__all__ = ["DiskFile", "MemoryFile", "PipeFile"]


class DiskFile(File):
    """`DiskFile(name, "r")`, "w" or "rw"."""

    def __init__(self, name: Any, mode: str = "r"):
        super().__init__(b"" if mode == "w" else Path(name).read_bytes(), mode)
        self._file = open(name, "wb" if mode == "w" else "r+b") if "w" in mode else None  # noqa: SIM115

    def _put(self, data: bytes) -> None:
        start = self._place
        super()._put(data)
        if self._file is not None:
            self._file.seek(start)
            self._file.write(data)

    def synchronize(self) -> None:
        """Have everything on the disk."""
        if self._file is not None:
            self._file.flush()

    def close(self) -> None:
        """Have everything on the disk, and be used no more."""
        super().close()
        if self._file is not None:
            self._file.close()


class PipeFile(File):
    """`PipeFile(command, "r")`: what it prints; "w": what it is given, when the file is closed."""

    def __init__(self, command: str, mode: str = "r"):
        if mode not in ("r", "w"):
            raise ValueError(f"given mode {mode!r}, wanted 'r' or 'w'")
        self._command = command
        super().__init__(self._run() if mode == "r" else b"", mode)

    def _run(self, given: bytes = b"") -> bytes:
        done = subprocess.run(self._command, shell=True, input=given, stdout=subprocess.PIPE)
        if done.returncode:
            raise t7.FileError(f"{self._command!r} ended with status {done.returncode}")
        return done.stdout

    def close(self) -> None:
        """Give the command what was written, and be used no more."""
        if self.isWritable():
            self._run(bytes(self._data))
        super().close()


class MemoryFile(File):
    """`MemoryFile("rw")`, or `MemoryFile(storage, mode)` with a CharStorage that ends with a 0."""

    def __init__(self, *arguments: Any):
        given = arguments[0] if arguments and isinstance(arguments[0], Storage) else None
        data = b"" if given is None else np.asarray(given.array).astype(np.int8).tobytes()
        if given is not None and not data.endswith(b"\0"):
            raise t7.FileError(
                "MemoryFile: given a storage without an end, wanted a last element 0"
            )
        modes = [x for x in arguments if isinstance(x, str)]
        super().__init__(data[:-1], modes[0] if modes else "rw" if given is None else "r")

    def storage(self) -> Storage:
        """All bytes, and a 0."""
        return CharStorage(np.frombuffer(bytes(self._data) + b"\0", np.int8))

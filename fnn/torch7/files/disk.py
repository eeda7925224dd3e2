"""torch.DiskFile and torch.MemoryFile: numbers, strings and objects one after the other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import numpy as np

from fnn.files import t7
from fnn.files.t7.reader import MODES, Reader, decoded
from fnn.files.t7.writer import SINKS, Writer
from fnn.tensor.types import from_data
from fnn.torch7.files.loaded import Loader
from fnn.torch7.files.saved import Saver
from fnn.torch7.storage import CharStorage, Storage
from fnn.torch7.types import NAMES, TYPES

__all__ = ["DiskFile", "MemoryFile"]


class File:
    """Bytes to read and to write: as text ("ascii", as at first), or as C has them ("binary")."""

    def __init__(self, data: bytes, mode: str):
        if mode not in ("r", "w", "rw"):
            raise ValueError(f"given mode {mode!r}, wanted 'r', 'w' or 'rw'")
        self._data, self._mode, self._place = bytearray(data), mode, 0
        self._saver, self._loader = Saver(), Loader()
        self._reader = Reader(MODES["ascii"](self._data))
        self._writer = Writer(SINKS["ascii"]())
        self.ascii()

    def binary(self, encoding: str = "binary") -> Self:
        """Numbers as C has them from here on."""
        self._sources, self._sinks = MODES[encoding], SINKS[encoding]
        return self

    def ascii(self) -> Self:
        """Numbers as text from here on."""
        return self.binary("ascii")

    def longSize(self, size: int = 0) -> Self:
        """Longs of 4 or of 8 bytes from here on; 0 is this machine's, 8."""
        return self.binary({0: "b64", 4: "b32", 8: "b64"}[size])

    def referenced(self, referenced: bool) -> Self:
        """Whether what is one object is written once."""
        self._writer.referenced = referenced
        return self

    def isReferenced(self) -> bool:
        """Whether what is one object is written once."""
        return self._writer.referenced

    def position(self) -> int:
        """The place of the next byte, from 1."""
        return self._place + 1

    def seek(self, position: int) -> Self:
        """Go to a byte, counted from 1."""
        if not 1 <= position <= len(self._data) + 1:
            raise t7.FileError(f"seek: given {position}, wanted 1..{len(self._data) + 1}")
        self._place = position - 1
        return self

    def seekEnd(self) -> Self:
        """Go behind the last byte."""
        return self.seek(len(self._data) + 1)

    def readObject(self) -> Any:
        """The next object."""
        return self._loader.object(self._read(lambda source: self._reader.read()))

    def writeObject(self, object: Any) -> None:
        """Write an object."""
        record = self._saver.record(object)
        self._write(lambda sink: self._writer.write(record))

    def readBool(self) -> bool:
        """The next boolean."""
        return self._read(lambda source: source.integer()) == 1

    def writeBool(self, value: bool) -> None:
        """Write a boolean."""
        self._write(lambda sink: sink.integer(int(value)))

    def readString(self, what: str = "*l") -> str | bytes:
        """The next line ("*l"), or all that is left ("*a")."""
        end = self._data.find(b"\n", self._place) if what == "*l" else -1
        stop = len(self._data) if end < 0 else end
        text = bytes(self._data[self._place : stop])
        self._place = stop if end < 0 else stop + 1
        return decoded(text)

    def writeString(self, text: str | bytes) -> int:
        """Write text as it is; the number of its bytes."""
        data = text.encode() if isinstance(text, str) else text
        self._put(data)
        return len(data)

    def close(self) -> None:
        """Be used no more."""
        self._mode = ""

    def _read(self, read: Callable[[Any], Any]) -> Any:
        """What a source gives from here on."""
        self._require("r", "reading")
        self._reader.source = source = self._sources(self._data)
        source.place = self._place
        found = read(source)
        self._place = source.place
        return found

    def _write(self, write: Callable[[Any], Any]) -> None:
        """Put here what goes into a sink."""
        self._writer.sink = sink = self._sinks()
        write(sink)
        self._put(b"".join(sink.parts))

    def _put(self, data: bytes) -> None:
        self._require("w", "writing")
        self._data[self._place : self._place + len(data)] = data
        self._place += len(data)

    def _require(self, mode: str, what: str) -> None:
        if mode not in self._mode:
            raise t7.FileError(f"the file is not open for {what}")


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


def read_method(kind: str) -> Callable[..., Any]:
    """`readInt()` is a number, `readInt(n)` a storage of n."""

    def read(self: File, count: int | None = None) -> Any:
        dtype = TYPES[kind]
        found = self._read(lambda source: source.array(dtype, 1 if count is None else count))
        return found[0].item() if count is None else Storage(array_of(found))

    read.__name__, read.__doc__ = f"read{kind}", f"The next {kind.lower()}, or a storage of many."
    return read


def write_method(kind: str) -> Callable[..., int]:
    """`writeInt(number)`, `writeInt(storage)`."""

    def write(self: File, values: Any) -> int:
        array = np.asarray(values.array if isinstance(values, Storage) else [values])
        self._write(lambda sink: sink.array(array.reshape(-1).astype(TYPES[kind])))
        return array.size

    write.__name__, write.__doc__ = (
        f"write{kind}",
        f"Write a {kind.lower()}, or those of a storage.",
    )
    return write


def array_of(values: np.ndarray) -> Any:
    """The array of a storage; sizes stay on the host."""
    return values if values.dtype == np.int64 else from_data(values, values.dtype)


for _kind in NAMES.values():
    setattr(File, f"read{_kind}", read_method(_kind))
    setattr(File, f"write{_kind}", write_method(_kind))

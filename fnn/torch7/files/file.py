"""What torch.DiskFile, MemoryFile and PipeFile share: reading and writing, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any, Self

import numpy as np

from fnn.files import t7
from fnn.files.t7.reader import MODES, Reader, decoded
from fnn.files.t7.writer import SINKS, Writer
from fnn.tensor.types import from_data
from fnn.torch7.files.loaded import Loader, put
from fnn.torch7.files.saved import Saver, fields_of
from fnn.torch7.files.text import Text
from fnn.torch7.storage import Storage
from fnn.torch7.types import NAMES, TYPES


class File:
    """Bytes to read and to write: as text ("ascii", as at first), or as C has them ("binary")."""

    typename = "torch.File"
    _where, _colon = "", ":"

    def __init__(self, data: bytes, mode: str):
        if mode not in ("r", "w", "rw"):
            raise ValueError(f"given mode {mode!r}, wanted 'r', 'w' or 'rw'")
        self._data, self._mode, self._place = bytearray(data), mode, 0
        self._quiet = self._failed = self._swaps = False
        self._open, self._spacing, self._text, self._long = True, True, True, "b64"
        self._saver, self._loader = Saver(), Loader()
        self._reader = Reader(MODES["ascii"](self._data))
        self._writer = Writer(SINKS["ascii"]())

    def __repr__(self) -> str:
        status = "open" if self._open else "closed"
        mode = "".join(x if x in self._mode else " " for x in "rw")
        return f"{self.typename}{self._where} [status: {status} -- mode{self._colon} {mode}]"

    def binary(self) -> Self:
        """Numbers as C has them from here on."""
        self._text = False
        return self

    def ascii(self) -> Self:
        """Numbers as text from here on."""
        self._text = True
        return self

    def longSize(self, size: int = 0) -> Self:
        """Longs of 4 or of 8 bytes from here on, where C has them; 0 is this machine's, 8."""
        self._long = {0: "b64", 4: "b32", 8: "b64"}[size]
        return self

    @property
    def _encoding(self) -> str:
        return "ascii" if self._text else self._long

    def referenced(self, referenced: bool) -> Self:
        """Whether what is one object is written once; else it is written as it is each time."""
        self._writer.referenced = referenced
        return self

    def isReferenced(self) -> bool:
        """Whether what is one object is written once."""
        return self._writer.referenced

    def autoSpacing(self, spacing: bool = True) -> Self:
        """Text with spaces between numbers, and a new line after each call, from here on."""
        self._spacing = spacing
        return self

    def noAutoSpacing(self) -> Self:
        """Text with nothing but numbers from here on."""
        return self.autoSpacing(False)

    def littleEndianEncoding(self, swaps: bool = False) -> Self:
        """Numbers with the low end first, as this machine has them, from here on."""
        self._swaps = swaps
        return self

    nativeEndianEncoding = littleEndianEncoding

    def bigEndianEncoding(self) -> Self:
        """Numbers with the high end first from here on; objects can't be read or written so."""
        return self.littleEndianEncoding(True)

    def isLittleEndianCPU(self) -> bool:
        """Whether the low end is first: always, here."""
        return True

    def isBigEndianCPU(self) -> bool:
        """Whether the high end is first: never, here."""
        return False

    def quiet(self, quiet: bool = True) -> Self:
        """Errors are noted, not raised, from here on: what can't be read is 0, "" or None."""
        self._quiet = quiet
        return self

    def pedantic(self) -> Self:
        """Errors are raised from here on, as at first."""
        return self.quiet(False)

    def hasError(self) -> bool:
        """Whether something could not be read since `clearError`."""
        return self._failed

    def clearError(self) -> Self:
        """Forget errors."""
        self._failed = False
        return self

    def isQuiet(self) -> bool:
        """Whether errors are only noted."""
        return self._quiet

    def isAutoSpacing(self) -> bool:
        """Whether text has spaces and lines."""
        return self._spacing

    def isBinary(self) -> bool:
        """Whether numbers are as C has them."""
        return not self._text

    def isReadable(self) -> bool:
        """Whether it was opened for reading."""
        return "r" in self._mode

    def isWritable(self) -> bool:
        """Whether it was opened for writing."""
        return "w" in self._mode

    def isOpened(self) -> bool:
        """Whether it has not been closed."""
        return self._open

    def position(self) -> int:
        """The place of the next byte, from 1."""
        return self._place + 1

    def seek(self, position: int) -> Self:
        """Go to a byte, counted from 1."""
        if 1 <= position <= len(self._data) + 1:
            self._place = position - 1
        else:
            self._fail(t7.FileError(f"seek: given {position}, wanted 1..{len(self._data) + 1}"))
        return self

    def seekEnd(self) -> Self:
        """Go behind the last byte."""
        return self.seek(len(self._data) + 1)

    def readObject(self) -> Any:
        """The next object."""
        self._require_marks()
        return self._loader.object(self._read(lambda source: self._reader.read(), whole=True))

    def writeObject(self, object: Any) -> None:
        """Write an object."""
        self._require_marks()
        record = (self._saver if self.isReferenced() else Saver()).record(object)
        self._write(lambda sink: self._writer.write(record))

    def _write_fields(self, object: Any) -> None:
        """Write the fields of an object as a table."""
        self.writeObject(fields_of(object))

    def _read_fields(self, object: Any) -> None:
        """Give an object the fields of the next table."""
        for name, value in self.readObject().items():
            put(object, name, value)

    def readBool(self) -> bool:
        """The next boolean."""
        return read_method("Int")(self) == 1

    def writeBool(self, value: Any) -> None:
        """Write a boolean; as in Lua, only None and False are false."""
        write_method("Int")(self, int(value is not None and value is not False))

    def readString(self, what: str = "*l") -> str | bytes:
        """The next line ("*l"), or all that is left ("*a")."""
        if what not in ("*l", "*a"):
            raise ValueError(f"given format {what!r}, wanted '*l' or '*a'")

        def read(source: Any) -> str | bytes:
            if source.place == len(self._data):
                source.fail("no line, but the end")
            end = self._data.find(b"\n", source.place) if what == "*l" else -1
            text = source.take((len(self._data) if end < 0 else end) - source.place)
            source.place += end >= 0
            return decoded(text)

        return self._read(read, "")

    def writeString(self, text: str | bytes) -> int:
        """Write text as it is; the number of its bytes."""
        data = text.encode() if isinstance(text, str) else text
        self._put(data)
        return len(data)

    def synchronize(self) -> Self:
        """Nothing: what was written is where it belongs."""
        return self

    noBuffer = synchronize

    def close(self) -> Self:
        """Be used no more."""
        self._open = False
        return self

    def _read(self, read: Callable[[Any], Any], otherwise: Any = None, whole: bool = False) -> Any:
        """What a source gives from here on; something else if it fails, and errors are noted."""
        self._require("r", "reading")
        free = not (whole or self.isBinary())
        source: Any = Text(self._data, self._spacing) if free else MODES[self._encoding](self._data)
        self._reader.source = source
        source.place = self._place
        try:
            found = read(source)
        except t7.FileError as error:
            self._fail(error)
            return otherwise
        self._place = source.place
        return found

    def _write(self, write: Callable[[Any], Any]) -> None:
        """Put here what goes into a sink."""
        self._writer.sink = sink = SINKS[self._encoding]()
        write(sink)
        self._put(b"".join(sink.parts))

    def _fail(self, error: t7.FileError) -> None:
        self._failed = True
        if not self._quiet:
            raise error

    def _require_marks(self) -> None:
        """Raise unless numbers are as objects need them."""
        if self._swaps and self.isBinary():
            raise t7.FileError("objects are written with the low end first: littleEndianEncoding()")
        if not (self._spacing or self.isBinary()):
            raise t7.FileError("objects are written with spaces between numbers: autoSpacing()")

    def _elements(self, dtype: np.dtype, count: int) -> np.ndarray:
        """The next elements; fewer, if errors are noted and there are no more."""
        found = self._read(lambda source: source.array(dtype, count))
        if found is None:  # as many as there are
            one = iter(lambda: self._read(lambda source: source.array(dtype, 1)), None)
            found = np.concatenate([np.zeros(0, dtype), *islice(one, count)])
        return found.byteswap() if self._swaps and self.isBinary() else found

    def _put(self, data: bytes) -> None:
        self._require("w", "writing")
        self._data[self._place : self._place + len(data)] = data
        self._place += len(data)

    def _require(self, mode: str, what: str) -> None:
        if not (self._open and mode in self._mode):
            raise t7.FileError(f"the file is not open for {what}")


def read_method(kind: str) -> Callable[..., Any]:
    """`readInt()` is a number, `readInt(n)` a storage of n, `readInt(storage)` how many it took."""

    def read(self: File, into: Any = None) -> Any:
        filled = isinstance(into, Storage)
        count = len(into) if filled else 1 if into is None else into
        found = self._elements(TYPES[kind], count)
        if filled:
            into.array = array_of(np.concatenate([found, np.asarray(into.array)[len(found) :]]))
            return len(found)
        if into is None:
            return found[0].item() if len(found) else 0
        return Storage(array_of(found))

    read.__name__, read.__doc__ = f"read{kind}", f"The next {kind.lower()}, or a storage of many."
    return read


def write_method(kind: str) -> Callable[..., int]:
    """`writeInt(number)`, `writeInt(storage)`."""

    def write(self: File, values: Any) -> int:
        array = np.asarray(values.array if isinstance(values, Storage) else [values])
        array = array.reshape(-1).astype(TYPES[kind])
        swapped = array.byteswap() if self._swaps and self.isBinary() else array
        if self._spacing or self.isBinary():
            self._write(lambda sink: sink.array(swapped))
        else:  # one by one, each without the end of its line
            sink = SINKS[self._encoding]()
            for x in array:
                sink.array(x.reshape(1))
            self._put(b"".join(part[:-1] for part in sink.parts))
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

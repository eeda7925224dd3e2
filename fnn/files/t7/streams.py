"""The two encodings of a `.t7` file: bytes as C has them, or a line of text for each value."""

from __future__ import annotations

import struct
import warnings
from typing import Any, NoReturn

import numpy as np

from fnn.files.errors import FileError

LETTERS = ("u1", "i1")  # written as they are, in text, too


class Source:
    """Bytes from a place on. Whatever is asked for has to be there before anything is made."""

    least: int  # the fewest bytes that a value can have

    def __init__(self, data: bytes | bytearray):
        self.data, self.place = data, 0

    def fail(self, what: str) -> NoReturn:
        """Raise an error that says where."""
        raise FileError(f"byte {self.place} of {len(self.data)}: {what}")

    def room(self, count: int, size: int, what: str) -> int:
        """The count, if so many things of a size can follow."""
        if not 0 <= count * size <= len(self.data) - self.place:
            self.fail(
                f"{count} {what} cannot follow\nlikely cause: the file is cut off, damaged, or in "
                "another mode ('binary', 'ascii', or 'b32' where longs have 4 bytes)"
            )
        return count

    def take(self, count: int, what: str = "bytes") -> bytes:
        """The next bytes."""
        stop = self.place + self.room(count, 1, what)
        found, self.place = bytes(self.data[self.place : stop]), stop
        return found

    def letters(self, count: int) -> bytes:
        """Bytes of a string."""
        return self.take(count, "letters")


class Binary(Source):
    """Numbers of a little-endian machine; its longs have 8 bytes, or 4."""

    least = 4

    def __init__(self, data: bytes | bytearray, long: str = "<i8"):
        super().__init__(data)
        self.long_type = np.dtype(long)

    def _number(self, dtype: str) -> Any:
        return np.frombuffer(self.take(np.dtype(dtype).itemsize), dtype)[0].item()

    def integer(self) -> int:
        """An int of C."""
        return self._number("<i4")

    def long(self) -> int:
        """A long of C."""
        return self._number(self.long_type.str)

    def double(self) -> float:
        """A double of C."""
        return self._number("<f8")

    def longs(self, count: int) -> tuple[int, ...]:
        """Several longs."""
        return tuple(self.array(np.dtype("<i8"), count).tolist())

    def array(self, dtype: np.dtype, count: int) -> np.ndarray:
        """Elements of a storage."""
        stored = self.long_type if dtype == "<i8" else dtype
        self.room(count, stored.itemsize, "elements")
        return np.frombuffer(self.take(count * stored.itemsize), stored).astype(dtype)


class Ascii(Source):
    """A line for each value or array; letters as they are."""

    least = 2

    def _line(self) -> bytes:
        stop = self.data.find(b"\n", self.place)
        if stop < 0:
            self.fail("a line without an end\nlikely cause: the file is cut off")
        found, self.place = bytes(self.data[self.place : stop]), stop + 1
        return found

    def _numbers(self, dtype: np.dtype | str, count: int) -> np.ndarray:
        self.room(count, 2, "numbers") if count > 1 else None
        start, line = self.place, self._line()
        found = parsed(line, dtype)
        if found is None or len(found) != count:
            self.place = start
            self.fail(f"{line[:40]!r} is not {count} of {np.dtype(dtype).name}")
        return found

    def integer(self) -> int:
        """An int."""
        return self._numbers("<i8", 1)[0].item()

    long = integer

    def double(self) -> float:
        """A double."""
        return self._numbers("<f8", 1)[0].item()

    def longs(self, count: int) -> tuple[int, ...]:
        """Several longs; none have no line."""
        return tuple(self._numbers("<i8", count).tolist()) if count else ()

    def letters(self, count: int) -> bytes:
        """Bytes of a string, and the end of their line."""
        return self.take(count + 1, "letters")[:-1]

    def array(self, dtype: np.dtype, count: int) -> np.ndarray:
        """Elements of a storage; none have no line."""
        if not count:
            return np.zeros(0, dtype)
        if dtype.str.lstrip("|") in LETTERS:
            return np.frombuffer(self.letters(count), dtype).copy()
        wide = "<i8" if dtype.kind == "i" else "<f8"
        found = self._numbers(wide, count)
        if dtype.kind == "i" and (found != found.astype(dtype)).any():
            self.fail(f"numbers that are no {dtype.name}")
        with np.errstate(over="ignore"):
            return found.astype(dtype)


def parsed(text: bytes, dtype: np.dtype | str) -> np.ndarray | None:
    """The numbers in a text that has nothing else."""
    if not text.strip():  # NumPy finds a number there
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return np.fromstring(text.decode("latin-1"), dtype, sep=" ")
    except (ValueError, DeprecationWarning):
        return None


class BinarySink:
    """Writes bytes."""

    def __init__(self, long: str = "<i8"):
        self.parts: list[bytes] = []
        self.long_type = np.dtype(long)

    def integer(self, x: int) -> None:
        """An int of C."""
        self.parts.append(struct.pack("<i", x))

    def long(self, x: int) -> None:
        """A long of C."""
        self.longs((x,))

    def double(self, x: float) -> None:
        """A double of C."""
        self.parts.append(struct.pack("<d", x))

    def letters(self, text: bytes) -> None:
        """A string, without its length."""
        self.parts.append(text)

    def longs(self, values: tuple[int, ...]) -> None:
        """Several longs."""
        self.array(np.array(values, "<i8"))

    def array(self, array: np.ndarray) -> None:
        """Elements of a storage."""
        if array.dtype == "<i8" and self.long_type != array.dtype:
            if (array != array.astype(self.long_type)).any():
                raise FileError("numbers that are too large for longs of 4 bytes")
            array = array.astype(self.long_type)
        self.parts.append(array.astype(array.dtype.newbyteorder("<")).tobytes())


class AsciiSink:
    """Writes lines."""

    FORMATS = {"i": "%d", "u": "%d", "f8": "%.17g", "f4": "%.9g", "f2": "%.9g"}  # noqa: RUF012

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def integer(self, x: int) -> None:
        """A line with a whole number."""
        self.parts.append(b"%d\n" % x)

    long = integer

    def double(self, x: float) -> None:
        """A line with a number."""
        self.parts.append(b"%.17g\n" % x)

    def letters(self, text: bytes) -> None:
        """A string, and the end of its line."""
        self.parts.append(text + b"\n")

    def longs(self, values: tuple[int, ...]) -> None:
        """A line with several numbers, if there are any."""
        self.array(np.array(values, "<i8"))

    def array(self, array: np.ndarray) -> None:
        """Elements of a storage on a line, if there are any."""
        if array.dtype.itemsize == 1 and array.size:
            self.letters(array.tobytes())
        elif array.size:
            one = self.FORMATS.get(array.dtype.kind) or self.FORMATS[array.dtype.str[1:]]
            self.parts.append(" ".join([one % x for x in array.tolist()]).encode() + b"\n")

"""Writes `.t7`, byte for byte as Torch7 does."""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path
from typing import Any

from fnn.files.errors import FileError
from fnn.files.t7.records import (
    AS_BYTES,
    WITH_HEADER,
    WITHOUT_CONTENT,
    Storage,
    Table,
    Tensor,
    TorchObject,
)
from fnn.files.t7.streams import AsciiSink, BinarySink

Parts = Generator[Any, None, None]
PLAIN = (int, float, str, bytes, type(None))
SINKS: dict[str, Callable[[], BinarySink | AsciiSink]] = {
    "binary": BinarySink,
    "b64": BinarySink,
    "b32": partial(BinarySink, "<i4"),
    "ascii": AsciiSink,
}


def dump(path: Any, value: Any, mode: str = "binary") -> None:
    """Write a value to a file; see `dumps`."""
    Path(path).write_bytes(dumps(value, mode))


def dumps(value: Any, mode: str = "binary", referenced: bool = True) -> bytes:
    """The bytes of a file that holds records, numbers, strings, booleans or nothing.

    `mode` is "binary", "b32" (longs of 4 bytes) or "ascii". What is one object is written once, or,
    without `referenced`, wherever it occurs.
    """
    if mode not in SINKS:
        raise ValueError(f"given mode {mode!r}, wanted one of {', '.join(SINKS)}")
    return b"".join(Writer(SINKS[mode](), referenced).write(value).parts)


class Writer:
    """Writes to a sink, one value after the other, and knows what it has written."""

    def __init__(self, sink: BinarySink | AsciiSink, referenced: bool = True):
        self.sink, self.referenced = sink, referenced
        self.count = 0
        self.known: dict[int, int] = {}
        self.keep: list[Any] = []

    def write(self, value: Any) -> BinarySink | AsciiSink:
        """The value with all that is in it; not by recursion, which a long chain would exhaust."""
        stack, inside = [self._one(value)], [id(value)]
        while stack:
            inner = next(stack[-1], stack)
            if inner is stack:
                stack.pop()
                inside.pop()
            elif not self.referenced and id(inner) in inside and not isinstance(inner, PLAIN):
                raise FileError("an object inside itself cannot be written without references")
            else:
                stack.append(self._one(inner))
                inside.append(id(inner))
        return self.sink

    def _one(self, x: Any) -> Parts:
        sink = self.sink
        if x is None:
            sink.integer(0)
        elif isinstance(x, bool):
            sink.integer(5)
            sink.integer(x)
        elif isinstance(x, int | float):
            sink.integer(1)
            sink.double(float(x))
        elif isinstance(x, str | bytes):
            sink.integer(2)
            self._text(x)
        elif isinstance(x, Table):
            if self._first(3, x):
                sink.integer(len(x.entries))
                for entry in x.entries:
                    yield from entry
        elif isinstance(x, TorchObject):
            if self._first(4, x):
                self._text(f"V {x.version}")
                self._text(x.name)
                if x.name in WITH_HEADER:
                    yield x.header
                if x.name in AS_BYTES:
                    sink.letters(x.content)
                elif x.name not in WITHOUT_CONTENT:
                    yield x.content
        elif isinstance(x, Storage):
            if self._first(4, x):
                self._named(x, "Storage")
                sink.long(len(x.array))
                sink.array(x.array)
        elif isinstance(x, Tensor):
            if self._first(4, x):
                x.require_room()
                self._named(x, "Tensor")
                sink.integer(len(x.size))
                sink.longs(x.size)
                sink.longs(x.stride)
                sink.long(x.offset + 1)
                yield x.storage
        else:
            raise TypeError(
                f"given {type(x).__name__}, wanted a record of fnn.files.t7, a number, a string, "
                "a boolean or None\nlikely cause: functions are not written"
            )

    def _first(self, tag: int, x: Any) -> bool:
        """Write an object's tag and number; whether the object itself has to follow."""
        new = not self.referenced or id(x) not in self.known
        if new:
            self.count += 1
            self.known[id(x)] = self.count
            self.keep.append(x)
        self.sink.integer(tag)
        self.sink.integer(self.known[id(x)])
        return new

    def _text(self, text: str | bytes) -> None:
        found = text.encode() if isinstance(text, str) else text
        self.sink.integer(len(found))
        self.sink.letters(found)

    def _named(self, x: Storage | Tensor, what: str) -> None:
        self._text("V 1")
        self._text(f"torch.{x.kind}{what}")

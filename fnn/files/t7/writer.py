"""Writes `.t7`, byte for byte as Torch7 does."""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path
from typing import Any

from fnn.files.t7.records import Storage, Table, Tensor, TorchObject
from fnn.files.t7.streams import AsciiSink, BinarySink

Parts = Generator[Any, None, None]
SINKS: dict[str, Callable[[], BinarySink | AsciiSink]] = {
    "binary": BinarySink,
    "b64": BinarySink,
    "b32": partial(BinarySink, "<i4"),
    "ascii": AsciiSink,
}


def dump(path: Any, value: Any, mode: str = "binary") -> None:
    """Write a value to a file; see `dumps`."""
    Path(path).write_bytes(dumps(value, mode))


def dumps(value: Any, mode: str = "binary") -> bytes:
    """The bytes of a file that holds records, numbers, strings, booleans or nothing.

    `mode` is "binary", "b32" (longs of 4 bytes) or "ascii". What is one object is written once.
    """
    if mode not in SINKS:
        raise ValueError(f"given mode {mode!r}, wanted one of {', '.join(SINKS)}")
    return _Writer(SINKS[mode]()).write(value)


class _Writer:
    def __init__(self, sink: BinarySink | AsciiSink):
        self.sink = sink
        self.known: dict[int, int] = {}
        self.keep: list[Any] = []

    def write(self, value: Any) -> bytes:
        """The value with all that is in it; not by recursion, which a long chain would exhaust."""
        stack = [self.one(value)]
        while stack:
            inner = next(stack[-1], stack)
            if inner is stack:
                stack.pop()
            else:
                stack.append(self.one(inner))
        return b"".join(self.sink.parts)

    def one(self, x: Any) -> Parts:
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
            self.text(x)
        elif isinstance(x, Table):
            if self.first(3, x):
                sink.integer(len(x.entries))
                for entry in x.entries:
                    yield from entry
        elif isinstance(x, TorchObject):
            if self.first(4, x):
                self.text(f"V {x.version}")
                self.text(x.name)
                yield x.content
        elif isinstance(x, Storage):
            if self.first(4, x):
                self.named(x, "Storage")
                sink.long(len(x.array))
                sink.array(x.array)
        elif isinstance(x, Tensor):
            if self.first(4, x):
                x.require_room()
                self.named(x, "Tensor")
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

    def first(self, tag: int, x: Any) -> bool:
        """Write an object's tag and number; whether it is written for the first time."""
        new = id(x) not in self.known
        index = self.known.setdefault(id(x), len(self.known) + 1)
        self.keep.append(x)
        self.sink.integer(tag)
        self.sink.integer(index)
        return new

    def text(self, text: str | bytes) -> None:
        found = text.encode() if isinstance(text, str) else text
        self.sink.integer(len(found))
        self.sink.letters(found)

    def named(self, x: Storage | Tensor, what: str) -> None:
        self.text("V 1")
        self.text(f"torch.{x.kind}{what}")

"""Reads `.t7`: an object is a tag, its number among the objects, and, the first time, itself.

What is inside an object is asked for with `yield`, so that a long chain of nodes is no deep
recursion. Counts and sizes are believed only as far as there are bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from fnn.files.errors import FileError
from fnn.files.t7.records import (
    AS_BYTES,
    WITH_HEADER,
    WITHOUT_CONTENT,
    Function,
    Storage,
    Table,
    Tensor,
    TorchObject,
    kind_of,
)
from fnn.files.t7.streams import Ascii, Binary

Objects = Generator[None, Any, Any]
MODES: dict[str, Callable[[bytes | bytearray], Binary | Ascii]] = {
    "binary": Binary,
    "b64": Binary,
    "b32": partial(Binary, long="<i4"),
    "ascii": Ascii,
}
FOREIGN = {
    b"PK": "a zip archive, such as PyTorch's own files and NumPy's .npz",
    b"\x80": "a pickle, such as PyTorch's older files",
    b"\x89HDF": "HDF5",
    b"\x89PNG": "a PNG image",
    b"\x93NUMPY": "an array of NumPy's",
    b"\x1f\x8b": "compressed with gzip",
    b"\x1bL": "compiled Lua",
    b"{": "JSON",
}


def load(path: Any, mode: str | None = None) -> Any:
    """What a file holds; see `loads`."""
    path = Path(path)
    try:
        return loads(path.read_bytes(), mode)
    except FileError as error:
        raise FileError(f"{path}: {error}") from None


def loads(data: bytes, mode: str | None = None) -> Any:
    """What the bytes of a file hold, as records; nothing in them is run.

    `mode` is "binary" (longs of 8 bytes), "b32" (of 4 bytes) or "ascii"; without one it is found
    out. A damaged file, or one of another kind, is a `FileError`.
    """
    if mode is not None and mode not in MODES:
        raise ValueError(f"given mode {mode!r}, wanted one of {', '.join(MODES)}")
    if mode is None:
        return _any_mode(data)
    source = MODES[mode](data)
    try:
        return Reader(source).read()
    except FileError as error:
        for start, what in FOREIGN.items():
            if data.startswith(start):
                raise FileError(f"no file of Torch7, but {what}") from None
        raise FileError(f"read as {mode}, {error}") from None


def _any_mode(data: bytes) -> Any:
    if re.match(rb"\d\r?\n", data):
        return loads(data, "ascii")
    try:
        return loads(data, "binary")
    except FileError as error:
        reader = Reader(MODES["b32"](data))
        with suppress(FileError):
            value = reader.read()
            if reader.source.place == len(data):
                return value
        raise error from None


class Reader:
    """Reads from a source, one value after the other, and knows what it has read."""

    def __init__(self, source: Binary | Ascii):
        self.source, self.known = source, {}
        self.kinds = {
            0: self._nothing,
            1: self._number,
            2: self._string,
            3: self._table,
            4: self._torch_object,
            5: self._boolean,
            6: self._plain_function,
            7: self._function,
            8: self._function,
        }

    def read(self) -> Any:
        """The next object, with all that is in it."""
        stack, value = [self._one()], None
        while stack:
            try:
                stack[-1].send(value)
            except StopIteration as end:
                stack.pop()
                value = end.value
            else:
                stack.append(self._one())
                value = None
        return value

    def _one(self) -> Objects:
        tag = self.source.integer()
        if tag not in self.kinds:
            self.source.fail(
                f"{tag} is no kind of object, which are 0 to 8\nlikely cause: the file is damaged, "
                "in another mode, or not of Torch7"
            )
        return (yield from self.kinds[tag]())

    def _met(self) -> tuple[int, Any]:
        """An object's number, and the object if it has come before."""
        index = self.source.integer()
        return index, self.known.get(index)

    def _text(self) -> bytes:
        return self.source.letters(self.source.integer())

    def _nothing(self) -> Objects:
        return None
        yield

    def _number(self) -> Objects:
        found = self.source.double()
        whole = found.is_integer() and abs(found) < 2**53 and (found or str(found) == "0.0")
        return int(found) if whole else found
        yield

    def _string(self) -> Objects:
        return decoded(self._text())
        yield

    def _boolean(self) -> Objects:
        return bool(self.source.integer())
        yield

    def _table(self) -> Objects:
        index, found = self._met()
        if found is None:
            found = self.known[index] = Table()
            source = self.source
            for _ in range(source.room(source.integer(), 2 * source.least, "entries")):
                key = yield
                if key is None:
                    source.fail("a table with nothing for a key")
                found.entries.append((key, (yield)))
        return found

    def _torch_object(self) -> Objects:
        index, found = self._met()
        if found is not None:
            return found
        version, first = 0, self._text()
        if match := re.fullmatch(rb"V (\d{1,9})", first):
            version, first = int(match[1]), self._text()
        name = first.decode("ascii", "backslashreplace")
        kind = kind_of(name)
        if kind is None:
            found = self.known[index] = TorchObject(name, version)
            if name in WITH_HEADER:
                found.header = yield
            if name in AS_BYTES:
                found.content = self.source.letters(AS_BYTES[name])
            elif name not in WITHOUT_CONTENT:
                found.content = yield
            return found
        kind, dtype, is_tensor = kind
        if not is_tensor:
            found = Storage(kind, self.source.array(dtype, self.source.long()))
            self.known[index] = found
            return found
        found = self.known[index] = Tensor(kind)
        axes = self.source.room(self.source.integer(), 2 * self.source.least, "axes")
        found.size, found.stride = self.source.longs(axes), self.source.longs(axes)
        offset = self.source.long() - 1
        found.offset = offset if axes else 0
        found.storage = yield
        if not isinstance(found.storage, Storage | None):
            self.source.fail(f"{name} whose storage is a {type(found.storage).__name__}")
        found.require_room()
        return found

    def _plain_function(self) -> Objects:
        found = Function(len(self._text()))
        found.upvalues = yield
        return found

    def _function(self) -> Objects:
        index, found = self._met()
        if found is None:
            found = self.known[index] = Function(len(self._text()))
            found.upvalues = yield
        return found


def decoded(text: bytes) -> str | bytes:
    """A string, if it is one in UTF-8."""
    try:
        return text.decode()
    except UnicodeDecodeError:
        return bytes(text)

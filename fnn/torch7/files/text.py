"""Text as C's `fscanf` reads it: numbers wherever they stand."""

from __future__ import annotations

import re

import numpy as np

from fnn.files.t7.streams import Ascii, parsed


class Text(Ascii):
    """Numbers and letters; with `spacing`, the end of a line behind them belongs to them."""

    NUMBER = re.compile(
        rb"\s*([-+]?(?:(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?|inf(?:inity)?|nan))", re.IGNORECASE
    )

    def __init__(self, data: bytes | bytearray, spacing: bool):
        super().__init__(data)
        self.spacing = spacing

    def _numbers(self, dtype: np.dtype | str, count: int) -> np.ndarray:
        stop = self.data.find(b"\n", self.place)
        found = parsed(bytes(self.data[self.place : stop]), dtype) if stop >= 0 else None
        if found is None or len(found) != count:
            stop, words = self.place, []
            for _ in range(count):
                word = self.NUMBER.match(self.data, stop)
                if word is None or parsed(word[1], dtype) is None:
                    start = bytes(self.data[stop : stop + 40])
                    self.fail(f"{start!r} does not begin with a number ({np.dtype(dtype).name})")
                words.append(word[1])
                stop = word.end()
            found = parsed(b" ".join(words), dtype)
            assert found is not None
        self._end(stop)
        return found

    def letters(self, count: int) -> bytes:
        """Bytes, and the end of their line."""
        found = self.take(count, "letters")
        self._end(self.place)
        return found

    def _end(self, stop: int) -> None:
        self.place = stop + (self.spacing and self.data[stop : stop + 1] == b"\n")

"""optim.Logger: numbers of a training run in a file, and plotted."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import datetime
from numbers import Real
from pathlib import Path
from typing import Any, TextIO
from weakref import finalize

from fnn.errors import require
from fnn.torch7.optim import pictures
from fnn.torch7.table import Table, entries

HERE = "optim.Logger"


class Logger:
    """A `file` with a column for each symbol and a line for each `add`; by default, the screen."""

    typename = HERE

    def __init__(self, filename: str | None = None, timestamp: bool = False):
        self.epsfile: str | None = None
        self.file: TextIO = sys.stdout
        if filename:
            self.name = str(filename)
            Path(filename).parent.mkdir(parents=True, exist_ok=True)
            stamp = datetime.now().strftime("-%Y_%m_%d_%X") if timestamp else ""
            self.file = Path(self.name + stamp).open("w")  # noqa: SIM115
            finalize(self, self.file.close)
            self.epsfile = f"{self.name}.eps"
        else:
            print("<Logger> warning: no path provided, logging to std out")
            self.name = "stdout"
        self.empty = True
        self.symbols: dict[Any, Table] = {}
        self.styles: dict[Any, list[str]] = {}
        self.names: dict[Any, Any] = {}
        self.idx: dict[Any, Any] = {}
        self.figure, self.showPlot, self.plotRawCmd = None, True, None
        self.defaultStyle, self.logscale = "+", False

    def setNames(self, names: Any) -> Logger:
        """Name the columns."""
        self._begin(dict(entries(names)))
        self.idx = {name: key for key, name in self.names.items()}
        return self

    def add(self, symbols: Any) -> None:
        """Write a line of numbers and strings; the first also names the columns, if nothing has."""
        found = entries(symbols)
        if self.empty:
            self._begin({key: key for key, _ in found})
            self.idx = self.names
        for _, value in found:
            require(
                isinstance(value, Real | str) and not isinstance(value, bool),
                HERE,
                f"{value!r}",
                "numbers and strings",
                "a tensor's only element is x[1], a table's first is t[1]",
            )
        self._line(x if isinstance(x, str) else f"{float(x):11.4e}" for _, x in found)
        for key, value in found:
            self.symbols[key].append(value if isinstance(value, str) else float(value))

    def _begin(self, names: dict[Any, Any]) -> None:
        self.empty, self.nsymbols, self.names = False, len(names), names
        self.symbols = {key: Table() for key in names}
        self.styles = {key: [self.defaultStyle] for key in names}
        self._line(map(str, names.values()))

    def _line(self, words: Iterable[str]) -> None:
        print("".join(f"{word}\t" for word in words), file=self.file, flush=True)

    def style(self, symbols: Any) -> Logger:
        """How to plot the columns: `+`, `-`, `+-`, `.`, `|`, or a table of these for each."""
        for key, style in entries(symbols):
            self.styles[key] = [style] if isinstance(style, str) else list(style)
        return self

    def setlogscale(self, state: bool) -> None:
        """Whether heights are plotted by their logarithms."""
        self.logscale = state

    def display(self, state: bool) -> None:
        """Whether `plot` shows the plot."""
        self.showPlot = state

    def plot(self, *names: Any) -> None:
        """Plot all columns, or those named, on the screen and into `<file>.eps`, by matplotlib."""
        require(
            self.plotRawCmd is None,
            HERE,
            "plotRawCmd",
            "None",
            "it is a command of gnuplot's; logger.figure is matplotlib's, to change as you like",
        )
        keys = [self.idx[name] for name in names] if names else list(self.symbols)
        lines = [
            (str(self.names[key]), list(self.symbols[key]), style)
            for key in keys
            if len(self.symbols[key]) > 1
            for style in self.styles[key]
        ]
        if lines:
            title = f"<Logger::{self.name}>"
            self.figure = pictures.curves(lines, title, self.logscale, self.showPlot)
            if self.epsfile:
                self.figure.savefig(self.epsfile)
            if self.showPlot:
                pictures.show(self.figure)

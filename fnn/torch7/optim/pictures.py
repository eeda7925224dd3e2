"""What optim draws, by matplotlib, which comes with the extra `demo`."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fnn.errors import require

STYLES: dict[str, dict[str, Any]] = {
    "+": {"marker": "+", "linestyle": ""},
    "+-": {"marker": "+"},
    "-": {},
    ".": {"marker": ".", "linestyle": ""},
    "~": {"drawstyle": "default", "alpha": 0.6},
    "|": {"marker": "|", "linestyle": ""},
}
"""Gnuplot's, in matplotlib's words."""
PIXELS = 100
"""To the inch."""


def figure(width: float, height: float, shown: bool) -> Any:
    """An empty figure, of a size in inches; one that is shown belongs to pyplot."""
    try:
        from matplotlib import pyplot
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("pictures are drawn by matplotlib: pip install 'fnn[demo]'") from error
    make = pyplot.figure if shown else Figure
    return make(figsize=(width, height), dpi=PIXELS)


def show(drawn: Any) -> None:
    """Open a window, if there is one to open; a notebook shows a figure by itself."""
    if drawn.canvas.required_interactive_framework:
        drawn.canvas.manager.show()


def curves(
    lines: Iterable[tuple[str, Sequence[float], str]], title: str, logarithmic: bool, shown: bool
) -> Any:
    """Named lines over 1, 2, 3, ..."""
    drawn = figure(8, 6, shown)
    axes = drawn.add_subplot(title=title)
    for name, heights, style in lines:
        require(
            style in STYLES,
            "optim.Logger",
            f"style {style!r}",
            f"one of {', '.join(STYLES)}",
            "a command of gnuplot's, which does not draw here",
        )
        axes.plot(range(1, len(heights) + 1), heights, label=name, **STYLES[style])
    axes.set_yscale("log" if logarithmic else "linear")
    axes.grid(True)
    axes.legend()
    return drawn


def squares(
    shares: NDArray, names: Sequence[str], notes: Sequence[str], block: float, legend: float
) -> Any:
    """A matrix of shares of 1 as gray squares with their percents; beside each row, its name."""
    count, scale = len(shares), block / PIXELS
    width = count + legend / block
    drawn = figure(width * scale, count * scale, shown=False)
    axes = drawn.add_axes((0, 0, count / width, 1))
    axes.imshow(shares, cmap="gray", vmin=0, vmax=1, aspect="auto")
    axes.axis("off")
    size = 0.3 * block * 72 / PIXELS
    for (i, j), share in np.ndenumerate(shares):
        gray = str((1 - share) * (share * 0.8 + 0.2))
        axes.text(j, i, f"{100 * share:02.0f}", color=gray, size=size, ha="center", va="center")
    for i, (name, note) in enumerate(zip(names, notes, strict=True)):
        axes.text(count - 0.3, i, f"{note}  {name}", size=size, va="center", clip_on=False)
    return drawn


def pixels(drawn: Any) -> NDArray[np.float64]:
    """A figure's red, green and blue, from 0 to 1."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(drawn)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[:, :, :3].transpose(2, 0, 1) / 255

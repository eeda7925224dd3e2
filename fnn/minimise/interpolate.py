"""The lowest point of the polynomial through some points, with its slope there. On the host."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

NOTHING = 1e-12
"""A coefficient as small as this is a rounding error."""


def lowest(points: ArrayLike, low: float | None = None, high: float | None = None) -> float:
    """Where the polynomial is lowest in an interval, by default that of the points.

    points: (count, 3), rows of a place, the value and the slope there. The polynomial is the one of
    the lowest degree; the lowest place is an end, one of the points, or where the slope is zero.
    Source: Torch7 `optim.polyinterp`.
    """
    places, values, slopes = np.asarray(points, np.float64).T
    powers = np.arange(2 * len(places))[::-1]
    rows = places[:, None] ** powers
    steep = powers * places[:, None] ** np.maximum(powers - 1, 0)
    wanted = np.concatenate([values, slopes])
    found: NDArray = np.linalg.lstsq(np.concatenate([rows, steep]), wanted)[0]
    found[np.abs(found) <= NOTHING] = 0

    start = places.min() if low is None else low
    end = places.max() if high is None else high
    level = np.roots(np.polyder(found))
    tried = np.concatenate([[start, end], places, level[level.imag == 0].real])
    tried = tried[(tried >= start) & (tried <= end)]
    return float(tried[np.argmin(np.polyval(found, tried))]) if len(tried) else (start + end) / 2

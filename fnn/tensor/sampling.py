"""Categories from uniform draws, as Torch7 chooses them; categories count from 0."""

import numpy as np
from numpy.typing import NDArray

from fnn.errors import require


def multinomial(weights: NDArray, draws: NDArray, replacement: bool) -> NDArray[np.int64]:
    """For each draw of a row a category, in proportion to the row's weights.

    Without replacement each comes once: what is drawn loses its weight. Source: Torch7,
    lib/TH/generic/THTensorRandom.c.
    """
    shares = np.cumsum(weights, -1, dtype=np.float64)
    possible = 1 if replacement else draws.shape[-1]
    require(
        bool((shares[:, -1] > 0).all() and ((weights > 0).sum(-1) >= possible).all()),
        "multinomial",
        f"weights {list(weights.shape)} for {draws.shape[-1]} draws",
        f"weights of which {possible} at least in each row are above 0",
        "without replacement there are no more draws than categories",
    )
    shares /= shares[:, -1:]
    found = np.zeros(draws.shape, np.int64)
    for row, share, draw in zip(found, shares, draws, strict=True):
        share[-1] = 1
        if replacement:
            row[:] = np.searchsorted(share, draw)
            continue
        for i, u in enumerate(draw):
            place = row[i] = np.searchsorted(share, u)
            lost = share[place] - (share[place - 1] if place else 0)
            share[place:] -= lost
            if i + 1 < len(draw):
                share /= 1 - lost
                share[-1] = 1
    return found


def alias_table(weights: NDArray) -> tuple[NDArray[np.int64], NDArray]:
    """Walker's table: in column i lies category i with a probability, else another category.

    The other categories, and the probabilities.
    """
    count, total = len(weights), weights.sum()
    require(
        bool((weights >= 0).all() and total > 0),
        "multinomialAliasSetup",
        f"weights from {weights.min():g} to {weights.max():g}",
        "weights of at least 0, not all 0",
        "the probabilities are logarithms",
    )
    level, other = count * weights / total, np.zeros(count, np.int64)
    low, high = (np.flatnonzero(side).tolist() for side in (level < 1, level >= 1))
    while low and high:
        small, large = low.pop(), high.pop()
        other[small] = large
        level[large] -= 1 - level[small]
        (low if level[large] < 1 else high).append(large)
    level[low + high] = 1  # full, but for rounding
    return other, level


def by_alias(other: NDArray, level: NDArray, draws: NDArray) -> NDArray[np.int64]:
    """A category for each pair of draws: one finds a column, one chooses between its two."""
    column = (draws[:, 0] * len(level)).astype(np.int64)
    return np.where(draws[:, 1] <= level[column], column, other[column])

"""Rows of fnn.fold."""

from fnn.fold import channel_shuffle, fold, pixel_shuffle, pixel_unshuffle, unfold
from tests.table.example import Example
from tests.table.original import F

OPTIONS = {"window": (2, 3), "stride": (1, 2), "padding": (1, 2), "dilation": (2, 1)}
EXAMPLES = [
    Example(unfold, {"window": (3, 2)}, {"...": (2,), "*space": (4, 5)}),
    Example(unfold, OPTIONS, {"...": (2,), "*space": (4, 5)}),
    Example(unfold, {"window": (3,), "stride": 2}, {"...": (), "*space": (7,)}),
    Example(
        fold, {"size": (4, 5), "window": (3, 2)}, {"...": (2,), "rows": 2 * 6, "windows": 2 * 4}
    ),
    Example(fold, {"size": (4, 5)} | OPTIONS, {"...": (2,), "rows": 6, "windows": 4 * 4}),
    Example(pixel_shuffle, {"factor": 2}),
    Example(pixel_unshuffle, {"factor": 3}, {"features": 2, "height": 1, "width": 2}),
    Example(channel_shuffle, {"groups": 2}, {"features": 6}),
]


def torch_unfold(x, window, **options):
    if len(window) > 1:
        return F.unfold(x, window, **options)
    return F.unfold(x[..., None], (*window, 1), **options)


TORCH = {
    unfold: torch_unfold,
    fold: lambda x, size, window, **options: F.fold(x, size, window, **options),
    pixel_shuffle: lambda x, factor: F.pixel_shuffle(x, factor),
    pixel_unshuffle: lambda x, factor: F.pixel_unshuffle(x, factor),
    channel_shuffle: lambda x, groups: F.channel_shuffle(x, groups),
}

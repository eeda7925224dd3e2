"""Rows of fnn.pool."""

from functools import partial
from math import prod

from fnn.pool import avg_pool, lp_pool, max_pool, max_pool_indices, max_unpool, subsample
from tests.table.example import Example
from tests.table.original import F

EXAMPLES = [
    Example(max_pool, {"window": (3, 2)}, {"*space": (7, 6)}),
    Example(max_pool, {"window": (3, 2), "stride": (1, 2), "padding": 1}, {"*space": (7, 6)}),
    Example(max_pool, {"window": (2, 3), "dilation": (2, 1), "stride": 1}, {"*space": (7, 6)}),
    Example(max_pool, {"window": (2, 2), "ceil_mode": True}, {"*space": (7, 5)}),
    Example(
        max_pool,
        {"window": (3, 2), "stride": 3, "padding": 1, "ceil_mode": True},
        {"*space": (8, 6)},
    ),
    Example(max_pool, {"window": (3,), "stride": 2}, {"*space": (9,)}),
    Example(max_pool, {"window": (3,), "stride": 1, "padding": 1, "dilation": 3}, {"*space": (9,)}),
    Example(max_pool, {"window": (2, 2, 3), "stride": 2}, {"*space": (4, 5, 6)}),
    Example(avg_pool, {"window": (3, 2)}, {"*space": (7, 6)}),
    Example(
        avg_pool,
        {"window": (3,), "padding": 1, "ceil_mode": True, "divide": False},
        {"*space": (5,)},
    ),
    Example(avg_pool, {"window": (3, 2), "stride": 1, "padding": 1}, {"*space": (7, 6)}),
    Example(
        avg_pool,
        {"window": (3, 2), "stride": 1, "padding": 1, "count_include_pad": False},
        {"*space": (7, 6)},
    ),
    Example(
        avg_pool,
        {"window": (3, 2), "stride": 3, "padding": 1, "ceil_mode": True},
        {"*space": (8, 6)},
    ),
    Example(avg_pool, {"window": (2, 3), "ceil_mode": True}, {"*space": (7, 5)}),
    Example(avg_pool, {"window": (4,), "stride": 2, "padding": 2}, {"*space": (9,)}),
    Example(avg_pool, {"window": (2, 2, 3), "stride": 2}, {"*space": (4, 5, 6)}),
    Example(avg_pool, {"window": (2, 2), "divisor": 3}, {"*space": (5, 4)}),
    Example(max_pool, {"window": (2, 2), "ignore_nan": True}, {"*space": (4, 4)}),
    Example(
        max_pool_indices,
        {"window": (3, 2), "stride": 2, "padding": 1, "ceil_mode": True},
        {"*space": (6, 5)},
    ),
    Example(max_pool_indices, {"window": (2, 3), "dilation": (2, 1)}, {"*space": (7, 6)}),
    Example(max_pool_indices, {"window": (2,), "ignore_nan": True}, {"*space": (6,)}),
    Example(max_pool_indices, {"window": (2, 2, 3), "stride": 2}, {"*space": (4, 5, 6)}),
    Example(max_unpool, {"size": (6, 5)}, {"*space": (1, 1)}, {"indices": (0, 30)}),
    Example(lp_pool, {"p": 2, "window": (2, 2)}, {"*space": (5, 4)}),
    Example(
        lp_pool,
        {"p": 3, "window": (3,), "stride": 2, "ceil_mode": True},
        {"*space": (8,)},
        {"x": (0.2, 1)},
    ),
    Example(lp_pool, {"p": 2.5, "window": (1, 2, 2)}, {"*space": (2, 4, 4)}, {"x": (0.2, 1)}),
    Example(lp_pool, {"p": 1, "window": (2, 1), "stride": 1}, {"*space": (4, 3)}),
    Example(subsample, {"window": (2, 2)}, {"*space": (4, 5)}),
    Example(subsample, {"window": (3,), "stride": 2}, {"*space": (7,)}),
]


def torch_pool(name, x, window, divisor=None, divide=True, ignore_nan=False, **options):
    if ignore_nan:
        x = x.where(x == x, float("-inf"))
    if divisor is not None:
        options["divisor_override"] = divisor
    y = getattr(F, f"{name}_pool{len(window)}d")(x, window, **options)
    return y if divide else y * prod(window)


def torch_lp_pool(x, p, window, **options):
    window = window if len(window) > 1 else window[0]
    dimensions = 1 if isinstance(window, int) else len(window)
    return getattr(F, f"lp_pool{dimensions}d")(x, p, window, **options)


def torch_unpool(x, indices, size):
    return F.max_unpool2d(x, indices.long(), size, output_size=size)


TORCH = {
    max_pool: partial(torch_pool, "max"),
    max_pool_indices: partial(torch_pool, "max", return_indices=True),
    max_unpool: torch_unpool,
    avg_pool: partial(torch_pool, "avg"),
    lp_pool: torch_lp_pool,
}

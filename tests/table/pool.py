"""Rows of fnn.pool."""

from functools import partial

from fnn.pool import avg_pool, max_pool
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
    Example(max_pool, {"window": (2, 2, 3), "stride": 2}, {"*space": (4, 5, 6)}),
    Example(avg_pool, {"window": (3, 2)}, {"*space": (7, 6)}),
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
]


def torch_pool(name, x, window, **options):
    return getattr(F, f"{name}_pool{len(window)}d")(x, window, **options)


TORCH = {
    max_pool: partial(torch_pool, "max"),
    avg_pool: partial(torch_pool, "avg"),
}

"""Rows of fnn.adaptive."""

from fnn.adaptive import (
    adaptive_avg_pool,
    adaptive_max_pool,
    adaptive_max_pool_indices,
    fractional_max_pool,
    fractional_max_pool_indices,
    k_max_pool,
    k_max_pool_indices,
)
from tests.table.example import Example
from tests.table.original import F

SAMPLES = {"samples": (0, 1)}
EXAMPLES = [
    Example(adaptive_avg_pool, {"size": (3,)}, {"*space": (7,)}),
    Example(adaptive_avg_pool, {"size": (2, 3)}, {"*space": (4, 7)}),
    Example(adaptive_avg_pool, {"size": (None, 5, 1)}, {"*space": (2, 3, 4)}),
    Example(adaptive_max_pool, {"size": (3, 5)}, {"*space": (7, 3)}),
    Example(adaptive_max_pool, {"size": (2,), "ignore_nan": True}, {"*space": (5,)}),
    Example(adaptive_max_pool_indices, {"size": (3, 2)}, {"*space": (7, 4)}),
    Example(adaptive_max_pool_indices, {"size": (2, None, 4)}, {"*space": (3, 2, 5)}),
    Example(fractional_max_pool, {"window": 2, "size": (3, 4)}, {"*space": (5, 7)}),
    Example(
        fractional_max_pool_indices,
        {"window": (2, 3), "size": (3, 2)},
        {"...": (2, 3), "*space": (5, 7), "dimensions": 2},
        SAMPLES,
    ),
    Example(
        fractional_max_pool_indices,
        {"window": 2, "ratio": (0.5, 0.6, 0.7)},
        {"...": (2, 2), "*space": (4, 5, 6), "dimensions": 3},
        SAMPLES,
    ),
    Example(k_max_pool, {"minimum": 2}, {"...": (6, 3)}),
    Example(k_max_pool, {"minimum": 2, "factor": 0.5, "axis": -1}, {"...": (2, 5)}),
    Example(k_max_pool_indices, {"minimum": 2}, {"...": (6, 3)}),
]


def torch_adaptive(name, x, size, ignore_nan=False, **options):
    size = size if len(size) > 1 else size[0]
    dimensions = 1 if isinstance(size, int) else len(size)
    return getattr(F, f"adaptive_{name}_pool{dimensions}d")(x, size, **options)


def torch_fractional(x, samples, window, size=None, ratio=None):
    dimensions = samples.shape[-1]
    drawn = samples.detach().flip(-1) if dimensions == 2 else samples.detach()
    y, indices = getattr(F, f"fractional_max_pool{dimensions}d")(
        x,
        window,
        output_size=size,
        output_ratio=ratio,
        return_indices=True,
        _random_samples=drawn,
    )
    return y + 0 * samples.sum(), indices  # the samples have gradients, which are zero


TORCH = {
    adaptive_avg_pool: lambda x, **options: torch_adaptive("avg", x, **options),
    adaptive_max_pool: lambda x, **options: torch_adaptive("max", x, **options),
    adaptive_max_pool_indices: lambda x, **options: torch_adaptive(
        "max", x, return_indices=True, **options
    ),
    fractional_max_pool_indices: torch_fractional,
}

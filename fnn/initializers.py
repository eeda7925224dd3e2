"""Where parameters start: Torch's reset, and the named schemes of the literature.

A scheme is `name(key, shape, *, ..., dtype)`. Fans are counted as PyTorch counts them: a shape is
`(outputs, inputs, *kernel)`, every weight of a kernel counts, and groups are not seen.
"""

from math import ceil, prod, sqrt

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import DTypeLike

from fnn.errors import require

Shape = tuple[int, ...]

GAINS = {
    "linear": 1.0,
    "conv": 1.0,
    "sigmoid": 1.0,
    "tanh": 5 / 3,
    "relu": sqrt(2),
    "selu": 3 / 4,
}


def uniform_fan_in(key: Array, fan_in: int, **shapes: Shape | None) -> dict[str, Array]:
    """Named arrays uniform in +-1/sqrt(fan_in), as Torch draws them; None is left out.

    >>> params = uniform_fan_in(jax.random.key(0), 4, weight=(3, 4), bias=None)
    >>> {name: array.shape for name, array in params.items()}
    {'weight': (3, 4)}
    """
    bound = 1 / sqrt(fan_in)
    keys = jax.random.split(key, len(shapes))  # one also for what is left out: the rest stays equal
    return {
        name: uniform(k, shape, low=-bound, high=bound)
        for k, (name, shape) in zip(keys, shapes.items(), strict=True)
        if shape is not None
    }


def gain(nonlinearity: str, *, slope: float = 0.01) -> float:
    """Factor by which weights make up for the spread that a nonlinearity takes away.

    `slope` is that of `leaky_relu`. Source: He et al. 2015; PyTorch `calculate_gain`.
    """
    known = sorted([*GAINS, "leaky_relu"])
    require(
        nonlinearity in known, "gain", repr(nonlinearity), f"one of {', '.join(known)}", "a typo"
    )
    return sqrt(2 / (1 + slope**2)) if nonlinearity == "leaky_relu" else GAINS[nonlinearity]


def zeros(key: Array, shape: Shape, *, dtype: DTypeLike | None = None) -> Array:
    """All zero."""
    return jnp.zeros(shape, dtype)


def ones(key: Array, shape: Shape, *, dtype: DTypeLike | None = None) -> Array:
    """All one."""
    return jnp.ones(shape, dtype)


def constant(key: Array, shape: Shape, *, value: float, dtype: DTypeLike | None = None) -> Array:
    """All `value`."""
    return jnp.full(shape, value, dtype or float)


def uniform(
    key: Array,
    shape: Shape,
    *,
    low: float = 0.0,
    high: float = 1.0,
    dtype: DTypeLike | None = None,
) -> Array:
    """Uniform in [low, high).

    Torch7's `reset(stdv)` is that within `sqrt(3) * stdv` of zero.
    """
    return jax.random.uniform(key, shape, dtype, low, high)


def normal(
    key: Array,
    shape: Shape,
    *,
    mean: float = 0.0,
    std: float = 1.0,
    dtype: DTypeLike | None = None,
) -> Array:
    """Gaussian with a mean and a standard deviation."""
    return mean + std * jax.random.normal(key, shape, dtype)


def truncated_normal(
    key: Array,
    shape: Shape,
    *,
    mean: float = 0.0,
    std: float = 1.0,
    low: float = -2.0,
    high: float = 2.0,
    dtype: DTypeLike | None = None,
) -> Array:
    """Gaussian, drawn again while outside [low, high], which are values, not multiples of `std`."""
    bounds = (low - mean) / std, (high - mean) / std
    drawn = mean + std * jax.random.truncated_normal(key, *bounds, shape, dtype)
    return drawn.clip(low, high)


def eye(key: Array, shape: Shape, *, dtype: DTypeLike | None = None) -> Array:
    """The identity matrix, as far as it goes. PyTorch `eye_`."""
    require(len(shape) == 2, "eye", f"shape {shape}", "(rows, columns)", "not a matrix")
    return jnp.eye(*shape, dtype=dtype)


def dirac(key: Array, shape: Shape, *, groups: int = 1, dtype: DTypeLike | None = None) -> Array:
    """A convolution's weight that leaves its input as it is, group by group.

    The kernel's middle is 1 from channel i to channel i, while there are both. PyTorch `dirac_`.
    """
    axes = len(shape)
    require(
        axes > 2 and shape[0] % groups == 0,
        "dirac",
        f"shape {shape} with {groups} groups",
        "(outputs, inputs, *kernel), outputs a multiple of groups",
        "the weight is no convolution's",
    )
    middle = tuple(size // 2 for size in shape[2:])
    one = jnp.tile(jnp.eye(shape[0] // groups, shape[1], dtype=dtype), (groups, 1))
    return jnp.zeros(shape, dtype).at[(..., *middle)].set(one)


def sparse(
    key: Array,
    shape: Shape,
    *,
    sparsity: float,
    std: float = 0.01,
    dtype: DTypeLike | None = None,
) -> Array:
    """Gaussian, but a share of each column is zero, rounded up. Source: Martens 2010."""
    require(len(shape) == 2, "sparse", f"shape {shape}", "(rows, columns)", "not a matrix")
    drawn, order = jax.random.split(key)
    place = jax.random.permutation(
        order, jnp.tile(jnp.arange(shape[0])[:, None], shape[1]), independent=True
    )
    return jnp.where(
        place < ceil(sparsity * shape[0]), 0, normal(drawn, shape, std=std, dtype=dtype)
    )


def xavier_uniform(
    key: Array, shape: Shape, *, gain: float = 1.0, dtype: DTypeLike | None = None
) -> Array:
    """Uniform with variance `gain^2 * 2 / (fan_in + fan_out)`. Source: Glorot and Bengio 2010."""
    bound = gain * sqrt(6 / sum(_fans(shape)))
    return uniform(key, shape, low=-bound, high=bound, dtype=dtype)


def xavier_normal(
    key: Array, shape: Shape, *, gain: float = 1.0, dtype: DTypeLike | None = None
) -> Array:
    """Gaussian with variance `gain^2 * 2 / (fan_in + fan_out)`. Source: Glorot and Bengio 2010."""
    return normal(key, shape, std=gain * sqrt(2 / sum(_fans(shape))), dtype=dtype)


def kaiming_uniform(
    key: Array,
    shape: Shape,
    *,
    gain: float = sqrt(2),
    mode: str = "fan_in",
    dtype: DTypeLike | None = None,
) -> Array:
    """Uniform with variance `gain^2 / fan`; `mode` says which fan. Source: He et al. 2015."""
    bound = gain * sqrt(3 / _fan(shape, mode))
    return uniform(key, shape, low=-bound, high=bound, dtype=dtype)


def kaiming_normal(
    key: Array,
    shape: Shape,
    *,
    gain: float = sqrt(2),
    mode: str = "fan_in",
    dtype: DTypeLike | None = None,
) -> Array:
    """Gaussian with variance `gain^2 / fan`; `mode` says which fan. Source: He et al. 2015."""
    return normal(key, shape, std=gain / sqrt(_fan(shape, mode)), dtype=dtype)


def orthogonal(
    key: Array, shape: Shape, *, gain: float = 1.0, dtype: DTypeLike | None = None
) -> Array:
    """Orthonormal rows or columns, whichever are fewer, of the matrix `(shape[0], the rest)`.

    Uniform over all such matrices. Source: Saxe et al. 2014.
    """
    _fans(shape)
    rows, columns = shape[0], prod(shape[1:])
    kind = jax.dtypes.canonicalize_dtype(dtype or float)
    wide = jnp.float32 if jnp.finfo(kind).bits < 32 else kind  # no factorisation is narrower
    return (gain * jax.random.orthogonal(key, rows, (), wide, columns).reshape(shape)).astype(kind)


def _fans(shape: Shape) -> tuple[int, int]:
    """How many inputs an output has, and how many outputs an input."""
    require(
        bool(shape[1:]) and 0 not in shape,
        "initializers",
        f"shape {shape}",
        "(outputs, inputs, ...)",
        "a bias has no fans: it starts from a constant or a plain distribution",
    )
    kernel = prod(shape[2:])
    return shape[1] * kernel, shape[0] * kernel


def _fan(shape: Shape, mode: str) -> int:
    """One of the two."""
    require(
        mode in ("fan_in", "fan_out"), "initializers", repr(mode), "fan_in or fan_out", "a typo"
    )
    return _fans(shape)[mode == "fan_out"]

"""Normalisation by the size of neighbours: along an axis, in other features, or in space."""

import jax.numpy as jnp
from jax import Array, lax

from fnn.conv import conv
from fnn.elements import absolute, norm
from fnn.errors import describe, require
from fnn.pool import avg_pool

__all__ = [
    "contrastive_norm",
    "divisive_norm",
    "local_response_norm",
    "normalize",
    "subtractive_norm",
]


def local_response_norm(
    x: Array, *, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Array:
    """Divide by `(k + alpha mean(x^2))^beta`, a mean over the `size` features around each.

    x:      (batch, features, *space)
    ->      (batch, features, *space)

    Around the features are zeros, which count. Of an even `size` one more is before than after.
    Source: Krizhevsky, Sutskever and Hinton 2012; PyTorch `nn.LocalResponseNorm`, Torch7
    `nn.SpatialCrossMapLRN`.
    """
    require(
        x.ndim > 1 and size > 0,
        "local_response_norm",
        f"x {describe(x)}, size={size}",
        "(batch, features, *space) and a size of 1 or more",
        "the batch axis is missing",
    )
    space = x.ndim - 2
    widths = [(0, 0, 0), (size // 2, (size - 1) // 2, 0), *[(0, 0, 0)] * space]
    squares = lax.pad(jnp.square(x), x.dtype.type(0), widths)
    mean = avg_pool(squares, window=(size, *(1,) * space), stride=1)
    return x / (k + alpha * mean) ** beta


def normalize(
    x: Array, *, p: float = 2.0, axis: int = 1, eps: float = 1e-12, inside: bool = False
) -> Array:
    """Divide by the p-norm along an axis, or by `eps` where the norm is smaller.

    x:      (...)
    ->      (...)

    If `inside`, as in Torch7, `eps` is added to the sum of which the norm is the p-th root, or to
    the maximum that is the norm for an infinite p.
    Source: PyTorch `F.normalize`; Torch7 `nn.Normalize`, whose `eps` is 1e-10 and axis the last.
    """
    require(
        -x.ndim <= axis < x.ndim,
        "normalize",
        f"x {describe(x)}, axis={axis}",
        "an axis that exists",
        "the batch axis is missing",
    )
    return x / divisor(x, p=p, axis=axis, eps=eps, inside=inside)


def divisor(x: Array, *, p: float, axis: int, eps: float, inside: bool) -> Array:
    """What `normalize` divides by; the axis has length 1.

    x:      (...)
    ->      (...')

    Source: Torch7 `nn.Normalize`, whose `norm` it is.
    """
    if inside and p != jnp.inf:
        sizes = absolute(x) if p % 2 else x
        total = (sizes ** (int(p) if p == int(p) else p)).sum(axis, keepdims=True) + eps
        return jnp.sqrt(total) if p == 2 else total ** (1 / p)
    size = norm(x, p=p, axis=(axis,), keepdims=True)
    return size + eps if inside else jnp.where(size < eps, eps, size)


def subtractive_norm(x: Array, kernel: Array) -> Array:
    """Subtract the mean of the neighbours in space, over all features, weighed by a kernel.

    x:      (batch, features, *space)
    kernel: (*window)
    ->      (batch, features, *space)

    The kernel has odd sizes. With one axis it is that of a product along all axes of space. Means
    are of what lies inside the image.
    Source: Jarrett et al. 2009; Torch7 `nn.SpatialSubtractiveNormalization`.
    """
    _require_kernel("subtractive_norm", x, kernel)
    return x - _average(x, kernel) / _average(jnp.ones_like(x), kernel)


def divisive_norm(
    x: Array, kernel: Array, *, threshold: float = 1e-4, below: float | None = None
) -> Array:
    """Divide by the root mean square of the neighbours in space, over all features.

    x:      (batch, features, *space)
    kernel: (*window)
    ->      (batch, features, *space)

    The kernel is that of `subtractive_norm`; here the root of the sum over what lies inside the
    image is divided by the kernel's share inside. Where that is not above the `threshold`, the
    divisor is `below`, or else the threshold.
    Source: Jarrett et al. 2009; Torch7 `nn.SpatialDivisiveNormalization` (`below` is `thresval`).
    """
    _require_kernel("divisive_norm", x, kernel)
    mean = _average(jnp.square(x), kernel)
    zero = mean == 0
    root = jnp.where(zero, 0, jnp.sqrt(jnp.where(zero, 1, mean)))
    deviation = root / _average(jnp.ones_like(x), kernel)
    low = threshold if below is None else below
    return x / jnp.where(deviation > threshold, deviation, low)


def contrastive_norm(
    x: Array, kernel: Array, *, threshold: float = 1e-4, below: float | None = None
) -> Array:
    """`subtractive_norm`, then `divisive_norm`.

    x:      (batch, features, *space)
    kernel: (*window)
    ->      (batch, features, *space)

    Source: Jarrett et al. 2009; Torch7 `nn.SpatialContrastiveNormalization`.
    """
    return divisive_norm(subtractive_norm(x, kernel), kernel, threshold=threshold, below=below)


def _average(x: Array, kernel: Array) -> Array:
    """Mean over features and, weighed, over the neighbours in space, zeros around the image."""
    y = x.mean(1, keepdims=True)
    space = x.ndim - 2
    weights = kernel / kernel.sum()
    shapes = [weights.shape]
    if weights.ndim < space:
        shapes = [(1,) * i + weights.shape + (1,) * (space - i - 1) for i in range(space)]
    for shape in shapes:
        y = conv({"weight": weights.reshape(1, 1, *shape)}, y, padding="same")
    return y


def _require_kernel(layer: str, x: Array, kernel: Array) -> None:
    """Raise a `LayerError` unless a kernel fits."""
    require(
        x.ndim > 2 and kernel.ndim in (1, x.ndim - 2) and all(n % 2 for n in kernel.shape),
        layer,
        f"kernel {describe(kernel)} for x {describe(x)}",
        f"odd sizes along 1 axis or along each of {x.ndim - 2}",
        "the batch axis is missing, or the kernel has no middle",
    )

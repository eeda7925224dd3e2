"""Windows laid out as columns and added up again; elements moved between features and space."""

from functools import partial
from math import prod

import jax
import jax.numpy as jnp
from jax import Array, lax

from fnn.errors import describe, require
from fnn.space import each, require_sizes

__all__ = ["channel_shuffle", "fold", "pixel_shuffle", "pixel_unshuffle", "unfold"]

Option = int | tuple[int, ...]


def unfold(
    x: Array,
    *,
    window: tuple[int, ...],
    stride: Option = 1,
    padding: Option = 0,
    dilation: Option = 1,
) -> Array:
    """The elements of each window of space as one column, feature by feature.

    x:      (..., features, *space)
    ->      (..., rows', windows')

    Source: PyTorch `nn.Unfold`, known as im2col.
    """
    axes = _axes("unfold", x.shape, window, stride, padding, dilation)
    first = x.ndim - len(window)
    x = lax.pad(x, x.dtype.type(0), [(0, 0, 0)] * first + [(p, p, 0) for *_, p, _ in axes])
    for i, (w, s, _, d) in enumerate(axes):
        axis = first + 2 * i  # those before have become two: where in the window, and which window
        windows = (x.shape[axis] - d * (w - 1) - 1) // s + 1
        span = (windows - 1) * s + 1
        parts = [lax.slice_in_dim(x, j * d, j * d + span, s, axis) for j in range(w)]
        x = jnp.stack(parts, axis)
    within, which = range(first, x.ndim, 2), range(first + 1, x.ndim, 2)
    x = lax.transpose(x, (*range(first), *within, *which))
    rows = prod(x.shape[first - 1 : first + len(window)])
    return x.reshape(*x.shape[: first - 1], rows, prod(x.shape[first + len(window) :]))


def fold(
    x: Array,
    *,
    size: tuple[int, ...],
    window: tuple[int, ...],
    stride: Option = 1,
    padding: Option = 0,
    dilation: Option = 1,
) -> Array:
    """Add columns up where `unfold` with the same options took them from, a space of this `size`.

    x:      (..., rows, windows)
    ->      (..., features', *space')

    Source: PyTorch `nn.Fold`, known as col2im.
    """
    require_sizes("fold", "window", window)
    require_sizes("fold", "size", size)
    features, rest = divmod(x.shape[-2] if x.ndim > 1 else 0, prod(window))
    require(
        features > 0 and rest == 0,
        "fold",
        f"x {describe(x)}",
        f"(..., features * {prod(window)}, windows)",
        "the columns were made for another window",
    )
    shape = (*x.shape[:-2], features, *size)
    options = {"window": window, "stride": stride, "padding": padding, "dilation": dilation}
    _axes("fold", shape, *options.values())
    unfolded = partial(unfold, **options)  # type: ignore[arg-type]  # a dict of several types
    wanted = jax.eval_shape(unfolded, jax.ShapeDtypeStruct(shape, x.dtype))
    require(
        x.shape == wanted.shape,
        "fold",
        f"x {describe(x)}",
        f"{wanted.shape[-1]} windows",
        "the columns were made for another size, stride, padding or dilation",
    )
    (y,) = jax.linear_transpose(unfolded, jax.ShapeDtypeStruct(shape, x.dtype))(x)
    return y


def pixel_shuffle(x: Array, *, factor: int) -> Array:
    """Spread groups of features over `factor` x `factor` pixels each.

    x:      (..., features * factor * factor, height, width)
    ->      (..., features, height * factor, width * factor)

    Source: Shi et al. 2016; PyTorch and Torch7 `nn.PixelShuffle`.
    """
    require(
        x.ndim > 2 and factor > 0 and x.shape[-3] % factor**2 == 0,
        "pixel_shuffle",
        f"x {describe(x)}",
        f"(..., features * {factor**2}, height, width)",
        "the features are not the axis before space",
    )
    *batch, features, height, width = x.shape
    split = x.reshape(*batch, features // factor**2, factor, factor, height, width)
    b = len(batch)
    joined = split.transpose(*range(b + 1), b + 3, b + 1, b + 4, b + 2)
    return joined.reshape(*batch, features // factor**2, height * factor, width * factor)


def pixel_unshuffle(x: Array, *, factor: int) -> Array:
    """Gather `factor` x `factor` pixels into features: the inverse of `pixel_shuffle`.

    x:      (..., features, height * factor, width * factor)
    ->      (..., features * factor * factor, height, width)

    Source: PyTorch `nn.PixelUnshuffle`.
    """
    require(
        x.ndim > 2 and factor > 0 and x.shape[-2] % factor == x.shape[-1] % factor == 0,
        "pixel_unshuffle",
        f"x {describe(x)}",
        f"height and width divisible by {factor}",
        "the image must be padded first",
    )
    *batch, features, height, width = x.shape
    height, width = height // factor, width // factor
    split = x.reshape(*batch, features, height, factor, width, factor)
    b = len(batch)
    joined = split.transpose(*range(b + 1), b + 2, b + 4, b + 1, b + 3)
    return joined.reshape(*batch, features * factor**2, height, width)


def channel_shuffle(x: Array, *, groups: int) -> Array:
    """Deal features out: the first of each group, then the second of each, and so on.

    x:      (batch, features, *space)
    ->      (batch, features, *space)

    Source: Zhang et al. 2018; PyTorch `nn.ChannelShuffle`.
    """
    require(
        x.ndim > 1 and groups > 0 and x.shape[1] % groups == 0,
        "channel_shuffle",
        f"x {describe(x)} in {groups} groups",
        "(batch, features, *space), features divisible by the number of groups",
        "the features are not the second axis",
    )
    split = x.reshape(x.shape[0], groups, x.shape[1] // groups, *x.shape[2:])
    return split.swapaxes(1, 2).reshape(x.shape)


def _axes(
    layer: str,
    shape: tuple[int, ...],
    window: tuple[int, ...],
    stride: Option,
    padding: Option,
    dilation: Option,
) -> list[tuple[int, int, int, int]]:
    """Window, stride, padding and dilation along each axis of space."""
    require_sizes(layer, "window", window)
    count = len(window)
    named = {"stride": (stride, 1), "padding": (padding, 0), "dilation": (dilation, 1)}
    options = [each(v, count, layer, name, least=least) for name, (v, least) in named.items()]
    axes = list(zip(window, *options, strict=True))
    require(
        len(shape) > count
        and all(
            n + 2 * p > d * (w - 1) for n, (w, _, p, d) in zip(shape[-count:], axes, strict=True)
        ),
        layer,
        f"an image of shape {shape}, window {window}, padding {padding}, dilation {dilation}",
        "(..., features, *space) in which a window has room",
        "the axis of features is missing, or the window is larger than the image",
    )
    return axes

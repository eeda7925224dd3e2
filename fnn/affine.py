"""A weight or a bias for each element, each feature, or for everything."""

from math import prod

from jax import Array, lax

from fnn.errors import describe, require
from fnn.initializers import uniform_fan_in

__all__ = ["scale", "scale_init", "shift", "shift_init"]


def scale(params: dict[str, Array], x: Array) -> Array:
    """`x * weight`, each element of every example by its own weight.

    params: weight (*shape)
    x:      (batch, *shape)
    ->      (batch, *shape)

    The weight is spread over axes in front that only `x` has, and along its own axes of length 1. A
    single weight serves for everything. What has as many elements as the weight, in all or after
    the first axis, takes them in order.

    Source: Torch7 `nn.CMul`, `nn.Mul`.
    """
    return x * _spread("scale", params["weight"], x)


def scale_init(key: Array, *shape: int) -> dict[str, Array]:
    """Weights uniform in +-1/sqrt(their number); one without a shape."""
    return uniform_fan_in(key, prod(shape), weight=shape or (1,))


def shift(params: dict[str, Array], x: Array) -> Array:
    """`x + bias`, each element of every example by its own bias, spread as in `scale`.

    params: bias (*shape)
    x:      (batch, *shape)
    ->      (batch, *shape)

    Source: Torch7 `nn.CAdd`, `nn.Add` (its `scalar` is a single bias).
    """
    return x + _spread("shift", params["bias"], x)


def shift_init(key: Array, *shape: int) -> dict[str, Array]:
    """Biases uniform in +-1/sqrt(their number); one without a shape."""
    return uniform_fan_in(key, prod(shape), bias=shape or (1,))


def _spread(layer: str, weight: Array, x: Array) -> Array:
    """The weight in the shape of `x`."""
    first = x.ndim - weight.ndim
    fits = first >= 0 and all(
        n in (1, m) for n, m in zip(weight.shape, x.shape[first:], strict=True)
    )
    for inner in x.shape, x.shape[1:]:
        if not fits and prod(inner) == weight.size:
            weight, first, fits = lax.reshape(weight, inner), x.ndim - len(inner), True
    if weight.size == 1:
        return lax.broadcast(lax.reshape(weight, ()), x.shape)
    require(
        fits,
        layer,
        f"x {describe(x)} for {describe(weight)}",
        f"(..., {', '.join(map(str, weight.shape))}), or that after each 1 is replaced",
        "the layer was made for another shape",
    )
    return lax.broadcast_in_dim(weight, x.shape, range(first, x.ndim))

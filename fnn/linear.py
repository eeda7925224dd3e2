"""Linear maps: `y = x W^T + b`."""

from jax import Array, lax

from fnn.errors import describe, require
from fnn.initializers import uniform_fan_in

__all__ = ["linear", "linear_init"]


def linear(params: dict[str, Array], x: Array) -> Array:
    """Affine map of the last axis: `y = x W^T + b`.

    params: weight (outputs, inputs); bias (outputs,), optional
    x:      (..., inputs)
    ->      (..., outputs)

    Source: Torch7 `nn.Linear`, PyTorch `nn.Linear`.
    """
    weight = params["weight"]
    require(
        x.shape[-1:] == weight.shape[1:],
        "linear",
        f"x {describe(x)}",
        f"(..., {weight.shape[1]})",
        "the layer was made for another width, or its input was not flattened",
    )
    y = x @ weight.T
    if "bias" not in params:
        return y
    return y + lax.broadcast_in_dim(params["bias"], y.shape, (y.ndim - 1,))


def linear_init(key: Array, inputs: int, outputs: int, *, bias: bool = True) -> dict[str, Array]:
    """Weight and bias uniform in +-1/sqrt(inputs), as Torch draws them."""
    return uniform_fan_in(key, inputs, weight=(outputs, inputs), bias=(outputs,) if bias else None)

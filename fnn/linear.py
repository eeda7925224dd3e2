"""Linear maps: `y = x W^T + b`, and what is linear in each of two inputs."""

import jax
import jax.numpy as jnp
from jax import Array, lax

from fnn.errors import describe, require, require_indices
from fnn.initializers import uniform_fan_in

__all__ = [
    "bilinear",
    "bilinear_init",
    "linear",
    "linear_init",
    "partial_linear",
    "partial_linear_init",
]


def linear(params: dict[str, Array], x: Array) -> Array:
    """Affine map of the last axis: `y = x W^T + b`.

    params: weight (outputs, inputs); bias (outputs,), optional
    x:      (..., inputs)
    ->      (..., outputs)

    Source: Torch7 `nn.Linear`, PyTorch `nn.Linear`.
    """
    weight = params["weight"]
    _require_width("linear", x, weight, 1)
    return _add_bias("linear", x @ weight.T, params.get("bias"))


def linear_init(key: Array, inputs: int, outputs: int, *, bias: bool = True) -> dict[str, Array]:
    """Weight and bias uniform in +-1/sqrt(inputs), as Torch draws them."""
    return uniform_fan_in(key, inputs, weight=(outputs, inputs), bias=(outputs,) if bias else None)


def bilinear(params: dict[str, Array], x: Array, y: Array) -> Array:
    """Form of two vectors for each output: `x^T W_k y + b_k`.

    params: weight (outputs, inputs, others); bias (outputs,), optional
    x:      (..., inputs)
    y:      (..., others)
    ->      (..., outputs)

    Source: Torch7 and PyTorch `nn.Bilinear`.
    """
    weight = params["weight"]
    _require_width("bilinear", x, weight, 1)
    _require_width("bilinear", y, weight, 2)
    require(
        x.shape[:-1] == y.shape[:-1],
        "bilinear",
        describe((x, y)),
        "equal axes before the last",
        "one of the two lacks its batch axis",
    )
    forms = jnp.einsum("...i,kij,...j->...k", x, weight, y)
    return _add_bias("bilinear", forms, params.get("bias"))


def bilinear_init(
    key: Array, inputs: int, others: int, outputs: int, *, bias: bool = True
) -> dict[str, Array]:
    """Weight and bias uniform in +-1/sqrt(inputs), as Torch draws them."""
    bias_shape = (outputs,) if bias else None
    return uniform_fan_in(key, inputs, weight=(outputs, inputs, others), bias=bias_shape)


def partial_linear(params: dict[str, Array], x: Array, outputs: Array) -> Array:
    """Some of the outputs of `linear`, by their indices: the others are not computed.

    params:  weight (all, inputs); bias (all,), optional
    x:       (..., inputs)
    outputs: (chosen,) int
    ->       (..., chosen)

    Source: Torch7 `nn.PartialLinear`.
    """
    count = params["weight"].shape[0]
    require_indices(outputs, count, "partial_linear", "the indices count from 1")
    chosen = {
        name: array.at[outputs].get(mode="fill", wrap_negative_indices=False)
        for name, array in params.items()
    }
    return linear(chosen, x)


def partial_linear_init(
    key: Array, inputs: int, outputs: int, *, bias: bool = True
) -> dict[str, Array]:
    """Weight standard Gaussian, bias 0, as Torch7 has them."""
    weight = {"weight": jax.random.normal(key, (outputs, inputs))}
    return weight | ({"bias": jnp.zeros(outputs)} if bias else {})


def _require_width(layer: str, x: Array, weight: Array, axis: int) -> None:
    require(
        x.shape[-1:] == weight.shape[axis : axis + 1],
        layer,
        f"x {describe(x)}",
        f"(..., {weight.shape[axis]})",
        "the layer was made for another width, or its input was not flattened",
    )


def _add_bias(layer: str, y: Array, bias: Array | None) -> Array:
    if bias is None:
        return y
    require(
        bias.shape == y.shape[-1:],
        layer,
        f"bias {describe(bias)}",
        f"({y.shape[-1]},), one for each output",
        "weight and bias belong to different layers",
    )
    return y + lax.broadcast_in_dim(bias, y.shape, (y.ndim - 1,))

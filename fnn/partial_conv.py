"""Convolutions that share less or connect less: a kernel for each place, or for each connection."""

from collections import Counter
from math import prod

import jax.numpy as jnp
from jax import Array, lax

from fnn import kernels
from fnn.connections import Table
from fnn.conv import Each, conv, conv_transpose
from fnn.errors import describe, require
from fnn.initializers import uniform_fan_in
from fnn.space import each, require_sizes

__all__ = [
    "local_conv",
    "local_conv_init",
    "map_conv",
    "map_conv_init",
    "map_conv_transpose",
    "map_conv_transpose_init",
]


def local_conv(params: dict[str, Array], x: Array, *, stride: Each = 1, padding: Each = 0) -> Array:
    """Cross-correlation whose kernel differs from place to place of the output.

    params: weight (*places, outputs, inputs, *kernel); bias (outputs, *places), optional
    x:      (batch, inputs, *space)
    ->      (batch, outputs, *places)

    One example may come without its batch axis. Source: Torch7 `nn.SpatialConvolutionLocal`.
    """
    weight = params["weight"]
    space = (weight.ndim - 2) // 2
    places, (outputs, inputs, *kernel) = weight.shape[:space], weight.shape[space:]
    strides = each(stride, space, "local_conv", "stride", least=1)
    paddings = each(padding, space, "local_conv", "padding")
    features = x.ndim - space - 1
    require(
        features in (0, 1)
        and x.shape[features] == inputs
        and all(
            (n + 2 * p - k) // s + 1 == o
            for n, p, k, s, o in zip(
                x.shape[features + 1 :], paddings, kernel, strides, places, strict=True
            )
        ),
        "local_conv",
        f"x {describe(x)} for weight {describe(weight)}",
        f"(batch, {inputs}, *space) from which the kernel sees {places} places",
        "the layer was made for images of another size",
    )
    images = x if features else lax.expand_dims(x, (0,))
    widths = [(0, 0, 0), (0, 0, 0), *((p, p, 0) for p in paddings)]
    images = jnp.moveaxis(lax.pad(images, x.dtype.type(0), widths), 0, -1)
    unfolded = kernels.unfold(images, tuple(kernel), [*places], strides, (1,) * space)
    columns = unfolded.reshape(inputs * prod(kernel), prod(places), -1).swapaxes(0, 1)
    y = weight.reshape(prod(places), outputs, -1) @ columns
    y = y.transpose(2, 1, 0).reshape(-1, outputs, *places)
    if "bias" in params:
        y = y + lax.expand_dims(params["bias"], (0,))
    return y if features else lax.squeeze(y, (0,))


def local_conv_init(
    key: Array,
    inputs: int,
    outputs: int,
    places: tuple[int, ...],
    kernel: tuple[int, ...],
    *,
    bias: bool = True,
) -> dict[str, Array]:
    """Weight and bias uniform in +-1/sqrt(fan_in), as Torch7 draws them; one for each place."""
    require_sizes("local_conv_init", "places", places)
    require_sizes("local_conv_init", "kernel", kernel)
    return uniform_fan_in(
        key,
        inputs * prod(kernel),
        weight=(*places, outputs, inputs, *kernel),
        bias=(outputs, *places) if bias else None,
    )


def map_conv(params: dict[str, Array], x: Array, *, connections: Table, stride: Each = 1) -> Array:
    """Cross-correlation in which a table of pairs (from, to) says what is connected.

    params: weight (pairs, *kernel); bias (outputs,)
    x:      (batch, inputs, *space)
    ->      (batch, outputs, *space')

    Planes count from 0; connections that are there twice add up. `fnn.connections` has tables.
    Source: Torch7 `nn.SpatialConvolutionMap`.
    """
    inputs = x.shape[-params["weight"].ndim]
    weight = _dense("map_conv", params, connections, inputs).swapaxes(0, 1)
    return conv({**params, "weight": weight}, x, stride=stride)


def map_conv_transpose(
    params: dict[str, Array], x: Array, *, connections: Table, stride: Each = 1
) -> Array:
    """Transposed convolution in which a table of pairs (from, to) says what is connected.

    params: weight (pairs, *kernel); bias (outputs,)
    x:      (batch, inputs, *space)
    ->      (batch, outputs, *space')

    Planes count from 0. Source: Torch7 `nn.SpatialFullConvolutionMap`.
    """
    inputs = x.shape[-params["weight"].ndim]
    weight = _dense("map_conv_transpose", params, connections, inputs)
    return conv_transpose({**params, "weight": weight}, x, stride=stride)


def _dense(layer: str, params: dict[str, Array], connections: Table, inputs: int) -> Array:
    """Weight (inputs, outputs, *kernel), which is zero where nothing is connected."""
    weight, outputs = params["weight"], len(params["bias"])
    require(
        len(weight) == len(connections)
        and all(0 <= i < inputs and 0 <= o < outputs for i, o in connections),
        layer,
        f"{inputs} inputs, {outputs} outputs, weight {describe(weight)}",
        f"a kernel for each of {len(connections)} connections, which lie inside",
        "planes count from 0, or the table is another layer's",
    )
    sources, targets = zip(*connections, strict=True)
    zeros = jnp.zeros((inputs, outputs, *weight.shape[1:]), weight.dtype)
    return zeros.at[jnp.array(sources), jnp.array(targets)].add(weight)


def map_conv_init(key: Array, connections: Table, kernel: tuple[int, ...]) -> dict[str, Array]:
    """Weight and bias uniform in +-1/sqrt(connections of the target * kernel), as Torch7's."""
    fans = Counter(target for _, target in connections)
    outputs = max(fans) + 1
    bounds = {o: (max(fans[o], 1) * prod(kernel)) ** -0.5 for o in range(outputs)}
    drawn = uniform_fan_in(key, 1, weight=(len(connections), *kernel), bias=(outputs,))
    by_pair = jnp.array([bounds[o] for _, o in connections]).reshape(-1, *[1] * len(kernel))
    return {
        "weight": drawn["weight"] * by_pair,
        "bias": drawn["bias"] * jnp.array([*bounds.values()]),
    }


map_conv_transpose_init = map_conv_init

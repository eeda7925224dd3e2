"""Transformers: layers of encoders and of decoders on each other, and both together.

Parameters are named as in PyTorch, and sequences are (..., length, features). Masks are those of
`multi_head_attention`: true where a query may look.
"""

from collections.abc import Callable
from typing import Any

import jax
from jax import Array

from fnn.initializers import xavier_uniform
from fnn.norm import layer_norm, layer_norm_init
from fnn.transformer_layer import (
    transformer_decoder_layer,
    transformer_decoder_layer_init,
    transformer_encoder_layer,
    transformer_encoder_layer_init,
)

__all__ = [
    "transformer",
    "transformer_decoder",
    "transformer_decoder_init",
    "transformer_encoder",
    "transformer_encoder_init",
    "transformer_init",
]

Params = dict[str, Any]
Activation = str | Callable[[Array], Array]


def _layers(layer: Callable, params: Params, x: Array, key: Array | None, eps: float) -> Array:
    """Each layer on the last one's output, then the norm, if there is one."""
    for i in range(len(params["layers"])):
        x = layer(params["layers"][str(i)], x, None if key is None else jax.random.fold_in(key, i))
    return layer_norm(params["norm"], x, eps=eps) if "norm" in params else x


def _layers_init(
    init: Callable, key: Array, features: int, inner: int, layers: int, norm: bool, bias: bool
) -> Params:
    keys = jax.random.split(key, layers + 1)
    params: Params = {
        "layers": {str(i): init(keys[i], features, inner, bias=bias) for i in range(layers)}
    }
    return params | {"norm": layer_norm_init(key, features, bias=bias)} if norm else params


def transformer_encoder(
    params: Params,
    x: Array,
    mask: Array | None = None,
    present: Array | None = None,
    key: Array | None = None,
    *,
    heads: int,
    train: bool,
    p: float = 0.1,
    activation: Activation = "relu",
    norm_first: bool = False,
    eps: float = 1e-5,
    causal: bool = False,
) -> Array:
    """Layers of `transformer_encoder_layer`, then a norm, if the parameters have one.

    params:  layers.0 of transformer_encoder_layer;
             norm.weight (features,), optional; norm.bias (features,), optional
    x:       (..., length, features)
    mask:    (length, length) bool, optional
    present: (..., length) bool, optional
    ->       (..., length, features)

    There are as many layers as the parameters have. Source: PyTorch `nn.TransformerEncoder`.
    """

    def layer(own: Params, x: Array, key: Array | None) -> Array:
        return transformer_encoder_layer(
            own,
            x,
            mask,
            present,
            key,
            heads=heads,
            train=train,
            p=p,
            activation=activation,
            norm_first=norm_first,
            eps=eps,
            causal=causal,
        )

    return _layers(layer, params, x, key, eps)


def transformer_encoder_init(
    key: Array,
    features: int,
    inner: int = 2048,
    *,
    layers: int = 6,
    norm: bool = False,
    bias: bool = True,
) -> Params:
    """Each layer drawn for itself."""
    init = transformer_encoder_layer_init
    return _layers_init(init, key, features, inner, layers, norm, bias)


def transformer_decoder(
    params: Params,
    x: Array,
    memory: Array,
    mask: Array | None = None,
    memory_mask: Array | None = None,
    present: Array | None = None,
    memory_present: Array | None = None,
    key: Array | None = None,
    *,
    heads: int,
    train: bool,
    p: float = 0.1,
    activation: Activation = "relu",
    norm_first: bool = False,
    eps: float = 1e-5,
    causal: bool = False,
    memory_causal: bool = False,
) -> Array:
    """Layers of `transformer_decoder_layer`, then a norm, if the parameters have one.

    params:  layers.0 of transformer_decoder_layer;
             norm.weight (features,), optional; norm.bias (features,), optional
    x:              (..., length, features)
    memory:         (..., positions, features)
    mask:           (length, length) bool, optional
    memory_mask:    (length, positions) bool, optional
    present:        (..., length) bool, optional
    memory_present: (..., positions) bool, optional
    ->       (..., length, features)

    There are as many layers as the parameters have. Source: PyTorch `nn.TransformerDecoder`.
    """

    def layer(own: Params, x: Array, key: Array | None) -> Array:
        return transformer_decoder_layer(
            own,
            x,
            memory,
            mask,
            memory_mask,
            present,
            memory_present,
            key,
            heads=heads,
            train=train,
            p=p,
            activation=activation,
            norm_first=norm_first,
            eps=eps,
            causal=causal,
            memory_causal=memory_causal,
        )

    return _layers(layer, params, x, key, eps)


def transformer_decoder_init(
    key: Array,
    features: int,
    inner: int = 2048,
    *,
    layers: int = 6,
    norm: bool = False,
    bias: bool = True,
) -> Params:
    """Each layer drawn for itself."""
    init = transformer_decoder_layer_init
    return _layers_init(init, key, features, inner, layers, norm, bias)


def transformer(
    params: Params,
    source: Array,
    target: Array,
    source_mask: Array | None = None,
    target_mask: Array | None = None,
    memory_mask: Array | None = None,
    source_present: Array | None = None,
    target_present: Array | None = None,
    memory_present: Array | None = None,
    key: Array | None = None,
    *,
    heads: int,
    train: bool,
    p: float = 0.1,
    activation: Activation = "relu",
    norm_first: bool = False,
    eps: float = 1e-5,
    source_causal: bool = False,
    target_causal: bool = False,
    memory_causal: bool = False,
) -> Array:
    """Encode the source; decode the target with the code as its memory.

    params:         encoder of transformer_encoder; decoder of transformer_decoder
    source:         (..., positions, features)
    target:         (..., length, features)
    source_mask:    (positions, positions) bool, optional
    target_mask:    (length, length) bool, optional
    memory_mask:    (length, positions) bool, optional
    source_present: (..., positions) bool, optional
    target_present: (..., length) bool, optional
    memory_present: (..., positions) bool, optional
    ->              (..., length, features)

    Source: Vaswani et al. 2017; PyTorch `nn.Transformer`.
    """
    keys = [None] * 2 if key is None else jax.random.split(key)
    memory = transformer_encoder(
        params["encoder"],
        source,
        source_mask,
        source_present,
        keys[0],
        heads=heads,
        train=train,
        p=p,
        activation=activation,
        norm_first=norm_first,
        eps=eps,
        causal=source_causal,
    )
    return transformer_decoder(
        params["decoder"],
        target,
        memory,
        target_mask,
        memory_mask,
        target_present,
        memory_present,
        keys[1],
        heads=heads,
        train=train,
        p=p,
        activation=activation,
        norm_first=norm_first,
        eps=eps,
        causal=target_causal,
        memory_causal=memory_causal,
    )


def transformer_init(
    key: Array,
    features: int = 512,
    inner: int = 2048,
    *,
    encoders: int = 6,
    decoders: int = 6,
    bias: bool = True,
) -> Params:
    """Both stacks with their norms; every matrix by Xavier's uniform scheme, as in PyTorch."""
    first, second, last = jax.random.split(key, 3)
    params = {
        "encoder": transformer_encoder_init(
            first, features, inner, layers=encoders, norm=True, bias=bias
        ),
        "decoder": transformer_decoder_init(
            second, features, inner, layers=decoders, norm=True, bias=bias
        ),
    }
    leaves, tree = jax.tree.flatten(params)
    keys = jax.random.split(last, len(leaves))
    return tree.unflatten(
        xavier_uniform(k, leaf.shape) if leaf.ndim > 1 else leaf
        for k, leaf in zip(keys, leaves, strict=True)
    )

"""Layers of a transformer: attention and two linear maps; `fnn.transformer` has stacks of them.

Parameters are named as in PyTorch, and sequences are (..., length, features). Masks are those of
`multi_head_attention`: true where a query may look.
"""

from collections.abc import Callable
from typing import Any

import jax
from jax import Array

from fnn.activation import gelu, relu
from fnn.attention import multi_head_attention, multi_head_attention_init
from fnn.dropout import dropout
from fnn.errors import require
from fnn.linear import linear_init
from fnn.matmul import linear_rows
from fnn.norm import layer_norm, layer_norm_init

__all__ = [
    "transformer_decoder_layer",
    "transformer_decoder_layer_init",
    "transformer_encoder_layer",
    "transformer_encoder_layer_init",
]

Params = dict[str, Any]
Activation = str | Callable[[Array], Array]


def _sublayer(
    layer: Callable[[Array], Array],
    norm: Params,
    x: Array,
    key: Array | None,
    train: bool,
    p: float,
    norm_first: bool,
    eps: float,
) -> Array:
    """Add a layer's output to its input, normalised before the layer or after the sum."""
    y = layer(layer_norm(norm, x, eps=eps) if norm_first else x)
    y = x + (dropout(y, key, train=train, p=p) if key is not None else y)
    return y if norm_first else layer_norm(norm, y, eps=eps)


def _keys(layer: str, key: Array | None, train: bool, p: float, count: int) -> list:
    """A key for each place with dropout, or None where there is none."""
    if not train or p == 0:
        return [None] * count
    require(key is not None, layer, "no key", "a random key", "p was set, but no key was given")
    return [jax.random.fold_in(key, i) for i in range(count)] if key is not None else []


def _feed_forward(
    params: Params, x: Array, key: Array | None, train: bool, p: float, activation: Activation
) -> Array:
    """Widen, activate, narrow."""
    known = {"relu": relu, "gelu": gelu}
    require(
        callable(activation) or activation in known,
        "transformer",
        f"activation {activation!r}",
        '"relu", "gelu" or a function',
        "it is misspelt",
    )
    y = linear_rows(params["linear1"], x)
    y = known[activation](y) if isinstance(activation, str) else activation(y)
    return linear_rows(params["linear2"], y if key is None else dropout(y, key, train=train, p=p))


def transformer_encoder_layer(
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
    """Attention to itself, then two linear maps, each added to its input and normalised.

    params:  self_attn of multi_head_attention;
             linear1.weight (inner, features); linear1.bias (inner,), optional;
             linear2.weight (features, inner); linear2.bias (features,), optional;
             norm1.weight, norm2.weight (features,); norm1.bias, norm2.bias (features,), optional
    x:       (..., length, features)
    mask:    (length, length) bool, optional
    present: (..., length) bool, optional
    ->       (..., length, features)

    `norm_first` normalises what goes into attention and maps instead of the sums. `p` is the
    probability of dropout of attention's weights, of the inner map and of what is added.

    Source: Vaswani et al. 2017; PyTorch `nn.TransformerEncoderLayer`.
    """
    keys = _keys("transformer_encoder_layer", key, train, p, 4)

    def attend(y: Array) -> Array:
        own = params["self_attn"]
        return multi_head_attention(
            own, y, None, None, mask, present, keys[0], heads=heads, train=train, p=p, causal=causal
        )

    def forward(y: Array) -> Array:
        return _feed_forward(params, y, keys[1], train, p, activation)

    x = _sublayer(attend, params["norm1"], x, keys[2], train, p, norm_first, eps)
    return _sublayer(forward, params["norm2"], x, keys[3], train, p, norm_first, eps)


def transformer_encoder_layer_init(
    key: Array, features: int, inner: int = 2048, *, bias: bool = True
) -> Params:
    """Each part as its own layer draws it."""
    attention, first, second = jax.random.split(key, 3)
    return {
        "self_attn": multi_head_attention_init(attention, features, bias=bias),
        "linear1": linear_init(first, features, inner, bias=bias),
        "linear2": linear_init(second, inner, features, bias=bias),
        "norm1": layer_norm_init(first, features, bias=bias),
        "norm2": layer_norm_init(second, features, bias=bias),
    }


def transformer_decoder_layer(
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
    """An encoder layer with attention to a memory, multihead_attn and norm2, in its middle.

    params:  self_attn, multihead_attn of multi_head_attention;
             linear1.weight (inner, features); linear1.bias (inner,), optional;
             linear2.weight (features, inner); linear2.bias (features,), optional;
             norm1.weight, norm2.weight, norm3.weight (features,);
             norm1.bias, norm2.bias, norm3.bias (features,), optional
    x:              (..., length, features)
    memory:         (..., positions, features)
    mask:           (length, length) bool, optional
    memory_mask:    (length, positions) bool, optional
    present:        (..., length) bool, optional
    memory_present: (..., positions) bool, optional
    ->       (..., length, features)

    Source: Vaswani et al. 2017; PyTorch `nn.TransformerDecoderLayer`.
    """
    keys = _keys("transformer_decoder_layer", key, train, p, 6)

    def attend(y: Array) -> Array:
        own = params["self_attn"]
        return multi_head_attention(
            own, y, None, None, mask, present, keys[0], heads=heads, train=train, p=p, causal=causal
        )

    def remember(y: Array) -> Array:
        return multi_head_attention(
            params["multihead_attn"],
            y,
            memory,
            memory,
            memory_mask,
            memory_present,
            keys[1],
            heads=heads,
            train=train,
            p=p,
            causal=memory_causal,
        )

    def forward(y: Array) -> Array:
        return _feed_forward(params, y, keys[2], train, p, activation)

    for i, sublayer in enumerate((attend, remember, forward)):
        norm = params[f"norm{i + 1}"]
        x = _sublayer(sublayer, norm, x, keys[3 + i], train, p, norm_first, eps)
    return x


def transformer_decoder_layer_init(
    key: Array, features: int, inner: int = 2048, *, bias: bool = True
) -> Params:
    """Each part as its own layer draws it."""
    first, second = jax.random.split(key)
    return {
        **transformer_encoder_layer_init(first, features, inner, bias=bias),
        "multihead_attn": multi_head_attention_init(second, features, bias=bias),
        "norm3": layer_norm_init(second, features, bias=bias),
    }

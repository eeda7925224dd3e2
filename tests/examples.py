"""The table: one row for each variant of a layer, and the row is all that its tests need.

From the layer's shape block `tests/test_layers.py` draws arguments and runs every suite on them.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from fnn import activation, attention, distribution, loss, recurrent
from fnn.conv import conv
from fnn.dropout import dropout
from fnn.embedding import embedding
from fnn.linear import linear
from fnn.norm import batch_norm, layer_norm
from fnn.pool import avg_pool, max_pool
from fnn.shape import flatten, reshape, view

NOTHING: Mapping[str, Any] = MappingProxyType({})


class Example(NamedTuple):
    """A layer and what exercises it.

    hyper   its keyword-only arguments, `train` among them
    sizes   axes that must not be drawn: {"features": 6, "*space": (5, 4), "...": (2,)}
    ranges  bounds of the uniform draw for an argument or an entry of a dict: {"variance": (0.5, 2)}
            instead of (-1, 1), {"indices": (0, 7)} instead of (0, 3), where 7 and 3 are excluded
    """

    apply: Callable
    hyper: Mapping[str, Any] = NOTHING
    sizes: Mapping[str, int | tuple[int, ...]] = NOTHING
    ranges: Mapping[str, tuple[float, float]] = NOTHING

    @property
    def label(self) -> str:
        """The layer and its hyperparameters: the name of its tests."""
        return "-".join([self.apply.__name__, *(f"{k}={v}" for k, v in self.hyper.items())])


IMAGE = {"*kernel": (3, 2), "*space": (7, 6)}
VARIANCE = {"running_var": (0.5, 2)}
WIDE = {"x": (-4, 4)}

WEIGHTS = {"weight": (0.5, 2.0)}
EXAMPLES = [
    # linear
    Example(linear),
    # conv
    Example(conv, sizes=IMAGE),
    Example(conv, {"stride": 2, "padding": 1}, IMAGE),
    Example(conv, {"stride": (2, 1), "padding": (0, 2), "dilation": (1, 2)}, IMAGE),
    Example(conv, {"padding": ((1, 2), (0, 3))}, IMAGE),
    Example(conv, {"padding": "same", "dilation": (1, 3)}, IMAGE),
    Example(conv, {"padding": "valid", "groups": 2}, {**IMAGE, "inputs": 4, "outputs": 6}),
    Example(conv, {"groups": 4}, {**IMAGE, "inputs": 4, "outputs": 4}),
    Example(conv, {"stride": 2}, {"*kernel": (3,), "*space": (8,)}),
    Example(conv, {"padding": 1}, {"*kernel": (2, 3, 2), "*space": (4, 3, 5)}),
    # pool
    Example(max_pool, {"window": (3, 2)}, {"*space": (7, 6)}),
    Example(max_pool, {"window": (3, 2), "stride": (1, 2), "padding": 1}, {"*space": (7, 6)}),
    Example(max_pool, {"window": (2, 3), "dilation": (2, 1), "stride": 1}, {"*space": (7, 6)}),
    Example(max_pool, {"window": (2, 2), "ceil_mode": True}, {"*space": (7, 5)}),
    Example(
        max_pool,
        {"window": (3, 2), "stride": 3, "padding": 1, "ceil_mode": True},
        {"*space": (8, 6)},
    ),
    Example(max_pool, {"window": (3,), "stride": 2}, {"*space": (9,)}),
    Example(max_pool, {"window": (2, 2, 3), "stride": 2}, {"*space": (4, 5, 6)}),
    Example(avg_pool, {"window": (3, 2)}, {"*space": (7, 6)}),
    Example(avg_pool, {"window": (3, 2), "stride": 1, "padding": 1}, {"*space": (7, 6)}),
    Example(
        avg_pool,
        {"window": (3, 2), "stride": 1, "padding": 1, "count_include_pad": False},
        {"*space": (7, 6)},
    ),
    Example(
        avg_pool,
        {"window": (3, 2), "stride": 3, "padding": 1, "ceil_mode": True},
        {"*space": (8, 6)},
    ),
    Example(avg_pool, {"window": (2, 3), "ceil_mode": True}, {"*space": (7, 5)}),
    Example(avg_pool, {"window": (4,), "stride": 2, "padding": 2}, {"*space": (9,)}),
    Example(avg_pool, {"window": (2, 2, 3), "stride": 2}, {"*space": (4, 5, 6)}),
    # norm
    Example(batch_norm, {"train": True}, ranges=VARIANCE),
    Example(batch_norm, {"train": False}, ranges=VARIANCE),
    Example(batch_norm, {"train": True, "momentum": 0.3, "eps": 0.1}, {"*space": ()}, VARIANCE),
    Example(batch_norm, {"train": True}, {"*space": (4,)}, VARIANCE),
    Example(layer_norm, sizes={"*shape": (6,)}),
    Example(layer_norm, {"dimensions": 2, "eps": 0.1}, {"*shape": (3, 4)}),
    # dropout
    Example(dropout, {"train": True, "p": 0.3}),
    Example(dropout, {"train": True, "p": 1}),
    Example(dropout, {"train": False}),
    # embedding
    Example(embedding, sizes={"count": 7}, ranges={"indices": (0, 7)}),
    # activation
    Example(activation.threshold, {"threshold": 0.2, "value": -3.0}),
    Example(activation.relu),
    Example(activation.leaky_relu),
    Example(activation.leaky_relu, {"slope": -0.3}),
    Example(activation.elu, {"alpha": 0.7}),
    Example(activation.selu),
    Example(activation.celu, {"alpha": 0.5}),
    Example(activation.gelu, ranges=WIDE),
    Example(activation.gelu, {"approximate": "tanh"}, ranges=WIDE),
    Example(activation.sigmoid, ranges=WIDE),
    Example(activation.tanh, ranges=WIDE),
    Example(activation.hard_tanh, {"low": -0.6, "high": 0.3}),
    Example(activation.relu6, ranges={"x": (-4, 10)}),
    Example(activation.hard_sigmoid, ranges=WIDE),
    Example(activation.silu, ranges=WIDE),
    Example(activation.hard_swish, ranges=WIDE),
    Example(activation.mish, ranges=WIDE),
    Example(activation.softplus, ranges=WIDE),
    Example(activation.softplus, {"beta": 2.0, "threshold": 3.0}, ranges=WIDE),
    Example(activation.log_sigmoid, ranges=WIDE),
    Example(activation.softsign, ranges=WIDE),
    Example(activation.soft_shrink),
    Example(activation.hard_shrink, {"threshold": 0.2}),
    Example(activation.tanh_shrink),
    Example(distribution.softmax, ranges=WIDE),
    Example(distribution.softmax, {"axis": 0}, {"...": (2, 3)}, WIDE),
    Example(distribution.softmin, ranges=WIDE),
    Example(distribution.log_softmax, ranges=WIDE),
    Example(distribution.log_softmax, {"axis": -2}, {"...": (2, 3)}, WIDE),
    # shape
    Example(flatten, sizes={"...": (2, 3, 4)}),
    Example(flatten, {"start": 0, "end": 1}, {"...": (2, 3, 4)}),
    Example(reshape, {"shape": (-1, 6)}, {"...": (2, 3, 4)}),
    Example(reshape, {"shape": (4, 3, 2)}, {"...": (2, 3, 4)}),
    # recurrent
    Example(recurrent.rnn_cell),
    Example(recurrent.rnn_cell, {"activation": "relu"}),
    Example(recurrent.lstm_cell),
    Example(recurrent.gru_cell),
    Example(recurrent.rnn),
    Example(recurrent.rnn, {"activation": "relu"}),
    Example(recurrent.lstm),
    Example(recurrent.gru),
    # attention
    Example(attention.dot_product_attention),
    Example(attention.dot_product_attention, {"scale": 0.3, "causal": True}),
    # loss
    Example(loss.mse, ranges=WEIGHTS),
    Example(loss.mse, {"reduction": "sum"}),
    Example(loss.nll, ranges=WEIGHTS),
    Example(loss.nll, {"ignore_index": 1}, ranges=WEIGHTS),
    Example(loss.nll, {"reduction": "sum"}, {"*space": ()}),
    Example(loss.cross_entropy, ranges=WEIGHTS),
    Example(loss.cross_entropy, {"label_smoothing": 0.2}, ranges=WEIGHTS),
    Example(loss.cross_entropy, {"reduction": "sum"}, {"*space": ()}),
    Example(loss.bce, ranges={"x": (0.05, 0.95), "target": (0, 1)}),
    Example(loss.bce, {"reduction": "sum"}, ranges={"x": (0.05, 0.95), "target": (0, 1)}),
    Example(loss.bce_with_logits, ranges={"x": (-9, 9), "target": (0, 1)}),
    Example(loss.bce_with_logits, {"reduction": "sum"}, ranges={"target": (0, 1)}),
    Example(activation.identity),
    # gates, learned and random slopes, views
    Example(activation.glu, sizes={"features": 6}),
    Example(activation.prelu),
    Example(activation.prelu, sizes={"features": 1}),
    Example(activation.rrelu, {"train": True}),
    Example(activation.rrelu, {"train": False}),
    Example(distribution.softmax, {"axis": None}),
    Example(view, {"shape": (2, 3)}, {"...": (5, 3, 2)}),
    Example(view, {"shape": (-1, 3), "dimensions": 2}, {"...": (5, 3, 2)}),
]

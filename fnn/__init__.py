"""Neural networks as plain functions over explicit parameters.

A layer asks for what it needs by name: `params`, `state`, `key`, `train`; see `fnn.layer`'s file.
The doors for imperative code are `fnn.torch7` and `fnn.pytorch`, which are imported when asked for.
"""

from fnn import initializers, loss, optim, schedules
from fnn.activation import (
    celu,
    elu,
    gelu,
    glu,
    hard_shrink,
    hard_sigmoid,
    hard_swish,
    hard_tanh,
    identity,
    leaky_relu,
    log_sigmoid,
    mish,
    prelu,
    prelu_init,
    relu,
    relu6,
    rrelu,
    selu,
    sigmoid,
    silu,
    soft_shrink,
    softplus,
    softsign,
    tanh,
    tanh_shrink,
    threshold,
)
from fnn.attention import dot_product_attention
from fnn.compose import branch, layer, parallel, repeat, residual, serial
from fnn.conv import conv, conv_init
from fnn.distribution import log_softmax, softmax, softmin
from fnn.dropout import dropout
from fnn.embedding import embedding, embedding_init
from fnn.errors import LabelError, LayerError
from fnn.linear import linear, linear_init
from fnn.norm import batch_norm, batch_norm_init, batch_norm_state, layer_norm, layer_norm_init
from fnn.pool import avg_pool, max_pool
from fnn.recurrent import (
    gru,
    gru_cell,
    gru_cell_init,
    gru_init,
    lstm,
    lstm_cell,
    lstm_cell_init,
    lstm_init,
    rnn,
    rnn_cell,
    rnn_cell_init,
    rnn_init,
)
from fnn.shape import flatten, reshape, view
from fnn.training import Training, accuracy, minibatches, training_step

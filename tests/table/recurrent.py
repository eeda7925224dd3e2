"""Rows of fnn.recurrent."""

from fnn import recurrent
from tests.table.example import Example

EXAMPLES = [
    Example(recurrent.rnn_cell),
    Example(recurrent.rnn_cell, {"activation": "relu"}),
    Example(recurrent.lstm_cell),
    Example(recurrent.gru_cell),
]

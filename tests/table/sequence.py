"""Rows of fnn.sequence."""

from fnn import sequence
from tests.table.example import Example

LENGTHS = {"lengths": (1, 6)}
EXAMPLES = [
    Example(sequence.rnn, ranges=LENGTHS),
    Example(sequence.rnn, {"activation": "relu"}),
    Example(sequence.lstm),
    Example(sequence.lstm, {"reverse": True}, ranges=LENGTHS),
    Example(sequence.gru, {"reverse": True}, ranges=LENGTHS),
]

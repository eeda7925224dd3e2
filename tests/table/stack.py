"""Rows of fnn.stack."""

from fnn import stack
from tests.table.example import Example

LENGTHS = {"lengths": (1, 6)}
EXAMPLES = [
    Example(stack.rnn_stack, {"train": True}, ranges=LENGTHS),
    Example(stack.lstm_stack, {"train": True}, ranges=LENGTHS),
    Example(stack.gru_stack, {"train": True}, ranges=LENGTHS),
]

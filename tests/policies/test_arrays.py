"""NumPy arrays that change as soon as they have been handed over, before anything has been run."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import transforms
from fnn import pytorch, torch7

SIZE = 1000


def aligned() -> np.ndarray:
    """Halves, where jax can read them without copying."""
    room = np.zeros(8 * SIZE + 64, np.uint8)
    start = -room.ctypes.data % 64
    found = room[start : start + 8 * SIZE].view(np.float64)
    found[:] = 0.5
    return found


jitted = transforms.jit(lambda x: x + 0)

ENTRIES = {
    "pytorch.tensor": pytorch.tensor,
    "pytorch.as_tensor": pytorch.as_tensor,
    "pytorch.from_numpy": pytorch.from_numpy,
    "pytorch numbers": lambda a: pytorch.tensor([a, a])[0],
    "torch7.Tensor": torch7.Tensor,
    "torch7.fromarray": torch7.fromarray,
    "torch7 copy": lambda a: torch7.Tensor(SIZE).copy(a),
    "torch7 operand": lambda a: torch7.zeros(SIZE).add(torch7.Tensor(a)),
    "lifted argument": transforms.jit(lambda a: a + pytorch.zeros(SIZE).array),
    "lifted tensor": lambda a: jitted(torch7.Tensor(a)),
    "epochs": transforms.epochs(lambda batch: batch),
}


@pytest.mark.parametrize("name", ENTRIES)
def test_an_array_counts_as_it_was_handed_over(name):
    enter = ENTRIES[name]
    enter(aligned())
    enter(aligned())
    long = jax.jit(lambda x: x @ x @ x @ x @ x)
    matrix = jnp.ones((500, 500))
    long(matrix).block_until_ready()
    for _ in range(5):
        long(matrix)  # what follows waits for it
        given = aligned()
        found = enter(given)
        given.fill(1)
        np.testing.assert_array_equal(np.asarray(found), 0.5)

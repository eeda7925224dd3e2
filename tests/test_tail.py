"""What a late result is computed from is kept as long as somebody may ask, and then used again."""

import gc

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn.torch7 as torch
from fnn.torch7 import nn
from transforms import jit

pytestmark = pytest.mark.unoptimised


class Steps:
    """Training steps of a layer whose weights are too large for a pack."""

    def __init__(self, compiled):
        self.model = nn.Sequential().add(nn.Linear(100, 50)).add(nn.Tanh())
        self.x, self.gradient = torch.randn(4, 100), torch.randn(4, 50)
        self.step = jit(self.written) if compiled else self.written

    def written(self):
        self.model.zeroGradParameters()
        self.model.forward(self.x)
        self.model.backward(self.x, self.gradient)
        self.model.updateParameters(0.01)

    def run(self):
        """A step, and what the gradient by the input should be after it."""
        weight, bias = (np.array(p) for p in self.model.get(1).parameters()[0])
        self.step()
        y = np.tanh(np.asarray(self.x) @ weight.T + bias)
        return (np.asarray(self.gradient) * (1 - y * y)) @ weight


@pytest.fixture(params=[False, True], ids=["as written", "jit"])
def steps(request):
    return Steps(request.param)


def address(tensor):
    return jax.block_until_ready(tensor.storage.array).unsafe_buffer_pointer()


def test_the_gradient_by_the_input_is_that_by_the_weights_before(steps):
    for i in range(12):
        wanted = steps.run()
        if i % 4 != 1:
            np.testing.assert_allclose(
                np.asarray(steps.model.gradInput), wanted, rtol=1e-12, atol=1e-14
            )


def test_an_older_gradient_can_still_be_asked_for(steps):
    kept = []
    for _ in range(6):
        wanted = steps.run()
        kept.append((steps.model.gradInput, wanted))
        steps.model.get(1).gradInput = torch.Tensor()
    for gradient, wanted in kept:
        np.testing.assert_allclose(np.asarray(gradient), wanted, rtol=1e-12, atol=1e-14)


def test_weights_that_somebody_keeps_stay(steps):
    kept = []
    for _ in range(8):
        weight = steps.model.get(1).weight
        kept.append((weight.clone(), np.asarray(weight), np.array(weight)))
        steps.run()
    for clone, view, values in kept:
        np.testing.assert_array_equal(np.asarray(clone), values)
        np.testing.assert_array_equal(view, values)


def test_steps_take_turns_in_two_arrays(steps, monkeypatch):
    weight = steps.model.get(1).weight
    for _ in range(4):
        steps.step()
        address(weight)
    made = []
    monkeypatch.setattr(jnp, "empty_like", lambda *args, **_: made.append(args))
    gc.disable()
    try:
        seen = []
        for _ in range(9):
            steps.step()
            seen.append(address(weight))
    finally:
        gc.enable()
    assert not made
    assert len(set(seen)) == 2

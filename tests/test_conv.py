"""Paddings give the original Torch7's numbers; convolutions say what they can't take."""

import json
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn import connections
from fnn.conv import conv_transpose, conv_transpose_init, depthwise_conv_init
from fnn.errors import LayerError
from fnn.padding import insert, pad
from fnn.partial_conv import (
    local_conv,
    local_conv_init,
    map_conv,
    map_conv_init,
)
from fnn.temporal import row_conv_init, temporal_conv, temporal_conv_init

# printed by the original Torch7, double precision
ORACLE = Path(__file__).parent / "oracle" / "insertions.jsonl"
TABLE = connections.full(2, 3)
KEY = jax.random.key(0)


CALLS = {
    "nn.Padding/2": partial(insert, count=2, axis=0),
    "nn.Padding/4": partial(insert, count=1, axis=0, position=-1, value=7.0),
    "nn.Padding/6": partial(insert, count=2, axis=0, position=-2, value=9.0),
}


def array(found):
    return jnp.array(found["data"], float).reshape(found["size"])


@pytest.mark.parametrize("line", ORACLE.read_text().splitlines(), ids=lambda s: s.split('"')[3])
def test_numbers_of_the_original(line):
    case = json.loads(line)
    with jax.enable_x64(True):
        y, pullback = jax.vjp(CALLS[case["id"]], array(case["input"]))
        np.testing.assert_allclose(y, array(case["output"]), rtol=0, atol=1e-10)
        (gradient,) = pullback(array(case["gradOutput"]))
        np.testing.assert_allclose(gradient, array(case["gradInput"]), rtol=0, atol=1e-10)


MAP = map_conv_init(KEY, TABLE, (2, 2))
TRANSPOSE = conv_transpose_init(KEY, 2, 4, (3, 3))
ERRORS = [
    (partial(conv_transpose, TRANSPOSE), (1, 3, 5, 5), "wanted (batch, 2, *space)"),
    (partial(conv_transpose, TRANSPOSE, output_padding=1), (2, 5, 5), "less than one of them"),
    (partial(conv_transpose, TRANSPOSE, padding=4), (2, 1, 1), "an output that is not empty"),
    (partial(local_conv, local_conv_init(KEY, 2, 3, (4,), (2,))), (2, 6), "another size"),
    (partial(map_conv, MAP, connections=((0, 0),)), (2, 4, 4), "1 co"),
    (partial(map_conv, MAP, connections=TABLE), (1, 4, 4), "1 inputs"),
    (partial(temporal_conv, temporal_conv_init(KEY, 3, 2, 2)), (5, 4), "for weight float32[2,6]"),
    (partial(pad, widths=((1, 1),), mode="mirror"), (3,), "wanted constant, reflect"),
    (partial(pad, widths=((3, 0),), mode="reflect"), (3,), "long enough for mode 'reflect'"),
    (partial(pad, widths=((1, 1), (1, 1))), (3,), "given x float32[3] by"),
    (partial(insert, count=1, axis=1), (3,), "a place between its elements"),
]  # fmt: skip


@pytest.mark.parametrize(("apply", "shape", "message"), ERRORS)
def test_says_what_was_given_and_what_was_wanted(apply, shape, message):
    with pytest.raises(LayerError) as caught:
        apply(jnp.ones(shape))
    assert message in str(caught.value)


def test_parameters_start_in_their_bounds():
    bounds = {
        3 * 4: conv_transpose_init(KEY, 8, 6, (2, 2), groups=2),
        8 * 4: conv_transpose_init(KEY, 8, 6, (2, 2), groups=2, fan="inputs"),
        6 * 4: depthwise_conv_init(KEY, 6, 2, (2, 2)),
        5 * 3: row_conv_init(KEY, 5, 3),
    }
    for fan, params in bounds.items():
        largest = max(abs(leaf).max() for leaf in params.values())
        assert 0.8 < largest * fan**0.5 <= 1
    with pytest.raises(LayerError, match='"outputs" or "inputs"'):
        conv_transpose_init(KEY, 2, 2, (1,), fan="in")
    params = map_conv_init(KEY, connections.random(KEY, 8, 6, 4), (5, 5))
    assert params["weight"].shape == (24, 5, 5)
    assert 0.19 * 0.5 < abs(params["weight"]).max() <= 0.1


def test_random_connections_use_all_inputs_equally():
    table = connections.random(KEY, 6, 4, 3)
    assert [o for _, o in table] == sorted([*range(4)] * 3)
    assert len(set(table)) == 12
    assert sorted(i for i, _ in table) == sorted([*range(6)] * 2)
    assert connections.one_to_one(2) == ((0, 0), (1, 1))
    with pytest.raises(LayerError, match="3 of 2 inputs"):
        connections.random(KEY, 2, 4, 3)

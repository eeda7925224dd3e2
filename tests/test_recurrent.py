"""Cells and sequences against PyTorch, against each other, and the shape of their program."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn import recurrent
from fnn.errors import LayerError

TIME, BATCH, INPUTS, HIDDEN = 7, 4, 3, 5
KINDS = [
    # cell, sequence, PyTorch's names, hyperparameters, its keyword, gates, arrays in the state
    ("rnn_cell", "rnn", "RNNCell", "RNN", {}, {}, 1, 1),
    ("rnn_cell", "rnn", "RNNCell", "RNN", {"activation": "relu"}, {"nonlinearity": "relu"}, 1, 1),
    ("lstm_cell", "lstm", "LSTMCell", "LSTM", {}, {}, 4, 2),
    ("gru_cell", "gru", "GRUCell", "GRU", {}, {}, 3, 1),
]
every_kind = pytest.mark.parametrize(
    "kind", KINDS, ids=lambda kind: "-".join((kind[1], *kind[4].values()))
)
both_dtypes = pytest.mark.parametrize(
    ("dtype", "tolerance"), [("float32", 1e-6), ("float64", 1e-10)]
)


def drawn(dtype, time=(), parts=1):
    random = np.random.default_rng(0)
    x = random.normal(size=(*time, BATCH, INPUTS)).astype(dtype)
    return x, [random.normal(size=(BATCH, HIDDEN)).astype(dtype) for _ in range(parts)]


def close(found, wanted, tolerance):
    scale = max(1.0, np.abs(wanted).max())
    np.testing.assert_allclose(found, wanted, rtol=0, atol=tolerance * scale)


@every_kind
@both_dtypes
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("sequence", [False, True])
def test_equals_pytorch(kind, dtype, tolerance, bias, sequence):
    torch = pytest.importorskip("torch")
    ours, theirs, hyper, keyword, parts = kind[sequence], kind[2 + sequence], *kind[4:6], kind[7]
    theirs = getattr(torch.nn, theirs)(
        INPUTS, HIDDEN, bias=bias, dtype=getattr(torch, dtype), **keyword
    )
    x, state = drawn(dtype, (TIME,) * sequence, parts)
    given = [torch.tensor(a, requires_grad=True) for a in (x, *state)]
    begin = [g[None] for g in given[1:]] if sequence else given[1:]
    wanted = theirs(given[0], tuple(begin) if parts == 2 else begin[0])
    outputs = [
        w
        for part in (wanted if isinstance(wanted, tuple) else (wanted,))
        for w in (part if isinstance(part, tuple) else (part,))
    ]
    if sequence:
        outputs[1:] = [last[0] for last in outputs[1:]]
    weights = [np.random.default_rng(1).normal(size=o.shape).astype(dtype) for o in outputs]
    sum((o * torch.tensor(w)).sum() for o, w in zip(outputs, weights, strict=True)).backward()

    with jax.enable_x64(dtype == "float64"):
        named = {n.removesuffix("_l0"): p for n, p in theirs.named_parameters()}
        params = {n: jnp.asarray(p.detach().numpy()) for n, p in named.items()}
        layer = partial(getattr(recurrent, ours), **hyper)
        found, back = jax.vjp(layer, params, jnp.asarray(x), *map(jnp.asarray, state))
        gradients = back(jax.tree.unflatten(jax.tree.structure(found), map(jnp.asarray, weights)))
        for f, w in zip(jax.tree.leaves(found), outputs, strict=True):
            close(f, w.detach().numpy(), tolerance)
        for name, p in named.items():
            close(gradients[0][name], p.grad.numpy(), tolerance)
        for g, w in zip(gradients[1:], given, strict=True):
            close(g, w.grad.numpy(), tolerance)


@every_kind
def test_a_sequence_is_a_loop_of_cells(kind):
    cell, sequence, hyper, parts = *kind[:2], kind[4], kind[7]
    with jax.enable_x64(True):
        params = getattr(recurrent, f"{sequence}_init")(jax.random.key(0), INPUTS, HIDDEN)
        x, state = drawn("float64", (TIME,), parts)
        outputs, last = getattr(recurrent, sequence)(params, jnp.asarray(x), *state, **hyper)
        for i in range(TIME):
            state = jax.tree.leaves(
                getattr(recurrent, cell)(params, jnp.asarray(x[i]), *state, **hyper)
            )
            close(outputs[i], state[0], 1e-13)
        jax.tree.map(partial(close, tolerance=1e-13), jax.tree.leaves(last), state)


@every_kind
def test_without_batch(kind):
    params = getattr(recurrent, f"{kind[1]}_init")(jax.random.key(0), INPUTS, HIDDEN)
    x, state = drawn("float32", (TIME,), kind[7])
    layer = partial(getattr(recurrent, kind[1]), **kind[4])
    one = layer(params, x[:, 0], *(s[0] for s in state))
    many = layer(params, x, *state)
    close(one[0], many[0][:, 0], 1e-6)


@every_kind
@pytest.mark.parametrize("bias", [True, False])
def test_init_has_pytorchs_names_shapes_and_bound(kind, bias):
    torch = pytest.importorskip("torch")
    params = getattr(recurrent, f"{kind[0]}_init")(jax.random.key(0), INPUTS, 100, bias=bias)
    theirs = getattr(torch.nn, kind[2])(INPUTS, 100, bias=bias).state_dict()
    assert {n: p.shape for n, p in params.items()} == {n: tuple(p.shape) for n, p in theirs.items()}
    assert all(0.095 < float(jnp.abs(p).max()) <= 0.1 for p in params.values())


def products(jaxpr):
    """Matrix products at this level, and inside the scan."""
    (scan,) = (e for e in jaxpr.eqns if e.primitive.name == "scan")
    levels = jaxpr.eqns, scan.params["jaxpr"].eqns
    return [sum(e.primitive.name == "dot_general" for e in eqns) for eqns in levels]


@every_kind
def test_program_has_one_product_outside_the_scan_and_one_inside(kind):
    params = getattr(recurrent, f"{kind[1]}_init")(jax.random.key(0), INPUTS, HIDDEN)
    x, state = drawn("float32", (TIME,), kind[7])
    layer = partial(getattr(recurrent, kind[1]), **kind[4])
    assert products(jax.make_jaxpr(layer)(params, x, *state)) == [1, 1]


def test_program_is_the_hand_written_one():
    def step(params, hidden, x):
        hidden = jnp.tanh(x + hidden @ params["weight_hh"].T)
        return hidden, hidden

    def by_hand(params, x, hidden):
        last, outputs = jax.lax.scan(partial(step, params), hidden, x @ params["weight_ih"].T)
        return outputs, last

    params = recurrent.rnn_init(jax.random.key(0), INPUTS, HIDDEN, bias=False)
    x, state = drawn("float32", (TIME,))
    ours, theirs = (jax.make_jaxpr(f)(params, x, *state) for f in (recurrent.rnn, by_hand))
    assert str(ours) == str(theirs)


def test_eager_calls_compile_once(caplog):
    params = recurrent.lstm_init(jax.random.key(0), INPUTS, HIDDEN)
    x, state = drawn("float32", (TIME + 1,), 2)
    with jax.log_compiles(True):
        recurrent.lstm(params, x, *state)
        assert any("scan" in message for message in caplog.messages)
        caplog.clear()
        recurrent.lstm(params, x, *state)
    assert not caplog.messages


X, H = np.zeros((TIME, BATCH, INPUTS), "float32"), np.zeros((BATCH, HIDDEN), "float32")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p: recurrent.lstm(p, X[..., :2], H, H), r"lstm: .*wanted \(..., 3\)"),
        (lambda p: recurrent.lstm(p, X, H[:2], H), r"state \[4, 5\]"),
        (lambda p: recurrent.lstm(p, X, H, H[:, :2]), r"state \[4, 5\]"),
        (lambda p: recurrent.lstm(p, X[:, 0], H, H), r"state \[5\]"),
        (lambda p: recurrent.lstm(p, X[0, 0], H[0], H[0]), "lacks the axis of time"),
        (lambda p: recurrent.gru(p, X, H), "another kind of cell"),
        (lambda p: recurrent.gru_cell(p, X[0], H), "another kind of cell"),
        (lambda p: recurrent.rnn_cell(p, X[0], H, activation="gelu"), "'tanh' or 'relu'"),
    ],
)
def test_wrong_sizes_are_said(call, message):
    params = recurrent.lstm_init(jax.random.key(0), INPUTS, HIDDEN)
    with pytest.raises(LayerError, match=message):
        call(params)

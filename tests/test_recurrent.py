"""Cells and sequences against PyTorch, against each other, and the shape of their program."""

import re
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn.errors import LayerError
from transforms.check import check_gradient

pytestmark = pytest.mark.unoptimised

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
        layer = partial(getattr(fnn, ours), **hyper)
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
        params = getattr(fnn, f"{sequence}_init")(jax.random.key(0), INPUTS, HIDDEN)
        x, state = drawn("float64", (TIME,), parts)
        outputs, last = getattr(fnn, sequence)(params, jnp.asarray(x), *state, **hyper)
        for i in range(TIME):
            state = jax.tree.leaves(getattr(fnn, cell)(params, jnp.asarray(x[i]), *state, **hyper))
            close(outputs[i], state[0], 1e-13)
        jax.tree.map(partial(close, tolerance=1e-13), jax.tree.leaves(last), state)


@every_kind
def test_without_batch(kind):
    params = getattr(fnn, f"{kind[1]}_init")(jax.random.key(0), INPUTS, HIDDEN)
    x, state = drawn("float32", (TIME,), kind[7])
    layer = partial(getattr(fnn, kind[1]), **kind[4])
    one = layer(params, x[:, 0], *(s[0] for s in state))
    many = layer(params, x, *state)
    close(one[0], many[0][:, 0], 1e-6)


@every_kind
@pytest.mark.parametrize("bias", [True, False])
def test_init_has_pytorchs_names_shapes_and_bound(kind, bias):
    torch = pytest.importorskip("torch")
    params = getattr(fnn, f"{kind[0]}_init")(jax.random.key(0), INPUTS, 100, bias=bias)
    theirs = getattr(torch.nn, kind[2])(INPUTS, 100, bias=bias).state_dict()
    assert {n: p.shape for n, p in params.items()} == {n: tuple(p.shape) for n, p in theirs.items()}
    assert all(0.095 < float(jnp.abs(p).max()) <= 0.1 for p in params.values())


def products(jaxpr, inside=False):
    """For each matrix product in a program, whether it is in a scan."""
    for equation in jaxpr.eqns:
        if equation.primitive.name == "dot_general":
            yield inside
        for value in equation.params.values():
            if hasattr(value, "eqns") or hasattr(value, "jaxpr"):
                below = inside or equation.primitive.name == "scan"
                yield from products(getattr(value, "jaxpr", value), below)


@every_kind
def test_weights_meet_the_input_outside_the_scan_and_have_their_gradients_there(kind):
    params = getattr(fnn, f"{kind[1]}_init")(jax.random.key(0), INPUTS, HIDDEN)
    x, state = drawn("float32", (TIME,), kind[7])

    def total(params):
        return getattr(fnn, kind[1])(params, x, *state, **kind[4])[0].sum()

    assert sorted(products(jax.make_jaxpr(total)(params).jaxpr)) == [False, True]
    both = products(jax.make_jaxpr(jax.grad(total))(params).jaxpr)
    assert sorted(both) == [False, False, False, True, True]


STACKS = [
    # PyTorch's name and arguments, our hyperparameters
    ("RNN", {"num_layers": 2, "nonlinearity": "relu"}, {"activation": "relu"}),
    ("RNN", {"bidirectional": True, "batch_first": True}, {"batch_first": True}),
    ("LSTM", {"num_layers": 2, "bidirectional": True, "proj_size": 2}, {}),
    ("LSTM", {"num_layers": 3, "bias": False}, {}),
    ("GRU", {"num_layers": 2, "bidirectional": True}, {}),
]


@pytest.mark.filterwarnings("ignore:LSTM with projections")
@pytest.mark.parametrize("ends", [False, True])
@pytest.mark.parametrize(("name", "keyword", "hyper"), STACKS, ids=str)
def test_stack_equals_pytorch(name, keyword, hyper, ends):
    torch = pytest.importorskip("torch")
    theirs = getattr(torch.nn, name)(INPUTS, HIDDEN, dtype=torch.float64, **keyword)
    x, _ = drawn("float64", (TIME,))
    x = x.swapaxes(0, 1) if "batch_first" in hyper else x
    lengths = np.array([3, TIME, 1, 5])
    given, pad = torch.tensor(x, requires_grad=True), torch.nn.utils.rnn
    first = {"batch_first": "batch_first" in hyper}
    if ends:
        packed = pad.pack_padded_sequence(given, lengths, enforce_sorted=False, **first)
        output, last = theirs(packed)
        output, _ = pad.pad_packed_sequence(output, total_length=TIME, **first)
    else:
        output, last = theirs(given)
    wanted = [output, *(last if isinstance(last, tuple) else (last,))]
    weights = [np.random.default_rng(1).normal(size=o.shape) for o in wanted]
    sum((o * torch.tensor(w)).sum() for o, w in zip(wanted, weights, strict=True)).backward()

    with jax.enable_x64(True):
        named = dict(theirs.named_parameters())
        params = {n: jnp.asarray(p.detach().numpy()) for n, p in named.items()}
        layer = getattr(fnn, f"{name.lower()}_stack")
        own = jnp.asarray(lengths) if ends else None
        found, back = jax.vjp(
            jax.jit(lambda params, x: layer(params, x, lengths=own, train=False, **hyper)),
            params,
            jnp.asarray(x),
        )
        for f, w in zip(jax.tree.leaves(found), wanted, strict=True):
            close(f, w.detach().numpy(), 1e-10)
        gradients = back(jax.tree.unflatten(jax.tree.structure(found), map(jnp.asarray, weights)))
        for n, p in named.items():
            close(gradients[0][n], p.grad.numpy(), 1e-10)
        close(gradients[1], given.grad.numpy(), 1e-10)


def test_gradient_of_two_layers_both_ways_with_lengths_and_a_projection():
    with jax.enable_x64(True):
        params = fnn.lstm_stack_init(
            jax.random.key(0), 2, 3, layers=2, bidirectional=True, projection=2
        )
        x = jax.random.normal(jax.random.key(1), (4, 2, 2))

        def layer(given):
            lengths = jnp.array([4, 2])
            return fnn.lstm_stack(given["params"], given["x"], lengths=lengths, train=False)

        report = check_gradient(layer, {"params": params, "x": x}, order=2)
        assert report.error < 1e-6, report
        assert len(report.derived) == 2


def test_dropout_is_between_layers_in_training_alone():
    params = fnn.gru_stack_init(jax.random.key(0), INPUTS, HIDDEN, layers=2)
    x, _ = drawn("float32", (TIME,))
    key = jax.random.key(1)
    still, _ = fnn.gru_stack(params, x, train=False, p=0.5)
    noisy, (first, second) = fnn.gru_stack(params, x, key=key, train=True, p=0.5)
    _, (same, other) = fnn.gru_stack(params, x, train=False)
    assert not np.allclose(still, noisy)
    np.testing.assert_array_equal(first, same)
    assert not np.allclose(second, other)
    with pytest.raises(LayerError, match="a random key"):
        fnn.gru_stack(params, x, train=True, p=0.5)


@every_kind
def test_integers_are_one_hot_vectors(kind):
    params = getattr(fnn, f"{kind[1]}_init")(jax.random.key(0), INPUTS, HIDDEN)
    indices = np.random.default_rng(0).integers(0, INPUTS, (TIME, BATCH)).astype("int32")
    layer = partial(getattr(fnn, kind[1]), params, **kind[4])
    jax.tree.map(
        partial(close, tolerance=1e-6), layer(indices), layer(np.eye(INPUTS, dtype="f4")[indices])
    )


def test_eager_calls_compile_once(caplog):
    params = fnn.lstm_init(jax.random.key(0), INPUTS, HIDDEN)
    x, state = drawn("float32", (TIME + 1,), 2)
    with jax.log_compiles(True):
        fnn.lstm(params, x, *state)
        assert any("through_time" in message for message in caplog.messages)
        caplog.clear()
        fnn.lstm(params, x, *state)
    assert not caplog.messages


def test_eager_gradients_compile_once(caplog):
    params = fnn.lstm_init(jax.random.key(0), INPUTS, HIDDEN)
    x, state = drawn("float32", (TIME + 1,), 2)
    gradient = jax.grad(lambda params: fnn.lstm(params, x, *state)[0].sum())
    gradient(params)
    with jax.log_compiles(True):
        gradient(params)
    assert not caplog.messages


@every_kind
def test_loops_overwrite_what_they_have_read(kind):
    """XLA copies a whole array in each step if something still needs what is overwritten."""
    params = getattr(fnn, f"{kind[1]}_init")(jax.random.key(0), 8, 32)
    x = np.zeros((50, 32, 8), "float32")
    total = jax.grad(lambda params, x: getattr(fnn, kind[1])(params, x, **kind[4])[0].sum(), (0, 1))
    program = jax.jit(total).lower(params, x).compile().as_text()
    bodies = set(re.findall(r"while\(.*body=(%[\w.-]+)", program))
    loops = [part for part in program.split("\n\n") if part.split(" ", 1)[0] in bodies]
    assert len(loops) >= 2
    assert not any(re.search(r"f32\[50,32,\d+\]\S* copy\(", loop) for loop in loops)


X, H = np.zeros((TIME, BATCH, INPUTS), "float32"), np.zeros((BATCH, HIDDEN), "float32")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p: fnn.lstm(p, X[..., :2], H, H), r"lstm: .*wanted \(..., 3\)"),
        (lambda p: fnn.lstm(p, X, H[:2], H), r"state \[4, 5\]"),
        (lambda p: fnn.lstm(p, X, H, H[:, :2]), r"state \[4, 5\]"),
        (lambda p: fnn.lstm(p, X[:, 0], H, H), r"state \[5\]"),
        (lambda p: fnn.lstm(p, X[0, 0], H[0], H[0]), "lacks the axis of time"),
        (lambda p: fnn.lstm(p, X, lengths=np.ones(TIME, int)), r"integers \[4\]"),
        (
            lambda p: fnn.lstm_stack({f"{n}_l0": a for n, a in p.items()}, X, H, H, train=False),
            "1 layers, 1 directions",
        ),
        (lambda p: fnn.lstm(p, X, lengths=[1] * BATCH), "wanted an array of integers"),
        (lambda p: fnn.lstm(p, X, (H, H)), r"a state \(float32\[4,5\], float32\[4,5\]\)"),
        (lambda p: fnn.lstm_stack(p, X, train=False), "wanted weight_ih_l0"),
        (
            lambda p: fnn.lstm_stack(
                {f"{n}_l0": a for n, a in p.items()}, X, (H[None], H[None]), train=False
            ),
            "each of which is an argument of its own",
        ),
        (lambda p: fnn.lstm({f"{n}_l0": a for n, a in p.items()}, X), "those of lstm_stack"),
        (lambda p: fnn.gru(p, X, H), "another kind of cell"),
        (lambda p: fnn.gru_cell(p, X[0], H), "another kind of cell"),
        (lambda p: fnn.rnn_cell(p, X[0], H, activation="gelu"), "'tanh' or 'relu'"),
    ],
)
def test_wrong_sizes_are_said(call, message):
    params = fnn.lstm_init(jax.random.key(0), INPUTS, HIDDEN)
    with pytest.raises(LayerError, match=message):
        call(params)

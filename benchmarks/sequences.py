"""Whole steps of training on sequences: fnn's functions, JAX by hand, and PyTorch eager, in turn.

The recurrent network reads symbols; as a user of fnn may, ours multiplies the table of vectors
into the input's matrix once, and looks up what comes out. The transformer is causal and
normalises first.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

import fnn
from benchmarks.goals import verdict
from benchmarks.harness import measure, ratio, spread
from benchmarks.sides import EAGER, FUNCTIONS, HAND
from benchmarks.sides.side import Side
from benchmarks.steps import agree

SYMBOLS, WIDTH, HEADS, RATE = 65, 128, 4, 1e-3
Loss = Callable[[Any, Any, Any], Any]


class Case(NamedTuple):
    """A network of so many layers, its input (time, batch), and how it is trained.

    `goal` is the most that our time may be, in units of PyTorch's.
    """

    title: str
    kind: str
    layers: int
    time: int
    batch: int
    goal: float


CASES = {
    "lstm1": Case("LSTM 65-128, 50 steps, batch 50, SGD", "lstm", 1, 50, 50, 0.85),
    "lstm2": Case("the same, 2 layers", "lstm", 2, 50, 50, 1.0),
    "transformer": Case(
        "transformer 4 x 128, 4 heads, sequence 128, batch 16, AdamW",
        "transformer",
        4,
        128,
        16,
        1.0,
    ),
}


def parameters(case: Case) -> dict[str, Any]:
    """What all sides start from, named as PyTorch names it."""
    key = jax.random.key(0)
    params = {
        "embedding": fnn.embedding_init(key, SYMBOLS, WIDTH),
        "output": fnn.linear_init(key, WIDTH, SYMBOLS),
    }
    if case.kind == "lstm":
        return {**params, "body": fnn.lstm_stack_init(key, WIDTH, WIDTH, layers=case.layers)}
    body = fnn.transformer_encoder_init(key, WIDTH, 4 * WIDTH, layers=case.layers, norm=True)
    places = {"weight": jax.random.normal(key, (case.time, WIDTH)) / 50}
    return {**params, "places": places, "body": body}


def symbols(case: Case) -> list[np.ndarray]:
    """Inputs and targets: time first for the recurrent network, the batch for the transformer."""
    shape = (case.time, case.batch) if case.kind == "lstm" else (case.batch, case.time)
    draw = np.random.default_rng(1)
    return [draw.integers(0, SYMBOLS, shape).astype(np.int32) for _ in range(2)]


def surprise(output: Any, target: Any) -> Any:
    """fnn's loss of all symbols."""
    return fnn.loss.cross_entropy(output.reshape(-1, SYMBOLS), target.reshape(-1))


def our_lstm(params: Any, x: Any, y: Any) -> Any:
    """By fnn's functions."""
    body = params["body"]
    seen = body["weight_ih_l0"] @ params["embedding"]["weight"].T
    hidden, _ = fnn.lstm_stack({**body, "weight_ih_l0": seen}, x, train=True)
    return surprise(fnn.linear(params["output"], hidden), y)


def our_transformer(params: Any, x: Any, y: Any) -> Any:
    """By fnn's functions."""
    read = fnn.embedding(params["embedding"], x)
    h = fnn.transformer_encoder(
        params["body"],
        read + params["places"]["weight"],
        heads=HEADS,
        train=True,
        p=0.0,
        activation="gelu",
        norm_first=True,
        causal=True,
    )
    return surprise(fnn.linear(params["output"], h), y)


def by_hand(params: Any, hidden: Any, y: Any) -> Any:
    """The loss in plain JAX."""
    logits = hidden @ params["output"]["weight"].T + params["output"]["bias"]
    logs = jax.nn.log_softmax(logits)
    return -jnp.mean(jnp.take_along_axis(logs, y[..., None], -1))


def hand_lstm(params: Any, x: Any, y: Any) -> Any:
    """A scan of cells in plain JAX."""
    h, body = params["embedding"]["weight"][x], params["body"]
    for i in range(sum("weight_ih" in name for name in body)):
        own = [body[f"{n}_l{i}"] for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]

        def step(state: Any, x: Any, own: list = own) -> Any:
            w, u, b, d = own
            gates = x @ w.T + b + state[0] @ u.T + d
            i, f, g, o = jnp.split(gates, 4, -1)
            cell = jax.nn.sigmoid(f) * state[1] + jax.nn.sigmoid(i) * jnp.tanh(g)
            hidden = jax.nn.sigmoid(o) * jnp.tanh(cell)
            return (hidden, cell), hidden

        zeros = jnp.zeros((x.shape[1], WIDTH))
        _, h = lax.scan(step, (zeros, zeros), h)
    return by_hand(params, h, y)


def hand_transformer(params: Any, x: Any, y: Any) -> Any:
    """Attention and norms in plain JAX."""

    def norm(own: Any, x: Any) -> Any:
        return jax.nn.standardize(x, epsilon=1e-5) * own["weight"] + own["bias"]

    def attend(own: Any, x: Any) -> Any:
        q, k, v = jnp.split(x @ own["in_proj_weight"].T + own["in_proj_bias"], 3, -1)
        heads = (*x.shape[:2], HEADS, WIDTH // HEADS)
        q, k, v = (part.reshape(heads) for part in (q, k, v))
        y = jax.nn.dot_product_attention(q, k, v, is_causal=True).reshape(x.shape)
        return y @ own["out_proj"]["weight"].T + own["out_proj"]["bias"]

    def forward(own: Any, x: Any) -> Any:
        x = jax.nn.gelu(x @ own["linear1"]["weight"].T + own["linear1"]["bias"], approximate=False)
        return x @ own["linear2"]["weight"].T + own["linear2"]["bias"]

    h = params["embedding"]["weight"][x] + params["places"]["weight"]
    for own in params["body"]["layers"].values():
        h = h + attend(own["self_attn"], norm(own["norm1"], h))
        h = h + forward(own, norm(own["norm2"], h))
    return by_hand(params, norm(params["body"]["norm"], h), y)


def compiled(loss: Loss, case: Case) -> Side:
    """A loss with its optimiser as one program, what it trains donated."""
    rules = fnn.optim
    rule = rules.optimiser(rules.sgd if case.kind == "lstm" else rules.adamw, learning_rate=RATE)
    x, y = map(jnp.asarray, symbols(case))
    params = parameters(case)
    state = rule.init(params)

    @partial(jax.jit, donate_argnums=(0, 1))
    def train(params: Any, state: Any, x: Any, y: Any) -> Any:
        value, grads = jax.value_and_grad(loss)(params, x, y)
        updates, state = rule.update(grads, state, params)
        return rules.apply_updates(params, updates), state, value

    def step() -> Any:
        nonlocal params, state
        params, state, value = train(params, state, x, y)
        return value

    def finish(value: Any) -> float:
        jax.block_until_ready(params)
        return float(value)

    return Side(step, finish)


def eager(case: Case) -> Side:
    """The same in PyTorch."""
    import torch
    from torch import nn

    net = nn.ModuleDict(
        {"embedding": nn.Embedding(SYMBOLS, WIDTH), "output": nn.Linear(WIDTH, SYMBOLS)}
    )
    mask = None
    if case.kind == "lstm":
        net["body"] = nn.LSTM(WIDTH, WIDTH, case.layers)
    else:
        layer = nn.TransformerEncoderLayer(
            WIDTH, HEADS, 4 * WIDTH, 0.0, "gelu", batch_first=True, norm_first=True
        )
        norm = nn.LayerNorm(WIDTH)
        net["body"] = nn.TransformerEncoder(layer, case.layers, norm, enable_nested_tensor=False)
        net["places"] = nn.Embedding(case.time, WIDTH)
        mask = nn.Transformer.generate_square_subsequent_mask(case.time)
    flat, _ = jax.tree.flatten_with_path(parameters(case))
    net.load_state_dict(
        {".".join(k.key for k in path): torch.tensor(np.asarray(a)) for path, a in flat}
    )
    x, y = (torch.tensor(a).long() for a in symbols(case))
    kind = torch.optim.SGD if case.kind == "lstm" else torch.optim.AdamW
    rule = kind(net.parameters(), lr=RATE)

    def step() -> Any:
        rule.zero_grad()
        h = net["embedding"](x)
        if case.kind == "lstm":
            h, _ = net["body"](h)
        else:
            h = net["body"](h + net["places"].weight, mask=mask, is_causal=True)
        logits = net["output"](h).reshape(-1, SYMBOLS)
        value = nn.functional.cross_entropy(logits, y.reshape(-1))
        value.backward()
        rule.step()
        return value

    return Side(step, lambda value: float(value.detach()))


def sides(case: Case) -> dict[str, Side]:
    """All that can be made here."""
    ours, hand = {
        "lstm": (our_lstm, hand_lstm),
        "transformer": (our_transformer, hand_transformer),
    }[case.kind]
    found = {HAND: compiled(hand, case), FUNCTIONS: compiled(ours, case)}
    try:
        found[EAGER] = eager(case)
    except ImportError as error:
        print(f"{EAGER}: left out, {error}")
    return found


def run() -> None:
    """Print, for each case, times and ratios."""
    print(f"\nsequences: {__doc__}".rstrip(), flush=True)
    for name, case in CASES.items():
        made = sides(case)
        agree({side: each.losses(3) for side, each in made.items()})
        times = measure({side: each.run for side, each in made.items()}, rounds=9, seconds=0.3)
        print(f"\n{name}: {case.title}, float32; microseconds a step, and ratios", flush=True)
        for side, own in times.items():
            cells = [f"/ {other} {ratio(own, times[other])}" for other in times if other != side]
            goal = case.goal if side == FUNCTIONS and EAGER in times else None
            met = verdict(ratio(own, times[EAGER]).median, goal) if EAGER in times else ""
            print(f"{side:16}{spread(own).median:12.1f}  {'  '.join(cells)}  {met}".rstrip())

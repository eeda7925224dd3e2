"""Attention of several heads and transformers against PyTorch's modules, with all their masks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn.errors import LayerError

pytestmark = pytest.mark.unoptimised

BATCH, LENGTH, POSITIONS, WIDTH, HEADS, INNER = 2, 3, 4, 8, 2, 5
X, MEMORY = ("x", (BATCH, LENGTH, WIDTH)), ("memory", (BATCH, POSITIONS, WIDTH))
SHAPES = {
    "mask": (LENGTH, LENGTH),
    "memory_mask": (LENGTH, POSITIONS),
    "source_mask": (POSITIONS, POSITIONS),
    "present": (BATCH, LENGTH),
    "memory_present": (BATCH, POSITIONS),
}


def drawn(name, shape):
    return np.random.default_rng(len(name)).normal(size=shape)


def masks(*names):
    found = {n: np.random.default_rng(7).random(SHAPES[n]) < 0.6 for n in names}
    for mask in found.values():
        mask[..., 0] = True
    return found


def tree(module):
    """A module's parameters as nested dicts, drawn anew so that biases are not zero."""
    torch, found = pytest.importorskip("torch"), {}
    random = np.random.default_rng(0)
    for path, parameter in module.named_parameters():
        *above, name = path.split(".")
        place = found
        for step in above:
            place = place.setdefault(step, {})
        place[name] = random.normal(size=parameter.shape) / 2
        with torch.no_grad():
            parameter.copy_(torch.tensor(place[name]))
    return found


def compare(module, theirs, ours, *inputs):
    """Outputs and all gradients."""
    torch = pytest.importorskip("torch")
    params = tree(module)
    given = [torch.tensor(x, requires_grad=True) for x in inputs]
    wanted = [o for o in theirs(*given) if o is not None]
    weights = [np.random.default_rng(1).normal(size=o.shape) for o in wanted]
    sum((o * torch.tensor(w)).sum() for o, w in zip(wanted, weights, strict=True)).backward()
    with jax.enable_x64(True):
        params, inputs = jax.tree.map(jnp.asarray, (params, inputs))
        found, back = jax.vjp(jax.jit(lambda *a: jax.tree.leaves(ours(*a))), params, *inputs)
        gradients, *others = back([jnp.asarray(w) for w in weights])
    by_path, _ = jax.tree.flatten_with_path(gradients)
    named = {".".join(k.key for k in path): g for path, g in by_path}
    pairs = [(f, w.detach()) for f, w in zip(found, wanted, strict=True)]
    pairs += [(named[n], p.grad) for n, p in module.named_parameters()]
    pairs += [(g, x.grad) for g, x in zip(others, given, strict=True)]
    for f, w in pairs:
        np.testing.assert_allclose(f, w.numpy(), rtol=1e-9, atol=1e-10)


def without(mask):
    """PyTorch's modules say what to leave out."""
    torch = pytest.importorskip("torch")
    return None if mask is None else torch.tensor(~mask)


@pytest.mark.parametrize("batch", [(BATCH,), ()], ids=["batch", "alone"])
@pytest.mark.parametrize(
    ("options", "hyper"),
    [
        ({}, {"weights": "average"}),
        ({"bias": False}, {"weights": "heads"}),
        ({"add_bias_kv": True, "add_zero_attn": True}, {"zero": True, "weights": "heads"}),
        ({"kdim": 3, "vdim": 5}, {}),
    ],
    ids=str,
)
def test_multi_head_attention(options, hyper, batch):
    torch = pytest.importorskip("torch")
    module = torch.nn.MultiheadAttention(
        WIDTH, HEADS, batch_first=True, dtype=torch.float64, **options
    )
    allowed = masks("memory_mask", "memory_present")
    mask, present = allowed["memory_mask"], allowed["memory_present"]
    present = present if batch else present[0]
    inputs = [
        drawn("query", (*batch, LENGTH, WIDTH)),
        drawn("keys", (*batch, POSITIONS, options.get("kdim", WIDTH))),
        drawn("values", (*batch, POSITIONS, options.get("vdim", WIDTH))),
    ]
    kind = hyper.get("weights", "none")

    def theirs(*given):
        return module(
            *given,
            key_padding_mask=without(present),
            attn_mask=without(mask),
            need_weights=kind != "none",
            average_attn_weights=kind == "average",
        )

    def ours(params, *given):
        return fnn.multi_head_attention(
            params, *given, mask, present, heads=HEADS, train=False, **hyper
        )

    compare(module, theirs, ours, *inputs)


@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_encoder(norm_first, activation):
    nn = pytest.importorskip("torch").nn
    hyper = {"activation": activation, "norm_first": norm_first}
    layer = nn.TransformerEncoderLayer(WIDTH, HEADS, INNER, 0.0, batch_first=True, **hyper)
    module = nn.TransformerEncoder(layer, 2, nn.LayerNorm(WIDTH), enable_nested_tensor=False)
    allowed = masks("mask", "present")

    def theirs(x):
        mask, present = map(without, allowed.values())
        return [module(x, mask=mask, src_key_padding_mask=present)]

    def ours(params, x):
        return fnn.transformer_encoder(params, x, **allowed, heads=HEADS, train=False, **hyper)

    compare(module.double(), theirs, ours, drawn(*X))


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
@pytest.mark.parametrize("bias", [False, True])
def test_whole_transformer(bias):
    nn = pytest.importorskip("torch").nn
    module = nn.Transformer(
        WIDTH, HEADS, 1, 2, INNER, 0.0, batch_first=True, bias=bias, layer_norm_eps=1e-3
    ).double()
    allowed = masks("source_mask", "mask", "memory_mask", "memory_present", "present")
    source, target, memory, source_present, target_present = allowed.values()

    def theirs(x, y):
        given = map(without, (source, target, memory, source_present))
        present = without(target_present)
        return [module(x, y, *given, present, without(source_present))]

    def ours(params, x, y):
        given = source, target, memory, source_present, target_present, source_present
        return fnn.transformer(params, x, y, *given, heads=HEADS, train=False, eps=1e-3)

    compare(module, theirs, ours, drawn(*MEMORY), drawn(*X))


def shapes(params):
    by_path, _ = jax.tree.flatten_with_path(params)
    return {".".join(k.key for k in path): leaf.shape for path, leaf in by_path}


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
@pytest.mark.parametrize("bias", [False, True])
def test_inits_have_pytorchs_names_and_shapes(bias):
    nn, key = pytest.importorskip("torch").nn, jax.random.key(0)
    pairs = [
        (
            fnn.multi_head_attention_init(key, WIDTH, 3, bias=bias, bias_kv=True),
            nn.MultiheadAttention(WIDTH, HEADS, kdim=3, bias=bias, add_bias_kv=True),
        ),
        (
            fnn.transformer_init(key, WIDTH, INNER, encoders=1, decoders=2, bias=bias),
            nn.Transformer(WIDTH, HEADS, 1, 2, INNER, bias=bias, batch_first=True),
        ),
    ]
    for ours, theirs in pairs:
        assert shapes(ours) == {n: tuple(p.shape) for n, p in theirs.named_parameters()}


def test_causal_is_a_triangle_and_dropout_needs_a_key():
    params = fnn.transformer_encoder_layer_init(jax.random.key(0), WIDTH, INNER)
    x = drawn(*X).astype("float32")
    hyper = {"heads": HEADS, "p": 0.5}
    causal = fnn.transformer_encoder_layer(params, x, causal=True, train=False, **hyper)
    triangle = np.tri(LENGTH, dtype=bool)
    masked = fnn.transformer_encoder_layer(params, x, triangle, train=False, **hyper)
    np.testing.assert_allclose(causal, masked, rtol=1e-6, atol=1e-6)
    noisy = fnn.transformer_encoder_layer(
        params, x, triangle, key=jax.random.key(1), train=True, **hyper
    )
    assert not np.allclose(noisy, masked)
    with pytest.raises(LayerError, match="a random key"):
        fnn.transformer_encoder_layer(params, x, train=True, **hyper)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p, x: fnn.multi_head_attention(p, x, heads=3, train=False), "multiple of heads"),
        (lambda p, x: fnn.multi_head_attention(p, x, heads=0, train=False), "multiple of heads"),
        (lambda p, x: fnn.multi_head_attention(p, x[0, 0], heads=2, train=False), "heads=2"),
        (
            lambda p, x: fnn.multi_head_attention(p, x, x, x[:, :1], heads=2, train=False),
            "as many keys as values",
        ),
        (
            lambda p, x: fnn.multi_head_attention(
                p, x, present=np.ones((BATCH, 2), bool), heads=2, train=False
            ),
            r"present bool\[2,2\], wanted \[2, 3\]",
        ),
        (
            lambda p, x: fnn.multi_head_attention(p, x, heads=2, train=False, weights="all"),
            "misspelt",
        ),
    ],
)
def test_wrong_arguments_are_said(call, message):
    params = fnn.multi_head_attention_init(jax.random.key(0), WIDTH)
    with pytest.raises(LayerError, match=message):
        call(params, drawn(*X).astype("float32"))

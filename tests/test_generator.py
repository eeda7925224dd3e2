"""The random stream against numbers that Torch7 printed, and against a living PyTorch."""

import copy
import pickle
import time
from math import sqrt

import jax
import numpy as np
import pytest

from fnn.errors import LayerError
from fnn.tensor.generator import PyTorchGenerator, Torch7Generator

# What Torch7 prints after manualSeed(123); every row starts afresh.
TORCH7 = {
    "random": (lambda g: g.random((5,)), "2991312382 3062119789 1228959102 1840268610 974319580"),
    "random(1, 10)": (lambda g: g.integers((10,), 1, 11), "3 10 3 1 1 3 7 8 10 5"),
    "rand": (
        lambda g: g.uniform((5,)),
        "0.6964691872708499 0.7129553214181215 0.2861393387429416 0.428470924962312"
        " 0.22685145493596792",
    ),
    "randn": (
        lambda g: g.normal((5,)),
        "-0.5214430627124417 -1.491419435981541 -0.23812953316813365 1.0306183433272835"
        " 0.222089468928047",
    ),
    "Linear(3, 2)": (
        lambda g: np.append(
            g.uniform((2, 3), -(3**-0.5), 3**-0.5), g.uniform((2,), -(3**-0.5), 3**-0.5)
        ),
        "0.22686307631658442 0.24589962429223144 -0.24694502069166807 -0.08259466145578825"
        " -0.31540477204294715 0.22041484066259664 0.05925318691293324 0.253052979502413",
    ),
    "exponential(1.5)": (
        lambda g: g.exponential((3,), 1.5),
        "0.7948480993285756 0.8320782672248097 0.22471165865885295",
    ),
    "cauchy(0, 1)": (
        lambda g: g.cauchy((3,), 0, 1),
        "0.709729693025559 0.7906584673427741 -0.7952911378772569",
    ),
    "logNormal(1, 2)": (
        lambda g: g.log_normal((3,), 1, 2),
        "0.9580204780306288 0.13767783226140481 1.688331787886376",
    ),
    "geometric(0.3)": (lambda g: g.geometric((4,), 0.3), "1 2 1 1"),
    "bernoulli(0.3)": (lambda g: g.bernoulli((10,), 0.3), "0 0 1 0 1 0 0 0 0 0"),
    "randperm(8)": (lambda g: g.permutation(8) + 1, "7 3 2 4 5 8 1 6"),
}


def numbers(text):
    return np.array([float(word) for word in text.split()])


@pytest.mark.parametrize("row", TORCH7)
def test_torch7_prints_these_numbers(row):
    draw, printed = TORCH7[row]
    np.testing.assert_allclose(draw(Torch7Generator(123)), numbers(printed), rtol=1e-15, atol=1e-15)


def test_torch7_floats_are_the_doubles_cast():
    generator = Torch7Generator(123)
    drawn = generator.normal((4,)).astype(np.float32)
    np.testing.assert_array_equal(
        drawn,
        np.float32(
            [-0.5214430689811707, -1.4914194345474243, -0.23812952637672424, 1.0306183099746704]
        ),
    )


def test_torch7_manual():
    generator = Torch7Generator(0)
    assert [int(generator.random()), int(generator.random())] == [2357136044, 2546248239]


def test_torch7_random_depends_on_the_type():
    words = Torch7Generator(5).words(100)
    for dtype, size in {"uint8": 256, "int8": 128, "int16": 32768, "float32": 2**24 + 1}.items():
        drawn = Torch7Generator(5).random((100,), dtype)
        assert drawn.dtype == dtype
        np.testing.assert_array_equal(drawn.astype(np.uint64), words % size)
    for dtype in ("int64", "float64"):
        np.testing.assert_array_equal(Torch7Generator(5).random((100,), dtype), words)


def close(drawn, printed):
    """Equal to as many decimals as were printed."""
    np.testing.assert_allclose(np.ravel(drawn), numbers(printed), rtol=0, atol=5.01e-5)


def test_torch7_tutorial_seed_287():
    """A tutorial of 2016 in its order of draws, and all the numbers that it prints from them."""
    generator = Torch7Generator(287)

    def linear(inputs, outputs):
        bound = 1 / sqrt(inputs)
        weight = generator.uniform((outputs, inputs), -bound, bound)
        return weight, generator.uniform((outputs,), -bound, bound)

    x = np.arange(1.0, 6)
    weight = generator.uniform((5,), -1 / sqrt(5), 1 / sqrt(5))
    np.testing.assert_allclose(
        weight,
        [-0.317982074301, -0.0484123653039, 0.188503318007, 0.416515140115, 0.336448024536],
        rtol=5e-12,
    )
    close(weight * x, "-0.3180 -0.0968 0.5655 1.6661 1.6822")
    close((weight * x).sum(), "3.4990")
    gradient = generator.normal((1,))
    np.testing.assert_allclose(gradient, 1.68341974182, rtol=5e-12)
    close(gradient * weight, "-0.5353 -0.0815 0.3173 0.7012 0.5664")
    close(gradient * x, "1.6834 3.3668 5.0503 6.7337 8.4171")

    weight, bias = linear(5, 3)
    close(weight @ x + bias, "-2.8031 1.9383 -1.8525")
    table = generator.normal((5, 3))  # its first value was kept over the uniforms in between
    np.testing.assert_allclose(
        table[0], [-0.340809882906, 0.859416259607, 1.21393547662], rtol=5e-12
    )
    close(
        table,
        "-0.3408 0.8594 1.2139 0.1566 -0.5897 0.1788 -0.0315 0.1821 -0.7354"
        " 0.1246 0.2621 -0.0320 1.1030 -0.9798 0.3587",
    )
    close(
        x + generator.uniform((5,), -1 / sqrt(5), 1 / sqrt(5)), "1.4369 2.2328 2.5575 4.2737 4.6302"
    )

    x = generator.normal((5,))
    close(1 / (1 + np.exp(-x)), "0.6790 0.5264 0.6779 0.6240 0.5938")
    close(x - np.log(np.exp(x).sum()), "-1.3853 -2.0289 -1.3905 -1.6280 -1.7545")
    close(np.tanh(x), "0.6346 0.1051 0.6315 0.4672 0.3626")
    close(np.maximum(x, 0), "0.7491 0.1055 0.7440 0.5065 0.3799")
    close(generator.normal((3, 2)), "0.9011 -0.0143 -0.8167 1.3009 -0.0597 2.5226")

    dense = generator.normal((1, 3))
    table = generator.normal((5, 2))
    weight, bias = linear(3, 2)
    close(table[1] + dense @ weight.T + bias, "1.2212 -2.0951")
    close(generator.normal((1, 3)), "-0.6461 2.0589 -0.7707")
    close(generator.normal((1, 3)), "0.0129 -0.6880 0.9008")
    close(generator.normal((1, 2)), "0.0479 1.5202")

    target = generator.normal((3,))
    assert f"{(target**2).mean():.14g}" == "1.8225688302461"
    assert f"{(target**2).sum():.14g}" == "5.4677064907383"
    close(-2 * target, "2.3650 -1.6119 3.6986")
    scores = generator.normal((2, 3))
    scores -= np.log(np.exp(scores).sum(1, keepdims=True))
    assert f"{-(scores[0, 2] + scores[1, 0]) / 2:.14g}" == "1.7028349644557"


# Our draw, PyTorch's (`t` is torch), and by how much they may differ, relative above one.
# NumPy's and PyTorch's float32 logarithms and cosines differ in the last places.
PYTORCH = {
    "rand": (lambda g, n: g.uniform((n,)), lambda t, n: t.rand(n), 0),
    "rand double": (
        lambda g, n: g.uniform((n,), dtype="float64"),
        lambda t, n: t.rand(n, dtype=t.double),
        0,
    ),
    "uniform_": (
        lambda g, n: g.uniform((n,), -0.377, 0.377),
        lambda t, n: t.empty(n).uniform_(-0.377, 0.377),
        6e-8,
    ),
    "uniform_ double": (
        lambda g, n: g.uniform((n,), -0.1, 0.7, "float64"),
        lambda t, n: t.empty(n, dtype=t.double).uniform_(-0.1, 0.7),
        2.3e-16,
    ),
    "randn": (lambda g, n: g.normal((n,)), lambda t, n: t.randn(n), 2.4e-7),
    "randn double": (
        lambda g, n: g.normal((n,), dtype="float64"),
        lambda t, n: t.randn(n, dtype=t.double),
        1e-15,
    ),
    "normal_ double": (
        lambda g, n: g.normal((n,), 3, 2, "float64"),
        lambda t, n: t.empty(n, dtype=t.double).normal_(3, 2),
        1e-15,
    ),
    "randperm": (lambda g, n: g.permutation(n), lambda t, n: t.randperm(n), 0),
    "randint": (lambda g, n: g.integers((n,), -3, 10), lambda t, n: t.randint(-3, 10, (n,)), 0),
    "randint below 2^28": (
        lambda g, n: g.integers((n,), 0, 2**28 - 1),
        lambda t, n: t.randint(2**28 - 1, (n,)),
        0,
    ),
    "randint 2^28": (
        lambda g, n: g.integers((n,), 0, 2**28),
        lambda t, n: t.randint(2**28, (n,)),
        0,
    ),
    "random_": (
        lambda g, n: g.integers((n,), 0, 2**63),
        lambda t, n: t.empty(n, dtype=t.long).random_(),
        0,
    ),
    "bernoulli_": (
        lambda g, n: g.bernoulli((n,), 0.3),
        lambda t, n: t.empty(n).bernoulli_(0.3),
        0,
    ),
    "bernoulli": (
        lambda g, n: g.bernoulli((n,), np.full(n, 0.3, np.float32)),
        lambda t, n: t.bernoulli(t.full((n,), 0.3)),
        0,
    ),
    "bernoulli double": (
        lambda g, n: g.bernoulli((n,), np.full(n, 0.3)),
        lambda t, n: t.bernoulli(t.full((n,), 0.3, dtype=t.double)),
        0,
    ),
    "exponential_": (
        lambda g, n: g.exponential((n,), 2),
        lambda t, n: t.empty(n, dtype=t.double).exponential_(2),
        1e-15,
    ),
    "cauchy_": (
        lambda g, n: g.cauchy((n,), 1, 2),
        lambda t, n: t.empty(n, dtype=t.double).cauchy_(1, 2),
        1e-15,
    ),
    "log_normal_": (
        lambda g, n: g.log_normal((n,), 0, 0.5),
        lambda t, n: t.empty(n, dtype=t.double).log_normal_(0, 0.5),
        1e-15,
    ),
    "geometric_": (
        lambda g, n: g.geometric((n,), 0.3),
        lambda t, n: t.empty(n).geometric_(0.3),
        0,
    ),
}
POSITION = slice(0, 5016)  # the seed, and where in the stream we are


@pytest.mark.parametrize("row", PYTORCH)
def test_pytorch_draws_these_numbers(row):
    torch = pytest.importorskip("torch")
    ours, theirs, tolerance = PYTORCH[row]
    for seed in (0, 1, 42, 287, 2**32 + 5, -1):
        torch.manual_seed(seed)
        generator = PyTorchGenerator(seed)
        for count in (1, 2, 15, 16, 17, 31, 32, 5, 624, 1000, 0, 3):  # one stream, all sizes
            drawn, wanted = ours(generator, count), theirs(torch, count).numpy()
            error = np.abs(drawn - wanted) / np.maximum(1, np.abs(wanted))
            assert error.max(initial=0) <= tolerance, (seed, count)
        np.testing.assert_array_equal(
            generator.get_state()[POSITION], torch.get_rng_state().numpy()[POSITION]
        )


def test_pytorch_initialises_a_layer():
    torch = pytest.importorskip("torch")
    torch.manual_seed(3)
    generator = PyTorchGenerator(3)
    for parameter in torch.nn.Linear(7, 5).parameters():
        drawn = generator.uniform(tuple(parameter.shape), -(7**-0.5), 7**-0.5)
        np.testing.assert_allclose(drawn, parameter.detach().numpy(), rtol=0, atol=6e-8)


def test_pytorch_states_go_both_ways():
    torch = pytest.importorskip("torch")
    generator = PyTorchGenerator(42)
    kept = generator.normal((3,))  # leaves half a pair
    torch.set_rng_state(torch.from_numpy(generator.get_state()))
    later = generator.normal((4,))
    np.testing.assert_array_equal(torch.randn(4).numpy(), later)

    torch.manual_seed(42)
    torch.randn(3)
    generator.set_state(torch.get_rng_state().numpy())
    assert generator.initial_seed == 42
    np.testing.assert_array_equal(generator.normal((4,)), later)
    assert kept.shape == (3,)


@pytest.mark.parametrize("kind", [Torch7Generator, PyTorchGenerator])
@pytest.mark.parametrize("drawn", [0, 1, 2, 623, 624, 625])
def test_a_state_holds_everything(kind, drawn):
    generator = kind(9)
    generator.words(drawn)
    generator.normal((3,))
    generator.key_data()
    state = generator.get_state()

    def continuation(g):
        return [g.normal((2,)), g.words(700), g.key_data()]

    copies = [copy.deepcopy(generator), pickle.loads(pickle.dumps(generator)), kind(1)]
    copies[-1].set_state(state.copy())
    wanted = continuation(generator)
    for other in copies:
        assert other.initial_seed == 9
        for ours, theirs in zip(continuation(other), wanted, strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_a_state_of_torch7_is_the_shorter():
    """Torch7 keeps what makes the second half of a pair, not its value."""
    generator = Torch7Generator(7)
    first = generator.normal((1,))
    short = generator.get_state()[:5048]
    wanted = generator.normal((3,))
    generator.set_state(short)
    np.testing.assert_array_equal(generator.normal((3,)), wanted)
    x, y = Torch7Generator(7).unit((2,))
    rho = np.sqrt(-2 * np.log(1 - y))
    np.testing.assert_allclose(first, rho * np.cos(2 * np.pi * x), rtol=1e-15)
    np.testing.assert_allclose(wanted[0], rho * np.sin(2 * np.pi * x), rtol=1e-15)


def test_bytes_that_are_no_state():
    generator = Torch7Generator(7)
    with pytest.raises(LayerError, match="given 100 bytes, wanted 5056 or 5048"):
        generator.set_state(np.zeros(100, np.uint8))
    with pytest.raises(LayerError, match="given 0 words left"):
        generator.set_state(np.zeros(5056, np.uint8))
    with pytest.raises(LayerError, match="given low 3, high 3"):
        generator.integers((1,), 3, 3)


@pytest.mark.parametrize(
    ("draw", "parameters", "given"),
    [
        ("normal", (0, 0), "std 0, wanted above 0"),
        ("log_normal", (1, -1), "std -1, wanted above 0"),
        ("bernoulli", (1.5,), "p 1.5, wanted 0 to 1"),
        ("bernoulli", (np.array([0.5, -1]),), "p .*, wanted 0 to 1"),
        ("geometric", (1,), "p 1, wanted between 0 and 1"),
    ],
)
def test_parameters_that_no_distribution_has(draw, parameters, given):
    with pytest.raises(LayerError, match=f"given {given}"):
        getattr(Torch7Generator(7), draw)((2,), *parameters)


def test_seeding_forgets_the_kept_half_and_the_keys():
    generator = Torch7Generator(7)
    fresh = generator.normal((3,)), generator.key_data()
    generator.manual_seed(7)
    np.testing.assert_array_equal(generator.normal((3,)), fresh[0])
    np.testing.assert_array_equal(generator.key_data(), fresh[1])
    assert generator.seed() == generator.initial_seed < 2**53
    assert generator.seed() != generator.seed()


def test_scalars_and_tensors_share_the_stream():
    one, all_at_once = Torch7Generator(3), Torch7Generator(3)
    drawn = [float(one.normal()) for _ in range(7)]
    np.testing.assert_array_equal(drawn, all_at_once.normal((7,)))
    np.testing.assert_array_equal(one.uniform((2, 3)).ravel(), all_at_once.uniform((6,)))


def test_keys_take_nothing_from_the_stream():
    generator, other = Torch7Generator(3), Torch7Generator(3)
    keys = [generator.key_data() for _ in range(100)]
    np.testing.assert_array_equal(generator.words(10), other.words(10))
    assert len({tuple(key.tolist()) for key in keys}) == 100
    assert not np.array_equal(keys[0], Torch7Generator(4).key_data())
    key = jax.random.wrap_key_data(keys[0])
    assert jax.random.uniform(key, (3,)).shape == (3,)


def test_a_million_uniforms_are_quick():
    generator = PyTorchGenerator(0)

    def seconds():
        start = time.perf_counter()
        generator.uniform((1_000_000,))
        return time.perf_counter() - start

    assert min(seconds() for _ in range(5)) < 0.05

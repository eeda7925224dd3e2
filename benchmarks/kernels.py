"""Operations that a CPU runs slowly unless they are written for it: forward plus backward."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from importlib import import_module
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

import fnn
from benchmarks.goals import verdict
from benchmarks.harness import Run, measure, ratio, spread
from benchmarks.sides import EAGER, FUNCTIONS, HAND, SIDES, Unavailable
from benchmarks.workloads import WORKLOADS, batch, parameters
from fnn import kernels

OURS, STOCK = "fnn", "stock JAX"
SCANNED, UNROLLED = "fnn, in a scan", "fnn, unrolled"
STEPS = 10

Arrays = tuple[np.ndarray, ...]


class Case(NamedTuple):
    """What is timed, by side, and the most that the first side may take of another's time."""

    title: str
    goal: float
    reference: str
    sides: Callable[[], Iterator[tuple[str, Run]]]


def drawn(*shapes: tuple[int, ...]) -> Arrays:
    """Gaussian numbers."""
    draw = np.random.default_rng(3)
    return tuple(draw.standard_normal(shape, np.float32) for shape in shapes)


def derived(function: Callable, arrays: Arrays, *constant: np.ndarray) -> Run:
    """The value, and the gradient of its sum by all `arrays`."""
    given, constants = tuple(map(jnp.array, arrays)), tuple(map(jnp.array, constant))
    ones = jnp.ones_like(function(*given, *constants))

    @jax.jit
    def both(given: Any, constants: Any, ones: Any) -> Any:
        y, pullback = jax.vjp(lambda *a: function(*a, *constants), *given)
        return y, pullback(ones)

    def run(steps: int) -> int:
        found = None
        for _ in range(steps):
            found = both(given, constants, ones)
        jax.block_until_ready(found)
        return steps

    return run


def original(function: Callable, arrays: Arrays, *constant: np.ndarray) -> Run:
    """The same with PyTorch; `function` is given `torch.nn.functional` first."""
    try:
        torch = import_module("torch")
    except ImportError as error:
        raise Unavailable(str(error)) from error
    given = [torch.tensor(array, requires_grad=True) for array in arrays]
    constants = [torch.tensor(array) for array in constant]
    ones = torch.ones_like(function(torch.nn.functional, *given, *constants))

    def run(steps: int) -> int:
        for _ in range(steps):
            for array in given:
                array.grad = None
            function(torch.nn.functional, *given, *constants).backward(ones)
        return steps

    return run


def operation(
    ours: Callable, theirs: Callable, arrays: Arrays, *constant: np.ndarray, stock: Any = None
) -> Callable[[], Iterator[tuple[str, Run]]]:
    """An operation of ours; what is stock is ours without the kernels, unless it is given."""

    def sides() -> Iterator[tuple[str, Run]]:
        yield OURS, derived(ours, arrays, *constant)
        run = derived(stock or ours, arrays, *constant)
        with kernels.stock() if stock is None else nullcontext():
            run(1)
        yield STOCK, run
        yield EAGER, original(theirs, arrays, *constant)

    return sides


def pooling(window: int, stride: int) -> Callable[[], Iterator[tuple[str, Run]]]:
    """A maximum over squares."""
    return operation(
        lambda x: fnn.max_pool(x, window=(window, window), stride=stride),
        lambda F, x: F.max_pool2d(x, window, stride),
        drawn((64, 32, 32, 32)),
        stock=lambda x: lax.reduce_window(
            x, -np.inf, lax.max, (1, 1, window, window), (1, 1, stride, stride), "VALID"
        ),
    )


def convolution(
    x: tuple[int, ...], weight: tuple[int, ...], padding: int
) -> Callable[[], Iterator[tuple[str, Run]]]:
    """A convolution, and its gradients by the input and the weight."""
    return operation(
        lambda x, w: fnn.conv({"weight": w}, x, padding=padding),
        lambda F, x, w: F.conv2d(x, w, padding=padding),
        drawn(x, weight),
    )


def lookup() -> Callable[[], Iterator[tuple[str, Run]]]:
    """Rows of a large table."""
    indices = np.random.default_rng(4).integers(0, 50_000, 4096)
    return operation(
        lambda table, i: fnn.embedding({"weight": table}, i),
        lambda F, table, i: F.embedding(i, table),
        drawn((50_000, 128)),
        indices,
        stock=lambda table, i: table[i],
    )


def training(name: str) -> Callable[[], Iterator[tuple[str, Run]]]:
    """Whole steps of training."""

    def sides() -> Iterator[tuple[str, Run]]:
        for side, maker in ((OURS, FUNCTIONS), (STOCK, HAND), (EAGER, EAGER)):
            yield side, SIDES[maker].make(WORKLOADS[name]).run

    return sides


def looped() -> Iterator[tuple[str, Run]]:
    """Steps of LeNet, in a loop of the program and written one after the other."""
    workload = WORKLOADS["lenet32"]
    params = jax.tree.map(jnp.array, parameters(workload))
    pairs = tuple(jnp.stack([jnp.array(a)] * STEPS) for a in batch(workload))

    def loss(params: Any, x: Any, y: Any) -> Any:
        h = x
        for place in ("0", "3"):
            h = fnn.max_pool(fnn.relu(fnn.conv(params[place], h)), window=(2, 2))
        h = fnn.flatten(h)
        for place in ("7", "9"):
            h = fnn.relu(fnn.linear(params[place], h))
        return fnn.loss.cross_entropy(fnn.linear(params["11"], h), y)

    def repeated(unroll: bool) -> Run:
        def step(params: Any, pair: Any) -> Any:
            value, grads = jax.value_and_grad(loss)(params, *pair)
            return jax.tree.map(lambda p, g: p - workload.rate * g, params, grads), value

        compiled = jax.jit(lambda params, pairs: lax.scan(step, params, pairs, unroll=unroll))

        def run(steps: int) -> int:
            found, calls = None, -(-steps // STEPS)
            for _ in range(calls):
                found = compiled(params, pairs)
            jax.block_until_ready(found)
            return calls * STEPS

        return run

    yield SCANNED, repeated(False)
    yield UNROLLED, repeated(True)
    stock = repeated(False)
    with kernels.stock():
        stock(1)
    yield "stock JAX, in a scan", stock


CASES = (
    Case("max-pool 2x2, (64, 32, 32, 32)", 0.3, EAGER, pooling(2, 2)),
    Case("max-pool 3x3/2, (64, 32, 32, 32)", 0.3, EAGER, pooling(3, 2)),
    Case(
        "conv 3x3, 64 to 64, 32x32, batch 32",
        0.9,
        EAGER,
        convolution((32, 64, 32, 32), (64, 64, 3, 3), 1),
    ),
    Case(
        "conv 5x5, 6 to 16, 14x14, batch 256",
        1.0,
        EAGER,
        convolution((256, 6, 14, 14), (16, 6, 5, 5), 0),
    ),
    Case("embedding, 50k x 128, 4k tokens", 1.0, EAGER, lookup()),
    Case("LeNet step, batch 32", 0.5, EAGER, training("lenet32")),
    Case("LeNet step, batch 256", 0.75, EAGER, training("lenet256")),
    Case(f"LeNet, {STEPS} steps, batch 32, each", 1.1, UNROLLED, looped),
)


def run(cases: tuple[Case, ...] = CASES) -> None:
    """Print each case: microseconds of each side, and the ratio to its reference."""
    print(f"\nkernels: {__doc__}", flush=True)
    for case in cases:
        print(case.title)
        sides, found = case.sides(), {}
        try:
            for name, side in sides:
                found[name] = side
        except Unavailable as reason:
            print(f"  {EAGER}: left out, {reason}")
        times = measure(found)
        first = next(iter(times))
        for name, taken in times.items():
            text = f"  {name:24}{spread(taken).median:12.1f} us"
            if name != case.reference and case.reference in times:
                share = ratio(taken, times[case.reference])
                goal = case.goal if name == first else None
                text += f"   / {case.reference} {share} {verdict(share.median, goal)}"
            print(text.rstrip(), flush=True)

"""What is left of a case without all but its matrix products and its passes over memory.

No unfolding, no gates, no softmax, no update; windows that overlap are given, as if they cost
nothing. Products are XLA's own, each whole; a kernel that multiplies in chunks may take less for
the same numbers. The ratio is to PyTorch's time for the whole.
"""

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from benchmarks import kernels, sequences
from benchmarks.harness import Run, measure, ratio, spread
from benchmarks.sides import EAGER, SIDES
from benchmarks.workloads import WORKLOADS

Product = tuple[tuple[int, ...], tuple[int, ...]]
"""The shapes of two factors."""


class Case(NamedTuple):
    """What is left, and what PyTorch does."""

    title: str
    rest: Callable[[], Run]
    whole: Callable[[], Run]


def looped(function: Callable, *shapes: tuple[int, ...]) -> Run:
    """A run of a compiled function of random arrays."""
    compiled, given = jax.jit(function), [jnp.array(array) for array in kernels.drawn(*shapes)]

    def run(steps: int) -> int:
        for _ in range(steps):
            jax.block_until_ready(compiled(*given))
        return steps

    return run


def multiply(*factors: Any) -> list[Any]:
    """The products of pairs."""
    return [jnp.matmul(a, b) for a, b in zip(factors[::2], factors[1::2], strict=True)]


def products(found: list[Product]) -> Callable[[], Run]:
    """Products that do not depend on each other, in one program."""
    return lambda: looped(multiply, *chain(*found))


def trained(*batch: int, m: int, k: int, n: int, first: bool = False) -> list[Product]:
    """A product of (m, k) and (k, n), and those of its gradients; by the second, unless `first`."""
    forward = ((*batch, m, k), (*batch, k, n))
    weight = ((*batch, m, n), (*batch, n, k))
    return [forward, weight] if first else [forward, weight, ((*batch, k, m), (*batch, m, n))]


def lenet(batch: int) -> list[Product]:
    """LeNet's convolutions, on windows, and its linear layers."""
    found = trained(m=6, k=25, n=batch * 28 * 28, first=True)
    found += trained(m=16, k=150, n=batch * 10 * 10)
    for k, m in ((400, 120), (120, 84), (84, 10)):
        found += trained(m=m, k=k, n=batch)
    return found


def recurrent(layers: int) -> Callable[[], Run]:
    """The steps there and back through time, one after the other, and the products of all steps."""
    case = sequences.CASES[f"lstm{layers}"]
    rows, width = case.time * case.batch, sequences.WIDTH

    def chained(there: Any, back: Any, h: Any, g: Any, *factors: Any) -> Any:
        states = []
        for i in range(layers):
            for factor, state in ((there[i], h), (back[i], g)):

                def step(state: Any, _: Any, factor: Any = factor) -> tuple[Any, Any]:
                    made = state @ factor
                    return jnp.resize(made, state.shape), made

                states.append(lax.scan(step, state, length=case.time))
        return states, multiply(*factors)

    found = [((4 * width, rows), (rows, width))] * layers
    found += trained(m=4 * width, k=width, n=rows) * (layers - 1)
    found += [((4 * width, rows), (rows, sequences.SYMBOLS))]
    found += trained(m=sequences.SYMBOLS, k=width, n=rows)
    shapes = [(layers, width, 4 * width), (layers, 4 * width, width)]
    shapes += [(case.batch, width), (case.batch, 4 * width), *chain(*found)]
    return lambda: looped(chained, *shapes)


def transformer() -> list[Product]:
    """The linear layers, and the products of attention."""
    case, width = sequences.CASES["transformer"], sequences.WIDTH
    rows, each = case.time * case.batch, width // sequences.HEADS
    heads, found = case.batch * sequences.HEADS, []
    for m, k in ((3 * width, width), (width, width), (4 * width, width), (width, 4 * width)):
        found += trained(m=m, k=k, n=rows)
    found += trained(heads, m=case.time, k=each, n=case.time)
    found += trained(heads, m=case.time, k=case.time, n=each)
    return found * case.layers + trained(m=sequences.SYMBOLS, k=width, n=rows)


def pooled() -> Run:
    """The input is read, read again, and a gradient of its size is written."""
    return looped(lambda x: (jnp.max(x), x * 2), (64, 32, 32, 32))


def filled() -> Run:
    """A gradient of the size of the table is written."""
    return looped(lambda x: jnp.broadcast_to(x, (50_000, 128)), (128,))


def kernel(title: str) -> Callable[[], Run]:
    """PyTorch's side of a case of the kernels."""
    (case,) = (case for case in kernels.CASES if case.title.startswith(title))
    return lambda: dict(case.sides())[EAGER]


def step(name: str) -> Callable[[], Run]:
    """PyTorch's whole step of training."""
    if name in WORKLOADS:
        return lambda: SIDES[EAGER].make(WORKLOADS[name]).run
    return lambda: sequences.eager(sequences.CASES[name]).run


def cases() -> Iterator[Case]:
    """The kernels that are slow, and the sequences."""
    conv3 = trained(m=64, k=576, n=32 * 32 * 32)
    conv5 = trained(m=16, k=150, n=256 * 10 * 10)
    yield Case("max-pool 3x3/2", pooled, kernel("max-pool 3x3/2"))
    yield Case("conv 3x3", products(conv3), kernel("conv 3x3"))
    yield Case("conv 5x5", products(conv5), kernel("conv 5x5"))
    yield Case("embedding", filled, kernel("embedding"))
    for batch in (32, 256):
        yield Case(f"LeNet step, batch {batch}", products(lenet(batch)), step(f"lenet{batch}"))
    for layers in (1, 2):
        yield Case(f"LSTM, {layers} layers", recurrent(layers), step(f"lstm{layers}"))
    yield Case("transformer", products(transformer()), step("transformer"))


def run() -> None:
    """Print, for each case, what is left, PyTorch's time and the ratio."""
    print(f"\nproducts: {__doc__}".rstrip(), flush=True)
    for case in cases():
        times = measure({"rest": case.rest(), EAGER: case.whole()}, rounds=9)
        found = {name: f"{spread(taken).median:.1f} us" for name, taken in times.items()}
        share = ratio(times["rest"], times[EAGER])
        print(f"{case.title:24}{found['rest']:>14}  / {found[EAGER]:>14}  {share}", flush=True)

"""What the machinery costs beside the program that it runs, in microseconds."""

import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import fnn.pytorch
import fnn.torch7
import transforms
from benchmarks.goals import MICROSECONDS, verdict
from benchmarks.harness import Run, Spread, difference, measure, repeated, spread
from benchmarks.sides import COMPILED, SIDES, Side
from benchmarks.sides.hand import forward, mse
from benchmarks.steps import agree
from benchmarks.workloads import Workload, batch, parameters

OPERATIONS = 50


def run() -> None:
    """Print what a call, a lifted step and a recorded operation cost."""
    print(f"\noverhead: {__doc__}", flush=True)
    pure()
    for layers in (30, 300):
        lifted(layers)
    for name, chain in CHAINS.items():
        recorded(name, *chain)


def say(name: str, found: Spread, limit: float | None = None) -> None:
    """Print a line."""
    text = f"{found.median:10.2f} ({found.low:.2f} .. {found.high:.2f}) us"
    print(f"{name:44}{text:40}{verdict(found.median, limit)}".rstrip(), flush=True)


def add(x: jax.Array, y: jax.Array) -> jax.Array:
    """x + y."""
    return x + y


def pure() -> None:
    """A call of `transforms.jit(f)` for a pure f, beside one of `jax.jit(f)`."""
    ours, theirs, x = transforms.jit(add), jax.jit(add), jnp.ones(8)
    compare(
        {
            "jax.jit(f)": repeated(lambda: theirs(x, x)),
            "transforms.jit(f)": repeated(lambda: ours(x, x)),
        }
    )


def lifted(layers: int) -> None:
    """A lifted step of many small arrays, beside the raw program on a donated list of arrays."""
    size, arrays = 8, 2 * layers
    workload = Workload("", (("linear", size, size),) * layers, "mse", "sgd", 0.01, (size,), 4)
    sides = {"jax.jit": raw(workload)} | {name: SIDES[name].make(workload) for name in COMPILED}
    agree({name: side.losses(5) for name, side in sides.items()})
    compare(
        {f"{name}, a step with {arrays} arrays": side.run for name, side in sides.items()},
        MICROSECONDS[f"{arrays} arrays"],
    )


def raw(workload: Workload) -> Side:
    """The step as a function of a list of arrays, under jax.jit."""
    arrays, structure = jax.tree.flatten(jax.tree.map(jnp.array, parameters(workload)))
    x, y = map(jnp.array, batch(workload))

    def loss(arrays: list, x: Any, y: Any) -> Any:
        return mse(forward(workload.layers, structure.unflatten(arrays), x), y)

    def train(arrays: list, x: Any, y: Any) -> Any:
        value, grads = jax.value_and_grad(loss)(arrays, x, y)
        return [p - workload.rate * g for p, g in zip(arrays, grads, strict=True)], value

    compiled = jax.jit(train, donate_argnums=0)

    def step() -> Any:
        nonlocal arrays
        arrays, value = compiled(arrays, x, y)
        return value

    def finish(value: Any) -> float:
        jax.block_until_ready(arrays)
        return float(value)

    return Side(step, finish)


def compare(candidates: dict[str, Run], limit: float | None = None) -> None:
    """Time the first, and by how much the others take longer."""
    (first, reference), *others = measure(candidates, rounds=31).items()
    say(first, spread(reference))
    for name, times in others:
        say(name, spread(times))
        say("    more", difference(times, reference), limit)


def torch7_chain(x: Any) -> Any:
    """Products and sums of Torch7's tensors."""
    y = x
    for _ in range(OPERATIONS // 2):
        y = fnn.torch7.cmul(x, y) + x
    return y


def pytorch_chain(x: Any) -> Any:
    """Products and sums of PyTorch's tensors."""
    y = x
    for _ in range(OPERATIONS // 2):
        y = x * y + x
    return y


CHAINS = {
    "fnn.torch7": (fnn.torch7.fromarray, torch7_chain),
    "fnn.pytorch": (fnn.pytorch.from_numpy, pytorch_chain),
}


def recorded(name: str, tensor: Callable, chain: Callable, rounds: int = 300) -> None:
    """An operation as written whose value nobody has asked for, and then asking for it."""
    x, recording, asking = tensor(np.full(8, 0.5, np.float32)), [], []
    for _ in range(rounds):
        began = time.perf_counter()
        y = chain(x)
        asked = time.perf_counter()
        y.storage.array.block_until_ready()
        recording.append((asked - began) / OPERATIONS * 1e6)
        asking.append((time.perf_counter() - asked) * 1e6)
    found, limit = spread(recording[rounds // 3 :]), MICROSECONDS["operation"]
    say(f"{name}, one of {OPERATIONS} operations", found, limit)
    say(f"{name}, asking for the value after them", spread(asking[rounds // 3 :]))

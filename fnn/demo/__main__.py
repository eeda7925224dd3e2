"""Command line: `python -m fnn.demo --help`."""

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

import fnn
from fnn.datasets import Digits, digits
from fnn.demo import doors, report


class Run(NamedTuple):
    """What one door's training gave."""

    losses: np.ndarray
    accuracy: float
    seconds: float
    scores: np.ndarray
    params: Any


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m fnn.demo",
        description="Train LeNet on handwritten digits through pure functions, Torch7 and PyTorch.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--door", choices=[*doors.DOORS, "all"], default="all")
    parser.add_argument("--epochs", type=positive, default=30)
    parser.add_argument("--batch-size", type=positive, default=32)
    parser.add_argument("--seed", type=int, default=0, help="of parameters and of batches")
    parser.add_argument("--device", default=None, help="cpu, gpu, ... (default: jax's own choice)")
    parser.add_argument("--output", type=Path, default=Path("demo-output"), help="for the files")
    return parser.parse_args(given)


def positive(text: str) -> int:
    """A whole number above 0."""
    if int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return int(text)


def batches(data: Digits, epochs: int, size: int, seed: int) -> Iterator[tuple[int, Any, Any]]:
    """Shuffled batches of every epoch: the same for every door."""
    random = np.random.default_rng(seed)
    for epoch in range(epochs):
        order = random.permutation(len(data.train_labels))
        for images, labels in fnn.minibatches(order, (data.train_images, data.train_labels), size):
            yield epoch, images, labels


def train(door: str, data: Digits, options: argparse.Namespace, progress: Callable) -> Run:
    """Train one door's network from the common beginning."""
    learner = doors.DOORS[door](doors.initial_parameters(options.seed))
    steps = -(-len(data.train_labels) // options.batch_size)
    every = batches(data, options.epochs, options.batch_size, options.seed)
    losses, starts = [], []
    for i, (_, images, labels) in enumerate(
        progress(every, total=steps * options.epochs, desc=f"{door:>9}", unit="step")
    ):
        if i % steps == 0:
            starts.append(time.perf_counter())
        losses.append(learner.step(images, labels))
    values = np.array([float(loss) for loss in losses], np.float64)
    # The first epoch compiles, so it does not count if there is another.
    ends = [*starts[1:], time.perf_counter()]
    durations = [end - start for start, end in zip(starts, ends, strict=True)]
    scores = np.asarray(learner.scores(data.test_images))
    return Run(
        values,
        float(np.mean(scores.argmax(1) == data.test_labels)),
        float(np.median(durations[1:] or durations)),
        scores,
        learner.parameters(),
    )


def main(given: list[str] | None = None) -> dict[str, Run]:
    """Train, print a table, write pictures and parameters."""
    options = arguments(given)
    try:
        from tqdm import tqdm as progress
    except ImportError:
        raise SystemExit("the demo needs its extra: pip install 'fnn[demo]'") from None
    data = digits()
    chosen = list(doors.DOORS) if options.door == "all" else [options.door]
    device = jax.devices(options.device)[0] if options.device else None
    with jax.default_device(device):
        runs = {door: train(door, data, options, progress) for door in chosen}
    steps = -(-len(data.train_labels) // options.batch_size)
    print(report.table(runs, steps))
    options.output.mkdir(parents=True, exist_ok=True)
    for path in report.write(runs, data, steps, options.output):
        print(f"wrote {path}")
    return runs


if __name__ == "__main__":
    main()

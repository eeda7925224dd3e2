"""The demo's results: a table, two pictures, the trained parameters."""

from pathlib import Path
from typing import Any

import jax
import numpy as np

from fnn.datasets import Digits


def table(runs: dict[str, Any], steps: int) -> str:
    """A line for each door; the loss is the mean over the last epoch's `steps`."""
    lines = ["door       training loss  test accuracy  seconds per epoch"]
    for door, run in runs.items():
        loss = run.losses[-steps:].mean()
        lines.append(f"{door:9}  {loss:13.6f}  {run.accuracy:13.2%}  {run.seconds:17.3f}")
    if len(runs) > 1:
        curves = np.stack([run.losses for run in runs.values()])
        apart = np.ptp(curves, 0) / np.abs(curves).max(0)
        lines.append(
            f"largest relative difference of the losses, steps 1-50: {apart[:50].max():.1e}"
        )
    return "\n".join(lines)


def write(runs: dict[str, Any], data: Digits, steps: int, folder: Path) -> list[Path]:
    """Write loss curves, predictions and parameters; returns the files."""
    import matplotlib.pyplot as plt

    paths = [folder / "losses.png", folder / "predictions.png"]
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    for (door, run), style in zip(runs.items(), ("-", "--", ":"), strict=False):
        smooth = np.convolve(run.losses, np.ones(steps) / steps, "valid")
        axes.semilogy(np.arange(len(smooth)) / steps + 1, smooth, style, label=door, linewidth=2)
    axes.set(xlabel="epoch", ylabel="training loss", title="LeNet on digits, one curve a door")
    axes.legend()
    figure.savefig(paths[0], dpi=120)
    plt.close(figure)

    scores = next(iter(runs.values())).scores
    guesses = scores.argmax(1)
    wrong = np.flatnonzero(guesses != data.test_labels)
    right = np.flatnonzero(guesses == data.test_labels)
    shown = np.concatenate([wrong, right])[:24]
    figure, grid = plt.subplots(3, 8, figsize=(8, 4), layout="constrained")
    for axes, i in zip(grid.flat, shown, strict=False):
        axes.imshow(data.test_images[i, 0], cmap="gray_r")
        missed = guesses[i] != data.test_labels[i]
        title = f"{guesses[i]}, not {data.test_labels[i]}" if missed else f"{guesses[i]}"
        axes.set_title(title, fontsize=9, color="crimson" if missed else "black")
    for axes in grid.flat:
        axes.axis("off")
    figure.suptitle("test digits, and what the network takes them for (errors first)")
    figure.savefig(paths[1], dpi=120)
    plt.close(figure)

    for door, run in runs.items():
        flat = jax.tree_util.tree_flatten_with_path(run.params)[0]
        arrays: dict[str, Any] = {
            ".".join(key.key for key in path): np.asarray(x) for path, x in flat
        }
        paths.append(folder / f"{door}.npz")
        np.savez(paths[-1], **arrays)
    return paths

"""Handwritten digits, eight by eight.

The test part of "Optical Recognition of Handwritten Digits" by E. Alpaydin and C. Kaynak (UCI
Machine Learning Repository, 1998, https://doi.org/10.24432/C50P49), licensed under CC BY 4.0.
`digits.npz` holds its 1797 images, unchanged and in its order: `images` (1797, 8, 8) uint8 with the
values 0 to 16, which count dark pixels in blocks of a 32x32 bitmap, and `labels` (1797,) uint8.
Thirteen people wrote them.
"""

from importlib.resources import files
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Digits(NamedTuple):
    """Images (n, 1, 8, 8) float32 between 0 and 1, and labels (n,) int32 from 0 to 9."""

    train_images: NDArray[np.float32]
    train_labels: NDArray[np.int32]
    test_images: NDArray[np.float32]
    test_labels: NDArray[np.int32]


def digits() -> Digits:
    """Load 1437 digits to learn from and 360 to test on.

    Sorted by label, and in the file's order within a label, every fifth digit is a test digit. So
    both parts have all labels and all writers in the same proportions; each keeps the file's order.

    >>> digits().test_images.shape
    (360, 1, 8, 8)
    """
    with files("fnn.datasets").joinpath("digits.npz").open("rb") as file:
        data = np.load(file, allow_pickle=False)
        images = data["images"][:, None].astype(np.float32) / 16
        labels = data["labels"].astype(np.int32)
    test = np.zeros(labels.size, bool)
    test[np.argsort(labels, kind="stable")[::5]] = True
    return Digits(images[~test], labels[~test], images[test], labels[test])

"""The data that ships: the right numbers, and a fixed split."""

import hashlib
import time

import numpy as np

from fnn.datasets import Digits, digits


def test_digits_are_these():
    data = digits()
    assert isinstance(data, Digits)
    for images, labels, count in [(data[0], data[1], 1437), (data[2], data[3], 360)]:
        assert (images.shape, images.dtype) == ((count, 1, 8, 8), np.float32)
        assert (labels.shape, labels.dtype) == ((count,), np.int32)
        assert (images.min(), images.max()) == (0, 1)
        np.testing.assert_array_equal(images * 16 % 1, 0)
    np.testing.assert_array_equal(
        np.bincount(data.test_labels), [36, 36, 36, 36, 37, 36, 36, 36, 35, 36]
    )
    digest = hashlib.sha256(b"".join(array.tobytes() for array in data)).hexdigest()
    assert digest == "50af7894c2010ee7f771f0b9aedcd0a43692bddc6c1e12afd6d5a07c7bee8aa6"


def test_images_fit_their_labels():
    """The nearest training digit names 98.9 % of the test digits."""
    data = digits()
    train, test = data.train_images.reshape(-1, 64), data.test_images.reshape(-1, 64)
    distance = (train**2).sum(1) - 2 * test @ train.T
    assert (data.train_labels[distance.argmin(1)] == data.test_labels).mean() > 0.98


def test_digits_load_in_milliseconds():
    def seconds():
        start = time.perf_counter()
        digits()
        return time.perf_counter() - start

    assert min(seconds() for _ in range(5)) < 0.03

"""A matrix to look at, and three ways to compare Torch7 tensors with numbers."""

import math

import numpy as np

import fnn.torch7 as torch


def matrix(*size):
    """1, 2, 3, ... in a tensor of a size."""
    return torch.range(1, math.prod(size)).resize(*size)


def same(x, numbers):
    """Whether a tensor holds just these numbers."""
    return x.tolist() == numbers


def close(x, numbers, digits=4):
    """Whether these are the numbers as printed."""
    found = np.asarray(x).reshape(-1)
    return [f"{v:.{digits}f}" for v in found] == numbers.split()


def assert_close(a, b):
    """Compare up to rounding."""
    np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-12)

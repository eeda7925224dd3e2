"""Programs compute in doubles, so that ways of execution differ in the last digits only."""

from concurrent.futures import ThreadPoolExecutor

import pytest

import fnn.pytorch as torch
from transforms.cells import running


@pytest.fixture(autouse=True)
def doubles():
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


@pytest.fixture(autouse=True)
def _others_may_run():
    """Whatever was interrupted or has failed, no other thread waits for this one."""
    yield
    with ThreadPoolExecutor(1) as another:
        assert another.submit(taken_and_given_back).result(timeout=60)


def taken_and_given_back():
    taken = running.acquire(blocking=False)
    if taken:
        running.release()
    return taken

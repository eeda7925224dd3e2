"""A setting that changes never runs a stale program, wherever it lives."""

import pytest

import fnn.pytorch as torch
import fnn.torch7 as torch7
import transforms
from tests.policies import network_changes, python_changes
from tests.policies.ways import as_written, assert_same, plain

pytestmark = pytest.mark.unoptimised

CASES = python_changes.CASES | network_changes.CASES


@pytest.fixture(autouse=True)
def modes():
    yield
    torch.set_grad_enabled(True)
    torch7.setdefaulttensortype("torch.DoubleTensor")


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_change_is_seen(case):
    found, wanted = trajectory(case, transforms.jit), trajectory(case, as_written)
    assert_same(found, wanted)
    with pytest.raises(AssertionError):
        assert_same(trajectory(case, as_written, changes=False), wanted)


def trajectory(case, wrap, changes=True):
    """Results before a change, and after it."""
    torch.set_grad_enabled(True)
    torch.set_default_dtype(torch.float64)
    torch7.setdefaulttensortype("torch.DoubleTensor")
    f, change = case()
    f, x = wrap(f), torch.ones(3)
    found = [plain(f(x)), plain(f(x))]
    if changes:
        change()
    return [*found, plain(f(x)), plain(f(x))]

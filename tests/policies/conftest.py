"""Programs compute in doubles, so that ways of execution differ in the last digits only."""

import pytest

import fnn.pytorch as torch


@pytest.fixture(autouse=True)
def doubles():
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)

"""The table of deviations speaks of what there is, and the tests leave out only what it names."""

import re
from pathlib import Path

import pytest

import fnn.torch7 as torch
from tests import test_torch7_containers, test_torch7_oracle

TEXT = (Path(torch.__file__).parent / "DEVIATIONS.md").read_text()
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in TEXT.splitlines()
    if line.startswith("| `")
]
NAMES = [name for row in ROWS for name in re.findall(r"`([^`]+)`", row[0])]


def test_every_row_says_what_where_and_why():
    assert len(ROWS) > 40
    assert [row for row in ROWS if len(row) != 4 or not all(row)] == []


@pytest.mark.parametrize("name", sorted(set(NAMES)))
def test_is_there(name):
    package, member = name.split(".")
    assert callable(getattr(torch if package == "torch" else getattr(torch, package), member))


def test_cases_left_out_are_named():
    left_out = {*test_torch7_oracle.DEVIATIONS, *test_torch7_containers.DEVIATIONS}
    assert len(left_out) > 10
    assert {case.split("/")[0] for case in left_out} <= set(NAMES)

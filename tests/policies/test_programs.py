"""The same imperative programs give equal numbers under every way of execution."""

from functools import cache

import pytest

from tests.policies import (
    looking_programs,
    pytorch_mutation,
    pytorch_training,
    torch7_mutation,
    torch7_training,
)
from tests.policies.ways import WAYS, assert_same, eager, lifted, recorded

pytestmark = pytest.mark.unoptimised

DIALECTS = {
    "pytorch": pytorch_training.PROGRAMS | pytorch_mutation.PROGRAMS,
    "torch7": torch7_training.PROGRAMS | torch7_mutation.PROGRAMS,
}
PROGRAMS = {f"{dialect} {n}": p for dialect, found in DIALECTS.items() for n, p in found.items()}


@cache
def wanted(name):
    return eager(PROGRAMS[name])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", PROGRAMS)
def test_numbers_are_those_of_eager_execution(name, way):
    assert_same(WAYS[way](PROGRAMS[name]), wanted(name))


@pytest.mark.parametrize("name", looking_programs.REFUSED | looking_programs.AS_WRITTEN)
def test_programs_that_look_have_the_same_numbers_as_written(name):
    program = (looking_programs.REFUSED | looking_programs.AS_WRITTEN)[name]
    assert_same(recorded(program), eager(program))


@pytest.mark.parametrize("program", looking_programs.REFUSED.values(), ids=looking_programs.REFUSED)
def test_programs_that_look_can_not_be_lifted(program):
    with pytest.raises(RuntimeError, match="while a function is compiled"):
        lifted(program)

"""The benchmarks' sides train alike, and what is reported is right; no time is asserted."""

from functools import cache

import jax
import numpy as np
import pytest

from benchmarks import harness, kernels, steps
from benchmarks.goals import GOALS, verdict
from benchmarks.sides import EAGER, HAND, SIDES, Unavailable
from benchmarks.workloads import WORKLOADS

SMALL = {name: WORKLOADS[name]._replace(size=4) for name in ("sine", "lenet32")}
CASES = [
    (workload, side)
    for workload in SMALL
    for side, maker in SIDES.items()
    if side not in (HAND, "PyTorch compiled") and (maker.only is None or workload in maker.only)
]


@pytest.fixture(autouse=True)
def usual_promotion():
    """The other libraries promote."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


@cache
def by_hand(workload):
    """Three losses of the reference."""
    return SIDES[HAND].make(SMALL[workload]).losses(3)


@pytest.mark.parametrize(("workload", "side"), CASES)
def test_sides_train_alike(workload, side):
    if (needed := SIDES[side].needs) is not None:
        pytest.importorskip(needed)
    try:
        found = SIDES[side].make(SMALL[workload])
    except Unavailable as reason:
        pytest.skip(str(reason))
    steps.agree({HAND: by_hand(workload), side: found.losses(3)})
    assert (np.diff(by_hand(workload)) < 0).all()
    assert found.run(1) == found.steps


def test_sides_that_train_differently_are_found():
    with pytest.raises(AssertionError, match="b and a train differently"):
        steps.agree({"a": np.array([1.0, 0.5]), "b": np.array([1.0, 0.5001])})


def test_ratios_are_formed_within_a_round():
    assert harness.ratio([1.0, 30.0, 8.0], [2.0, 30.0, 4.0]).median == 1.0
    assert harness.difference([1.0, 30.0, 8.0], [2.0, 30.0, 4.0]).median == 0.0


def test_a_run_says_how_many_steps_it_took():
    calls = []
    times = harness.measure(
        {"by fours": lambda n: len([calls.append(4) for _ in range(0, n, 4)]) * 4},
        rounds=3,
        seconds=1e-4,
    )
    assert len(times["by fours"]) == 3
    assert calls


def test_goals_name_sides():
    for goal in GOALS:
        assert {*goal.sides, goal.reference} <= set(SIDES)
        assert set(goal.limits) <= {*WORKLOADS, "other"}


def test_tables_show_goals_and_what_is_missing():
    times = {HAND: [10.0] * 4, "fnn.pytorch jit": [5.0] * 4, "flax nnx": [100.0] * 4}
    result = steps.Result("sine", times, {EAGER: "No module named 'torch'"})
    text = steps.table(result)
    assert "0.500 (0.500 .. 0.500) goal 0.6 met" in text
    assert "fnn.pytorch jit / flax nnx" in text
    assert "goal 0.03 MISSED" in text
    assert "PyTorch eager: left out, No module named 'torch'" in text
    assert "| fnn.pytorch jit | 0.50 (0.50 .. 0.50) |" in steps.markdown([result])
    assert verdict(1.0, None) == ""


def test_kernels_are_reported_with_their_goals(capsys, monkeypatch):
    monkeypatch.setattr(
        kernels, "measure", lambda sides: dict(zip(sides, ([5.0], [10.0]), strict=True))
    )

    def sides():
        yield "ours", int
        yield "theirs", int
        raise Unavailable("no torch")

    kernels.run((kernels.Case("nothing", 0.4, "theirs", sides),))
    text = capsys.readouterr().out
    assert "theirs 0.500 (0.500 .. 0.500) goal 0.4 MISSED" in text
    assert "left out, no torch" in text


def test_operations_run_on_all_sides():
    x, weight = kernels.drawn((2, 3, 5, 5), (4, 3, 3, 3))
    sides = kernels.convolution(x.shape, weight.shape, 1)()
    assert next(sides)[1](2) == 2
    assert next(sides)[0] == kernels.STOCK
    pytest.importorskip("torch")
    assert next(sides)[1](1) == 1

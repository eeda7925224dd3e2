"""Schedules against PyTorch's schedulers, inside programs, and as values."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn.schedules import (
    constant,
    cosine,
    exponential,
    join,
    linear,
    multi_step,
    one_cycle,
    polynomial,
    step,
    warmup,
)

RATE, STEPS = 0.4, 12
TABLE = [
    # a schedule, and PyTorch's scheduler for an optimiser whose rate is RATE
    (constant(RATE), lambda s, o: s.LambdaLR(o, lambda count: 1.0)),
    (step(RATE, 3, 0.2), lambda s, o: s.StepLR(o, 3, 0.2)),
    (multi_step(RATE, (2, 5, 5, 9), 0.5), lambda s, o: s.MultiStepLR(o, [2, 5, 5, 9], 0.5)),
    (exponential(RATE, 0.8), lambda s, o: s.ExponentialLR(o, 0.8)),
    (cosine(RATE, 8), lambda s, o: s.CosineAnnealingLR(o, 8)),
    (cosine(RATE, 5, 0.1), lambda s, o: s.CosineAnnealingLR(o, 5, 0.1)),
    (linear(RATE / 4, RATE / 2, 5), lambda s, o: s.LinearLR(o, 1 / 4, 1 / 2, 5)),
    (polynomial(RATE, 7, 2.0), lambda s, o: s.PolynomialLR(o, 7, 2.0)),
    (polynomial(RATE, 7), lambda s, o: s.PolynomialLR(o, 7)),
    (
        join((constant(RATE / 10), exponential(RATE, 0.9), step(RATE, 2)), (3, 6)),
        lambda s, o: s.SequentialLR(
            o, [s.ConstantLR(o, 0.1, 99), s.ExponentialLR(o, 0.9), s.StepLR(o, 2)], [3, 6]
        ),
    ),
    (
        warmup(4, exponential(RATE, 0.9), RATE / 4),
        lambda s, o: s.SequentialLR(o, [s.LinearLR(o, 1 / 4, 1, 4), s.ExponentialLR(o, 0.9)], [4]),
    ),
    (one_cycle(RATE, STEPS), lambda s, o: s.OneCycleLR(o, RATE, STEPS)),
    (
        one_cycle(RATE, STEPS, 0.5, 10.0, 100.0),
        lambda s, o: s.OneCycleLR(
            o, RATE, STEPS, pct_start=0.5, div_factor=10.0, final_div_factor=100.0
        ),
    ),
]
every_schedule = pytest.mark.parametrize("schedule", [row[0] for row in TABLE], ids=str)


@pytest.mark.parametrize(("schedule", "scheduler"), TABLE, ids=[str(row[0]) for row in TABLE])
@pytest.mark.filterwarnings("ignore::UserWarning")  # PyTorch's own calls inside SequentialLR
def test_equals_pytorch(schedule, scheduler):
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=RATE)
    theirs, wanted = scheduler(torch.optim.lr_scheduler, optimizer), []
    for _ in range(STEPS - 1):
        wanted.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        theirs.step()
    wanted.append(optimizer.param_groups[0]["lr"])
    with jax.enable_x64(True):
        found = [schedule(count) for count in range(STEPS)]
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-15)


@every_schedule
def test_traced_and_over_many_steps_at_once(schedule):
    eager = [float(schedule(count)) for count in range(STEPS)]
    compiled = jax.jit(schedule)
    counts = jnp.arange(STEPS)
    assert compiled(counts[0]).dtype == jnp.float32
    np.testing.assert_allclose([compiled(count) for count in counts], eager, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(jax.vmap(schedule)(counts), eager, rtol=1e-5, atol=1e-7)


@every_schedule
def test_a_schedule_is_a_value(schedule):
    again = eval(repr(schedule))
    assert again == schedule
    assert hash(again) == hash(schedule)
    with pytest.raises(AttributeError):
        schedule.rate = 1


def test_one_cycle_ends_and_stays_at_its_lowest_and_warms_up_within_one_step():
    cycle = one_cycle(1.0, 10, 0.1)
    rates = [float(cycle(count)) for count in range(12)]
    assert rates[0] == max(rates) == 1
    np.testing.assert_allclose(rates[9:], 4e-6, rtol=0, atol=1e-7)


def test_warmup_of_no_steps_is_the_schedule():
    assert warmup(0, step(0.5, 2))(0) == 0.5

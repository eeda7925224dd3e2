"""Schedules against PyTorch's schedulers, inside programs, and as values."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn.errors import LayerError
from fnn.schedules import (
    chained,
    constant,
    cosine,
    cyclic,
    exponential,
    held,
    join,
    linear,
    multi_step,
    multiplicative,
    one_cycle,
    one_cycle_momentum,
    plateau,
    polynomial,
    scaled,
    step,
    warm_restarts,
    warmup,
)

pytestmark = pytest.mark.unoptimised

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
    (held(RATE, 0.2, 3), lambda s, o: s.ConstantLR(o, 0.2, 3)),
    (scaled(RATE, polynomial(1.0, 20)), lambda s, o: s.LambdaLR(o, lambda i: 1 - i / 20)),
    (
        multiplicative(RATE, polynomial(1.0, 20)),
        lambda s, o: s.MultiplicativeLR(o, lambda i: 1 - i / 20),
    ),
    (warm_restarts(RATE, 5, 1, 0.1), lambda s, o: s.CosineAnnealingWarmRestarts(o, 5, 1, 0.1)),
    (warm_restarts(RATE, 2, 2), lambda s, o: s.CosineAnnealingWarmRestarts(o, 2, 2)),
    (cyclic(0.1, RATE, 3), lambda s, o: s.CyclicLR(o, 0.1, RATE, 3)),
    (cyclic(0.1, RATE, 3, 1, 0.5), lambda s, o: s.CyclicLR(o, 0.1, RATE, 3, 1, "triangular2")),
    (
        cyclic(0.1, RATE, 1, 2, 0.9, "step"),
        lambda s, o: s.CyclicLR(o, 0.1, RATE, 1, 2, "exp_range", 0.9),
    ),
    (
        cyclic(0.1, RATE, 2, scale=polynomial(1.0, 20)),
        lambda s, o: s.CyclicLR(o, 0.1, RATE, 2, scale_fn=lambda i: 1 - i / 20),
    ),
    (
        cyclic(0.1, RATE, 2, each="step", scale=polynomial(1.0, 20)),
        lambda s, o: s.CyclicLR(
            o, 0.1, RATE, 2, scale_fn=lambda i: 1 - i / 20, scale_mode="iterations"
        ),
    ),
    (
        chained((exponential(RATE, 0.9), held(1.0, 0.1, 4), polynomial(1.0, 9))),
        lambda s, o: s.ChainedScheduler(
            [s.ExponentialLR(o, 0.9), s.ConstantLR(o, 0.1, 4), s.PolynomialLR(o, 9)]
        ),
    ),
    (one_cycle(RATE, STEPS), lambda s, o: s.OneCycleLR(o, RATE, STEPS)),
    (
        one_cycle(RATE, STEPS, 0.25, shape="linear", three_phase=True),
        lambda s, o: s.OneCycleLR(
            o, RATE, STEPS, pct_start=0.25, anneal_strategy="linear", three_phase=True
        ),
    ),
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
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=RATE, momentum=0.9)
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


MOMENTA = [
    (
        one_cycle_momentum(STEPS, 0.25),
        lambda s, o: s.OneCycleLR(o, RATE, STEPS, pct_start=0.25),
    ),
    (
        one_cycle_momentum(STEPS, 0.25, 0.5, 0.7, "linear", True),
        lambda s, o: s.OneCycleLR(
            *(o, RATE, STEPS),
            pct_start=0.25,
            anneal_strategy="linear",
            base_momentum=0.5,
            max_momentum=0.7,
            three_phase=True,
        ),
    ),
    (cyclic(0.9, 0.8, 3, 2, 0.5), lambda s, o: s.CyclicLR(o, 0.1, RATE, 3, 2, "triangular2")),
]


@pytest.mark.parametrize(("schedule", "scheduler"), MOMENTA, ids=[str(row[0]) for row in MOMENTA])
def test_momentum_equals_pytorch(schedule, scheduler):
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=RATE, momentum=0.1)
    theirs = scheduler(torch.optim.lr_scheduler, optimizer)
    with jax.enable_x64(True):
        for count in range(STEPS):
            wanted = optimizer.param_groups[0]["momentum"]
            np.testing.assert_allclose(schedule(count), wanted, rtol=1e-12)
            optimizer.step()
            theirs.step()


def test_swa_goes_to_a_constant_rate_as_in_pytorch():
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=RATE)
    theirs = torch.optim.swa_utils.SWALR(optimizer, 0.05, anneal_epochs=5)
    ours = join((cosine(RATE, 5, 0.05), constant(0.05)), (5,))
    with jax.enable_x64(True):
        for count in range(9):
            optimizer.step()
            theirs.step()
            rate = optimizer.param_groups[0]["lr"]
            np.testing.assert_allclose(ours(count + 1), rate, rtol=1e-12)


@pytest.mark.parametrize(
    "options",
    [
        {"patience": 1},
        {"patience": 0, "cooldown": 2, "minimum": 0.05},
        {"patience": 1, "mode": "max", "threshold": 0.3, "factor": 0.5},
        {"patience": 0, "threshold_mode": "abs", "threshold": 0.5, "eps": 0.01},
        {"patience": 0, "mode": "max", "threshold_mode": "abs", "threshold": 0.5},
    ],
)
def test_plateau_equals_pytorch(options):
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=RATE)
    names = {"minimum": "min_lr"}
    keywords = {names.get(n, n): v for n, v in options.items()}
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **keywords)
    with jax.enable_x64(True):
        ours = plateau(RATE, **options)
        update, state = jax.jit(ours.update), ours.init()
        for measure in [5.0, 4.0, 4.0, 4.1, 3.0, 2.9, 2.8, 3.5, 6.0, 7.0, 7.1, 7.0, 2.0, 2.0, 2.0]:
            theirs.step(measure)
            state = update(state, measure)
            np.testing.assert_allclose(state.rate, optimizer.param_groups[0]["lr"], rtol=1e-12)


def test_typing_errors_are_named():
    with pytest.raises(LayerError, match="mode='least'"):
        plateau(1.0, mode="least")
    with pytest.raises(LayerError, match="shape='cos'"):
        one_cycle(1.0, 10, shape="cos")(0)
    with pytest.raises(LayerError, match="each='turn'"):
        cyclic(0.0, 1.0, each="turn")(0)
    with pytest.raises(LayerError, match=r"1 schedules, milestones \(3,\)"):
        join((exponential(1.0, 0.5),), (3,))

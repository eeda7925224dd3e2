"""An exception at any point of a step: what is undone, what stays, and where errors appear."""

import itertools
import linecache
import sys
from contextlib import contextmanager
from dis import opname
from os import sep

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
import transforms
from fnn import torch7
from fnn.pytorch import nn, optim
from fnn.tensor import run as engine
from fnn.tensor.record import Record
from fnn.torch7 import nn as nn7
from tests.policies import (
    pytorch_mutation,
    pytorch_training,
    torch7_mutation,
    torch7_training,
)
from tests.policies.ways import (
    as_written,
    assert_same,
    eager,
    outcome,
    plain,
    random_state,
    recorded,
)
from transforms import cells

pytestmark = pytest.mark.unoptimised

data, data7 = pytorch_training.data, torch7_training.data


class Interrupted(Exception):
    pass


@contextmanager
def interrupted(at, after=False):
    """The call of the choke point with this number raises, before or after it has done its work."""
    original, calls = engine.run, itertools.count()

    def run(*operands, **options):
        last = next(calls) == at
        if last and not after:
            raise Interrupted
        found = original(*operands, **options)
        if last:
            raise Interrupted
        return found

    holders = [m for m in sys.modules.values() if getattr(m, "run", None) is original]
    for module in holders:
        module.run = run
    try:
        yield
    finally:
        for module in holders:
            module.run = original


def pytorch_job():
    """A step that changes whatever there is, and what it changes."""
    net = pytorch_training.network(
        nn.Pure(fnn.layer(fnn.batch_norm, 4), *pytorch_training.norm_values()),
        nn.Dropout(0.2),
        pytorch_mutation.Scaled(),
    )
    optimizer = optim.Adam(net.parameters(), lr=0.1, eps=1e-3)
    holder, history = {}, []

    def step(x, y):
        net.train(not net.training)
        net[0].requires_grad_(net.training)
        optimizer.zero_grad()
        out = net(x)
        history.append(out.detach()[0])
        loss = nn.functional.cross_entropy(out, y)
        x.mul_(0.5)
        loss.backward()
        holder["grad"] = net[-1].weight.grad.clone()
        optimizer.param_groups[0]["lr"] *= 0.5
        optimizer.step()
        net[0].weight.data = net[0].weight.data * 0.9
        history.append(loss.detach())
        return loss

    return step, data, [net, optimizer, holder, history]


def torch7_job():
    """As the one above."""
    net = torch7_training.network(torch7_training.noise(), torch7_mutation.Scaled(4))
    config = {"learningRate": 0.1, "momentum": 0.9}
    inner, history = torch7_training.sgd_step(net, config), []

    def step(x, y):
        net.evaluate() if net.train else net.training()
        x.mul(0.5)
        loss = inner(x, y)
        history.append(net.output.clone())
        config["learningRate"] *= 0.5
        net.get(1).weight.narrow(1, 1, 2).mul(0.9)
        net.get(4).weight = net.get(4).weight.clone()
        return loss

    return step, data7, [net, config, history, net.get(3).mean, net.get(3).calls]


JOBS = {"pytorch": pytorch_job, "torch7": torch7_job}


@pytest.mark.parametrize(("before", "after"), [(0, False), (2, True)])
@pytest.mark.parametrize("job", JOBS.values(), ids=JOBS)
def test_lifted_code_leaves_everything_as_it_was(job, before, after):
    """Interrupted before each call of the choke point, or after it; in its first step, or later."""

    def program(wrap):
        step, data, objects = job()
        step = wrap(step)
        losses = [step(*data(4)) for _ in range(before)]
        x, y = data()
        if wrap is transforms.jit:
            losses.append(interrupted_everywhere(lambda: step(x, y), [objects, x], after))
        else:
            losses.append(step(x, y))
        return losses, objects, x

    assert_same(outcome(program, transforms.jit), outcome(program, as_written))


def interrupted_everywhere(call, objects, after):
    """Interrupt a lifted call at every point; what it gives when it is left alone at last."""
    start = plain(objects), random_state()
    for at in itertools.count():
        try:
            with interrupted(at, after):
                found = call()
        except Interrupted:
            assert_same((plain(objects), random_state()), start)
        else:
            assert at > 10
            return found
    return None


@pytest.mark.parametrize("job", JOBS.values(), ids=JOBS)
def test_what_was_done_before_an_exception_stays(job):
    """Every point is one of a step of eager execution, too, and has the same numbers there."""

    def interrupted_step(at):
        def program(wrap):
            step, data, objects = job()
            step(*data())
            found = []
            try:
                with interrupted(at):
                    step(*data())
            except Interrupted:
                found.append("interrupted")
            found += plain(objects)
            return [found, step(*data()), step(*data(4)), objects]

        return program

    for at in itertools.count():
        found = recorded(interrupted_step(at))
        assert_same(found, eager(interrupted_step(at)))
        if found[0][0][0] != "interrupted":
            break
    assert at > 10


@contextmanager
def line_interrupted(at):
    """KeyboardInterrupt at a line of the library, counted from 1.

    Not at a `with`, nor where a comprehension begins anew: what a function that traces lines raises
    there skips the handlers around it, what a signal raises does not.
    """
    count = 0

    def watch(frame, event, _):
        nonlocal count
        if f"{sep}fnn{sep}" not in frame.f_code.co_filename:
            return None
        line = linecache.getline(frame.f_code.co_filename, frame.f_lineno)
        anew = opname[frame.f_code.co_code[frame.f_lasti]] == "JUMP_BACKWARD"
        count += event == "line" and not (anew or line.lstrip().startswith("with "))
        if count == at:
            raise KeyboardInterrupt
        return watch

    sys.settrace(watch)
    try:
        yield
    finally:
        sys.settrace(None)


@pytest.mark.parametrize("job", JOBS.values(), ids=JOBS)
def test_interrupts_from_the_keyboard_are_undone_in_lifted_code(job):
    step, data, objects = job()
    at = [1]

    @transforms.jit
    def watched(x, y):
        with line_interrupted(at[0]):
            return step(x, y)

    x, y = data()
    start = plain([objects, x]), random_state()
    for at[0] in itertools.count(1, 97):
        try:
            watched(x, y)
        except KeyboardInterrupt:
            assert_same((plain([objects, x]), random_state()), start)
        else:
            break
    assert at[0] > 500


@pytest.mark.parametrize("job", JOBS.values(), ids=JOBS)
def test_interrupts_from_the_keyboard_lose_nothing_in_code_as_written(job):
    """Whatever is interrupted, every tensor can be read, and the next steps go on from it."""
    for at in itertools.count(1, 131):
        step, data, objects = job()
        step(*data())
        try:
            with line_interrupted(at):
                step(*data())
                plain(objects)
        except KeyboardInterrupt:
            plain(objects)
        else:
            break
        step(*data())
        assert all(np.isfinite(x).all() for x in jax.tree.leaves(plain(objects)))
    assert at > 500


def give_a_result(storage):
    storage.take(torch7.add(torch7.ones(3), 4).storage)


def give_an_array(storage):
    storage.array = np.ones(3)


@pytest.mark.parametrize("write", [give_a_result, give_an_array])
def test_an_interrupt_before_a_write_leaves_what_was_there(write, monkeypatch):
    def interrupted(record, cell):
        release(record, cell)
        raise KeyboardInterrupt

    release = Record.release
    x = torch7.Tensor(3).fill(1).mul(2)
    with monkeypatch.context() as patch:
        patch.setattr(Record, "release", interrupted)
        with pytest.raises(KeyboardInterrupt):
            write(x.storage)
    assert plain(x).tolist() == [2, 2, 2]


def fails(x):
    """What only a value can tell."""
    shape = jax.ShapeDtypeStruct(x.shape, x.dtype)
    return x * jax.pure_callback(refuse, shape, jax.lax.stop_gradient(x))


def refuse(x):
    if (x > 100).any():
        raise ValueError("too large")
    return x


@pytest.mark.parametrize("way", [as_written, transforms.jit])
def test_a_program_that_fails_while_it_runs_leaves_what_it_was_given(way):
    net = torch7_training.network(nn7.Pure(fails, {}))
    step = way(torch7_training.sgd_step(net, {"learningRate": 0.1, "momentum": 0.9}))
    step(*data7())
    start = plain(net.parameters())
    large, labels = data7()
    with pytest.raises(Exception, match="too large"):
        float(step(large.mul(1000), labels))
    assert_same(plain(net.parameters())[0], start[0])
    assert np.isfinite(float(step(*data7())))


def test_work_put_off_that_fails_when_a_trace_begins_keeps_nobody_waiting(monkeypatch):
    def broken():
        raise ValueError("broken")

    with monkeypatch.context() as patch:
        patch.setattr(cells, "settlers", [broken])
        with pytest.raises(ValueError, match="broken"):
            transforms.jit(jnp.negative)(jnp.ones(2))
    assert not cells.tracing()
    assert transforms.jit(jnp.negative)(jnp.ones(2)).sum() == -2

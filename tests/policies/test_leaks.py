"""Nothing is left behind: no tracers, no dead arrays, no programs or traces more than needed."""

import copy
import gc
import sys
import weakref

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.core import Tracer

import fnn.pytorch as torch
import fnn.torch7 as torch7
import transforms
from fnn.pytorch import nn
from fnn.tensor import record, run
from tests.policies import looking_programs, pytorch_training, torch7_training
from tests.policies.ways import as_written, assert_same, outcome, plain
from transforms.cells import PENDING, Cell, tracing
from transforms.program import SMALL

pytestmark = pytest.mark.unoptimised

every_way = pytest.mark.parametrize("wrap", [as_written, transforms.jit])
LONG = 10_000
BLOCKS = 300_000  # of memory that Python may allocate meanwhile


def cells():
    return [x for x in gc.get_objects() if issubclass(type(x), Cell)]


def test_no_cell_holds_a_tracer():
    older = cells()  # of other tests: some wait for a program that fails
    programs = [pytorch_training.evaluated_in_between, torch7_training.PROGRAMS["momentum"]]
    kept = [program(wrap) for program in programs for wrap in (as_written, transforms.jit)]
    for program in looking_programs.REFUSED.values():
        with pytest.raises(RuntimeError):
            kept.append(program(transforms.jit))
    known = set(map(id, older))
    found = [cell for cell in cells() if id(cell) not in known]
    assert len(found) > 50
    assert not tracing()
    assert not [cell for cell in found if isinstance(cell.array, Tracer)]


def jobs(wrap):
    """Steps of both dialects, each with something to make its data of."""
    net = pytorch_training.network()
    step = wrap(pytorch_training.training_step(net, pytorch_training.sgd(net, momentum=0.9)))
    net7 = torch7_training.network()
    step7 = wrap(torch7_training.sgd_step(net7, {"momentum": 0.9}))
    return [
        (net, step, lambda: (torch.randn(6, 3), torch.from_numpy(pytorch_training.Y))),
        (net7, step7, lambda: (torch7.randn(6, 3), torch7.fromarray(torch7_training.Y))),
    ]


@every_way
@pytest.mark.parametrize("dialect", [0, 1], ids=["pytorch", "torch7"])
def test_batches_and_results_are_forgotten(wrap, dialect):
    _, step, data = jobs(wrap)[dialect]
    refs = []
    for _ in range(4):
        x, y = data()
        loss = step(x, y)
        refs += [weakref.ref(t.storage) for t in (x, y)] + [weakref.ref(x.storage.array)]
        if hasattr(loss, "storage"):
            refs.append(weakref.ref(loss.storage))
        float(loss)
    x, y = data()  # Torch7's modules remember what they were given last
    step(x, y)
    del x, y, loss
    gc.collect()
    assert [ref() is None for ref in refs] == [True] * len(refs)


@every_way
@pytest.mark.parametrize("dialect", [0, 1], ids=["pytorch", "torch7"])
def test_networks_and_steps_are_forgotten(wrap, dialect):
    net, step, data = jobs(wrap)[dialect]
    for _ in range(3):
        step(*data())
    refs = [weakref.ref(net), weakref.ref(next(iter(parameters(net))).storage)]
    del net, step, data
    gc.collect()
    assert [ref() for ref in refs] == [None, None]


def parameters(net):
    return net.parameters() if isinstance(net, nn.Module) else net.parameters()[0]


@every_way
@pytest.mark.parametrize("dialect", [0, 1], ids=["pytorch", "torch7"])
def test_as_many_arrays_live_after_many_steps_as_after_a_few(wrap, dialect):
    _, step, data = jobs(wrap)[dialect]
    x, y = data()

    def live():
        float(step(x, y))
        gc.collect()
        return len(jax.live_arrays())

    for _ in range(3):
        live()
    before = live()
    for _ in range(20):
        step(x, y)
    assert live() <= before


@every_way
def test_arrays_that_numpy_sees_are_never_overwritten(wrap):
    for net, step, data in jobs(wrap):
        seen = []
        for _ in range(4):
            step(*data())
            found = [p.detach() if hasattr(p, "detach") else p for p in parameters(net)]
            seen += [(view, view.copy()) for view in map(np.asarray, found)]
        for view, kept in seen:
            np.testing.assert_array_equal(view, kept)


@every_way
def test_copies_are_not_changed_by_later_steps(wrap):
    for net, step, data in jobs(wrap):
        step(*data())
        twin, numbers = copy.deepcopy(net), plain(net)
        for _ in range(3):
            step(*data())
        assert_same(plain(twin), numbers)


def counted(step):
    """A step, and a list with an entry for each time that its Python code ran."""
    runs = []
    tick = runs.append  # a closure over the list itself would be a setting that changes

    def counting(*arguments):
        tick(None)
        return step(*arguments)

    return transforms.jit(counting), runs


def test_shapes_back_and_forth_are_traced_once_each():
    net = pytorch_training.network()
    train = pytorch_training.training_step(net, pytorch_training.sgd(net))
    train(*pytorch_training.data())  # from now on there are gradients, and an optimiser's state
    step, runs = counted(train)
    with transforms.count_compilations() as log:
        for size in [6, 4, 2, 6, 2, 4] * 5:
            step(*pytorch_training.data(size))
    assert len(runs) == 3
    assert log.counts["counting"] <= 3


def test_flags_back_and_forth_are_traced_once_each():
    net = pytorch_training.network(nn.Dropout(0.5))
    forward, runs = counted(lambda x: net(x))
    x, _ = pytorch_training.data()
    for i in range(12):
        net.train(i % 2 == 0)
        with torch.set_grad_enabled(i % 3 == 0):
            forward(x)
    assert len(runs) == 4


def test_outputs_that_change_their_shape_are_no_settings():
    net = torch7_training.network()
    train = torch7_training.training_step(net)
    train(*torch7_training.data())
    step, runs = counted(train)
    for size in [6, 4, 6, 6, 4, 4, 2, 6]:
        step(*torch7_training.data(size))
    assert len(runs) <= 3 * 3  # by the sizes of the batch, and of what the output held before


def test_numbers_as_data_are_traced_once():
    net = torch7_training.network()
    x, _ = torch7_training.data()
    step, runs = counted(lambda x, rate: net.forward(x).clone().mul(rate))
    for i in range(6):
        step(x, i / 7)
    assert len(runs) <= 2


def test_views_at_other_places_are_traced_once():
    step, runs = counted(lambda x: (x * x).sum())
    large = torch.arange(40.0).reshape(10, 4)
    for i in range(8):
        assert step(large[i : i + 2]).item() == float((large[i : i + 2] ** 2).sum())
    assert len(runs) == 1


@pytest.mark.parametrize("dialect", [torch, torch7])
def test_long_loops_without_a_look_stay_small(dialect):
    total, chain, rows = dialect.zeros(3), dialect.ones(3), dialect.zeros(4, 3)
    add, add_row = (getattr(x, "add_" if dialect is torch else "add") for x in (total, rows[1]))
    before = sys.getallocatedblocks()
    with transforms.count_compilations() as log:
        for i in range(LONG):
            add(1)
            if i % 4 == 0:
                chain = chain + total
                add_row(0.5)
    assert sys.getallocatedblocks() - before < BLOCKS
    assert np.asarray(total).tolist() == [LONG] * 3
    assert np.asarray(chain)[0] == 1 + sum(range(1, LONG + 1, 4))
    assert np.asarray(rows).sum() == 3 * LONG / 8
    assert log.total + sum(log.operations.values()) <= 12


def test_steps_without_a_look_stay_small():
    for _, step, data in jobs(as_written):
        x, y = data()
        losses = [step(x, y) for _ in range(4)]
        float(losses[-1])
        before = sys.getallocatedblocks()
        with transforms.count_compilations() as log:
            losses += [step(x, y) for _ in range(300)]
        assert sys.getallocatedblocks() - before < BLOCKS
        assert log.total + sum(log.operations.values()) <= 12
        assert all(np.isfinite(float(loss)) for loss in losses)


def test_nested_lifting_and_helpers_as_written():
    def program(wrap):
        net = pytorch_training.network()
        train = pytorch_training.training_step(net, pytorch_training.sgd(net, momentum=0.9))
        inner = wrap(train)
        innermost = wrap(lambda x: net(x).detach() * 2)

        @wrap
        def twice(x, y):
            first = inner(x, y)
            scaled = innermost(x) + wrap(innermost)(x)
            return train(x, y) + first.detach(), scaled

        x, y = pytorch_training.data()
        return [twice(x, y), train(x, y), inner(x, y), twice(x, y), innermost(x), net]

    assert_same(outcome(program, transforms.jit), outcome(program, as_written))


def test_lifted_and_as_written_code_in_turns():
    def program(wrap):
        net, config = torch7_training.network(), {"learningRate": 0.1, "momentum": 0.9}
        step = torch7_training.sgd_step(net, config)
        fast, found = wrap(step), []
        for i in range(8):
            found.append((fast if i % 2 else step)(*torch7_training.data(4 + 2 * (i // 4))))
            net.get(1).bias.add(0.01)
            config["learningRate"] *= 0.9
        return found, net, config

    assert_same(outcome(program, transforms.jit), outcome(program, as_written))


@every_way
def test_large_arrays_that_nobody_holds_are_given_away_without_a_copy(wrap, monkeypatch):
    torch.manual_seed(1)
    net = nn.Linear(200, 100)
    assert net.weight.numel() > SMALL  # smaller ones travel together
    step = wrap(pytorch_training.training_step(net, pytorch_training.sgd(net)))
    data = torch.randn(6, 200), torch.tensor([0, 1, 0, 1, 0, 1])
    for _ in range(4):
        step(*data)
    copies, original = [], jnp.copy
    monkeypatch.setattr(jnp, "copy", lambda x: copies.append(x.shape) or original(x))
    step(*data)
    assert copies == []
    held = net.weight.storage.array
    step(*data)
    assert (100, 200) in copies
    assert not held.is_deleted()


def test_what_is_remembered_of_code_that_never_repeats_is_bounded(monkeypatch):
    monkeypatch.setattr(record, "LIMIT", 40)
    for n in range(1, 50):
        x = torch.arange(float(n))
        assert (x * 2 + n).sum().item() == n * (n - 1) + n * n
        assert record.memory.steps <= 40
    assert len(record.memory.calls) <= 40


def test_a_decorated_function_alone_is_eager():
    def flush():
        x = torch.ones(2) + 1
        return x.storage._array is not PENDING

    assert run.eager()(flush)()
    assert not flush()

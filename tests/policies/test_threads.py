"""Several threads: networks of their own, a network that is read, tensors that are handed over."""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from queue import Empty, Queue, SimpleQueue

import numpy as np
import pytest

import fnn.pytorch as torch
import fnn.torch7 as torch7
import transforms
from fnn.pytorch import optim
from fnn.tensor import run as engine
from tests.policies import pytorch_training, torch7_training
from tests.policies.ways import as_written, assert_same, plain

pytestmark = pytest.mark.unoptimised

STEPS = 12


@pytest.fixture(autouse=True)
def turns():
    """Threads take turns often."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def pytorch_job(wrap):
    torch.manual_seed(3)
    net = pytorch_training.network()
    optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    step = wrap(pytorch_training.training_step(net, optimizer))
    x, y = pytorch_training.data()
    return lambda: step(x, y).item(), list(net.parameters())


def torch7_job(wrap):
    torch7.manualSeed(3)
    net = torch7_training.network()
    step = wrap(torch7_training.sgd_step(net, {"learningRate": 0.1, "momentum": 0.9}))
    x, y = torch7_training.data()
    return lambda: float(step(x, y)), list(net.parameters()[0])


JOBS = {"pytorch": pytorch_job, "torch7": torch7_job}
every_job = pytest.mark.parametrize("job", JOBS.values(), ids=JOBS)
every_way = pytest.mark.parametrize("wrap", [as_written, transforms.jit])


def at_once(*functions):
    """Run in threads that begin together; their results."""
    barrier = threading.Barrier(len(functions))

    def begin(function):
        barrier.wait(60)
        return function()

    with ThreadPoolExecutor(len(functions)) as pool:
        return [future.result(120) for future in [pool.submit(begin, f) for f in functions]]


def in_thread(function):
    return at_once(function)[0]


@every_job
def test_four_threads_train_four_networks(job):
    wraps = [as_written, transforms.jit, as_written, transforms.jit]
    jobs = [job(wrap) for wrap in wraps]

    def train(step):
        return lambda: [step() for _ in range(STEPS)]

    with engine.eager():
        step, params = job(as_written)
        wanted = train(step)(), plain(params)
    losses = at_once(*(train(step) for step, _ in jobs))
    for found, (_, ours) in zip(losses, jobs, strict=True):
        assert_same((found, plain(ours)), wanted)


@every_job
@every_way
def test_parameters_are_read_while_they_are_trained(job, wrap):
    """Each tensor that the reader sees is one that there was between two steps."""
    with engine.eager():
        step, params = job(as_written)
        there = [[np.array(plain_array(p)) for p in params]]
        for _ in range(STEPS):
            step()
            there.append([np.array(plain_array(p)) for p in params])
    step, params = job(wrap)
    done, seen = threading.Event(), []

    def train():
        try:
            for _ in range(STEPS):
                step()
        finally:
            done.set()

    def read():
        while not done.is_set():
            seen.append([np.array(plain_array(p)) for p in params])

    at_once(train, read)
    for arrays in seen[:: max(len(seen) // 50, 1)]:
        for i, array in enumerate(arrays):
            assert any(np.allclose(array, state[i], rtol=1e-9, atol=1e-12) for state in there)


MEANWHILE = {
    "reads": lambda net, x: net[0].weight.detach() + 0,
    "computes": lambda net, x: net(x).detach(),
    "lifts": lambda net, x: transforms.jit(lambda x: net(x))(x),
    "writes elsewhere": lambda net, x: torch.zeros(2).add_(net[2].bias.detach()),
}


@pytest.mark.parametrize("what", MEANWHILE)
def test_while_one_thread_traces_a_network_another(what):
    """It sees the network as it was before the step, or after it."""
    net, (x, y) = pytorch_training.network(), pytorch_training.data()
    train = pytorch_training.training_step(net, pytorch_training.sgd(net))
    begun, done = SimpleQueue(), SimpleQueue()
    say, wait = begun.put, done.get

    @transforms.jit
    def step(x, y):
        loss = train(x, y)
        say(None)
        with suppress(Empty):
            wait(timeout=1)
        return loss

    def other():
        begun.get(timeout=60)
        found = np.array(MEANWHILE[what](net, x))
        done.put(None)
        return found

    before = np.array(MEANWHILE[what](net, x))
    _, found = at_once(lambda: step(x, y).item(), other)
    after = np.array(MEANWHILE[what](net, x))
    assert any(np.allclose(found, each, rtol=1e-9) for each in (before, after))


def plain_array(p):
    return p.detach() if isinstance(p, torch.Tensor) else p


@every_job
@every_way
def test_a_network_is_handed_from_thread_to_thread(job, wrap):
    with engine.eager():
        step, params = job(as_written)
        wanted = [step() for _ in range(4)], plain(params)
    step, params = in_thread(lambda: job(wrap))
    losses = [step(), in_thread(step), in_thread(step), step()]
    assert_same((losses, plain(params)), wanted)


def test_tensors_that_nobody_has_looked_at_are_handed_over():
    queue = Queue()

    def produce():
        x = torch.ones(4)
        for i in range(50):
            x = x + i
            y = x * 2
            y[1:3].mul_(0.5)
            queue.put(y)
        queue.put(None)

    def consume():
        total = torch.zeros(4)
        while (y := queue.get(timeout=60)) is not None:
            total += y
        return total

    _, total = at_once(produce, consume)
    sums = np.cumsum(np.arange(50)) + 1
    np.testing.assert_allclose(total.numpy(), sums.sum() * np.array([2, 1, 1, 2]))


def test_many_threads_add_to_one_tensor_in_turns():
    total, lock = torch.zeros(3), threading.Lock()

    def add():
        for _ in range(100):
            with lock:
                total.add_(1)

    at_once(add, add, add, add)
    assert total.tolist() == [400] * 3


def test_many_threads_look_at_one_tensor():
    x = torch.ones(4)
    for i in range(20):
        x = x * 1.5 + i
    twin = 1.0
    for i in range(20):
        twin = twin * 1.5 + i
    for found in at_once(*[x.numpy] * 8):
        np.testing.assert_allclose(found, [twin] * 4)


def test_modes_belong_to_their_thread():
    with torch.no_grad(), engine.eager():
        assert in_thread(torch.is_grad_enabled)
        assert in_thread(lambda: (torch.ones(2).requires_grad_() * 2).requires_grad)
    w = torch.ones(2).requires_grad_()
    loss = (w * w).sum()
    in_thread(loss.backward)
    assert w.grad.tolist() == [2, 2]


@every_job
def test_one_lifted_function_is_called_by_several_threads_in_turns(job):
    with engine.eager():
        step, params = job(as_written)
        wanted = [step() for _ in range(12)], plain(params)
    step, params = job(transforms.jit)
    lock, losses = threading.Lock(), []

    def train():
        for _ in range(4):
            with lock:
                losses.append(step())

    at_once(train, train, train)
    assert_same((losses, plain(params)), wanted)


def test_one_lifted_function_is_called_by_several_threads_at_once():
    net = pytorch_training.network()
    forward = transforms.jit(lambda x: net(x))
    inputs = [torch.ones(size, 3) * i for i, size in enumerate((1, 2, 1, 2, 3, 3))]
    wanted = [net(x).detach().numpy() for x in inputs]
    found = at_once(*(lambda x=x: [forward(x).detach().numpy() for _ in range(5)] for x in inputs))
    for ours, theirs in zip(found, wanted, strict=True):
        for each in ours:
            np.testing.assert_allclose(each, theirs, rtol=1e-9)

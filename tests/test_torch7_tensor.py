"""Torch7's tensors: making them, views, memory, random numbers, compiled code."""

import copy

import jax.numpy as jnp
import numpy as np
import pytest

import fnn.torch7 as torch
from fnn.errors import LayerError
from fnn.torch7.table import Table
from tests.torch7_numbers import matrix, same
from transforms.jit import jit

# Making tensors.


def test_constructors():
    x = matrix(2, 3)
    alias = torch.Tensor(x)
    alias[1, 1] = 9
    assert x[1, 1] == 9
    assert alias.isSetTo(x)
    s = torch.DoubleStorage([1, 2, 3, 4])
    assert same(torch.Tensor(s), [1, 2, 3, 4])
    part = torch.Tensor(s, 2, torch.LongStorage([2]))
    part.fill(7)
    assert s.tolist() == [1, 7, 7, 4]
    assert same(torch.Tensor(s, 1, 2, 2), [1, 7])
    assert same(torch.LongTensor(torch.LongStorage([2, 3])), [2, 3])
    assert torch.Tensor(torch.LongStorage([2, 3])).size().tolist() == [2, 3]
    assert torch.Tensor().dim() == torch.Tensor([]).dim() == torch.Tensor(0).nElement() == 0
    assert same(torch.Tensor(Table([Table([1, 2]), Table([3, 4])])), [[1, 2], [3, 4]])


def test_types():
    x = torch.Tensor([1.9, -1.38, 300])
    assert isinstance(x, torch.DoubleTensor)
    assert isinstance(x, torch.Tensor)
    assert not isinstance(x, torch.FloatTensor)
    assert not isinstance(3, torch.DoubleTensor)
    assert x.double() is x
    assert x.type("torch.DoubleTensor") is x
    assert x.type() == torch.type(x) == "torch.DoubleTensor"
    assert same(x.byte(), [1, 255, 44])
    assert same(x.long(), [1, -1, 300])
    assert torch.type(x.float()) == "torch.FloatTensor"
    assert torch.type(x.size()) == "torch.LongStorage"
    assert isinstance(x.storage(), torch.DoubleStorage)
    assert torch.Tensor().storage() is None
    assert len(torch.Tensor(2).resize(0).storage()) == 2
    assert x.typeAs(torch.LongTensor()).type() == "torch.LongTensor"
    kinds = [(1, "number"), ("a", "string"), (None, "nil"), ([], "table"), (True, "boolean")]
    assert [torch.type(value) for value, _ in kinds] == [name for _, name in kinds]


def test_default_type():
    assert torch.getdefaulttensortype() == "torch.DoubleTensor"
    torch.setdefaulttensortype("torch.FloatTensor")
    try:
        assert torch.Tensor(2).type() == torch.zeros(2).type() == "torch.FloatTensor"
        assert torch.range(1, 2).type() == torch.rand(2).type() == "torch.FloatTensor"
    finally:
        torch.setdefaulttensortype("torch.DoubleTensor")
    with pytest.raises(TypeError, match=r"torch\.IntTensor"):
        torch.setdefaulttensortype("float64")


@pytest.mark.parametrize(
    ("call", "numbers"),
    [
        (lambda: torch.zeros(2), [0, 0]),
        (lambda: torch.ones(torch.LongStorage([1, 2])), [[1, 1]]),
        (lambda: torch.eye(2, 3), [[1, 0, 0], [0, 1, 0]]),
        (lambda: torch.range(1, 2, 0.5), [1, 1.5, 2]),
        (lambda: torch.range(3, 1, -1), [3, 2, 1]),
        (lambda: torch.IntTensor().range(0.5, 4), [0, 1, 2, 3, 4]),
        (lambda: torch.FloatTensor().range(0.6, 0.9, 0.1).mul(10).round(), [6, 7, 8, 9]),
        (lambda: torch.linspace(0, 1, 3), [0, 0.5, 1]),
        (lambda: torch.logspace(0, 2, 3), [1, 10, 100]),
        (lambda: torch.Tensor(3).zeros(1), [0]),
        (lambda: torch.zeros().cat(torch.ones()), []),
        (lambda: torch.Tensor(3).range(1, 2), [1, 2]),
        (lambda: torch.cat(torch.ones(1), torch.zeros(2)), [1, 0, 0]),
        (lambda: torch.cat([torch.ones(2), torch.zeros(2), torch.Tensor()], 2), [[1, 0], [1, 0]]),
        (lambda: torch.cat([torch.ones(1, 2), torch.zeros(1, 2)], 1), [[1, 1], [0, 0]]),
        (lambda: torch.Tensor([1, 2]).diag(), [[1, 0], [0, 2]]),
        (lambda: matrix(2, 2).tril(), [[1, 0], [3, 4]]),
        (lambda: torch.triu(matrix(2, 2), 1), [[0, 2], [0, 0]]),
        (lambda: torch.repeatTensor(torch.Tensor([1, 2]), 2, 1), [[1, 2], [1, 2]]),
        (lambda: torch.fromarray(np.array([[True, False]])), [[1, 0]]),
    ],
)
def test_made(call, numbers):
    assert same(call(), numbers)


def test_arrays_in_and_out():
    x = matrix(2, 2)
    np.testing.assert_array_equal(np.asarray(x.t()), [[1, 3], [2, 4]])
    assert np.asarray(x).dtype == np.float64
    assert torch.fromarray(np.ones(2, np.float32)).type() == "torch.FloatTensor"
    assert torch.fromarray(jnp.ones(2, jnp.int32)).type() == "torch.IntTensor"
    assert torch.fromarray(x) is x
    assert isinstance(x.array, jnp.ndarray)
    assert x.totable() == Table([Table([1, 2]), Table([3, 4])])
    assert same(torch.fromarray(np.float64(3)), [3])
    with pytest.raises(TypeError, match="complex"):
        torch.fromarray(np.ones(1, complex))


# Views.


VIEWS = {
    "narrow": (lambda x: x.narrow(2, 2, 2), [[2, 3], [5, 6]]),
    "select": (lambda x: x.select(1, -1), [4, 5, 6]),
    "sub": (lambda x: x.sub(1, -1, -2, -1), [[2, 3], [5, 6]]),
    "t": (lambda x: x.t(), [[1, 4], [2, 5], [3, 6]]),
    "permute": (lambda x: x.permute(2, 1), [[1, 4], [2, 5], [3, 6]]),
    "unfold": (lambda x: x.unfold(2, 2, 1), [[[1, 2], [2, 3]], [[4, 5], [5, 6]]]),
    "view": (lambda x: x.view(3, -1), [[1, 2], [3, 4], [5, 6]]),
    "viewAs": (lambda x: x.viewAs(torch.Tensor(6, 1)), [[1], [2], [3], [4], [5], [6]]),
    "view of": (lambda x: torch.Tensor().view(x, 6), [1, 2, 3, 4, 5, 6]),
    "squeeze": (lambda x: x.view(1, 2, 3).squeeze(), [[1, 2, 3], [4, 5, 6]]),
    "squeeze(1)": (lambda x: x.view(1, 2, 1, 3).squeeze(1), [[[1, 2, 3]], [[4, 5, 6]]]),
    "split": (lambda x: x.split(2, 2)[2], [[3], [6]]),
    "chunk": (lambda x: torch.chunk(x, 2, 1)[1], [[1, 2, 3]]),
    "expand": (lambda x: x[[1]].expand(2, 3), [[1, 2, 3], [1, 2, 3]]),
    "expandAs": (lambda x: x[[], [1]].expandAs(x), [[1, 1, 1], [4, 4, 4]]),
    "set": (lambda x: torch.Tensor().set(x), [[1, 2, 3], [4, 5, 6]]),
    "[i]": (lambda x: x[2], [4, 5, 6]),
    "[i, []]": (lambda x: x[2, []], [4, 5, 6]),
    "[[], j]": (lambda x: x[[], -1], [3, 6]),
    "[[i, j], [k]]": (lambda x: x[[1, -1], [2]], [[2], [5]]),
    "contiguous": (lambda x: x.contiguous(), [[1, 2, 3], [4, 5, 6]]),
}


@pytest.mark.parametrize("name", VIEWS)
def test_views_show_and_write_the_same_memory(name):
    make, numbers = VIEWS[name]
    x = matrix(2, 3)
    view = make(x)
    assert same(view, numbers)
    assert view.storage() is x.storage()
    view.fill(-1)
    touched = set(np.asarray(numbers).reshape(-1).tolist())
    assert [v == -1 for v in x.storage()] == [i in touched for i in range(1, 7)]


def test_copies():
    x = matrix(2, 3)
    for other in (x.clone(), x.reshape(2, 3), x.t().contiguous(), x.repeatTensor(1, 1), x.float()):
        other.fill(0)
    assert same(copy.deepcopy(x).zero(), [[0] * 3] * 2)
    assert x.sum() == 21


def test_index_gives_numbers():
    x = matrix(2, 3)
    assert (x[2, 3], x[2][3], x[-1, -1], x[torch.LongStorage([2, 3])]) == (6, 6, 6, 6)
    assert isinstance(x[1, 1], float)
    assert isinstance(x.long()[1, 1], int)
    assert x.view(1, 6)[[], 2.0].squeeze() == 2
    assert [row.sum() for row in x] == [6, 15]
    assert len(x) == 2
    assert x[[], 2].select(1, 2) == 5


def test_assignment():
    x = matrix(2, 3)
    x[1] = 0
    x[2, [1, 2]] = torch.LongTensor([[8], [9]])
    x[2, 3] = 5
    assert same(x, [[0, 0, 0], [8, 9, 5]])
    x[x.gt(7)] = 1
    x[x.eq(0)] = torch.Tensor([3, 4, 5])
    assert same(x, [[3, 4, 5], [1, 1, 5]])
    assert same(x[x.ge(4)], [4, 5, 5])
    x[[], 1] = np.array([6, 7])
    assert same(x[[], [1]], [[6], [7]])


def test_lengths_are_cut():
    x = torch.range(1, 5)
    assert torch.rand(2, 7 / 2).size().tolist() == [2, 3]
    assert len(torch.DoubleStorage(7 / 2)) == 3
    assert same(x.narrow(1, 2, 5 / 2), [2, 3])
    assert [part.nElement() for part in x.chunk(5 / 2)] == [3, 2]
    assert same(x.unfold(1, 9 / 2, 3 / 2), [[1, 2, 3, 4], [2, 3, 4, 5]])
    assert same(torch.linspace(0, 1, 7 / 2), [0, 0.5, 1])


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda x: x[0], IndexError, "counts from 1"),
        (lambda x: x[3], IndexError, r"wanted 1\.\.2"),
        (lambda x: x[1, 1, 1], IndexError, "3 indices for 2"),
        (lambda x: x[torch.LongStorage([1])], IndexError, "1 indices for 2"),
        (lambda x: x[1:2], TypeError, r"x\[\[2, 3\]\]"),
        (lambda x: x[1, :], TypeError, r"x\[\[2, 3\]\]"),
        (lambda x: x["a"], TypeError, "whole number"),
        (lambda x: x[1.5], TypeError, "whole number"),
        (lambda x: x[[2, 1], []], IndexError, "backwards"),
        (lambda x: x[torch.ByteTensor(3)], LayerError, "ByteTensor of 6"),
        (lambda x: x.narrow(2, 3, 2), LayerError, "start 3 and length 2 along dimension 2"),
        (lambda x: x.narrow(2, 0, 2), LayerError, "counts from 1"),
        (lambda x: torch.cat(x, x.t()), LayerError, "equal sizes in all dimensions but 2"),
        (lambda x: x.narrow(0, 1, 1), IndexError, "dimensions count from 1"),
        (lambda x: x.size(3), IndexError, r"wanted 1\.\.2"),
        (lambda x: x.permute(1, 1), LayerError, "each of 1..2 once"),
        (lambda x: x.repeatTensor(2), LayerError, "2 at least"),
        (lambda x: x.t().view(6), LayerError, "contiguous"),
        (lambda x: x.view(4), LayerError, "6 elements"),
        (lambda x: x.expand(2, 6), LayerError, "length 1"),
        (lambda x: x.copy(torch.Tensor(5)), LayerError, "6 for|6 elements"),
        (lambda x: x.copy([1, 2]), TypeError, r"given \[1, 2\], wanted a tensor or an array"),
        (lambda x: x.index(1, [1]), TypeError, "LongTensor"),
        (lambda x: x.resize(3, -1), LayerError, "view and reshape"),
        (lambda x: x.new([[1, 2], [3]]), LayerError, r"\[\[1, 2\], \[3\]\].* equally long"),
        (lambda x: x.new([1, None]), LayerError, "nil"),
        (lambda x: x.new(["a"]), LayerError, "string"),
        (lambda x: x.storage()[0], IndexError, "counts from 1"),
        (lambda x: x.storage()[7], IndexError, r"1\.\.6"),
        (lambda x: x + x.float(), TypeError, "DoubleTensor and a torch.FloatTensor"),
        (lambda x: x.set(x.float()), TypeError, "FloatTensor for a torch.DoubleTensor"),
        (lambda x: x.long().exp(), TypeError, "floating-point"),
        (lambda x: x.add(torch.Tensor(5)), LayerError, "equal numbers"),
        (lambda x: x * x, LayerError, r"wanted n x m and m x p"),
        (lambda x: x[1] * x, ValueError, "1D and 2D tensors not yet supported"),
        (lambda x: x / x, TypeError, "unsupported operand"),
        (lambda x: torch.Tensor(3, 3).mm(x, x.t()), LayerError, "is not resized"),
        (lambda x: torch.Tensor(2, 2).mm(x), TypeError, r"mm: given"),
        (lambda x: x.add("a"), TypeError, r"\(tensor, number\) or \(tensor, tensor\)"),
        (lambda x: x.long().div(0), ZeroDivisionError, "div"),
        (lambda x: torch.range(1, 0), LayerError, "never empty"),
        (lambda x: x.maskedCopy(x.gt(0), torch.Tensor(2)), LayerError, "6, one for each"),
        (lambda x: x.maskedCopy(x.eq(1), torch.Tensor()), LayerError, "given 0 elements, wanted 1"),
        (lambda x: Table([1])[0], IndexError, "counts from 1"),
        (lambda x: Table([1])[:1], TypeError, "counts from 1"),
    ],
)
def test_errors_say_what_is_wrong(call, error, text):
    with pytest.raises(error, match=text):
        call(matrix(2, 3))


# Memory.


def test_resize_keeps_the_storage():
    x = matrix(2, 3)
    view = x.select(2, 3)
    assert x.resize(2, 2) is x
    assert same(x, [[1, 2], [3, 4]])
    assert same(view, [3, 6])
    x.resize(4, 2)
    assert same(x, [[1, 2], [3, 4], [5, 6], [0, 0]])
    assert same(view, [3, 6])
    assert torch.Tensor().resizeAs(x).size().tolist() == [4, 2]
    assert x.set().dim() == 0


def test_results_are_resized():
    a = torch.Tensor([1, 4])
    r = torch.Tensor()
    assert torch.sqrt(r, a) is r
    assert same(r, [1, 2])
    assert same(r.add(a, 1), [2, 5])
    assert same(torch.Tensor(5, 5).cmul(a, a), [1, 16])
    long = torch.range(1, 4)
    part = long.narrow(1, 1, 2)
    part.neg(a)
    assert same(long, [-1, -4, 3, 4])


def test_hold():
    x = torch.Tensor(2, 2)
    array = jnp.ones((1, 3))
    row = x[2].fill(7)
    assert x.hold(array).array is array
    assert same(row, [7, 7])
    flat = torch.Tensor(4)
    part = flat.narrow(1, 2, 2)
    part.hold(jnp.ones(2))
    assert same(flat, [0, 1, 1, 0])
    with pytest.raises(LayerError, match="a view keeps its size"):
        part.hold(jnp.ones(3))


def test_storages():
    s = torch.LongStorage([2, 3])
    s[1] = 5
    assert (s.tolist(), s[1], len(s), s.size()) == ([5, 3], 5, 2, 2)
    assert s.fill(4).tolist() == [4, 4]
    assert torch.IntStorage(2).copy(torch.DoubleStorage([1.7, -1.7])).tolist() == [1, -1]
    assert torch.DoubleStorage([1, 2]).resize(3).tolist() == [1, 2, 0]
    assert torch.FloatStorage(3).elementSize() == 4


def test_apply_and_map_follow_the_rows_of_a_view():
    x, seen = matrix(2, 2), []
    x.t().apply(lambda v: seen.append(v))
    assert seen == [1, 3, 2, 4]
    x.apply(lambda v: v * 10 if v > 2 else None)
    assert same(x, [[1, 2], [30, 40]])
    assert same(x.map(torch.ones(4), lambda a, b: a + b), [[2, 3], [31, 41]])


# Random numbers: the stream itself is tested beside the generator.


@pytest.mark.parametrize(
    ("call", "numbers"),
    [
        (lambda: torch.rand(2), [0.6964691872708499, 0.7129553214181215]),
        (lambda: torch.randn(2), [-0.5214430627124417, -1.491419435981541]),
        (lambda: torch.Tensor(2).normal(), [-0.5214430627124417, -1.491419435981541]),
        (lambda: torch.FloatTensor(1).uniform(-1, 1), [0.39293837547302246]),
        (lambda: torch.Tensor(4).geometric(0.3), [1, 2, 1, 1]),
        (lambda: torch.Tensor(3).bernoulli(0.3), [0, 0, 1]),
        (lambda: torch.Tensor(3).bernoulli(torch.Tensor([1, 0, 1])), [1, 0, 1]),
        (lambda: torch.LongTensor(3).random(1, 10), [3, 10, 3]),
        (lambda: torch.Tensor(2).exponential(1.5), [0.7948480993285756, 0.8320782672248097]),
        (lambda: torch.Tensor(2).cauchy(0, 1), [0.709729693025559, 0.7906584673427741]),
        (lambda: torch.Tensor(2).logNormal(1, 2), [0.9580204780306288, 0.13767783226140481]),
        (lambda: torch.randperm(8), [7, 3, 2, 4, 5, 8, 1, 6]),
        (lambda: torch.Tensor(1, 2).t().uniform(), [[0.6964691872708499], [0.7129553214181215]]),
    ],
)
def test_draws(call, numbers):
    torch.manualSeed(123)
    assert same(call(), numbers)


def test_stream():
    torch.manualSeed(123)
    assert torch.uniform() == 0.6964691872708499
    state = torch.getRNGState()
    first = torch.rand(3).tolist()
    assert torch.setRNGState(state) is state
    assert same(torch.rand(3), first)
    assert len(state.storage()) == 5048
    assert torch.initialSeed() == 123
    own = torch.Generator()
    torch.manualSeed(own, 123)
    assert same(torch.rand(own, 1), [0.6964691872708499])
    assert same(torch.Tensor(1).uniform(own, 0, 1), [0.7129553214181215])
    torch.manualSeed(123)
    assert [torch.bernoulli(0.3) for _ in range(4)] == [0, 0, 1, 0]
    assert str(torch.bernoulli(1)) == "1"
    seed = torch.seed()
    assert torch.initialSeed() == seed
    torch.manualSeed(0)
    assert str([torch.random(), torch.random()]) == "[2357136044, 2546248239]"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: x.bernoulli(1.5), "wanted 0 to 1"),
        (lambda x: x.bernoulli(torch.Tensor([0, -1, 1])), "wanted 0 to 1"),
        (lambda x: x.geometric(1), "wanted between 0 and 1"),
        (lambda x: x.geometric(0), "wanted between 0 and 1"),
        (lambda x: torch.multinomial(x.view(1, 1, 3).fill(1), 1), "a distribution in each row"),
        (lambda x: torch.cat([]), "an empty table"),
    ],
)
def test_what_makes_nothing(call, message):
    with pytest.raises(LayerError, match=message):
        call(torch.Tensor(3))


# Compiled code.


def test_compiled_code_does_the_same():
    def step(x, w):
        w.add(-0.1, x * 2)
        w[[1, 2]].mul(2)
        w[3] = 0
        y = torch.exp(w - w.max())
        return y / y.sum(), w.t() if w.dim() == 2 else w.size().tolist()

    x, eager, lifted = torch.Tensor([1, 2, 3, 4]), torch.ones(4), torch.ones(4)
    compiled = jit(step)
    for _ in range(2):
        expected, _ = step(x, eager)
        found, size = compiled(x, lifted)
        np.testing.assert_allclose(found, expected, rtol=1e-14)
        np.testing.assert_allclose(lifted, eager, rtol=1e-14)
        assert size == [4]


def test_compiled_code_draws_afresh():
    noise = torch.Tensor(1000)
    draw = jit(lambda: noise.normal(1, 2))
    torch.manualSeed(5)
    first, second = draw().tolist(), draw().tolist()
    torch.manualSeed(5)
    assert draw().tolist() == first != second
    assert abs(np.mean(first) - 1) < 0.3
    assert abs(np.std(second) - 2) < 0.3
    with pytest.raises(LayerError, match="only these"):
        jit(lambda: noise.cauchy())()

"""Torch7's tensors, against what the original computes and what the first seed programs expect."""

import copy
import math

import jax.numpy as jnp
import numpy as np
import pytest

import fnn.torch7 as torch
from fnn.errors import LayerError
from fnn.torch7 import random
from fnn.torch7.operations import OPERATIONS
from fnn.torch7.table import Table
from transforms import jit


def matrix(*size):
    return torch.range(1, math.prod(size)).resize(*size)


def same(x, numbers):
    """Whether a tensor holds just these numbers."""
    return x.tolist() == numbers


def close(x, numbers, digits=4):
    """Whether these are the numbers as printed."""
    found = np.asarray(x).reshape(-1)
    return [f"{v:.{digits}f}" for v in found] == numbers.split()


# The first seed: its printed numbers, by tensors only.


def test_numbers_of_the_first_tutorial():
    torch.manualSeed(287)
    x = torch.range(1, 5)
    weight = torch.Tensor(5).uniform(-1 / math.sqrt(5), 1 / math.sqrt(5))
    assert close(weight, "-0.3180 -0.0484 0.1885 0.4165 0.3364")
    assert weight[1] == pytest.approx(-0.317982074301, abs=1e-12)
    assert close(torch.cmul(weight, x), "-0.3180 -0.0968 0.5655 1.6661 1.6822")
    assert close(x.sum(1), "15.0000")
    assert x.sum(1).dim() == 1
    batch = torch.cmul(x.view(1, 5).expand(3, 5), weight.view(1, 5).expand(3, 5))
    assert same(batch[3], torch.cmul(weight, x).tolist())
    assert close(torch.cmul(weight, x).sum(1), "3.4990")
    joined = torch.cat(torch.cmul(weight, x), x.sum(1), 1)
    assert close(joined, "-0.3180 -0.0968 0.5655 1.6661 1.6822 15.0000")

    gradOut = torch.randn(1)
    assert gradOut[1] == pytest.approx(1.68341974182, abs=1e-11)
    g = gradOut.expand(5)
    assert close(torch.cmul(g, weight), "-0.5353 -0.0815 0.3173 0.7012 0.5664")
    assert (torch.cmul(g, weight) - weight * gradOut[1]).abs().max() < 1e-10
    assert close(torch.cmul(g, x), "1.6834 3.3668 5.0503 6.7337 8.4171")

    def linear(inputs, outputs):
        bound = 1 / math.sqrt(inputs)
        return (
            torch.Tensor(outputs, inputs).uniform(-bound, bound),
            torch.Tensor(outputs).uniform(-bound, bound),
        )

    W, b = linear(5, 3)
    assert close(W * x + b, "-2.8031 1.9383 -1.8525")
    table = torch.Tensor(5, 3).normal(0, 1)  # begins with the half that gradOut left over
    assert table[1].tolist() == pytest.approx([-0.340809882906, 0.859416259607, 1.21393547662])
    assert close(
        x + linear(5, 5)[1] if False else x + torch.Tensor(5).uniform(-g5(), g5()),
        "1.4369 2.2328 2.5575 4.2737 4.6302",
    )

    x = torch.randn(5)
    assert close(torch.sigmoid(x), "0.6790 0.5264 0.6779 0.6240 0.5938")
    assert close(torch.tanh(x), "0.6346 0.1051 0.6315 0.4672 0.3626")
    assert close(torch.cmax(x, 0), "0.7491 0.1055 0.7440 0.5065 0.3799")
    softmax = x - math.log(torch.exp(x).sum())
    assert close(softmax, "-1.3853 -2.0289 -1.3905 -1.6280 -1.7545")
    X = torch.randn(3, 2)
    assert close(X.max(1)[0], "0.9011 2.5226")
    assert close(X.mean(2), "0.4434 0.2421 1.2315")
    assert close(X.view(2, 3), "0.9011 -0.0143 -0.8167 1.3009 -0.0597 2.5226")

    x_d = torch.randn(1, 3)
    embedding = torch.randn(5, 2)
    W, b = linear(3, 2)
    assert close(embedding[[2]] + x_d * W.t() + b, "1.2212 -2.0951")
    t = [torch.randn(1, 3), torch.randn(1, 3), torch.randn(1, 2)]
    assert close(torch.cat(t, 2), "-0.6461 2.0589 -0.7707 0.0129 -0.6880 0.9008 0.0479 1.5202")
    y = torch.randn(3)
    assert f"{torch.pow(y, 2).mean():.14g}" == "1.8225688302461"
    assert f"{torch.zeros(3).dist(y) ** 2:.14g}" == "5.4677064907383"
    assert close(torch.zeros(3).add(-2, y), "2.3650 -1.6119 3.6986")


def g5():
    return 1 / math.sqrt(5)


# The second seed's tensors.


def test_sizes_and_products():
    assert torch.Tensor(5, 3).size().tolist() == [5, 3]
    a, b = torch.rand(5, 3), torch.rand(3, 4)
    c = torch.Tensor(5, 4)
    assert c.mm(a, b) is c
    assert same(c, (a * b).tolist())
    assert same(c, torch.mm(a, b).tolist())
    assert same(c, (a @ b).tolist())
    np.testing.assert_allclose(np.asarray(c), np.asarray(a) @ np.asarray(b), rtol=1e-14)


def test_clone_and_copy_share_nothing():
    a = torch.rand(5, 3)
    a.fill(1)
    c, m = a.clone(), torch.Tensor(a.size()).copy(a)
    assert same(m, a.tolist())
    c.fill(1.8)
    assert a.min() == a.max() == 1
    assert same(c, [[1.8] * 3] * 5)


def test_storage_and_columns():
    a, b = torch.Tensor(2, 3), torch.Tensor(3, 2)
    x = a.storage()
    for i in range(1, x.size() + 1):
        x[i] = i
    assert same(a, [[1, 2, 3], [4, 5, 6]])
    b[[], [1]].fill(2)
    b[[], [2]].fill(3)
    assert same(b, [[2, 3]] * 3)
    assert same(a * b, [[12, 18], [30, 45]])
    a, b = a.cuda(), b.cuda()
    c = torch.Tensor(5, 4).cuda()
    assert same(c.mm(a, b), [[12, 18], [30, 45]])
    assert c.size().tolist() == [2, 2]


def test_transpose_shares():
    a = torch.rand(5, 3)
    b = a.transpose(1, 2)
    a[2, 1] = 5
    assert b[1][2] == b[1, 2] == 5
    assert b.storage() is a.storage()
    assert a.storage()[4] == 5
    assert (a.isContiguous(), b.isContiguous()) == (True, False)
    assert (a.stride().tolist(), b.stride().tolist()) == ([3, 1], [1, 3])


# The third seed's identities.


def test_linear_map_and_its_gradients():
    torch.manualSeed(1)
    X, W, B = torch.randn(3), torch.randn(4, 3), torch.randn(4)
    gradOutput = torch.Tensor([1, 2, 3, 4])
    Y = torch.addmv(B, W, X)
    assert (W * X + B - Y).abs().max() < 1e-14
    outer = gradOutput.reshape(4, 1) * X.reshape(1, 3)
    assert outer.equal(torch.ger(gradOutput, X))
    back = W.transpose(1, 2) * gradOutput.reshape(4, 1)
    assert back.size().tolist() == [3, 1]
    assert (back - torch.mv(W.t(), gradOutput)).abs().max() < 1e-14
    view = X.reshape(3, 1).fill(0)
    assert view.sum() == 0 != X.norm()


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
    with pytest.raises(TypeError, match="torch.IntTensor"):
        torch.setdefaulttensortype("float64")


@pytest.mark.parametrize(
    ("call", "numbers"),
    [
        (lambda: torch.zeros(2), [0, 0]),
        (lambda: torch.ones(torch.LongStorage([1, 2])), [[1, 1]]),
        (lambda: torch.eye(2, 3), [[1, 0, 0], [0, 1, 0]]),
        (lambda: torch.range(1, 2, 0.5), [1, 1.5, 2]),
        (lambda: torch.range(3, 1, -1), [3, 2, 1]),
        (lambda: torch.linspace(0, 1, 3), [0, 0.5, 1]),
        (lambda: torch.logspace(0, 2, 3), [1, 10, 100]),
        (lambda: torch.Tensor(3).zeros(1), [0]),
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


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda x: x[0], IndexError, "counts from 1"),
        (lambda x: x[3], IndexError, r"wanted 1\.\.2"),
        (lambda x: x[1, 1, 1], IndexError, "3 indices for 2"),
        (lambda x: x[1:2], TypeError, r"x\[\[2, 3\]\]"),
        (lambda x: x[1, :], TypeError, r"x\[\[2, 3\]\]"),
        (lambda x: x["a"], TypeError, "whole number"),
        (lambda x: x[1.5], TypeError, "whole number"),
        (lambda x: x[[2, 1], []], IndexError, "backwards"),
        (lambda x: x[torch.ByteTensor(3)], LayerError, "ByteTensor of 6"),
        (lambda x: x.narrow(2, 3, 2), LayerError, "past the end"),
        (lambda x: x.narrow(0, 1, 1), IndexError, "dimensions count from 1"),
        (lambda x: x.size(3), IndexError, r"wanted 1\.\.2"),
        (lambda x: x[1].select(1, 1), LayerError, r"x\[i\]"),
        (lambda x: x.t().view(6), LayerError, "contiguous"),
        (lambda x: x.view(4), LayerError, "6 elements"),
        (lambda x: x.expand(2, 6), LayerError, "length 1"),
        (lambda x: x.copy(torch.Tensor(5)), LayerError, "6 for|6 elements"),
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
    assert x.hold(array).array is array
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


# Arithmetic.


X, Y = [1.0, -2.5, 4.0], [2.0, 3.0, -0.5]
LUA = {  # method call on Tensor(X), result
    "abs": ([], [1, 2.5, 4]),
    "neg": ([], [-1, 2.5, -4]),
    "sign": ([], [1, -1, 1]),
    "round": ([], [1, -3, 4]),
    "trunc": ([], [1, -2, 4]),
    "frac": ([], [0, -0.5, 0]),
    "cinv": ([], [1, -0.4, 0.25]),
    "exp": ([], [math.exp(v) for v in X]),
    "sigmoid": ([], [1 / (1 + math.exp(-v)) for v in X]),
    "add": ([1.5], [2.5, -1, 5.5]),
    "csub": ([2, Y], [-3, -8.5, 5]),
    "mul": ([2], [2, -5, 8]),
    "div": ([2], [0.5, -1.25, 2]),
    "fmod": ([2], [1, -0.5, 0]),
    "remainder": ([2], [1, 1.5, 0]),
    "mod": ([2], [1, 1.5, 0]),
    "pow": ([2], [1, 6.25, 16]),
    "clamp": ([-1, 2], [1, -1, 2]),
    "cmul": ([Y], [2, -7.5, -2]),
    "cdiv": ([Y], [0.5, -2.5 / 3, -8]),
    "cfmod": ([Y], [1, -2.5, 0]),
    "cremainder": ([Y], [1, 0.5, 0]),
    "cpow": ([[2, 2, 0.5]], [1, 6.25, 2]),
    "cmax": ([Y], [2, 3, 4]),
    "cmin": ([0], [0, -2.5, 0]),
    "atan2": ([Y], [math.atan2(a, b) for a, b in zip(X, Y, strict=True)]),
    "lerp": ([Y, 0.5], [1.5, 0.25, 1.75]),
    "addcmul": ([2, Y, Y], [9, 15.5, 4.5]),
    "addcdiv": ([Y, Y], [2, -1.5, 5]),
}


def arguments(found):
    return [torch.Tensor(a) if isinstance(a, list) else a for a in found]


@pytest.mark.parametrize("name", LUA)
def test_elementwise(name):
    given, numbers = LUA[name]
    x = torch.Tensor(X)
    new = getattr(torch, name)(x, *arguments(given))
    assert new.tolist() == pytest.approx(numbers, abs=1e-15)
    assert same(x, X)
    other = torch.Tensor()
    assert getattr(other, name)(x, *arguments(given)).equal(new)
    assert getattr(x, name)(*arguments(given)) is x
    assert x.equal(new)


def test_every_elementwise_row_has_numbers_or_numpys():
    known = {"acos", "asin", "atan", "ceil", "cos", "cosh", "floor", "log", "log1p", "rsqrt", "sin"}
    known |= {"sinh", "sqrt", "tan", "tanh"}
    assert {name for name, o in OPERATIONS.items() if o.in_place} == known | set(LUA)
    names = {"acos": "arccos", "asin": "arcsin", "atan": "arctan"}
    x = torch.Tensor([0.25, 0.5])
    for name in known - {"rsqrt"}:
        expected = getattr(np, names.get(name, name))([0.25, 0.5])
        np.testing.assert_allclose(getattr(torch, name)(x), expected, rtol=1e-15)
    np.testing.assert_allclose(torch.rsqrt(x), [2, 2**0.5], rtol=1e-15)


def test_operators():
    x, y = torch.Tensor(X), torch.Tensor(Y)
    assert same(x + y, [3, 0.5, 3.5])
    assert same(1 + x, [2, -1.5, 5])
    assert same(x - y, [-1, -5.5, 4.5])
    assert same(1 - x, [0, 3.5, -3])
    assert same(-x, [-1, 2.5, -4])
    assert same(np.float64(2) * x, [2, -5, 8])
    assert same(x / 2, [0.5, -1.25, 2])
    assert same(x % 2, [1, 1.5, 0])
    assert x * y == torch.dot(x, y) == x.dot(y.view(3, 1)) == -7.5
    assert same(x + np.ones(3), [2, -1.5, 5])
    assert same(matrix(3, 1) + x, [[2], [-0.5], [7]])
    assert torch.exp(0) == 1
    assert torch.pow(2, torch.Tensor([3])).tolist() == [8]


def test_integers_are_cs():
    x = torch.IntTensor([7, -7])
    assert same(torch.div(x, 2), [3, -3])
    assert same(torch.add(x, 1.9), [8, -6])
    assert same(torch.fmod(x, 3), [1, -1])
    assert same(x % 3, [1, 2])
    assert same(torch.ByteTensor([200]).add(100), [44])


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("lt", [1, 0, 0]),
        ("le", [1, 1, 0]),
        ("gt", [0, 0, 1]),
        ("ge", [0, 1, 1]),
        ("eq", [0, 1, 0]),
        ("ne", [1, 0, 1]),
    ],
)
def test_comparisons(name, numbers):
    x, y = torch.Tensor([1, 2, 3]), torch.Tensor([[2], [2], [2]])
    assert same(getattr(x, name)(2), numbers)
    mask = getattr(torch, name)(x, y)
    assert same(mask, numbers)
    assert mask.type() == "torch.ByteTensor"
    assert (mask.any(), mask.all()) == (True, False)
    assert same(getattr(torch.Tensor(), name)(x, y), numbers)
    assert same(x, [1, 2, 3])


M = [[1.0, 5.0, 3.0], [4.0, 2.0, 6.0]]
REDUCTIONS = {
    "sum": (21, [[9], [12]]),
    "prod": (720, [[15], [48]]),
    "mean": (3.5, [[3], [4]]),
    "var": (3.5, [[4], [4]]),
    "std": (3.5**0.5, [[2], [2]]),
    "max": (6, [[5], [6]]),
    "min": (1, [[1], [2]]),
}


@pytest.mark.parametrize("name", REDUCTIONS)
@pytest.mark.parametrize("dtype", ["DoubleTensor", "FloatTensor"])
def test_reductions(name, dtype):
    whole, along = REDUCTIONS[name]
    x = getattr(torch, dtype)(M)
    assert isinstance(getattr(x, name)(), float)
    assert getattr(torch, name)(x) == pytest.approx(whole, rel=1e-15)
    found = getattr(x, name)(2)
    if isinstance(found, tuple):
        found, places = found
        assert same(places, [[2], [3]] if name == "max" else [[1], [2]])
        assert places.type() == "torch.LongTensor"
    else:
        assert same(getattr(x.new() if hasattr(x, "new") else x.clone(), name)(x, 2), along)
    assert same(found, along)
    assert found.type() == x.type()


def test_more_reductions():
    x = torch.Tensor(M)
    assert x.norm() == pytest.approx(91**0.5, rel=1e-15)
    assert (x.norm(1), x.norm(0)) == (21, 6)
    assert same(x.norm(1, 1), [[5, 7, 9]])
    assert x.var(True) == pytest.approx(35 / 12, rel=1e-15)
    assert x.std(1, True).tolist() == [[1.5, 1.5, 1.5]]
    assert same(x.cumsum(), [[1, 5, 3], [5, 7, 9]])
    assert same(x.cumprod(2), [[1, 5, 15], [4, 8, 48]])
    assert x.dist(torch.zeros(6)) == x.norm()
    assert x.long().sum() == 21
    assert isinstance(x.long().sum(), int)
    assert same(torch.ByteTensor([200, 100]).sum(1), [44])
    assert torch.ByteTensor([200, 100]).sum() == 300
    assert torch.FloatTensor([0.1]).expand(100000).sum() == pytest.approx(
        float(np.float32(0.1)) * 100000, rel=1e-12
    )
    ties = torch.Tensor([1, 3, 3, float("nan"), 7])
    assert math.isnan(ties.max())
    assert same(ties[[1, 3]].max(1)[1], [2])
    assert same(ties.max(1)[1], [4])
    assert matrix(2, 2).trace() == 5


def test_sums_of_products():
    A, B, v, w = matrix(2, 3), matrix(3, 2), torch.Tensor([1, 0, 2]), torch.Tensor([1, 2])
    M = torch.ones(2, 2)
    AB = np.asarray(A) @ np.asarray(B)
    assert same(torch.addmm(M, A, B), (1 + AB).tolist())
    assert same(torch.addmm(2, M, 3, A, B), (2 + 3 * AB).tolist())
    assert same(torch.addmm(2, M, A, B), (2 + AB).tolist())
    assert same(torch.addmm(torch.Tensor(), M, 3, A, B), (1 + 3 * AB).tolist())
    assert same(M.clone().addmm(A, B), (1 + AB).tolist())
    assert same(M.clone().addmm(3, A, B), (1 + 3 * AB).tolist())
    assert same(M.clone().addmm(2, 3, A, B), (2 + 3 * AB).tolist())
    assert same(torch.Tensor(2, 2).addmm(0.5, M, 3, A, B), (0.5 + 3 * AB).tolist())
    assert same(torch.ones(2).addmv(2, A, v), [15, 33])
    assert same(torch.zeros(3, 2).addr(v, w), [[1, 2], [0, 0], [2, 4]])
    assert same(torch.ger(v, w), [[1, 2], [0, 0], [2, 4]])


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
    torch.setRNGState(state)
    assert same(torch.rand(3), first)
    assert torch.initialSeed() == 123
    own = torch.Generator()
    torch.manualSeed(own, 123)
    assert same(torch.rand(own, 1), [0.6964691872708499])
    assert same(torch.Tensor(1).uniform(own, 0, 1), [0.7129553214181215])
    seed = torch.seed()
    assert torch.initialSeed() == seed
    torch.manualSeed(0)
    assert (torch.random(), torch.random()) == (2357136044, 2546248239)


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
    with pytest.raises(LayerError, match="can't|only these"):
        jit(lambda: noise.cauchy())()
    assert random.generator.initial_seed == 5

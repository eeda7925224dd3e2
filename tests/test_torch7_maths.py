"""What Torch7's tensors compute: elementwise, reductions, products."""

import math

import numpy as np
import pytest

import fnn.torch7 as torch
from fnn.torch7.maths import Elementwise
from fnn.torch7.operations import OPERATIONS
from tests.torch7_numbers import matrix, same

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
    "mod": ([2], [1, -0.5, 0]),
    "pow": ([2], [1, 6.25, 16]),
    "lshift": ([2], [4, -10, 16]),
    "rshift": ([1], [0.5, -1.25, 2]),
    "clshift": ([[1, 0, -1]], [2, -2.5, 2]),
    "crshift": ([[1, 0, -1]], [0.5, -2.5, 8]),
    "clamp": ([-1, 2], [1, -1, 2]),
    "cmul": ([Y], [2, -7.5, -2]),
    "cdiv": ([Y], [0.5, -2.5 / 3, -8]),
    "cfmod": ([Y], [1, -2.5, 0]),
    "cremainder": ([Y], [1, 0.5, 0]),
    "cmod": ([Y], [1, -2.5, 0]),
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
    found = {n: o for n, o in OPERATIONS.items() if isinstance(o, Elementwise)}
    assert {n for n, o in found.items() if o.in_place and not o.whole} == known | set(LUA)
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


@pytest.mark.parametrize("kind", [torch.FloatTensor, torch.DoubleTensor])
def test_quotients_are_rounded_once(kind):
    """Multiplying by 1 / 49 would give less than 1 for 49."""
    x = torch.range(1, 200).type(torch.type(kind()))
    values = np.asarray(x)
    for number in (41, 49, 103):
        wanted = values / values.dtype.type(number)
        column = kind(1).fill(number).expand(200)
        for found in (x / number, torch.cdiv(x, column), x.clone().mul(0).addcdiv(1, x, column)):
            assert np.array_equal(np.asarray(found), wanted)
        ones = kind(2, number).fill(1)
        assert same(torch.floor(torch.mul(ones, number) / number), ones.tolist())
        assert ones[1].mean() == 1
        assert same(ones.mean(2), [[1], [1]])
        assert ones.var() == ones.mul(3).std() == 0


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
        assert same(getattr(x.new(), name)(x, 2), along)
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

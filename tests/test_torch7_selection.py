"""Elements by their places and by their order: index, gather, scatter, masks, sort, topk, median.

`oracle/ordering.jsonl` holds what the original's own C functions make of equal elements.
"""

import json
from pathlib import Path

import numpy as np
import pytest

import fnn.torch7 as torch
from fnn import ordering
from fnn.errors import LayerError
from tests.torch7_numbers import matrix, same
from transforms.jit import jit

pytestmark = pytest.mark.unoptimised

FIRST, *ORDERED = map(
    json.loads, (Path(__file__).parent / "oracle" / "ordering.jsonl").read_text().splitlines()
)
NAN = float("nan")


def long(*values):
    return torch.LongTensor(list(values))


# Places. Each row: what is done to the matrix [[1, 2, 3], [4, 5, 6]], and what it gives.

READ = {
    "index(1)": (lambda x: x.index(1, long(2, 2, 1)), [[4, 5, 6], [4, 5, 6], [1, 2, 3]]),
    "index(2)": (lambda x: x.index(2, long(3, 1)), [[3, 1], [6, 4]]),
    "index of a vector": (lambda x: x[2].index(1, long(3, 3)), [6, 6]),
    "index of a transpose": (lambda x: x.t().index(1, long(2)), [[2, 5]]),
    "result.index": (lambda x: x.new(7).index(x, 2, long(1)), [[1], [4]]),
    "index by an array": (lambda x: x.index(2, np.array([3, 1], np.int32)), [[3, 1], [6, 4]]),
    "gather(1)": (lambda x: x.gather(1, torch.LongTensor([[2, 1, 1]])), [[4, 2, 3]]),
    "gather(2)": (lambda x: x.gather(2, torch.LongTensor([[3], [1]])), [[3], [4]]),
    "torch.gather": (lambda x: torch.gather(x, 2, torch.LongTensor([[3], [1]])), [[3], [4]]),
    "result.gather": (lambda x: x.new().gather(x, 2, torch.LongTensor([[3], [1]])), [[3], [4]]),
    "maskedSelect": (lambda x: x.maskedSelect(x.gt(4)), [5, 6]),
    "result.maskedSelect": (lambda x: x.new(9).maskedSelect(x, x.lt(3)), [1, 2]),
    "[mask]": (lambda x: x[x.ne(2)], [1, 3, 4, 5, 6]),
    "[no mask]": (lambda x: x[x.gt(9)], []),
    "nonzero": (lambda x: x.csub(3).nonzero(), [[1, 1], [1, 2], [2, 1], [2, 2], [2, 3]]),
    "nonzero of a vector": (lambda x: torch.nonzero(x[1].csub(2)), [[1], [3]]),
    "nonzero of zeros": (lambda x: x.zero().nonzero(), []),
    "result.nonzero": (lambda x: torch.LongTensor(5).nonzero(x[1].csub(2)), [[1], [3]]),
    "[LongStorage]": (lambda x: x.new([x[torch.LongStorage([2, -1])]]), [6]),
}
WRITTEN = {
    "indexCopy": (
        lambda x: x.indexCopy(2, long(3, 1), x.new([[7, 8], [9, 10]])),
        [[8, 2, 7], [10, 5, 9]],
    ),
    "indexCopy of a row": (
        lambda x: x.indexCopy(1, long(2), x.new([[7, 8, 9]])),
        [[1, 2, 3], [7, 8, 9]],
    ),
    "indexCopy in another size": (
        lambda x: x.indexCopy(1, long(2), x.new([[[7], [8], [9]]])),
        [[1, 2, 3], [7, 8, 9]],
    ),
    "indexAdd": (
        lambda x: x.indexAdd(1, long(2, 2), x.new([[1, 2, 3], [10, 20, 30]])),
        [[1, 2, 3], [15, 27, 39]],
    ),
    "indexFill": (lambda x: x.indexFill(2, long(1, 3), 0), [[0, 2, 0], [0, 5, 0]]),
    "scatter": (
        lambda x: x.scatter(2, torch.LongTensor([[3, 1], [2, 3]]), x.new([[7, 8], [9, 10]])),
        [[8, 2, 7], [4, 9, 10]],
    ),
    "scatter of more": (
        lambda x: x.scatter(1, torch.LongTensor([[2, 1, 2]]), x.new([[7, 8, 9], [0, 0, 0]])),
        [[1, 8, 3], [7, 5, 9]],
    ),
    "scatter of a number": (
        lambda x: torch.scatter(x, 2, torch.LongTensor([[2], [1]]), 9),
        [[1, 9, 3], [9, 5, 6]],
    ),
    "maskedFill": (lambda x: x.maskedFill(x.gt(4), 0), [[1, 2, 3], [4, 0, 0]]),
    "maskedCopy": (lambda x: x.maskedCopy(x.gt(4), x.new([7, 8, 9])), [[1, 2, 3], [4, 7, 8]]),
}


@pytest.mark.parametrize("dtype", ["DoubleTensor", "IntTensor"])
@pytest.mark.parametrize("name", READ)
def test_read_at_places(name, dtype):
    call, numbers = READ[name]
    x = getattr(torch, dtype)(2, 3).copy(matrix(2, 3))
    found = call(x)
    assert same(found, numbers)
    assert found.type() == ("torch.LongTensor" if "nonzero" in name else f"torch.{dtype}")


@pytest.mark.parametrize("dtype", ["DoubleTensor", "ByteTensor"])
@pytest.mark.parametrize("name", WRITTEN)
def test_written_at_places(name, dtype):
    call, numbers = WRITTEN[name]
    x = getattr(torch, dtype)(2, 3).copy(matrix(2, 3))
    view = x.t()
    assert call(x) is x
    assert same(x, numbers)
    assert same(view, np.transpose(numbers).tolist())


def test_written_through_a_transpose():
    x = matrix(2, 3)
    x.t().indexFill(1, long(1), 0)
    x.t().scatter(2, torch.LongTensor([[2], [1], [1]]), 9)
    assert same(x, [[0, 9, 9], [9, 5, 6]])


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda x: x.index(1, long(0)), IndexError, r"index 0, wanted 1\.\.2\n.*count from 1"),
        (lambda x: x.index(2, long(4)), IndexError, r"wanted 1\.\.3"),
        (lambda x: x.index(1, torch.Tensor([1])), TypeError, "wanted a LongTensor"),
        (lambda x: x.index(1, [1, 2]), TypeError, "wanted a LongTensor"),
        (lambda x: x.index(1, torch.LongTensor([[1]])), LayerError, "wanted a vector"),
        (lambda x: x.index(0, long(1)), IndexError, "dimensions count from 1"),
        (lambda x: x.float().index(x, 1, long(1)), TypeError, "DoubleTensor|FloatTensor"),
        (lambda x: x.indexCopy(1, long(1), x), LayerError, "a slice for each place"),
        (lambda x: x.indexAdd(1, long(1, 2), x.float()), TypeError, "FloatTensor for"),
        (lambda x: x.gather(1, torch.LongTensor([[1, 2]])), LayerError, "along dimension 1"),
        (lambda x: x.gather(1, long(1)), LayerError, "along dimension 1"),
        (lambda x: x.gather(2, torch.LongTensor([[0], [1]])), IndexError, "count from 1"),
        (lambda x: x.scatter(2, torch.LongTensor([[1], [2]]), x[[1]]), LayerError, "each index"),
        (lambda x: x.maskedSelect(x), LayerError, "a ByteTensor of 6"),
        (lambda x: torch.Tensor().nonzero(x), TypeError, "LongTensor"),
        (lambda x: x.topk(4), LayerError, r"k = 4, wanted 1\.\.3"),
        (lambda x: x.kthvalue(0), LayerError, r"k = 0"),
        (lambda x: x.kthvalue(), TypeError, "kthvalue: given"),
        (lambda x: x.sort(3), IndexError, r"wanted 1\.\.2"),
        (lambda x: x.sum(True), TypeError, "sum: given"),
        (lambda x: torch.max(x.new(), x.new(), x, 1), TypeError, "LongTensor"),
        (lambda x: torch.max(x.float(), long(), x, 1), TypeError, "one type"),
        (lambda x: torch.Tensor().max(), LayerError, "no elements"),
        (lambda x: torch.mean(torch.Tensor()), LayerError, "no elements"),
        (lambda x: torch.std(torch.Tensor()), LayerError, "no elements"),
        (lambda x: torch.Tensor().max(1), IndexError, "dimension 1"),
        (lambda x: x.all(), TypeError, "ByteTensor"),
        (lambda x: x.bitand(1), TypeError, "wanted integers"),
    ],
)
def test_errors_say_what_is_wrong(call, error, text):
    with pytest.raises(error, match=text):
        call(matrix(2, 3))


# Order.

X = [[3.0, 1.0, 2.0, 1.0], [5.0, 5.0, 4.0, 9.0]]
ALONG = {  # call, along the last dimension: values, places
    "sort": ([], [[1, 1, 2, 3], [4, 5, 5, 9]], [[2, 4, 3, 1], [3, 1, 2, 4]]),
    "sort, descending": ([2, True], [[3, 2, 1, 1], [9, 5, 5, 4]], [[1, 3, 2, 4], [4, 1, 2, 3]]),
    "median": ([], [[1], [5]], None),
    "kthvalue": ([3], [[2], [5]], None),
    "mode": ([], [[1], [5]], [[4], [2]]),
    "max": ([2], [[3], [9]], [[1], [4]]),
    "min": ([2], [[1], [4]], [[2], [3]]),
    "topk": ([2, 2, True, True], [[3, 2], [9, 5]], None),
    "topk, smallest": ([2, 2, False, True], [[1, 1], [4, 5]], None),
    "topk, one": ([], [[1], [4]], None),
}


@pytest.mark.parametrize("dtype", ["DoubleTensor", "IntTensor"])
@pytest.mark.parametrize("case", ALONG)
def test_order(case, dtype):
    given, values, places = ALONG[case]
    name, x = case.split(",")[0], getattr(torch, dtype)(X)
    found, at = getattr(x, name)(*given)
    assert same(found, values)
    assert (found.type(), at.type()) == (x.type(), "torch.LongTensor")
    assert same(x.gather(2, at), values)
    assert places is None or same(at, places)
    assert same(x, X)
    # along the first dimension of the transpose, into given results, and as a function
    first = {"topk": [given[0] if given else 1, 1, *given[2:]], "kthvalue": [3, 1]}.get(name)
    first = [1, *given[1:]] if first is None else first
    v, i = x.new(), torch.LongTensor(7)
    returned = getattr(torch, name)(v, i, x.t(), *first)
    assert returned[0] is v
    assert returned[1] is i
    assert v.t().equal(found)
    assert i.t().equal(at)
    other = getattr(x.new(), name)(x.t(), *first)
    assert other[0].equal(v)


COMPILED = [case for case in ORDERED if case["name"] in ("sort", "median") and not case["args"]]


@pytest.mark.parametrize(
    ("case", "compiled"), [*((c, False) for c in ORDERED), *((c, True) for c in COMPILED)]
)
def test_equal_elements_come_as_in_the_original(case, compiled):
    def call(x):
        return getattr(x, case["name"])(*case["args"])

    values, places = (jit(call) if compiled else call)(torch.Tensor(FIRST["x"]))
    assert same(values, case["values"])
    assert same(places, case["places"])


def test_a_stable_order_is_the_originals_where_nothing_is_equal():
    x = np.random.default_rng(0).permutation(40).reshape(1, 40).astype(np.float64)
    for exact in (False, True):
        values, places = ordering.sort(x, axis=1, descending=False, exact=exact)
        assert np.array_equal(values[0], np.arange(40))
        assert np.array_equal(places - 1, np.argsort(x))


def test_nan_is_larger_than_numbers():
    x = torch.Tensor([2, NAN, float("inf"), 1])
    assert same(x.sort()[1], [4, 1, 3, 2])
    assert same(x.sort(1, True)[1], [2, 3, 1, 4])
    assert same(x.max(1)[1], [2])
    assert same(x.min(1)[1], [2])
    assert same(x.median()[0], [2])
    assert same(torch.cmax(x, 1.5)[[1, 2]], [2, 1.5])
    assert same(torch.cmin(x, 1.5)[[1, 2]], [1.5, 1.5])


def test_places_in_compiled_code():
    @jit
    def step(x, index):
        x.indexAdd(1, index, x.index(1, index))
        return x.gather(1, index), x.topk(2, 1, True, True)[0]

    x = torch.Tensor([1, 2, 3])
    gathered, top = step(x, long(3, 1))
    assert same(x, [2, 2, 6])
    assert same(gathered, [6, 2])
    assert same(top, [6, 2])

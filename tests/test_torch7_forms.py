"""Ways of calling: methods, torch.f, results that are given, numbers; storages; types."""

import math

import numpy as np
import pytest

import fnn.torch7 as torch
from fnn.errors import LayerError
from fnn.torch7 import nn
from fnn.torch7.operations import OPERATIONS
from fnn.torch7.table import Table
from tests.torch7_numbers import matrix, same
from transforms.jit import jit

pytestmark = pytest.mark.unoptimised

METHODS = """
abs acos asin atan cos cosh exp floor ceil log log1p round sin sinh sqrt rsqrt tan tanh trunc frac
sigmoid neg cinv sign add csub mul div cmul cdiv cpow fmod remainder mod cfmod cremainder cmod
lshift rshift bitand bitor bitxor clshift crshift cbitand cbitor cbitxor clamp cmax cmin addcmul
addcdiv pow atan2 lerp lt le gt ge eq ne all any equal sum prod mean var std norm dist max min
median mode kthvalue sort topk cumsum cumprod trace numel zeros ones rand randn range linspace
logspace eye randperm diag tril triu cat reshape repeatTensor clone contiguous fill zero narrow
select transpose t permute unfold expand expandAs view viewAs squeeze split chunk gather scatter
nonzero apply map map2 uniform normal cauchy logNormal exponential geometric bernoulli random type
totable
"""
METHODS_ONLY = """
nElement copy resize resizeAs set sub index indexCopy indexAdd indexFill maskedSelect maskedFill
maskedCopy dim nDimension size stride storageOffset isContiguous isSize isSameSizeAs isSetTo
elementSize typeAs byte char short int long float double half real cuda cudaByte cudaDouble new
"""
FUNCTIONS_ONLY = """
Tensor Storage ByteTensor LongStorage CudaTensor CudaLongTensor Generator setdefaulttensortype
getdefaulttensortype manualSeed seed initialSeed getRNGState setRNGState isTensor isStorage typename
setnumthreads getnumthreads getnumcores isTypeOf isequal pointer setheaptracking
"""


def test_all_names_are_there():
    missing = [n for n in f"{METHODS} {METHODS_ONLY}".split() if not hasattr(torch.Tensor, n)]
    missing += [n for n in f"{METHODS} {FUNCTIONS_ONLY}".split() if not hasattr(torch, n)]
    assert missing == []


# Arithmetic into given results, from a to b: matrices of 1..4 and of 2, 1, 0, 3.

A, B = [[1, 2], [3, 4]], [[2, 1], [2, 3]]
INTO = {  # arguments after the result: a number is itself, "a" and "b" the tensors
    "add": [
        (("a", 2), [[3, 4], [5, 6]]),
        (("a", "b"), [[3, 3], [5, 7]]),
        (("a", 2, "b"), [[5, 4], [7, 10]]),
    ],
    "csub": [
        (("a", 1), [[0, 1], [2, 3]]),
        (("a", "b"), [[-1, 1], [1, 1]]),
        (("a", 2, "b"), [[-3, 0], [-1, -2]]),
    ],
    "mul": [(("a", 3), [[3, 6], [9, 12]])],
    "div": [(("b", 1), B)],
    "cmul": [(("a", "b"), [[2, 2], [6, 12]])],
    "cdiv": [(("b", "b"), [[1, 1], [1, 1]])],
    "cpow": [(("a", "b"), [[1, 2], [9, 64]])],
    "pow": [(("a", 2), [[1, 4], [9, 16]]), ((2, "a"), [[2, 4], [8, 16]])],
    "fmod": [(("a", 3), [[1, 2], [0, 1]])],
    "cfmod": [(("a", "b"), [[1, 0], [1, 1]])],
    "remainder": [(("a", -3), [[-2, -1], [0, -2]])],
    "cremainder": [(("a", "b"), [[1, 0], [1, 1]])],
    "lshift": [(("a", 2), [[4, 8], [12, 16]])],
    "clshift": [(("a", "b"), [[4, 4], [12, 32]])],
    "clamp": [(("a", 2, 3), [[2, 2], [3, 3]])],
    "cmax": [(("a", "b"), [[2, 2], [3, 4]]), (("a", 3), [[3, 3], [3, 4]])],
    "cmin": [(("a", "b"), [[1, 1], [2, 3]]), (("a", 3), [[1, 2], [3, 3]])],
    "addcmul": [(("a", "b", "b"), [[5, 3], [7, 13]]), (("a", 2, "a", "b"), [[5, 6], [15, 28]])],
    "addcdiv": [(("a", "b", "b"), [[2, 3], [4, 5]]), (("a", 2, "b", "b"), [[3, 4], [5, 6]])],
    "sum": [(("a", 1), [[4, 6]]), (("a", 2), [[3], [7]])],
    "prod": [(("a", 2), [[2], [12]])],
    "cumsum": [(("a",), [[1, 2], [4, 6]]), (("a", 2), [[1, 3], [3, 7]])],
    "cumprod": [(("a",), [[1, 2], [3, 8]])],
    "diag": [(("a",), [1, 4]), (("a", 1), [2])],
    "tril": [(("a",), [[1, 0], [3, 4]]), (("a", -1), [[0, 0], [3, 0]])],
    "triu": [(("a",), [[1, 2], [0, 4]])],
    "reshape": [(("a", 4), [1, 2, 3, 4])],
    "repeatTensor": [(("a", 1, 2), [[1, 2, 1, 2], [3, 4, 3, 4]])],
    "cat": [(("a", "b"), [[1, 2, 2, 1], [3, 4, 2, 3]]), (("a", "b", 1), [*A, *B])],
    "view": [(("a", 4), [1, 2, 3, 4])],
    "viewAs": [(("a", "b"), A)],
    "expandAs": [(("a", "b"), A)],
    "zeros": [((1, 2), [[0, 0]])],
    "eye": [((2,), [[1, 0], [0, 1]])],
    "range": [((1, 4, 2), [1, 3])],
    "sign": [(("a",), [[1, 1], [1, 1]])],
    "abs": [(("a",), A)],
    "eq": [(("a", "b"), [[0, 0], [0, 0]]), (("a", 2), [[0, 1], [0, 0]])],
    "lt": [(("a", "b"), [[1, 0], [0, 0]])],
}
WHOLE = {
    "bitand": [(("a", 2), [[0, 2], [2, 0]])],
    "cbitand": [(("a", "b"), [[0, 0], [2, 0]])],
    "bitor": [(("a", 2), [[3, 2], [3, 6]])],
    "cbitor": [(("a", "b"), [[3, 3], [3, 7]])],
    "bitxor": [(("a", 2), [[3, 0], [1, 6]])],
    "cbitxor": [(("a", "b"), [[3, 3], [1, 7]])],
    "rshift": [(("a", 1), [[0, 1], [1, 2]])],
    "crshift": [(("a", "b"), [[0, 1], [0, 0]])],
}
FORMS = [(n, *case) for n, cases in {**INTO, **WHOLE}.items() for case in cases]


@pytest.mark.parametrize("dtype", ["DoubleTensor", "LongTensor"])
@pytest.mark.parametrize(("name", "given", "numbers"), FORMS)
def test_results_may_be_given(name, given, numbers, dtype):
    if (name in WHOLE and dtype == "DoubleTensor") or (given == (2, "a") and dtype == "LongTensor"):
        return
    make = getattr(torch, dtype)
    tensors = {"a": make(A), "b": make(B)}
    arguments = [tensors.get(x, x) for x in given]
    for call in (getattr(torch, name), lambda r, *rest: getattr(r, name)(*rest)):
        result = make(7)
        assert call(result, *arguments) is result
        assert same(result, numbers)
    assert same(tensors["a"], A)
    if isinstance(given[0], str) or name == "pow":
        new = getattr(torch, name)(*arguments)
        assert same(new, numbers)
        assert new is not tensors["a"]
        in_place = name in OPERATIONS and OPERATIONS[name].in_place
        if given[0] == "a":
            found = getattr(tensors["a"], name)(*arguments[1:])
            assert (found is tensors["a"]) == in_place
            assert same(found, numbers)


NUMBERS = {
    "abs": ((-2,), 2),
    "round": ((-2.5,), -3),
    "frac": ((-2.5,), -0.5),
    "sigmoid": ((0,), 0.5),
    "rsqrt": ((4,), 0.5),
    "pow": ((2, 3), 8),
    "atan2": ((1, -1), math.atan2(1, -1)),
    "lerp": ((1, 3, 0.25), 1.5),
    "log1p": ((1,), math.log(2)),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_functions_of_numbers(name):
    given, number = NUMBERS[name]
    assert getattr(torch, name)(*given) == pytest.approx(number, rel=1e-15)


@pytest.mark.parametrize(
    ("call", "numbers"),
    [
        (lambda x: torch.remainder(x, 0.1), [1.0 - 0.1 * 10, 0.25 - 0.1 * 2]),
        (lambda x: torch.remainder(x, 0), None),
        (lambda x: torch.clamp(x, 2, 1), [2, 2]),
        (lambda x: torch.linspace(0, 1, 7), [i * 1 / 6 for i in range(7)]),
        (lambda x: torch.linspace(3, 3, 1), [3]),
        (lambda x: torch.range(0, 1, 0.5), [0, 0.5, 1]),
        (lambda x: torch.Tensor(3, 2).range(1, 6), [[1, 2], [3, 4], [5, 6]]),
        (lambda x: torch.Tensor(2, 2).linspace(0, 3, 4), [[0, 1], [2, 3]]),
        (lambda x: torch.Tensor(2, 2).logspace(0, 3, 4), [[1, 10], [100, 1000]]),
        (lambda x: torch.cat([x, torch.Tensor(), x]), [1, 0.25, 1, 0.25]),
        (lambda x: torch.Tensor(3).cat([x, x], 2), [[1, 1], [0.25, 0.25]]),
        (lambda x: x.cat(x), [1, 0.25, 1, 0.25]),
        (lambda x: x.map2(x, torch.ones(2), lambda a, b, c: a + b + c), [3, 1.5]),
        (lambda x: x.new().expand(x.view(1, 2), 2, 2), [[1, 0.25], [1, 0.25]]),
        (lambda x: x.new().squeeze(x.view(1, 2)), [1, 0.25]),
        (lambda x: x.new().squeeze(x.view(1, 2, 1), 1), [[1], [0.25]]),
        (lambda x: torch.squeeze(x.view(2, 1)), [1, 0.25]),
        (lambda x: torch.norm(x.new(), x.view(1, 2), 1, 2), [[1.25]]),
        (lambda x: torch.std(x.new(), x, 1, True), [0.375]),
        (lambda x: torch.var(x, 1), [0.28125]),
        (lambda x: torch.mean(x.view(1, 2), 2), [[0.625]]),
        (lambda x: torch.IntTensor([2, 0, -3]).cpow(torch.IntTensor([-1, 0, 3])), [0, 1, -27]),
        (lambda x: torch.IntTensor([-8]).rshift(1), [2**31 - 4]),
        (lambda x: torch.ByteTensor([200]).lshift(1), [144]),
        (lambda x: torch.zeros(2, "torch.IntTensor"), [0, 0]),
        (lambda x: torch.fill(x, 3), [3, 3]),
        (lambda x: torch.zero(x), [0, 0]),
    ],
)
def test_forms(call, numbers):
    found = call(torch.Tensor([1, 0.25]))
    if numbers is None:
        assert np.isnan(np.asarray(found)).all()
    else:
        assert found.tolist() == numbers


def test_squeezed_to_a_number():
    x = torch.Tensor(1, 1).fill(3)
    result = torch.Tensor()
    assert x.squeeze() == torch.squeeze(result, x) == x[1].squeeze(1) == 3
    assert result.isSetTo(torch.Tensor(x.storage(), 1, 1))
    assert same(x.squeeze(1), [3])


def test_tables_that_are_given():
    for table in (Table([1]), [1]):
        assert torch.split(table, matrix(3), 2) is table
        assert [part.tolist() for part in table] == [[1, 2], [3]]
        torch.chunk(table, matrix(2, 2), 2, 2)
        assert [part.tolist() for part in table] == [[[1], [3]], [[2], [4]]]


def test_strides():
    s = torch.DoubleStorage([1, 2, 3, 4])
    assert same(
        torch.Tensor(s, 1, torch.LongStorage([2, 2]), torch.LongStorage([1, 2])), [[1, 3], [2, 4]]
    )
    assert same(torch.Tensor(s, 2, 2, -1, 1), [[2], [3]])
    assert torch.Tensor(torch.LongStorage([2, 2]), torch.LongStorage([1, 2])).stride().tolist() == [
        1,
        2,
    ]
    x = torch.range(1, 4).resize(torch.LongStorage([2, 2]), torch.LongStorage([1, 2]))
    assert same(x, [[1, 3], [2, 4]])
    assert same(torch.Tensor(s, 4, 3), [4, 0, 0])
    assert s.size() == 6


# Storages.


def test_storages():
    assert torch.Storage(2).type() == "torch.DoubleStorage"
    s = torch.CharStorage().string("Torch")
    assert (s.string(), s.size(), s[1]) == ("Torch", 5, ord("T"))
    assert torch.ByteStorage([0xFF, 0x41]).string() == b"\xffA"
    assert torch.isStorage(s)
    assert not torch.isTensor(s)
    assert torch.Tensor.isTensor(torch.Tensor())
    assert torch.totable(torch.LongStorage([1, 2])) == [1, 2]
    assert torch.typename(s) == "torch.CharStorage"
    with pytest.raises(LayerError, match="CharStorage"):
        torch.IntStorage(2).string()
    with pytest.raises(TypeError, match="tensors"):
        torch.DoubleStorage(torch.DoubleStorage(3), 2, 1)


def test_a_storage_of_a_file(tmp_path):
    path = tmp_path / "numbers"
    np.arange(4, dtype=np.int32).tofile(path)
    assert torch.IntStorage(str(path)).tolist() == [0, 1, 2, 3]
    assert torch.IntStorage(str(path), False, 2).tolist() == [0, 1]
    with pytest.raises(LayerError, match="shared"):
        torch.IntStorage(str(path), True)
    with pytest.raises(LayerError, match="4 at most"):
        torch.IntStorage(str(path), False, 5)


# Types.

CONVERSIONS = {
    "byte": "Byte",
    "char": "Char",
    "short": "Short",
    "int": "Int",
    "long": "Long",
    "half": "Half",
    "float": "Float",
    "double": "Double",
    "real": "Double",
    "cuda": "Float",
    "cudaLong": "Long",
    "cudaDouble": "Double",
}


@pytest.mark.parametrize("name", CONVERSIONS)
def test_conversions(name):
    x = torch.Tensor([1.9, -2])
    found = getattr(x, name)()
    assert found.type() == f"torch.{CONVERSIONS[name]}Tensor"
    assert (found is x) == (CONVERSIONS[name] == "Double")
    assert getattr(found, name)() is found
    assert x.type(found.type()).equal(found)


def test_names_of_types():
    x, module = torch.FloatTensor(2), nn.Linear(2, 2)
    assert torch.typename(x) == "torch.FloatTensor"
    assert torch.typename(module) == "nn.Linear"
    tables = [[], {}, module.parameters()[0]]
    assert [torch.typename(v) for v in (1, 1.5, "a", None, len, *tables)] == [None] * 8
    assert [torch.type(v) for v in (np.float64(1), *tables)] == ["number", *["table"] * 3]
    assert torch.isTypeOf(x, "torch.FloatTensor")
    assert torch.isTypeOf(x, torch.FloatTensor)
    assert torch.isTypeOf(x, "torch.*Tensor")
    assert not torch.isTypeOf(x, "FloatTensor")
    assert not torch.isTypeOf(x, torch.Tensor)
    assert torch.isTypeOf(x.double(), torch.Tensor)
    assert torch.isTypeOf(x.storage(), torch.FloatStorage)
    assert torch.isTypeOf(module, nn.Linear)
    assert torch.isTypeOf(module, "nn.Module")
    assert torch.isTypeOf(module, nn.Module)
    assert not torch.isTypeOf(module, nn.Tanh)
    assert not torch.isTypeOf(3, "number")


def test_identity_and_settings():
    x = torch.Tensor(2)
    assert torch.isequal(x, x)
    assert not torch.isequal(x, x.clone())
    assert not torch.isequal(1, 1)
    assert torch.pointer(x.storage()) == torch.pointer(x.view(2, 1).storage())
    torch.setnumthreads(3)
    assert torch.getnumthreads() == 3
    assert torch.getnumcores() > 0
    torch.setheaptracking(True)


def test_types_are_never_mixed():
    x, y = torch.Tensor([1, 2]), torch.FloatTensor([1, 2])
    for call in (
        lambda: x.cmul(y),
        lambda: torch.cat(x, y),
        lambda: x.sum(y, 1),
        lambda: x.reshape(y, 2),
        lambda: x.view(y, 2),
        lambda: x.cumsum(y),
        lambda: x.equal(y),
        lambda: x.gather(1, y),
        lambda: torch.add(y, x, 1),
        lambda: torch.lt(y, x, 1),
    ):
        with pytest.raises(TypeError, match=r"DoubleTensor|FloatTensor"):
            call()
    assert same(x.copy(y.mul(2)), [2, 4])


def test_compiled_code_does_the_same():
    def step(x):
        best, at = x.max(2)
        return x.cmax(best.expandAs(x)).remainder(2), at, x.bernoulli().size()[1], x.diag()

    found = jit(step)(matrix(2, 2))
    assert [y if isinstance(y, int) else y.type() for y in found][:2] == [
        "torch.DoubleTensor",
        "torch.LongTensor",
    ]


NIL, LINEAR = None, nn.Linear(3, 2)


@pytest.mark.parametrize(
    ("made", "meant"),
    [
        (nn.Linear(3, 4, NIL), nn.Linear(3, 4, True)),
        (nn.BatchNormalization(4, NIL, NIL, False), nn.BatchNormalization(4, 1e-5, 0.1, False)),
        (nn.SpatialMaxPooling(2, 2, NIL, NIL, 1, NIL), nn.SpatialMaxPooling(2, 2, 2, 2, 1, 0)),
        (nn.Bottle(LINEAR, NIL, NIL), nn.Bottle(LINEAR, 2, 2)),
        (nn.LinearWeightNorm(3, 4, NIL, NIL), nn.LinearWeightNorm(3, 4)),
        (nn.WeightNorm(LINEAR, NIL), nn.WeightNorm(LINEAR, 1)),
        (nn.Dropout(NIL, NIL, True), nn.Dropout(0.5, False, True)),
        (nn.ClassNLLCriterion(NIL, False), nn.ClassNLLCriterion(sizeAverage=False)),
        (nn.Sigmoid(True), nn.Sigmoid()),
        (nn.LogSoftMax(2), nn.LogSoftMax()),
        (nn.ReLU(True, 1), nn.ReLU(True)),
        (nn.MSECriterion(NIL, 3), nn.MSECriterion(True)),
        (nn.Linear(4 / 2, 6 / 2), nn.Linear(2, 3)),
        (nn.SpatialZeroPadding(4 / 2), nn.SpatialZeroPadding(2)),
    ],
    ids=lambda x: torch.type(x),
)  # fmt: skip
def test_constructors_are_called_as_in_lua(made, meant):
    """None was left out, arguments that nobody takes are dropped, and 4 / 2 is 2."""

    def settings(x):
        return {k: v for k, v in vars(x).items() if isinstance(v, bool | float | int | str)}

    assert str(made) == str(meant)
    assert settings(made) == settings(meant)

"""A criterion's number is used wherever a number can be."""

import copy
import json
import math
import numbers
import operator
import pickle
import statistics
from decimal import Decimal
from fractions import Fraction

import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array

import fnn.pytorch as torch
import fnn.torch7 as torch7
import transforms
from fnn.tensor.number import Number
from fnn.tensor.storage import Storage
from fnn.torch7 import nn, optim
from tests.policies.ways import as_written

pytestmark = pytest.mark.unoptimised

FLOATS, INTEGERS = (0.75, -2.5), (3, -7)
BINARY = ("add", "sub", "mul", "truediv", "floordiv", "mod", "eq", "ne", "lt", "le", "gt", "ge")
OTHERS = [2, 0.5, -3, True, np.float64(1.5), np.float32(0.25), np.int64(2), np.int32(-2)]
ARRAYS = [np.arange(1.0, 4), np.float32([0.5, 2]), np.array(2.0), jnp.float32([0.5, 2])]
LOOKS = {
    "float": float,
    "int": int,
    "bool": bool,
    "str": str,
    "repr": repr,
    "hash": hash,
    "complex": complex,
    "round": round,
    "round to a digit": lambda n: round(n, 1),
    "round to nothing": lambda n: round(n, None),
    "trunc": math.trunc,
    "floor": math.floor,
    "ceil": math.ceil,
    "exp": math.exp,
    "isfinite": math.isfinite,
    "isclose": lambda n: math.isclose(n, 0.75),
    "fsum": lambda n: math.fsum([n, n, 1]),
    "copysign": lambda n: math.copysign(1, n),
    "sum": lambda n: sum([n, n, 2, n]),
    "max": lambda n: (max(n, 1), max([1, n]), min(n, 0.5)),
    "sorted": lambda n: sorted([5, n, 1, n]),
    "index in a list": lambda n: [1, n, 3].index(n),
    "in": lambda n: (n in [n, 2], n in {1: 2}, 0.75 in [n], n in (1, 2)),
    "key": lambda n: ({n: 1}[n], {0.75: 1, -2.5: 2, 3: 3, -7: 4}[n], {n: 5}.get(0.75)),
    "set": lambda n: len({n, n + 0, 3}),
    "format": lambda n: "{:.3f} {} {!r}".format(n, n, n),  # noqa: UP032
    "f-string": lambda n: f"{n:>8.2f}|{n}|{n:e}|{n:g}|{n:+}",
    "percent": lambda n: "%.2f %d %s %g" % (n, n, n, n),  # noqa: UP031
    "json": lambda n: json.dumps(float(n)),
    "truth": lambda n: (1 if n else 2, not n, n and 5, n or 6),
    "divmod": lambda n: (divmod(n, 2), divmod(7, n), divmod(n, n)),
    "pow": lambda n: (pow(n, 2), n**2.0, 2.0**n, abs(n) ** 0.5, abs(n * 1.0) ** n, n**0, n**-1),
    "signs": lambda n: (-n, +n, abs(n)),
    "in place": lambda n: [x := n, x := x + 1, x := x * 2, x][-1],
    "parts": lambda n: (n.real, n.imag, n.conjugate()),
    "ratio": lambda n: n.as_integer_ratio(),
    "mean": lambda n: statistics.mean([n, n, n + 3.5]),
    "fmean": lambda n: statistics.fmean([n, 1.0]),
    "median": lambda n: statistics.median([n, n + 1]),
    "stdev": lambda n: statistics.stdev([n, n + 1.5, n]),
    "range of comparison": lambda n: -3 < n <= 3 != n,
    "fraction": lambda n: (n + Fraction(1, 2), Fraction(1, 2) * n, n < Fraction(1, 3)),
    "decimal": lambda n: Decimal(float(n)),
    "complex arithmetic": lambda n: (n + 1j, 2j * n),
    "not a number": lambda n: (n == "a", n != None, n == [n]),  # noqa: E711
    "types": lambda n: [isinstance(n, t) for t in (numbers.Number, numbers.Real, str, list)],
    "pickle": lambda n: pickle.loads(pickle.dumps(n)),
    "copy": copy.copy,
    "deepcopy": lambda n: copy.deepcopy([n, n])[1],
    "asarray": lambda n: np.asarray(n),
    "asarray of a type": lambda n: np.asarray(n, np.float32),
    "array of several": lambda n: np.array([n, n, 1]),
    "array of rows": lambda n: np.array([[n], [n]]) * 2,
    "isnan": lambda n: (np.isfinite(n), np.isnan(n), np.sign(n)),
    "numpy mean": lambda n: (np.mean([n, n]), np.median([n, 1]), np.maximum(n, 1)),
    "numpy full": lambda n: (np.full(2, n), np.float64(n), np.zeros(2) + n, np.clip(n, 0, 1)),
    "numpy store": lambda n: [a := np.zeros(2), operator.setitem(a, 0, n), a][-1],
    "numpy in place": lambda n: [a := np.ones(2), operator.imul(a, n), a][-1],
    "linspace": lambda n: np.linspace(0, n, 3),
    "testing": lambda n: np.testing.assert_allclose(n, float(n)),
    "approx": lambda n: (n == pytest.approx(float(n)), pytest.approx(n) == float(n)),
    "jax": lambda n: np.asarray(jnp.ones(2) * n),
}


def make(value):
    dtype = "float64" if isinstance(value, float) else "int32"
    return Number(Storage(torch.tensor(value, dtype=getattr(torch, dtype)).array))


def plain(x):
    return x.value if isinstance(x, Number) else x.item() if isinstance(x, np.generic) else x


def assert_equal(found, wanted):
    if isinstance(wanted, tuple | list):
        assert len(found) == len(wanted)
        for pair in zip(found, wanted, strict=True):
            assert_equal(*pair)
    elif isinstance(wanted, np.ndarray | Array):
        assert (type(found), found.dtype) == (type(wanted), wanted.dtype)
        np.testing.assert_array_equal(found, wanted)
    else:
        assert found == wanted
        assert type(plain(found)) is type(plain(wanted))


@pytest.mark.parametrize("value", FLOATS + INTEGERS)
@pytest.mark.parametrize("name", LOOKS)
def test_as_a_plain_number(name, value):
    assert_equal(LOOKS[name](make(value)), LOOKS[name](value))


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize("value", FLOATS + INTEGERS)
def test_operators_with_numbers_on_both_sides(name, value):
    operation = getattr(operator, name)
    for other in [*OTHERS, *FLOATS, *INTEGERS]:
        given = make(other) if type(other) in (int, float) else other
        for number in {id(given): given, id(other): other}.values():
            assert_equal(operation(make(value), number), operation(value, plain(other)))
            assert_equal(operation(number, make(value)), operation(plain(other), value))


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize("value", FLOATS + INTEGERS)
def test_operators_with_arrays_on_both_sides(name, value):
    operation = getattr(operator, name)
    for array in ARRAYS:
        assert_equal(operation(make(value), array), operation(value, array))
        assert_equal(operation(array, make(value)), operation(array, value))


def test_integers_are_indices_and_lengths():
    three = make(3)
    assert [4, 5, 6, 7][three] == 7
    assert list(range(three)) == [0, 1, 2]
    assert "ab" * three == "".join(three * ["ab"]) == "ababab"
    assert (three.numerator, three.denominator, hex(three)) == (3, 1, "0x3")
    assert three * 10**12 == 3 * 10**12
    with pytest.raises(TypeError, match="float"):
        [1, 2][make(1.0)]


def test_single_precision_is_not_lost_twice():
    number = Number(Storage(jnp.float32(0.1)))
    plain = float(np.float32(0.1))
    assert number + 0.2 == plain + 0.2
    assert sum([number] * 100) == sum([plain] * 100)
    assert number * number == plain * plain
    assert float(number) == plain


def test_truths_are_whole_numbers():
    number = Number(Storage(jnp.asarray(True)))
    assert (number + 1, -number, number + number) == (2, -1, 2)
    assert number
    assert number.value is True


@pytest.mark.parametrize("dialect", [torch, torch7])
def test_with_tensors_on_both_sides(dialect):
    tensor, number = dialect.ones(3), make(0.5)
    for found in (tensor + number, number + tensor, tensor * number * 3, number * tensor + 1):
        assert np.asarray(found).tolist() == [1.5] * 3
        assert type(found) is type(tensor)
        assert found.element_type == tensor.element_type
    lifted = transforms.jit(lambda x: x * (number * 2 + 1))
    assert np.asarray(lifted(tensor)).tolist() == [2] * 3
    assert lifted(tensor).element_type == tensor.element_type


@pytest.mark.parametrize("way", [as_written, transforms.jit])
def test_a_rate_that_is_computed_from_a_loss_keeps_the_type_of_the_parameters(way):
    net, criterion = nn.Linear(3, 2).float(), nn.MSECriterion().float()
    params, grads = net.getParameters()
    x, y = torch7.ones(4, 3).float(), torch7.zeros(4, 2).float()

    def step():
        loss = criterion.forward(net.forward(x), y)
        net.zeroGradParameters()
        net.backward(x, criterion.backward(net.output, y), 0.5 * loss + 1)
        net.updateParameters(0.1 / (1 + loss))
        params.add(-0.1 / (1 + loss), grads)
        return loss

    losses = [float(f()) for f in [way(step)] for _ in range(4)]
    assert sorted(losses, reverse=True) == losses
    assert params.type() == net.output.type() == "torch.FloatTensor"


def test_a_loss_that_was_kept_stays_what_it_was():
    net, criterion, config = nn.Linear(2, 1), nn.MSECriterion(), {"learningRate": 0.1}
    params, grads = net.getParameters()
    x, y = torch7.ones(3, 2), torch7.zeros(3, 1)

    def step(_):
        grads.zero()
        loss = criterion.forward(net.forward(x), y)
        net.backward(x, criterion.backward(net.output, y))
        return loss, grads

    losses, looked_at, counts = [], [], []
    for _ in range(4):
        losses.append(optim.sgd(step, params, config)[1][1])
        looked_at.append(float(losses[-1]))
        counts.append(config["evalCounter"])
    assert losses == looked_at
    assert sorted(looked_at, reverse=True) == looked_at
    assert len(set(looked_at)) == 4
    assert counts == [1, 2, 3, 4]

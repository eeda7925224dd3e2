"""The text of tensors, storages and tables, against what the original printed."""

import json
from pathlib import Path

import pytest

import fnn.torch7 as torch
from fnn.torch7.printing import number_text
from fnn.torch7.table import Table

CASES = json.loads((Path(__file__).parent / "oracle" / "tostring_tensor.json").read_text())["cases"]


def made(case):
    make = getattr(torch, case["type"].removeprefix("torch."))
    if "Storage" in case["type"]:
        return make(case["data"])
    return make(case["data"]).view(*case["size"]) if case["size"] else make()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_text_is_the_originals(case):
    x = made(case)
    assert str(x) == case["text"]
    assert f"{x!r}\n" == case["text"]
    assert torch.type(x) == case["type"]


def test_a_view_prints_its_own_elements():
    x = torch.range(1, 6).resize(2, 3)
    assert str(x.t()) == " 1  4\n 2  5\n 3  6\n[torch.DoubleTensor of size 3x2]\n"
    assert str(x.select(2, 2)) == " 2\n 5\n[torch.DoubleTensor of size 2]\n"


@pytest.mark.parametrize(
    ("data", "first"),
    [
        ([15], " 15"),
        ([1.5, 100.25], "   1.5000"),
        ([0.001, 0.002], "0.001 *"),
        ([1e-5, 1], " 1.0000e-05"),
        ([-0.0, 0.5], "-0.0000"),
        ([-0.0, 2], " 0"),
        ([1e10, 2], " 1.0000e+10"),
        ([999999999, 2], " 999999999"),
        ([0.03125, 0.5], " 0.0313"),
        ([5e-324, 0], "4.94066e-324 *"),
        ([-0.03125, 0.5], "-0.0313"),
        ([0.09375, 0.5], " 0.0938"),
        ([1000050000, 0.5], " 1.0001e+09"),
    ],
)
def test_first_line(data, first):
    assert str(torch.Tensor(data)).splitlines()[0] == first


def test_nan_puts_all_columns_into_one_line():
    text = str(torch.Tensor([[float("nan")] * 20]))
    assert text.splitlines()[0] == " ".join(["nan"] * 20)


def test_empty():
    assert str(torch.LongStorage()) == "[torch.LongStorage of size 0]\n"
    assert str(torch.Tensor().size()) == "[torch.LongStorage of size 0]\n"


def test_numbers_in_a_storage_wrap():
    assert (
        str(torch.ByteStorage([-1, 300, 2.7]))
        == " 255\n  44\n   2\n[torch.ByteStorage of size 3]\n"
    )


def test_both_names_of_tostring():
    x = torch.Tensor([1])
    assert x.__tostring() == x.__tostring__() == str(x)


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (1.8225688302461, "1.8225688302461"),
        (15.0, "15"),
        (1e100, "1e+100"),
        (3, "3"),
        (123456789012345, "1.2345678901235e+14"),
    ],
)
def test_numbers_are_luas(x, text):
    assert number_text(x) == text


def test_table():
    table = Table([torch.Tensor(1, 2), torch.IntTensor(), torch.LongStorage([4]), None, False, 2.0])
    assert str(table).splitlines() == [
        "{",
        "  1 : DoubleTensor - size: 1x2",
        "  2 : IntTensor - empty",
        "  3 : LongStorage - size: 1",
        "  4 : nil",
        "  5 : false",
        "  6 : 2",
        "}",
    ]
    assert str(Table()) == "{}"


def test_table_in_a_table():
    inner = Table([torch.Tensor(3), {"lr": 0.1}, Table()])
    assert str(Table([1, inner])).splitlines() == [
        "{",
        "  1 : 1",
        "  2 : ",
        "    {",
        "      1 : DoubleTensor - size: 3",
        "      2 : ",
        "        {",
        "          lr : 0.1",
        "        }",
        "      3 : {...}",
        "    }",
        "}",
    ]

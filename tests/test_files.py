"""Files of Torch7 and safetensors: the original's byte for byte, and nothing believed too soon."""

import base64
import json
import random
import subprocess
import sys
import time
import tracemalloc
from contextlib import suppress
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from fnn.files import safetensors, t7
from fnn.files.__main__ import main
from fnn.files.t7 import walk

ORACLE = json.loads((Path(__file__).parent / "oracle" / "files.json").read_text())
del ORACLE["origin"]
FILES = {
    f"{name}-{mode}": (mode, base64.b64decode(text) if mode == "binary" else text.encode())
    for name, texts in ORACLE.items()
    for mode, text in zip(("binary", "ascii"), texts, strict=True)
}
FILE = pytest.mark.parametrize("name", FILES)


def original(name):
    return t7.loads(FILES[f"{name}-binary"][1], "binary")


@FILE
def test_what_was_read_is_written_byte_for_byte(name):
    mode, data = FILES[name]
    value = t7.loads(data, mode)
    assert t7.dumps(value, mode) == data
    for other in ("ascii", "b32", "b64"):
        again = t7.loads(t7.dumps(value, other), other)
        assert t7.dumps(again, mode) == data
        assert t7.dumps(t7.loads(t7.dumps(value, other)), mode) == data  # the mode found out


def test_values_of_the_original():
    assert original("number") == 3.25
    assert original("string") == "hello"
    one, two, x, inner = original("list").values()
    assert (one, two, x) == (1, 2, "x")
    assert inner.values() == [True]
    np.testing.assert_array_equal(original("tensor").array(), [[1, 2, 3], [4, 5, 6]])
    np.testing.assert_array_equal(original("storage").array, [3, 4])
    assert original("tensor_empty").array().shape == (0,)
    linear = original("linear")
    assert (linear.name, linear.version) == ("nn.Linear", 1)
    np.testing.assert_array_equal(linear.fields()["weight"].array(), [[1, 2], [3, 4], [5, 6]])
    state = original("optim_state").fields()
    assert (state["learningRate"], state["evalCounter"]) == (0.1, 3)


@pytest.mark.parametrize("mode", ["binary", "b32", "ascii"])
def test_every_kind_of_numbers(mode):
    values = [0, 1, -2, 100] if mode != "ascii" else [1.5, -0.0, np.inf, 65504]
    for kind in ("Byte", "Char", "Short", "Int", "Long", "Half", "Float", "Double", "CudaLong"):
        dtype = t7.records.kind_of(f"torch.{kind}Storage")[1]
        floating = dtype.kind == "f"
        array = np.array(values if floating else [0, 1, 100, 10], dtype)
        storage = t7.Storage(kind, array)
        given = t7.Table.of(t7.Tensor(kind, (2, 2), (1, 2), 0, storage), storage)
        tensor, found = t7.loads(t7.dumps(given, mode), mode).values()
        assert found.kind == kind
        assert found.array.dtype == dtype
        np.testing.assert_array_equal(found.array.view("u1"), array.view("u1"))
        np.testing.assert_array_equal(tensor.array(), array.reshape(2, 2).T)
    for array in (np.array([np.nan, -np.inf, 1 / 3]), np.zeros(0)):
        found = t7.loads(t7.dumps(t7.Storage("Double", array), mode), mode)
        np.testing.assert_array_equal(found.array, array)
    for number in (1 / 3, -0.0, 2.0**60, float("inf"), 7, "ü", "", b"\xff\n3\n", None, False):
        found = t7.loads(t7.dumps(number, mode), mode)
        assert found == number
        assert str(found) == str(number) or abs(number) >= 2**53


def test_names_of_old_and_foreign_classes():
    old = t7.dumps(t7.TorchObject("x", 1, t7.Table())).replace(
        b"\3\0\0\0V 1\1\0\0\0x", b"\3\0\0\0abc"
    )
    assert (t7.loads(old).name, t7.loads(old).version) == ("abc", 0)
    cuda = t7.Tensor("Cuda", (1,), (1,), 0, t7.Storage("Cuda", np.ones(1, "<f4")))
    assert b"torch.CudaTensor" in t7.dumps(cuda)
    assert t7.loads(t7.dumps(cuda)).array().dtype == np.float32
    timer = t7.Table.of(t7.TorchObject("torch.Timer"), 5)
    data = t7.dumps(timer).replace(b"Timer\0\0\0\0", b"Timer")
    assert t7.loads(data).values()[1] == 5


@pytest.mark.parametrize("mode", ["binary", "ascii"])
def test_objects_are_one_where_they_were_one(mode):
    shared = t7.Storage("Float", np.arange(4, dtype="<f4"))
    a, b = (t7.Tensor("Float", (2,), (1,), offset, shared) for offset in (0, 2))
    table = t7.Table.of(a, b, a)
    table.entries.append(("self", table))
    found = t7.loads(t7.dumps(table, mode), mode)
    one, two, three = found.values()
    assert one is three
    assert one.storage is two.storage
    assert found.fields()["self"] is found
    np.testing.assert_array_equal(two.array(), [2, 3])


@pytest.mark.parametrize("mode", ["binary", "ascii"])
def test_a_long_chain_is_no_recursion(mode):
    chain = None
    for _ in range(5_000):
        chain = t7.TorchObject("Node", 1, t7.Table.of(child=chain))
    data = t7.dumps(chain, mode)
    found = t7.loads(data, mode)
    assert t7.dumps(found, mode) == data
    assert len([*walk.walk(found)]) == 5_001


def test_functions_are_not_run():
    code = b"\x1bLua and more"
    data = b"\x08\0\0\0\1\0\0\0" + len(code).to_bytes(4, "little") + code + bytes(4)
    found = t7.loads(data)
    assert (type(found), found.size) == (t7.Function, len(code))
    with pytest.raises(TypeError, match="functions are not written"):
        t7.dumps(found)


@FILE
def test_a_file_that_is_cut_off_is_an_error(name):
    mode, data = FILES[name]
    for stop in {*range(0, len(data), 7), len(data) - 1}:
        with pytest.raises(t7.FileError, match=f"read as {mode}, byte"):
            t7.loads(data[:stop], mode)


def test_sizes_are_not_believed():
    def whole(x, count=4):
        return x.to_bytes(count, "little", signed=True)

    head = whole(4) + whole(1) + whole(3) + b"V 1" + whole(19) + b"torch.DoubleStorage"
    for data in (
        head + whole(2**62, 8),
        head + whole(-1, 8),
        whole(3) + whole(1) + whole(2**31 - 1),
        whole(2) + whole(-5),
        whole(2) + whole(2**31 - 1) + b"x",
    ):
        tracemalloc.start()
        with pytest.raises(t7.FileError, match="cannot follow"):
            t7.loads(data, "binary")
        assert tracemalloc.get_traced_memory()[1] < 100_000
        tracemalloc.stop()
    tensor = t7.Tensor("Double", (2,), (1,), 0, t7.Storage("Double", np.zeros(2)))
    data = t7.dumps(tensor)
    for wrong in (tensor.size, tensor.stride):
        at = data.index(b"Tensor") + (10 if wrong is tensor.size else 18)
        with pytest.raises(t7.FileError, match="does not fit into a storage of 2"):
            t7.loads(data[:at] + whole(5, 8) + data[at + 8 :])


@pytest.mark.parametrize("seed", range(4))
def test_damaged_files_are_errors_or_values(seed):
    draw = random.Random(seed)
    for _ in range(100):
        mode, data = FILES[draw.choice([*FILES])]
        damaged = bytearray(data)
        for _ in range(draw.randint(1, 3)):
            at = draw.randrange(len(damaged))
            extreme = draw.choice([b"\xff" * 4, b"\xff\xff\xff\x7f", b"9999999999\n", bytes(4)])
            damaged[at : at + draw.choice([0, 1, 4])] = draw.choice([extreme, b"", data[:9]])
        began = time.process_time()
        with suppress(t7.FileError):
            t7.loads(bytes(damaged), draw.choice([mode, None]))
        assert time.process_time() - began < 1


def test_memory_stays_within_ten_times_the_file():
    values = [t7.Table.of(rate=0.5, name=f"n{i}", on=True) for i in range(2000)]
    data = t7.dumps(t7.Table.of(*values, *map(float, range(5000))))
    for given in (data, data[: len(data) // 2]):
        tracemalloc.start()
        with suppress(t7.FileError):
            t7.loads(given, "binary")
        assert tracemalloc.get_traced_memory()[1] < 10 * len(given)
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"PK\3\4 and more", "zip"),
        (b"\x80\2}q\0", "pickle"),
        (b"\x89HDF\r\n", "HDF5"),
        (b'{"a": 1}', "JSON"),
        (b"\x1f\x8b\x08\0", "gzip"),
        (b"", "cannot follow"),
        (b"hello, world", "no kind of object"),
    ],
)
def test_foreign_files_are_named(tmp_path, data, what):
    path = tmp_path / "model.t7"
    path.write_bytes(data)
    with pytest.raises(t7.FileError, match=f"model.t7: .*{what}"):
        t7.load(path)


def test_an_unknown_mode_is_refused():
    with pytest.raises(ValueError, match="given mode 'text', wanted one of binary"):
        t7.loads(b"", "text")
    with pytest.raises(ValueError, match="given mode 'text', wanted one of binary"):
        t7.dumps(1, "text")


ARRAYS = {
    "weight": np.arange(6, dtype="<f4").reshape(2, 3),
    "scale": np.array(2.5),
    "half": np.ones(3, jnp.bfloat16),
    "mask": np.array([True, False]),
    "none": np.zeros((0, 4), "<i8"),
}


def test_safetensors_keep_arrays(tmp_path):
    safetensors.save(tmp_path / "x.safetensors", ARRAYS)
    found = safetensors.load(tmp_path / "x.safetensors")
    assert list(found) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)
    data = safetensors.dumps({"x": np.ones(2, "<f4")})
    size = int.from_bytes(data[:8], "little")
    assert json.loads(data[8 : 8 + size]) == {
        "x": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
    }
    assert data[8 + size :] == np.ones(2, "<f4").tobytes()
    with pytest.raises(TypeError, match="x: given complex64, wanted one of float64"):
        safetensors.dumps({"x": np.ones(1, "complex64")})


def test_damaged_safetensors_are_errors():
    data = safetensors.dumps(ARRAYS)
    for stop in range(0, len(data), 5):
        with pytest.raises(t7.FileError):
            safetensors.loads(data[:stop])
    for old, new in [(b"[2, 3]", b"[2, 4]"), (b"F32", b"X32"), (b"[0, 24]", b"[9, 24]")]:
        with pytest.raises(t7.FileError, match="header"):
            safetensors.loads(data.replace(old, new, 1))


def test_command_line(tmp_path, capsys):
    source, target = tmp_path / "net.t7", tmp_path / "net.safetensors"
    source.write_bytes(FILES["sequential-ascii"][1])
    assert main(["inspect", str(source)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "nn.Sequential"
    assert "modules.1: nn.Linear" in lines
    assert any(line.startswith("modules.1.weight: DoubleTensor ") for line in lines)
    assert main(["convert", str(source), str(target)]) == 0
    found, wanted = safetensors.load(target), walk.tensors(original("sequential"))
    assert found.keys() == wanted.keys()
    for name, array in wanted.items():
        np.testing.assert_array_equal(found[name], array)
    source.write_bytes(b"PK")
    capsys.readouterr()
    assert main(["inspect", str(source)]) == 1
    assert "a zip archive" in capsys.readouterr().err
    command = [sys.executable, "-m", "fnn.files", "inspect", "--mode", "ascii", str(source)]
    assert subprocess.run(command, capture_output=True).returncode == 1

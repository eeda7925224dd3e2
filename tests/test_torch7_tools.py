"""Torch7's small tools: confusion matrix, logger, timer, command line, tester.

The numbers and texts in `oracle/optim_all.jsonl` come from the original Torch7, double precision.
"""

import json
from pathlib import Path

import numpy as np
import pytest

import fnn.torch7 as torch
import transforms
from fnn.torch7 import nn, optim
from transforms.cells import PENDING

pytestmark = pytest.mark.unoptimised

ORACLE = Path(__file__).parent / "oracle/optim_all.jsonl"
CASES = {case["optimizer"]: case for case in map(json.loads, ORACLE.read_text().splitlines())}


def confused():
    """The original's matrix, made by its calls."""
    case = CASES["ConfusionMatrix"]
    conf = optim.ConfusionMatrix(case["classes"])
    conf.batchAdd(torch.Tensor(case["predictions"]).view(12, 3), torch.Tensor(case["targets"]))
    assert conf.mat.view(-1).tolist() == case["mat_after_batch"]
    scores = torch.Tensor([0.1, 0.7, 0.2])
    conf.add(scores, 2)
    conf.add(3, 1)
    conf.add(scores, torch.Tensor([0, 0, 1]))
    conf.add(2, 0)
    return conf, case


def test_confusion_matrix_equals_the_original():
    conf, case = confused()
    assert str(conf) == conf.__tostring__() == case["tostring"]
    assert conf.mat.view(-1).tolist() == case["mat"]
    for name in ("valids", "unionvalids"):
        assert getattr(conf, name).type() == "torch.FloatTensor"
        np.testing.assert_allclose(np.asarray(getattr(conf, name)), case[name], rtol=1e-12)
    for name in ("averageValid", "averageUnionValid", "totalValid"):
        assert getattr(conf, name) == pytest.approx(case[name], rel=1e-12)
    for found, name in zip(conf.farFrr(), ("frrs", "fars", "ret_frrs", "ret_fars"), strict=True):
        np.testing.assert_allclose(np.asarray(found), case[name], rtol=1e-12)


def test_confusion_matrix_of_one_hot_rows_and_of_columns():
    conf = optim.ConfusionMatrix(2)
    conf.batchAdd(torch.Tensor([[0.9, 0.1], [0.2, 0.8]]), torch.Tensor([[0, 1], [0, 1]]))
    conf.batchAdd(torch.Tensor([1, 2]).view(2, 1), torch.LongTensor([1, 0]).view(2, 1))
    assert conf.mat.tolist() == [[1, 0], [1, 1]]
    assert str(conf).startswith("ConfusionMatrix:\n[[       1       0]   100.000% \n [       1 ")
    conf.zero()
    assert conf.mat.sum() == conf.totalValid == 0
    frrs, fars, some, _ = conf.farFrr()
    assert frrs.tolist() == fars.tolist() == [-1, -1]
    assert some.dim() == 0
    assert "nan" in str(conf)
    conf.mat.copy(torch.Tensor([[1, 63], [0, 0]]))
    assert "]   1.563% \n" in str(conf)  # 1.5625, as LuaJIT rounds it


def test_confusion_matrix_inside_a_compiled_step():
    conf, net = optim.ConfusionMatrix(["a", "b"]), nn.Linear(3, 2)

    @transforms.jit
    def step(x, y):
        conf.batchAdd(net.forward(x), y)

    for _ in range(3):
        step(torch.ones(4, 3), torch.Tensor([1, 2, 1, 0]))
    assert conf.mat.sum() == 9
    assert conf.mat.sum(2).view(-1).tolist() == [6, 3]


def test_confusion_matrix_says_what_is_wrong():
    conf = optim.ConfusionMatrix(2)
    with pytest.raises(ValueError, match=r"targets of class 3, wanted 1\.\.2"):
        conf.add(1, 3)
    with pytest.raises(ValueError, match=r"predictions of class 4"):
        conf.batchAdd(torch.ones(3, 4), torch.ones(3))
    with pytest.raises(ValueError, match="batchAdd takes batches"):
        conf.add(torch.ones(3, 2), 1)
    with pytest.raises(ValueError, match="sortmode 'size'"):
        conf.render("size")


def test_confusion_matrix_can_be_rendered():
    pytest.importorskip("matplotlib")
    conf, _ = confused()
    image = conf.render("occurrence", False, 20, 90)
    assert image.size().tolist() == [3, 60, 150]
    # The most frequent is the third: half of it was found, a quarter taken for another.
    assert image[1][2][2] == pytest.approx(0.5, abs=0.01)
    assert image[1][2][22] == pytest.approx(0.25, abs=0.01)


def test_logger_writes_what_the_original_writes(tmp_path):
    path = tmp_path / "new" / "run.log"
    logger = optim.Logger(str(path)).setNames(["train", "test"])
    logger.add([1.5, 2])
    logger.add([0.000123456, -1e10])
    assert path.read_text() == CASES["Logger"]["file"]
    assert logger.symbols[logger.idx["test"]][1] == 2
    with (tmp_path / "other.log").open("w") as file:
        logger.file.write("the end")
        logger.file.close()
        logger.file = file
        logger.add([3, 4])
    assert path.read_text() == CASES["Logger"]["file"] + "the end"
    assert (tmp_path / "other.log").read_text() == " 3.0000e+00\t 4.0000e+00\t\n"


def test_logger_names_columns_by_the_first_line(tmp_path, capsys):
    path = tmp_path / "run.log"
    logger = optim.Logger(str(path))
    logger.add({"loss": 1, "note": "good"})
    assert path.read_text() == "loss\tnote\t\n 1.0000e+00\tgood\t\n"
    with pytest.raises(ValueError, match="numbers and strings"):
        logger.add({"loss": torch.ones(1), "note": "bad"})
    optim.Logger().add([1])
    warning = "<Logger> warning: no path provided, logging to std out\n"
    assert capsys.readouterr().out == f"{warning}1\t\n 1.0000e+00\t\n"


def test_logger_plots(tmp_path):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    logger = optim.Logger(str(tmp_path / "run.log")).setNames(["train", "test"])
    logger.plot()
    assert logger.figure is None
    for i in range(1, 4):
        logger.add([i, 1 / i])
    logger.style(["-", ["+-", "."]])
    logger.setlogscale(True)
    logger.display(False)
    logger.plot()
    (axes,) = logger.figure.axes
    assert [line.get_label() for line in axes.lines] == ["train", "test", "test"]
    assert axes.get_yscale() == "log"
    assert axes.get_title() == f"<Logger::{logger.name}>"
    assert (tmp_path / "run.log.eps").read_bytes().startswith(b"%!PS-Adobe")
    logger.plot("test")
    assert len(logger.figure.axes[0].lines) == 2
    assert pyplot.get_fignums() == []
    logger.style(["with lines lt 3", "-"])
    with pytest.raises(ValueError, match="gnuplot"):
        logger.plot()


def test_timer():
    timer = torch.Timer()
    assert str(timer) == "torch.Timer [status: running]"
    assert timer.time().real <= timer.time()["real"]
    assert set(timer.time()) == {"real", "user", "sys"}
    assert timer.stop() is timer
    assert str(timer) == "torch.Timer [status: stopped]"
    stopped = timer.time()
    assert stopped == timer.stop().time()
    assert timer.resume().time()["real"] > stopped["real"]
    assert timer.stop().reset().time()["real"] == 0
    with pytest.raises(AttributeError, match="a time has real, user, sys"):
        _ = stopped.wall
    assert torch.toc(torch.tic()) >= 0


def test_timer_waits_for_what_was_put_off():
    x = torch.ones(2).add(1)
    assert x.storage._array is PENDING
    torch.Timer()
    assert x.storage._array is not PENDING


@pytest.fixture
def cmd():
    cmd = torch.CmdLine()
    cmd.text("Train")
    cmd.text()
    cmd.argument("model", "its file")
    cmd.option("-rate", 0.1, "learning rate")
    cmd.option("--steps", 10)
    cmd.option("-fast", False, "no checks")
    cmd.option("-name", "run")
    return cmd


def test_command_line_is_parsed(cmd):
    defaults = {"rate": 0.1, "steps": 10, "fast": False, "name": "run"}
    assert cmd.default() == defaults
    assert cmd.parse(["m.t7"]) == defaults | {"model": "m.t7"}
    words = ["-rate", "1e-3", "m.t7", "-fast", "--steps", "0x10", "-name", "7"]
    found = cmd.parse(words)
    assert found == {"rate": 0.001, "steps": 16, "fast": True, "name": "7", "model": "m.t7"}


def test_command_line_prints_its_help(cmd, capsys):
    with pytest.raises(SystemExit) as end:
        cmd.parse(["-h"])
    assert end.value.code == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Usage: ")
    assert lines[0].endswith(" [options] <model>")
    assert lines[1:] == [
        "Train",
        "",
        "  <model> its file",
        "  -rate   learning rate [0.1]",
        "  --steps [10]",
        "  -fast   no checks [false]",
        "  -name   [run]",
    ]


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        (["m.t7", "-nothing"], "invalid argument: -nothing"),
        (["m.t7", "-rate"], "missing argument for option -rate"),
        (["m.t7", "-rate", "fast"], "invalid type for option -rate (should be number)"),
        ([], "not enough arguments"),
    ],
)
def test_command_line_leaves_the_program(cmd, words, wrong, capsys):
    with pytest.raises(SystemExit) as end:
        cmd.parse(words)
    assert end.value.code == 1
    printed = capsys.readouterr()
    assert printed.err == wrong
    assert printed.out.startswith("\n\nUsage: [options] <model>\nTrain\n")


def test_an_option_has_a_default(cmd):
    with pytest.raises(ValueError, match="-seed with the default nil"):
        cmd.option("-seed", None)
    with pytest.raises(ValueError, match="a default, of type string"):
        cmd.option("-seed", 1, "the seed", "string")


def test_command_line_names_a_run(cmd, capsys):
    params = cmd.parse(["m", "-rate", "0.5", "-fast"])
    assert cmd.string("exp", params, {"steps": True}) == "exp,model=m,fast=t,rate=0.5"
    assert cmd.string("exp", params, {"name": False}) == "exp,model=m,fast=t,name=run,rate=0.5"
    assert cmd.string("exp", {"model": "m"}) == "exp,model=m,"
    assert cmd.string(None, {"rate": 0.1}, {}) == ""
    assert "-- ignore option steps\n" in capsys.readouterr().out


def test_command_line_logs_what_is_printed(cmd, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("builtins.print", print)
    path = tmp_path / "log"
    cmd.addTime("run", "now")
    cmd.log(str(path), {"rate": 0.5})
    print("a", 2)
    cmd.silent()
    print("b")
    lines = path.read_text().splitlines()
    assert lines[0].startswith("now[run]:  [program started on ")
    assert lines[1:] == [
        "now[run]:  [command line arguments] ",
        "now[run]:  rate 0.5 ",
        "now[run]:  [----------------------] ",
        "now[run]:  a 2 ",
        "now[run]:  b ",
    ]
    assert capsys.readouterr().out.endswith("rate\t0.5\n[----------------------]\na 2\n")


def suite(tester):
    tests, calls = torch.TestSuite(), []
    tests._setUp = lambda name: calls.append(f"+{name}")
    tests._tearDown = lambda name: calls.append(f"-{name}")
    tests.good = lambda: tester.eq([1, {"a": 2}], [1, {"a": 2}])
    tests.bad = lambda: tester.eq(1, 2, "one") or tester.assertlt(1, 2)
    tests.broken = lambda: [][0]
    tester.add(tests)
    return calls


def test_tester_reports(capsys):
    tester = torch.Tester()
    calls = suite(tester)
    tester.add(lambda: tester.assertTensorEq(torch.ones(2), torch.ones(1, 2)), "shape")
    tester.add(lambda: None, "off").disable("off")
    with pytest.raises(AssertionError, match="An error was found while running tests!"):
        tester.run()
    shown = [line.split("\r")[-1] for line in capsys.readouterr().out.split("\n")]
    dots = "." * 64
    assert shown[:8] == [
        "Running 5 tests",
        f"1/5 good {dots} [PASS]",
        f"2/5 bad {dots}. [FAIL]",
        f"3/5 broken {dots[2:]} [ERROR]",
        f"4/5 shape {dots[1:]} [PASS]",
        " " * 70 + "[+warning]",
        f"5/5 off {dots}. [SKIP]",
        "Completed 4 asserts in 5 tests with 1 failure and 1 error and 1 warning and 1 disabled",
    ]
    assert shown[8:12] == ["-" * 80, "bad", "one", "EQ failed: 1 ~= 2"]
    assert "IndexError" in "\n".join(shown)
    assert calls == ["+good", "-good", "+bad", "-bad", "+broken", "-broken", "+shape", "-shape"]


def test_tester_runs_some_tests(capsys):
    tester = torch.Tester()
    suite(tester)
    assert tester.run("go+d") == 0
    assert capsys.readouterr().out.endswith(
        "Completed 1 assert in 1 test with 0 failures and 0 errors\n"
    )
    with pytest.raises(ValueError, match="Couldn't find test 'worse'"):
        tester.run(["worse"])
    tester.setEarlyAbort(True)
    tester.setSummaryOnly(True)
    with pytest.raises(AssertionError, match="while running"):
        tester.run(["bad", "good"])
    out = capsys.readouterr().out
    assert "Aborting on first error, not all tests have been executed\n" in out
    assert out.endswith("Completed 2 asserts in 2 tests with 1 failure and 0 errors\n")
    tester.setRethrowErrors(True)
    with pytest.raises(AssertionError, match="one\nEQ failed: 1 ~= 2"):
        tester.run("bad")


ONE = {"a": [1, 2], "b": "x"}


@pytest.mark.parametrize(
    ("name", "values", "text"),
    [
        ("eq", (1, 1.5, 0.1), "EQ failed: 1 ~= 1.5 with tolerance=0.1"),
        ("ne", (1, 1.05, 0.1), "NE failed: 1 == 1.05 with tolerance=0.1"),
        ("eq", (1, "1"), "EQ failed: values have different types (first: number, second: string)"),
        ("eq", (True, False), "EQ failed: true (boolean) ~= false (boolean)"),
        ("eq", (ONE, {"a": [1, 3], "b": "x"}), "At table location a.2: EQ failed: 2 ~= 3"),
        ("eq", (ONE, {"a": [1, 2]}), "Entry b missing in second table (is x in first)"),
        ("assertTableNe", (ONE, dict(ONE)), "The tables are equal"),
        ("eq", (torch.ones(2), torch.ones(3)), "The tensors have different sizes"),
        ("eq", (torch.ones(2), torch.ones(1, 2)), "The tensors have different dimensions"),
        ("eq", (torch.ones(2), torch.ones(2).float()), "The tensors have different types"),
        (
            "eq",
            (torch.ones(2), torch.Tensor([1, 1.25]), 0.125),
            "TensorEQ(==) violation: max diff=0.25, tolerance=0.125",
        ),
        (
            "ne",
            (torch.LongStorage([1, 2]), torch.LongStorage([1, 2])),
            "StorageNE(==) violation: max diff=0, tolerance=0",
        ),
        ("assertTensorNe", (torch.Tensor(), torch.Tensor()), "Both tensors are empty"),
        ("assert", (False,), "BOOL violation condition=false"),
        ("assertlt", (2, 1), "LT failed: 2 >= 1"),
        ("assertgt", (1, 2), "GT failed: 1 <= 2"),
        ("assertle", (2, 1), "LE failed: 2 > 1"),
        ("assertge", (1, 2), "GE failed: 1 < 2"),
        ("asserteq", (1, 2), "EQ failed: 1 ~= 2"),
        ("assertne", (1, 1), "NE failed: 1 == 1"),
        ("assertalmosteq", (1, 2), "ALMOST_EQ failed: 1 ~= 2 with tolerance=1e-16"),
        ("assertError", (lambda: 1,), "ERROR violation: err=nil"),
        ("assertErrorMsg", (lambda: int("a"), "b"), "ERROR violation: err=invalid literal"),
        ("assertErrorPattern", (lambda: int("a"), "z+"), "ERROR violation: err=invalid literal"),
        ("assertNoError", (lambda: int("a"),), "ERROR violation: err=invalid literal"),
    ],
)
def test_assertions_that_fail_say_why(name, values, text):
    tester = torch.Tester()
    assert getattr(tester, name)(*values, "as I said") is False
    (error,) = tester.errors
    assert error.startswith(f"as I said\n{text}")
    assert "in test_assertions_that_fail_say_why" in error


def test_assertions_that_hold():
    tester = torch.Tester()
    x = torch.Tensor([1, 2])
    assert tester.eq(x, x + 0.5, "close", 0.5)
    assert tester.eq(torch.ByteTensor([1]), torch.ByteTensor([1]))
    assert tester.assertErrorPattern(lambda: x[3], "index")
    assert tester.assertErrorObj(lambda: x[3], lambda error: isinstance(error, IndexError))
    assert tester.assertTensorEq(x, x)
    assert tester.assertTableEq([x], [x.clone()])
    assert tester.assertNoError(lambda: x[1])
    assert getattr(tester, "assert")(True)
    assert tester.ne(1, "1")
    assert tester.errors == tester.warnings == []
    with pytest.raises(TypeError, match="wanted a tolerance"):
        tester.eq(1, 1, -1)
    with pytest.raises(TypeError, match="given a number, wanted a Tensor"):
        tester.assertTensorEq(1, x)


def test_suites_refuse_what_is_no_test():
    tests = torch.TestSuite()
    tests.one = len
    assert tests["one"] is len
    with pytest.raises(ValueError, match="Test one is already defined"):
        tests.one = len
    with pytest.raises(TypeError, match="Nested tables"):
        tests.two = {}
    with pytest.raises(TypeError, match="Only functions"):
        tests["two"] = 2
    with pytest.raises(ValueError, match="Test with name one already exists!"):
        torch.Tester().add(tests).add(tests)

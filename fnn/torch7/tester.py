"""torch.Tester and torch.TestSuite: named tests, and what they assert."""

from __future__ import annotations

import operator
import re
import traceback
from collections import Counter
from collections.abc import Callable
from typing import Any

from fnn.torch7.equality import compare, compare_tensors, kind
from fnn.torch7.printing import tostring
from fnn.torch7.table import Table
from fnn.torch7.tensor import Tensor

COLUMNS = 80
TABLES = (dict, list, tuple, Table)


class TestSuite:
    """Tests by name, each of which can be set only once: `suite.name = function`."""

    __test__ = False  # of no interest to pytest

    def __setattr__(self, name: str, test: Any) -> None:
        if name in vars(self):
            raise ValueError(f"Test {name} is already defined.")
        if isinstance(test, dict | list | tuple | Table | TestSuite):
            raise TypeError("Nested tables of tests are not supported")
        if not callable(test):
            raise TypeError("Only functions are supported as members of a TestSuite")
        vars(self)[name] = test

    def __setitem__(self, name: str, test: Any) -> None:
        setattr(self, name, test)

    def __getitem__(self, name: str) -> Any:
        return vars(self)[name]


class Tester:
    """Runs tests, counts what they assert, and reports.

    Assertions take a message, and where they compare a tolerance, in any order; they return whether
    they hold. Patterns are regular expressions.
    """

    typename = "torch.Tester"

    def __init__(self) -> None:
        self.errors: list[str] = []
        self.warnings: list[str] = []
        self.tests: dict[str, Callable] = {}
        self.disabledTests: set[str] = set()
        self.earlyAbort = self.rethrow = self.summaryOnly = False
        self.countasserts = 0
        self._setUp: Callable | None = None
        self._tearDown: Callable | None = None
        self._name = ""
        self._warned = Counter[str]()
        self._start()

    def _start(self) -> None:
        """Count from zero, except the warnings from outside of tests."""
        self._passed, self._failed = Counter[str](), Counter[str]()
        self._broken: set[str] = set()
        self._warned = Counter({"": self._warned[""]})

    # Tests.

    def add(self, f: Any, name: str | None = None) -> Tester:
        """Add a test under a name, or all of a suite; `_setUp` and `_tearDown` go around each."""
        if isinstance(f, TestSuite | dict):
            if name is not None:
                raise ValueError("Name parameter is forbidden for a table of tests")
            if isinstance(f, dict):
                self._warn("Should use TestSuite rather than a plain table")
            for key, test in (f if isinstance(f, dict) else vars(f)).items():
                self.add(test, key)
            return self
        if not callable(f):
            raise TypeError("Only tables of functions and functions supported")
        name = name or "unknown"
        if name in ("_setUp", "_tearDown"):
            if getattr(self, name):
                raise ValueError(f"Only one {name} function allowed")
            setattr(self, name, f)
        elif name in self.tests:
            raise ValueError(f"Test with name {name} already exists!")
        else:
            self.tests[name] = f
        return self

    def disable(self, testNames: Any) -> Tester:
        """Have tests skipped."""
        for name in listed(testNames):
            if name not in self.tests:
                raise ValueError(f"Unrecognized test '{name}'")
            self.disabledTests.add(name)
        return self

    def setEarlyAbort(self, earlyAbort: bool) -> None:
        """Whether to stop at the first test that fails."""
        self.earlyAbort = earlyAbort

    def setRethrowErrors(self, rethrow: bool) -> None:
        """Whether to let errors out, and raise one where an assertion fails."""
        self.rethrow = rethrow

    def setSummaryOnly(self, summaryOnly: bool) -> None:
        """Whether to report numbers only."""
        self.summaryOnly = summaryOnly

    def run(self, testNames: Any = None) -> int:
        """Run all tests, or those whose names match; raise an error if one of them fails."""
        names = list(self.tests)
        if testNames is not None:
            found = {p: [n for n in names if re.search(p, n)] for p in listed(testNames)}
            for pattern, matching in found.items():
                if not matching:
                    raise ValueError(f"Couldn't find test '{pattern}'")
            names = list(dict.fromkeys(name for some in found.values() for name in some))
        self._start()
        print(f"Running {plural(len(names), 'test')}")
        for i, name in enumerate(names, 1):
            good = self._run(name, f"{i:{len(str(len(names)))}}/{len(names)} ")
            if self.earlyAbort and not good and i < len(names):
                print("Aborting on first error, not all tests have been executed")
                break
        self._name = ""
        self._report(names)
        if self._failed or self._broken:
            raise AssertionError("An error was found while running tests!")
        return 0

    def _run(self, name: str, place: str) -> bool:
        """Run a test, unless it is disabled; whether it is good."""
        self._name = name
        dots = "." * (COLUMNS - 8 - len(place) - len(name))
        print(f"{place}{name} {dots} [WAIT]", end="", flush=True)
        result = "SKIP" if name in self.disabledTests else self._result(name)
        print(f"\r{place}{name} {dots} [{result}]")
        if result == "PASS" and self._warned[name]:
            print(" " * (COLUMNS - 10) + "[+warning]")
        return result in ("PASS", "SKIP")

    def _result(self, name: str) -> str:
        failures = len(self.errors)
        if self._setUp:
            self._setUp(name)
        try:
            self.tests[name]()
        except Exception:
            if self.rethrow:
                raise
            self._broken.add(name)
            self.errors.append(f"{name}\n Function call failed\n{traceback.format_exc()}")
            return "ERROR"
        finally:
            if self._tearDown:
                self._tearDown(name)
        return "PASS" if len(self.errors) == failures else "FAIL"

    def _report(self, names: list[str]) -> None:
        self.countasserts = self._passed.total() + self._failed.total()
        warned = sum(1 for n in ("", *names) if self._warned[n])
        skipped = len(self.disabledTests.intersection(names))
        failures = plural(len(self._failed), "failure")
        counts = [failures, plural(len(self._broken), "error")]
        counts += [plural(warned, "warning")] if warned else []
        counts += [f"{skipped} disabled"] if skipped else []
        asserts, tests = plural(self.countasserts, "assert"), plural(len(names), "test")
        print(f"Completed {asserts} in {tests} with {' and '.join(counts)}")
        sections = [] if self.summaryOnly else self.errors + self.warnings
        dashes = "-" * COLUMNS
        for text in ([""] if sections else []) + sections:
            print(f"{text}\n{dashes}" if text else dashes)

    # What assertions come to.

    def _decide(self, holds: Any, message: str) -> bool:
        if holds:
            self._passed[self._name] += 1
            return True
        if self.rethrow:
            raise AssertionError(message)
        self._failed[self._name] += 1
        self.errors.append(self._placed(message))
        return False

    def _warn(self, message: str) -> None:
        self._warned[self._name] += 1
        self.warnings.append(self._placed(message))

    def _placed(self, message: str) -> str:
        """A message after the test's name, before the place in the code."""
        frames = [f for f in traceback.extract_stack() if f.filename != __file__]
        place = f"\t{frames[-1].filename}:{frames[-1].lineno}: in {frames[-1].name}"
        return "\n".join([*([self._name] if self._name else []), message, place])

    # Assertions.

    def assert_(self, condition: Any, *more: Any) -> bool:
        """That a condition is true. Also `assert`, where Python lets it be called so."""
        if not isinstance(condition, bool):
            self._warn(" assert wants a boolean; of a value, say that it is not None.")
        text = f"{message(more)}BOOL violation condition={tostring(condition)}"
        return self._decide(condition is not None and condition is not False, text)

    def assertGeneralEq(self, got: Any, expected: Any, *more: Any) -> bool:
        """That two values are equal: numbers, texts, tables, tensors, storages."""
        return self._compared(compare, got, expected, more)

    def assertGeneralNe(self, got: Any, unexpected: Any, *more: Any) -> bool:
        """That two values differ."""
        return self._compared(compare, got, unexpected, more, negate=True)

    eq, ne = assertGeneralEq, assertGeneralNe

    def _compared(self, by: Callable, a: Any, b: Any, more: Any, **options: bool) -> bool:
        tolerance, text = tolerance_and_message(0, more)
        holds, why = by(a, b, tolerance, **{"negate": False} | options)
        return self._decide(holds, text + why)

    def assertalmosteq(self, a: float, b: float, *more: Any) -> bool:
        """That two numbers differ by 1e-16 at most, or by a tolerance."""
        tolerance, text = tolerance_and_message(1e-16, more)
        pair = f"{tostring(a)} ~= {tostring(b)} with tolerance={tostring(tolerance)}"
        return self._decide(abs(a - b) <= tolerance, f"{text}ALMOST_EQ failed: {pair}")

    def assertTensorEq(self, ta: Tensor, tb: Tensor, *more: Any) -> bool:
        """That tensors have equal elements; equal dimensions are only asked for by a warning."""
        wanted(Tensor, "Tensor", ta, tb)
        holds = self._compared(compare_tensors, ta, tb, more, flat=True)
        if holds and not ta.isSameSizeAs(tb):
            self._warn(
                "Tensors have the same content but different dimensions: they are taken for equal, "
                "as ever. Use eq if the dimensions matter."
            )
        return holds

    def assertTensorNe(self, ta: Tensor, tb: Tensor, *more: Any) -> bool:
        """That tensors have different elements."""
        wanted(Tensor, "Tensor", ta, tb)
        return self._compared(compare_tensors, ta, tb, more, flat=True, negate=True)

    def assertTableEq(self, ta: Any, tb: Any, *more: Any) -> bool:
        """That tables have equal entries."""
        wanted(TABLES, "Table", ta, tb)
        return self.eq(ta, tb, *more)

    def assertTableNe(self, ta: Any, tb: Any, *more: Any) -> bool:
        """That tables have different entries."""
        wanted(TABLES, "Table", ta, tb)
        return self.ne(ta, tb, *more)

    def assertErrorObj(self, f: Callable, errcomp: Callable[[Any], Any], *more: Any) -> bool:
        """That a function raises an error, and something is true of it."""
        error = raised(f)
        found = "nil" if error is None else str(error)
        holds = error is not None and errcomp(error)
        return self._decide(holds, f"{message(more)}ERROR violation: err={found}")

    def assertError(self, f: Callable, *more: Any) -> bool:
        """That a function raises an error."""
        return self.assertErrorObj(f, lambda error: True, *more)

    def assertErrorMsg(self, f: Callable, errmsg: str, *more: Any) -> bool:
        """That a function raises an error with this text."""
        return self.assertErrorObj(f, lambda error: str(error) == errmsg, *more)

    def assertErrorPattern(self, f: Callable, errPattern: str, *more: Any) -> bool:
        """That a function raises an error whose text has a pattern in it."""
        return self.assertErrorObj(f, lambda error: re.search(errPattern, str(error)), *more)

    def assertNoError(self, f: Callable, *more: Any) -> bool:
        """That a function raises no error."""
        error = raised(f)
        return self._decide(error is None, f"{message(more)}ERROR violation: err={error}")


def comparison(test: Callable, word: str, contrary: str) -> Callable:
    """An assertion that compares two values."""

    def asserted(self: Tester, a: Any, b: Any, *more: Any) -> bool:
        if word == "NE" and kind(a) == kind(b) and kind(a) in ("table", "userdata"):
            self._warn(" assertne compares numbers, texts and the like; see assertGeneralNe.")
        text = f"{message(more)}{word} failed: {tostring(a)} {contrary} {tostring(b)}"
        return self._decide(test(a, b), text)

    asserted.__doc__ = f"That this is false: a {contrary} b."
    return asserted


CONTRARY = {"lt": ">=", "gt": "<=", "le": ">", "ge": "<", "eq": "~=", "ne": "=="}
for _name, _contrary in CONTRARY.items():
    _made = comparison(getattr(operator, _name), _name.upper(), _contrary)
    _made.__name__ = f"assert{_name}"
    setattr(Tester, _made.__name__, _made)
setattr(Tester, "assert", Tester.assert_)


def message(more: tuple[Any, ...]) -> str:
    """The message that an assertion is given, as a line."""
    if len(more) > 1 or not all(isinstance(x, str | None) for x in more):
        raise TypeError(f"given {more}, wanted one message")
    return f"{more[0]}\n" if more and more[0] else ""


def tolerance_and_message(tolerance: float, more: tuple[Any, ...]) -> tuple[float, str]:
    """Both, in any order."""
    texts = tuple(x for x in more if isinstance(x, str | None))
    numbers = [x for x in more if kind(x) == "number"]
    if len(texts) + len(numbers) < len(more) or len(numbers) > 1 or min(numbers, default=0) < 0:
        raise TypeError(f"given {more}, wanted a tolerance, which is not negative, and a message")
    return numbers[0] if numbers else tolerance, message(texts)


def wanted(types: Any, name: str, *values: Any) -> None:
    """Refuse to compare other things."""
    for x in values:
        if not isinstance(x, types):
            raise TypeError(f"given a {kind(x)}, wanted a {name}")


def raised(f: Callable) -> Exception | None:
    """The error that a function raises."""
    try:
        f()
    except Exception as error:
        return error
    return None


def listed(names: Any) -> list[str]:
    """One name, or several."""
    return [names] if isinstance(names, str) else list(names)


def plural(count: int, noun: str) -> str:
    """`1 test`, `2 tests`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"

"""Why was this compiled again? Which argument changed, in words, and how often, as numbers.

    with explain() as log:
        train_step(params, x)
    print(log)

JAX announces each function that it traces for `jit` (`jax.explain_cache_misses`) and each program
that it compiles (`jax.monitoring`). Between the announcement and the trace, a profiler hook waits
for the call of the announced function and notes its arguments by name, so that the reason can be
given against the nearest earlier call. Where that call is not seen (a callable object, an earlier
call outside the block) JAX's own reason is given, which may name another call than the nearest.
"""

import logging
import re
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from inspect import getargvalues, unwrap
from types import FrameType
from typing import Any

import jax
from jax.tree_util import keystr, tree_leaves_with_path

from transforms.signature import describe, label

COMPILED = "/jax/core/compile/backend_compile_duration"
ANNOUNCED = re.compile(
    r"TRACING CACHE MISS.*\n\s+(?:for |never seen function:\n\s+)"
    r"(?P<name>.+?)(?P<new> id=\d+)?(?: defined at (?P<place>.+:\d+))?(?P<words>(?:\n.*)*)"
)
CHANGE = re.compile(
    r"\* (?:at )?(.+?)(?: differs:|,) now (.+?) and before (.+?)(?:, so .*)?$", re.M
)
PLAIN = [
    (r"all previously seen cache keys differ. For the closest previous key:", ""),
    (r"cache miss explanation unavailable", "a static argument, perhaps: JAX gives no reason"),
    (r"https?://\S+", ""),
    (r"<class '[\w.]+'> with pytree metadata Static\(val=(.*?)\)(?=,? and |, so )", r"\1"),
    (r"input path \[1\]\['(\w+)'\]", r"\1"),
    (r"input path \[1\]", "keyword arguments"),
    (r"input path \[0\]", "positional arguments"),
]
UNNAMED = {"<unnamed function>": "<unknown>"}


class CompilationBudgetExceeded(AssertionError):
    """More programs were compiled than allowed."""


@dataclass(frozen=True)
class Compilation:
    """One compiled program: the function's name, where it is, its arguments, and the reason."""

    name: str
    reason: str
    arguments: dict[str, str]
    seconds: float
    place: str = ""

    def __str__(self) -> str:
        place = f", {self.place}" if self.place else ""
        return f"{self.name} ({self.seconds:.2f} s{place}): {self.reason}"


@dataclass
class Trace:
    """A function that JAX announced it will trace."""

    name: str
    place: str
    is_new: bool
    words: str
    arguments: dict[str, str] | None = None


class Log:
    """The programs compiled while it was open.

    `compilations` are those of functions; `operations` counts those of single operations outside
    any jit, such as a `jnp.ones` of a new shape.
    """

    def __init__(self, functions: frozenset[str] = frozenset()):
        self.functions = functions
        self.compilations: list[Compilation] = []
        self.operations: Counter[str] = Counter()
        self.reported: dict[str, list[tuple[str, str]]] = {}
        self.seen: dict[str, list[Trace]] = {}

    @property
    def total(self) -> int:
        """How many programs of functions were compiled."""
        return len(self.compilations)

    @property
    def counts(self) -> Counter[str]:
        """How many for each function, by name."""
        return Counter(compilation.name for compilation in self.compilations)

    def __str__(self) -> str:
        lines = [*map(str, self.compilations)] or ["nothing was compiled"]
        if self.operations:
            names = ", ".join(f"{n} ({k})" for n, k in self.operations.items())
            lines.append(f"single operations outside jit: {names}")
        return "\n".join(lines)

    def add(self, name: str, trace: Trace | None, seconds: float) -> None:
        """Note a compiled program."""
        told = self.reported.pop(name, None)
        if self.functions and name not in self.functions:
            return
        if trace is None and told is None and name not in {*self.functions, *self.counts}:
            self.operations[name] += 1
            return
        place = trace.place if trace else ""
        if told is not None:
            reason = "; ".join(reason for reason, _ in told)
            place = told[-1][1] or place
        elif trace is None:
            reason = "traced before; now for another device or sharding, or inside a transform"
        else:
            earlier = self.seen.setdefault(f"{trace.name} {trace.place}", [])
            reason = why(trace, earlier)
            earlier.append(trace)
        arguments = (trace.arguments if trace else None) or {}
        self.compilations.append(Compilation(name, reason, arguments, seconds, place))


def why(now: Trace, earlier: list[Trace]) -> str:
    """What differs from the nearest earlier trace of a function."""
    if now.is_new and earlier:
        return (
            f"another function made by the same code ({now.place}); jit knows a function by its"
            " identity, so make it once and keep it"
        )
    if now.is_new:
        return "first call"
    known = [e.arguments for e in earlier if e.arguments is not None]
    if now.arguments is not None and known:
        found = min(
            (changes(now.arguments, before) for before in reversed(known)),
            key=lambda texts: (len(texts), sum("absent" in text for text in texts)),
        )
        if found:
            return "; ".join(found)
    return in_words(now.words)


def changes(now: dict[str, str], before: dict[str, str]) -> list[str]:
    """The arguments that differ between two calls, in words."""
    return [
        f"{name}: {brief(now.get(name, 'absent'))}, before {brief(before.get(name, 'absent'))}"
        for name in now | before
        if now.get(name) != before.get(name)
    ]


def in_words(words: str) -> str:
    """JAX's own reason, shortened."""
    for pattern, plain in PLAIN:
        words = re.sub(pattern, plain, words)
    found = [f"{where}: {now}, before {before}" for where, now, before in CHANGE.findall(words)]
    return "; ".join(found) or " ".join(words.split()) or "no reason is known"


def brief(text: str) -> str:
    """A value that fits in a line."""
    return text if len(text) <= 60 else text[:57] + "..."


def arguments(frame: FrameType) -> dict[str, str]:
    """The arguments of a function that was just called, by path."""
    names, more, keywords, values = getargvalues(frame)
    given = {n: values[n] for n in [*names, more, keywords] if n is not None}
    leaves = tree_leaves_with_path(given, is_leaf=lambda x: x is None)
    return {re.sub(r"^\['(\w+)'\]", r"\1", keystr(path)): text(leaf) for path, leaf in leaves}


def text(leaf: Any) -> str:
    """An array by its type, anything else as it prints."""
    if hasattr(leaf, "dtype") and hasattr(leaf, "shape"):
        weak = " (weak type)" if getattr(leaf, "weak_type", False) else ""
        return describe(leaf) + weak
    try:
        return repr(leaf)
    except Exception:  # a reason for a compilation must not stop the program
        return f"a {type(leaf).__name__}"


class Listener(logging.Handler):
    """Hears what JAX announces, and tells the logs that are open."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.logs: list[Log] = []
        self.thread = threading.local()

    def open(self, log: Log) -> None:
        """Begin to tell `log`."""
        if not self.logs:
            self.thread = threading.local()
            jax.monitoring.register_event_duration_secs_listener(self.compiled)
            logger = logging.getLogger("jax")
            logger.addHandler(self)
            self.former_level = logger.level
            if logger.getEffectiveLevel() > logging.WARNING:
                logger.setLevel(logging.WARNING)
        self.logs.append(log)

    def close_log(self, log: Log) -> None:
        """Tell `log` no more."""
        self.logs.remove(log)
        if not self.logs:
            self.stop_waiting()
            jax.monitoring.unregister_event_duration_listener(self.compiled)
            logger = logging.getLogger("jax")
            logger.removeHandler(self)
            logger.setLevel(self.former_level)

    @property
    def traces(self) -> list[Trace]:
        """Functions of this thread that were announced and not compiled yet."""
        return self.thread.__dict__.setdefault("traces", [])

    def emit(self, record: logging.LogRecord) -> None:
        """Take JAX's announcement of a trace."""
        found = ANNOUNCED.fullmatch(record.getMessage())
        if found is None:
            return
        trace = Trace(
            found["name"], found["place"] or "", found["new"] is not None, found["words"].strip()
        )
        # One announced earlier, but not compiled since, failed.
        self.traces[:] = [t for t in self.traces if (t.name, t.place) != (trace.name, trace.place)]
        self.traces.append(trace)
        self.wait_for(trace)

    def wait_for(self, trace: Trace) -> None:
        """Note the arguments of the next call of the announced function."""
        self.stop_waiting()
        if sys.getprofile() is not None or not trace.place:
            return

        def hook(frame: FrameType, event: str, _: Any) -> None:
            code = frame.f_code
            if event == "call" and f"{code.co_filename}:{code.co_firstlineno}" == trace.place:
                sys.setprofile(None)
                trace.arguments = arguments(frame)

        self.thread.hook = hook
        sys.setprofile(hook)

    def stop_waiting(self) -> None:
        """The announced function was not called, or not from Python."""
        if sys.getprofile() is not None and sys.getprofile() is vars(self.thread).get("hook"):
            sys.setprofile(None)

    def compiled(self, event: str, duration_secs: float, **details: Any) -> None:
        """Take the news that a program was compiled."""
        if event != COMPILED:
            return
        self.stop_waiting()
        name = re.sub(r"^\w+\((.*)\)$", r"\1", str(details.get("fun_name", "")))
        # The program grad(loss) is announced as the function loss.
        inner = UNNAMED.get(name, name.rstrip(")").split("(")[-1])
        trace = next((t for t in self.traces if t.name in (name, inner)), None)
        if trace is not None:  # those after it were traced into the same program
            del self.traces[self.traces.index(trace) :]
        for log in self.logs:
            log.add(name, trace, duration_secs)


listener = Listener()


@contextmanager
def explain(*functions: Callable | str) -> Iterator[Log]:
    """Note each compilation inside the block, and why; of the functions named, or of all.

    >>> import jax.numpy as jnp
    >>> double = jax.jit(lambda x: 2 * x)
    >>> _ = double(jnp.ones(2))
    >>> with explain() as log:
    ...     for size in (3, 3, 4):
    ...         _ = double(jnp.ones(size))
    >>> [c.reason for c in log.compilations]
    ['x: f32[3], before f32[2]', 'x: float32[4], before float32[3]']
    """
    log = Log(frozenset(f if isinstance(f, str) else label(f) for f in functions))
    listener.open(log)
    try:
        with jax.explain_cache_misses(True):
            yield log
    finally:
        listener.close_log(log)


@contextmanager
def count_compilations(*functions: Callable | str, budget: int | None = None) -> Iterator[Log]:
    """Count compilations; more than `budget` are an error that explains them.

    >>> import jax.numpy as jnp
    >>> double = jax.jit(lambda x: 2 * x)
    >>> with count_compilations(budget=1) as count:
    ...     _ = double(jnp.ones(3)), double(jnp.zeros(3))
    >>> count.total
    1
    """
    with explain(*functions) as log:
        yield log
    if budget is not None and log.total > budget:
        raise CompilationBudgetExceeded(f"{log.total} programs compiled, {budget} allowed\n{log}")


def report(function_name: str, reason: str, place: str = "") -> None:
    """Say why `function_name` is about to be compiled again, where JAX can't know."""
    for log in listener.logs:
        log.reported.setdefault(function_name, []).append((reason, place))


def place_of(function: Callable) -> str:
    """The file and the line that a function begins in."""
    code = getattr(unwrap(function), "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code else ""

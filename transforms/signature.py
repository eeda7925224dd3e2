"""What a function asks for by name, and what it is given.

Four names are reserved: `params` (differentiated, shared by examples), `state` (a function that
names it returns `(output, state)`), `key` (a random key) and `train` (a Python bool). `train` and
keyword-only arguments are static; all other arguments are inputs.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from difflib import get_close_matches
from functools import partial
from inspect import Parameter, Signature, signature
from types import FunctionType
from typing import Any, ClassVar, NamedTuple, Protocol, TypeVar
from weakref import WeakKeyDictionary

import jax

RESERVED = ("params", "state", "key", "train")
OPEN = Signature(
    [Parameter("args", Parameter.VAR_POSITIONAL), Parameter("keywords", Parameter.VAR_KEYWORD)]
)


class TransformError(TypeError):
    """A function or an argument can't be transformed as asked."""


class Names(NamedTuple):
    """The names in a signature."""

    signature: Signature
    positional: tuple[str, ...]
    variadic: str | None
    keyword: tuple[str, ...]

    @property
    def reserved(self) -> frozenset[str]:
        """The reserved names among them."""
        return frozenset(RESERVED).intersection(self.positional + self.keyword)


_read: WeakKeyDictionary[Callable, Names] = WeakKeyDictionary()


def names(f: Callable) -> Names:
    """Read the signature of `f`, once for each function that can be remembered.

    >>> names(lambda params, x, *, train: x).reserved == {"params", "train"}
    True
    """
    try:
        if f in _read:
            return _read[f]
    except TypeError:  # not hashable, or can't be held weakly
        return read(f)
    return _read.setdefault(f, read(f))


def read(f: Callable) -> Names:
    """Read the signature of `f`; one that has none takes anything."""
    try:
        found = signature(f)
    except (TypeError, ValueError):
        found = OPEN
    kinds = {
        kind: tuple(p.name for p in found.parameters.values() if p.kind is kind)
        for kind in type(Parameter.KEYWORD_ONLY)
    }
    positional = kinds[Parameter.POSITIONAL_ONLY] + kinds[Parameter.POSITIONAL_OR_KEYWORD]
    variadic = next(iter(kinds[Parameter.VAR_POSITIONAL]), None)
    return Names(found, positional, variadic, kinds[Parameter.KEYWORD_ONLY])


class Call(NamedTuple):
    """The arguments of a call: positional ones with their names, and keywords."""

    names: tuple[str, ...]
    args: tuple[Any, ...]
    keywords: dict[str, Any]


def place(f: Callable, args: tuple[Any, ...], keywords: dict[str, Any]) -> Call:
    """Give each argument its name; those of `*xs` are called `xs[0]`, `xs[1]`, ...

    >>> place(lambda params, x, *, p: x, (1,), {"x": 2, "p": 3})
    Call(names=('params', 'x'), args=(1, 2), keywords={'p': 3})
    """
    found = names(f)
    try:
        given = found.signature.bind(*args, **keywords).arguments
    except TypeError as error:
        raise TransformError(f"{label(f)}: {error}") from None
    last = max((i for i, n in enumerate(found.positional) if n in given), default=-1)
    placed = {
        n: given[n] if n in given else found.signature.parameters[n].default
        for n in found.positional[: last + 1]
    }
    if found.variadic in given:
        placed |= {f"{found.variadic}[{i}]": x for i, x in enumerate(given[found.variadic])}
    rest = {n: x for n, x in keywords.items() if n not in placed}
    return Call(tuple(placed), tuple(placed.values()), rest)


def require_names(title: str, wanted: tuple[str, ...], call: Call) -> None:
    """Raise unless all `wanted` are positional arguments of the call."""
    for name in wanted:
        if name in call.keywords:
            raise TransformError(
                f"{title}: {name!r} is keyword-only, so it is static: pass it by position"
            )
        if name not in call.names:
            close = get_close_matches(name, call.names, 1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise TransformError(
                f"{title}: there is no argument {name!r}{hint}; given: {', '.join(call.names)}"
            )


def label(f: Callable) -> str:
    """What to call a function in a message."""
    if isinstance(f, partial):
        return label(f.func)
    return getattr(f, "__name__", type(f).__name__)


def describe(x: Any) -> str:
    """Shape and type, briefly: `float32[2,5]`; for a pytree, those of its arrays.

    >>> describe((jax.numpy.ones(2), [3]))
    '(float32[2], [3])'
    """
    if hasattr(x, "dtype") and hasattr(x, "shape"):
        return f"{x.dtype}[{','.join(map(str, x.shape))}]"
    leaf = jax.tree.structure(x) == jax.tree.structure(0)
    return repr(x) if leaf else repr(jax.tree.map(lambda a: _Bare(describe(a)), x))


class _Bare(str):
    """A text that prints without quotes."""

    __repr__ = str.__str__


class Wraps(Protocol):
    """An object around a function."""

    @property
    def function(self) -> Any:
        """What is inside."""


T = TypeVar("T", bound=Wraps)


@dataclass(frozen=True)
class Transform:
    """A transformed function: a value, equal to another with the same function and options.

    It keeps the function's name, documentation and signature, which the next transform reads.
    """

    function: Callable
    title: ClassVar[str]

    def __post_init__(self) -> None:
        vars(self).update(__wrapped__=self.function, __doc__=self.function.__doc__)

    @property
    def __name__(self) -> str:
        return f"{self.title}({label(self.function)})"

    def __reduce__(self) -> tuple[type, tuple[Any, ...]]:
        return type(self), tuple(getattr(self, field.name) for field in fields(self))


def keep(made: T) -> T:
    """The first of all equal transforms of a function.

    It lives as long as the function. Without this, `jax.jit`, which holds functions weakly, would
    compile `jax.jit(grad(loss))` again each time that it is written.
    """
    if not isinstance(made.function, FunctionType | Transform):
        return made
    try:
        return vars(made.function).setdefault("__transforms__", {}).setdefault(made, made)
    except TypeError:  # an option that can't be hashed
        return made

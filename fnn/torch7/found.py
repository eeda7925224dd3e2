"""Fields that a forward decides, and that are computed when somebody reads them."""

from collections.abc import Callable
from typing import Any
from weakref import ref

from fnn.tensor.gradient import Filled, Operands
from fnn.tensor.replay import Path, call_at
from fnn.tensor.run import run
from fnn.torch7.passing import held


class Found:
    """A field such as `indices`: what `find` makes of the module and of the field's last value.

    A value that is set, perhaps from a file, holds until the next forward. Files have the field,
    or if it is `bulky` only what somebody has read or set.
    """

    def __init__(self, find: Callable[[Any, Any], Any], bulky: bool = False):
        self.find, self.bulky = find, bulky

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, module: Any, owner: type | None = None) -> Any:
        if module is None:
            return self
        run, value = vars(module).get("_found", {}).get(self.name, (nothing, None))
        if value is None or run() is not module._ran[0]:
            self.__set__(module, value := self.find(module, value))
        return value

    def __set__(self, module: Any, value: Any) -> None:
        last, _ = module._ran
        run = nothing if last is None else ref(last)  # which may be freed when the next has run
        module._found = {**vars(module).get("_found", {}), self.name: (run, value)}


class Seen(Found):
    """A tensor that `function` makes of what the module was given and of its hyperparameters.

    The function takes the `Given` of the last forward and its inputs; None before a forward.
    """

    def __init__(self, function: Callable, bulky: bool = False):
        super().__init__(self._see, bulky)
        self.function = function

    def _see(self, module: Any, old: Any) -> Any:
        found = seen(module, self.function, **module._hyper())
        return old if found is None else held(old, found)


def seen(module: Any, function: Callable, *others: Any, **hyper: Any) -> Any:
    """What a function makes of what the last forward gave a module; None without a forward."""
    last, path = module._ran
    if last is None:
        return None
    options, filled = tuple(hyper.items()), last.function.function
    return run(
        made_of, last.given, others, make=function, filled=filled, path=path, options=options
    )


def made_of(
    operands: Operands,
    others: tuple,
    *,
    make: Callable,
    filled: Filled,
    path: Path,
    options: tuple,
) -> Any:
    """What a function makes of the call of a layer inside a network."""
    given, inputs = call_at(operands, filled=filled, path=path)
    return make(given, *inputs, *others, **dict(options))


def first_input(given: Any, x: Any, *others: Any) -> Any:
    """The first input of a call."""
    return x


def found_fields(x: Any) -> dict[str, Any]:
    """All such fields of an object, as far as they have values."""
    known = vars(x).get("_found", {})
    names = [
        name
        for cls in type(x).__mro__
        for name, field in vars(cls).items()
        if isinstance(field, Found) and (name in known or not field.bulky)
    ]
    return {name: value for name in names if (value := getattr(x, name)) is not None}


def nothing() -> None:
    """No forward."""

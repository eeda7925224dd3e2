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
        value = vars(module).get("_found", {}).get(self.name)
        if value is None or self._is_old(module):
            self.__set__(module, value := self.find(module, value))
        return value

    def _is_old(self, module: Any) -> bool:
        """Whether there has been a forward since the value was found."""
        return vars(module)["_found_in"][self.name]() is not module._ran[0]

    def __set__(self, module: Any, value: Any) -> None:
        last, _ = module._ran
        run = nothing if last is None else ref(last)  # which may be freed when the next has run
        for fields, entry in (("_found", value), ("_found_in", run)):
            setattr(module, fields, {**vars(module).get(fields, {}), self.name: entry})


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


class Working(Found):
    """What the original works in, and nothing here needs: there for programs that look at it.

    It is `first` until a forward, or what that makes of the module; then what `find` makes of it,
    anew at every look if `live`, which is for what a backward decides. Files have that, or else
    what it is at first, unless somebody has read or set it.
    """

    def __init__(
        self, first: Any, find: Callable[[Any, Any], Any] | None = None, live: bool = False
    ):
        super().__init__(self._look, bulky=not live)
        self.first, self.later, self.live = first, find, live

    def begin(self, module: Any) -> Any:
        """What it is at first."""
        return self.first(module) if callable(self.first) else self.first

    def _is_old(self, module: Any) -> bool:
        return self.live or super()._is_old(module)

    def _look(self, module: Any, old: Any) -> Any:
        old = self.begin(module) if old is None else old
        if self.later is None or (module._ran[0] is None and not self.live):
            return old
        return self.later(module, old)


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


def all_inputs(given: Any, *inputs: Any) -> tuple:
    """The inputs of a call."""
    return inputs


def found_fields(x: Any) -> dict[str, Any]:
    """All such fields of an object, as far as they have values."""
    known = vars(x).get("_found", {})
    fields = {
        n: f
        for cls in reversed(type(x).__mro__)
        for n, f in vars(cls).items()
        if isinstance(f, Found)
    }
    found = {n: f.begin(x) for n, f in fields.items() if isinstance(f, Working)}
    found |= {n: getattr(x, n) for n, f in fields.items() if n in known or not f.bulky}
    return {name: value for name, value in found.items() if value is not None}


def nothing() -> None:
    """No forward."""

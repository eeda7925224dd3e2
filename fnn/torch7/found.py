"""Fields that a forward decides, and that are computed when somebody reads them."""

from collections.abc import Callable
from typing import Any
from weakref import ref


class Found:
    """A field such as `indices`: what `find` makes of the module and of the field's last value.

    A value that is set, perhaps from a file, holds until the next forward.
    """

    def __init__(self, find: Callable[[Any, Any], Any]):
        self.find = find

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


def found_fields(x: Any) -> dict[str, Any]:
    """All such fields of an object, as far as they have values."""
    names = [n for cls in type(x).__mro__ for n, f in vars(cls).items() if isinstance(f, Found)]
    return {name: value for name in names if (value := getattr(x, name)) is not None}


def nothing() -> None:
    """No forward."""

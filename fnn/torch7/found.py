"""Fields that a forward decides, and that are computed when somebody reads them."""

from collections.abc import Callable
from typing import Any


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
        run, _ = module._ran
        known, value = vars(module).get("_found", {}).get(self.name, (None, None))
        if value is None or run is not known:
            self.__set__(module, value := self.find(module, value))
        return value

    def __set__(self, module: Any, value: Any) -> None:
        found = {**vars(module).get("_found", {}), self.name: (module._ran[0], value)}
        module._found = found

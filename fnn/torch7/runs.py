"""What a forward leaves for the backward after it, and for questions about the inside."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from fnn.errors import LayerError
from fnn.tensor.gradient import Differentiated, Filled, Operands
from fnn.tensor.run import known, run
from fnn.tensor.storage import Storage
from fnn.torch7.passing import leaves, tensors_in
from fnn.torch7.tensor import Tensor
from transforms.cells import tracing


@dataclass
class Run:
    """One forward of a pure layer: what `backward`, and questions about the inside, start from.

    `operands` are those of the layer as they were then. The pullback serves one `backward`; it is
    made again for another one. `learned` is the number of parameters with gradients, `wanted` says
    which inputs have some, `alone` whether the input was a tensor rather than a table, `draws`
    whether noise was drawn, which backward finds as it was. `marks` are the storages of what
    backward reads besides, with the versions that they had, `places` where the parameters were, and
    `taken` the tensors of the input. `other` is whether backward has another input, `left` whether
    it has gone module by module since, as all inside does then, and `traced` whether a compiled
    function ran it.
    """

    function: Differentiated
    operands: Any
    learned: int
    inputs: Any
    wanted: tuple[bool, ...]
    alone: bool
    draws: bool
    output: Any = None
    pullback: Any = None
    marks: dict[int, tuple[Storage, int]] = field(default_factory=dict)
    places: list[tuple[Storage, Any]] = field(default_factory=list)
    taken: list[Tensor] = field(default_factory=list)
    other: bool = False
    left: bool = False
    traced: bool = field(default_factory=tracing)

    @property
    def reachable(self) -> bool:
        """Whether its results can be computed here: in a compiled function, if it ran there."""
        return self.traced or not tracing()

    @property
    def given(self) -> Any:
        """The operands, where they can be reached."""
        if not self.reachable:
            raise LayerError(
                "a compiled function looks at what a forward or backward before it left inside a "
                "network\nlikely cause: call that inside of the function too, or look before"
            )
        return self.operands

    def mark(self, tensors: Iterable[Tensor]) -> None:
        """Note what these hold now: parameters, inputs, outputs inside that somebody looked at."""
        for x in tensors:
            self.marks[id(x.storage)] = x.storage, x.storage.version

    def learn(self, params: Any) -> None:
        """Note what the parameters are and hold now."""
        self.places = places(params)
        self.mark(leaves(params))

    def take(self, input: Any) -> None:
        """Note what the input is."""
        self.taken = [x._around(x.storage, x.geometry) for x in tensors_in(input)]

    def took(self, input: Any) -> bool:
        """Whether that was this input, or one of the same numbers."""
        found = tensors_in(input)
        return len(found) == len(self.taken) and all(map(alike, found, self.taken))

    def overtaken(self, filled: Filled | None, params: Any) -> bool:
        """Whether some of these were changed in place since, or others have taken their place."""
        return not self.draws and (
            filled != self.function.function
            or places(params) != self.places
            or any(storage.version != version for storage, version in self.marks.values())
        )


def as_now(*operands: Any) -> Any:
    """Operands as they are now, whatever is written into them until somebody asks."""
    found = run(Operands, *operands)
    found.late = True
    return found


def places(params: Any) -> list[tuple[Storage, Any]]:
    """Where tensors are."""
    return [(x.storage, x.geometry) for x in leaves(params)]


def alike(x: Tensor, y: Tensor) -> bool:
    """Whether two tensors are one memory, or have the same numbers, as far as these are known."""
    if x.storage is y.storage and x.geometry == y.geometry:
        return True
    return type(x) is type(y) and known(x.storage) and known(y.storage) and x.equal(y)

"""nn.tables: which planes are connected, as rows {from, to}."""

from collections.abc import Iterable

from fnn import connections
from fnn.errors import require
from fnn.torch7.random import generator
from fnn.torch7.tensor import Tensor


def full(nin: int, nout: int) -> Tensor:
    """Every input to every output."""
    return _from_one(connections.full(nin, nout))


def oneToOne(nfeat: int) -> Tensor:
    """Every input to the output of the same number."""
    return _from_one(connections.one_to_one(nfeat))


def random(nin: int, nout: int, nto: int) -> Tensor:
    """To each output `nto` inputs, all of which are used before one is used again."""
    require(
        0 < nto <= nin,
        "nn.tables.random",
        f"{nto} of {nin} inputs",
        "at most all of them",
        "inputs and outputs are exchanged",
    )
    pairs, chunks = [], _chunks(nin, nto)
    for target in range(nout):
        pairs += [(source, target) for source in chunks.pop(0)]
        chunks = chunks or _chunks(nin, nto)
    return _from_one(pairs)


def _chunks(nin: int, nto: int) -> list[list[int]]:
    """All inputs, or nearly, in a random order and in parts of `nto`."""
    order = generator.permutation(nin).tolist()
    return [order[i : i + nto] for i in range(0, nin - nto + 1, nto)]


def _from_one(pairs: Iterable[tuple[int, int]]) -> Tensor:
    """Connections that count from 0 as Torch7's."""
    return Tensor([[source + 1, target + 1] for source, target in pairs])

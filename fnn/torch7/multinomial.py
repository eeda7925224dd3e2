"""torch.multinomial, and its kin that is faster for many draws and needs a table for it."""

from typing import Any

import numpy as np

from fnn.errors import require
from fnn.tensor import sampling
from fnn.tensor.generator import Torch7Generator
from fnn.torch7.counting import whole
from fnn.torch7.maths import kinds
from fnn.torch7.random import generator
from fnn.torch7.table import Table
from fnn.torch7.tensor import LongTensor, Tensor, fromarray
from transforms.cells import tracing


def multinomial(*arguments: Any) -> Tensor:
    """Indices in proportion to probabilities: `([result,] [generator,] p, n[, replacement])`.

    `p` is a vector, or a matrix with a distribution in each row. As a method of any tensor with
    numbers like those of `p` it is `p.multinomial(result, p, n)`.
    """
    unless_compiled("multinomial")
    streams = [x for x in arguments if isinstance(x, Torch7Generator)]
    *result, p = (fromarray(x) for x in arguments if kinds([x]) == "t")
    count, *replacement = (x for x in arguments if kinds([x]) == "n")
    require(
        p.dim() in (1, 2),
        "multinomial",
        f"probabilities of size {list(p.size())}",
        "a vector, or a matrix with a distribution in each row",
        "there are other dimensions before the last",
    )
    rows, stream = np.atleast_2d(np.asarray(p)), [*streams, generator][0]
    draws = stream.unit((len(rows), whole(count)))
    found = sampling.multinomial(rows, draws, any(replacement)) + 1
    return filled([LongTensor(), *result][-1], found.reshape(*p._size[:-1], -1))


def multinomialAliasSetup(probs: Any, state: Any = None) -> Table:
    """What `multinomialAlias` needs: a table with the alias of each index and its probability."""
    state = Table([LongTensor(), fromarray(probs).new()]) if state is None else state
    other, level = sampling.alias_table(np.asarray(probs))
    for tensor, values in zip(state, (other + 1, level), strict=True):
        filled(tensor, values)
    return state


def multinomialAlias(output: Tensor, state: Any) -> Tensor:
    """Fill a vector with indices, drawn in proportion to the probabilities of the setup."""
    unless_compiled("multinomialAlias")
    other, level = map(np.asarray, state)
    draws = generator.unit((output.length, 2))
    return output.copy(sampling.by_alias(other - 1, level, draws) + 1)


def unless_compiled(name: str) -> None:
    """Raise inside a compiled function, where the draws would be the same in each call."""
    require(
        not tracing(),
        name,
        "a call inside a compiled function",
        "one outside",
        "draw before, and pass the tensor",
    )


def filled(result: Tensor, values: Any) -> Tensor:
    """A tensor that has become these values, in its type."""
    return result.resize(*values.shape).copy(values)


SAMPLING = {f.__name__: f for f in (multinomial, multinomialAliasSetup, multinomialAlias)}
Tensor.multinomial = multinomial  # type: ignore[attr-defined]

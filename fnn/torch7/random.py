"""Torch7's random numbers: one generator for everything, and the tensors' methods that draw."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from fnn.errors import require
from fnn.tensor.generator import Torch7Generator
from fnn.tensor.keys import KeyStream
from fnn.tensor.run import run
from fnn.tensor.types import from_data
from fnn.torch7.counting import cut, whole
from fnn.torch7.memory import Memory
from transforms.cells import tracing

Size = tuple[int, ...]

generator = Torch7Generator(0)
generator.seed()
keys = KeyStream(generator.key_data())


class Generator(Torch7Generator):
    """`torch.Generator()`: a stream of its own, given to a function as its first argument."""

    typename = "torch.Generator"

    def __init__(self, seed: int | None = None):
        super().__init__(0 if seed is None else seed)
        if seed is None:
            self.seed()


def manualSeed(*arguments: Any) -> None:
    """Start the stream again from a seed; compiled programs draw from a key made of it."""
    stream, (seed,) = chosen(arguments)
    restart(stream.manual_seed(whole(seed)))


def seed(*arguments: Any) -> int:
    """Start the stream again from a seed that nobody chose, and return it."""
    stream, _ = chosen(arguments)
    found = stream.seed()
    restart(stream)
    return found


def initialSeed(*arguments: Any) -> int:
    """The seed that the stream started from."""
    return chosen(arguments)[0].initial_seed


def restart(stream: Torch7Generator) -> None:
    """Have the keys follow the seed."""
    if stream is generator:
        keys.restart(generator.key_data())


def chosen(arguments: tuple[Any, ...]) -> tuple[Torch7Generator, tuple[Any, ...]]:
    """The generator that comes first, if one does, and the other arguments."""
    if arguments and isinstance(arguments[0], Torch7Generator):
        return arguments[0], arguments[1:]
    return generator, arguments


@contextmanager
def untouched_stream() -> Iterator[None]:
    """Leave Torch's random stream where it was, whatever is drawn meanwhile."""
    state = generator.get_state()
    try:
        yield
    finally:
        generator.set_state(state)


def uniform_by_key(key: Array, low: Any = 0, high: Any = 1, *, size: Any, dtype: str) -> Array:
    """Uniform in [low, high)."""
    unit = jax.random.uniform(jax.random.wrap_key_data(key), size, jnp.float64)
    return (unit * (high - low) + low).astype(dtype)


def normal_by_key(key: Array, mean: Any = 0, std: Any = 1, *, size: Any, dtype: str) -> Array:
    """Normal."""
    unit = jax.random.normal(jax.random.wrap_key_data(key), size, jnp.float64)
    return (unit * std + mean).astype(dtype)


def bernoulli_by_key(key: Array, p: Any = 0.5, *, size: Any, dtype: str) -> Array:
    """1 with probability p, which may be an array."""
    p = jnp.asarray(p).reshape(size if jnp.size(p) > 1 else ())
    return (uniform_by_key(key, size=size, dtype="float64") <= p).astype(dtype)


def bernoulli(stream: Torch7Generator, size: Size, p: Any = 0.5) -> NDArray:
    """1 with probability p, a number or a tensor."""
    p = np.asarray(p)
    return np.asarray(stream.bernoulli(size, p.reshape(size) if p.ndim else p), np.uint8)


def random(stream: Torch7Generator, size: Size, *bounds: Any, dtype: Any = np.float64) -> NDArray:
    """Whole numbers in 1..b or a..b; without bounds, over the range of the type."""
    if not bounds:
        drawn = np.asarray(stream.random(size, dtype))
        return drawn if size else drawn.astype(np.int64)
    low, high = (1, *bounds)[-2:]
    return stream.integers(size, cut(low), cut(high) + 1)


DISTRIBUTIONS: dict[str, Callable[..., NDArray]] = {
    "uniform": Torch7Generator.uniform,
    "normal": Torch7Generator.normal,
    "exponential": Torch7Generator.exponential,
    "cauchy": Torch7Generator.cauchy,
    "logNormal": Torch7Generator.log_normal,
    "geometric": Torch7Generator.geometric,
    "bernoulli": bernoulli,
    "random": random,
}
BY_KEY: dict[str, Callable[..., Array]] = {
    "uniform": uniform_by_key,
    "normal": normal_by_key,
    "bernoulli": bernoulli_by_key,
}


class Draws(Memory):
    """The part of `Tensor` that draws; the methods of the tables come below."""

    def _draw(self, name: str, *arguments: Any) -> Self:
        """Fill with draws, in the order of the rows."""
        size, dtype = self.geometry.size, np.dtype(self.element_type)
        if tracing():
            require(
                name in BY_KEY,
                name,
                "a call inside a compiled function",
                f"one of {', '.join(BY_KEY)}",
                "only these can be drawn there; draw before, and pass the tensor",
            )
            numbers = chosen(arguments)[1]
            found = run(BY_KEY[name], keys.draw(), *numbers, size=size, dtype=dtype.name)
            return self.hold(found)
        stream, numbers = chosen(arguments)
        options = {} if name != "random" else {"dtype": dtype}
        return self.hold(from_data(DISTRIBUTIONS[name](stream, size, *numbers, **options), dtype))


def draw(name: str, *arguments: Any) -> Any:
    """One draw, as a number."""
    stream, numbers = chosen(arguments)
    return DISTRIBUTIONS[name](stream, (), *numbers).item()


def method(name: str) -> Callable:
    """A distribution as a method, which fills the tensor."""

    def drawn(self: Draws, *arguments: Any) -> Draws:
        return self._draw(name, *arguments)

    drawn.__name__, drawn.__doc__ = name, DISTRIBUTIONS[name].__doc__
    return drawn


for _name in DISTRIBUTIONS:
    setattr(Draws, _name, method(_name))

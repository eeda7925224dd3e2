"""torch.random: one generator for everything, tensors that are drawn, and methods that draw.

Numbers come from PyTorch's own stream. Inside compiled programs they come from jax keys that
follow the seed, so that every run of a program draws anew.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from fnn.pytorch import dtypes
from fnn.pytorch.aliasing import assigned, rewrite
from fnn.pytorch.creation import made, sizes_of
from fnn.pytorch.dtypes import dtype
from fnn.pytorch.tensor import Tensor, method
from fnn.pytorch.types import get_default_dtype, shape_of
from fnn.tensor.generator import PyTorchGenerator
from fnn.tensor.keys import KeyStream
from fnn.tensor.run import run
from fnn.tensor.types import from_data
from transforms.cells import tracing

__all__ = [
    "Generator",
    "bernoulli",
    "default_generator",
    "get_rng_state",
    "initial_seed",
    "manual_seed",
    "multinomial",
    "normal",
    "rand",
    "rand_like",
    "randint",
    "randint_like",
    "randn",
    "randn_like",
    "randperm",
    "seed",
    "set_rng_state",
]


class Generator:
    """A stream of random numbers of its own; `device` is accepted, and all are alike."""

    def __init__(self, device: Any = "cpu"):
        self.stream = PyTorchGenerator(67280421310721)
        self.keys = KeyStream(self.stream.key_data())

    def manual_seed(self, seed: int) -> Generator:
        """Start again from a seed."""
        self.stream.manual_seed(seed)
        self.keys.restart(self.stream.key_data())
        return self

    def seed(self) -> int:
        """Start again from a seed that nobody chose, and return it."""
        self.manual_seed(self.stream.seed())
        return self.initial_seed()

    def initial_seed(self) -> int:
        """The seed that the stream started from."""
        return self.stream.initial_seed

    def get_state(self) -> Tensor:
        """Where the stream is, in bytes."""
        return made(from_data(self.stream.get_state(), np.uint8))

    def set_state(self, new_state: Tensor) -> None:
        """Go on from a state."""
        self.stream.set_state(new_state.numpy())


default_generator = Generator()
default_generator.seed()
keys = default_generator.keys
manual_seed = default_generator.manual_seed
seed = default_generator.seed
initial_seed = default_generator.initial_seed
get_rng_state = default_generator.get_state
set_rng_state = default_generator.set_state


def uniform_by_key(key: Array, low: Any, high: Any, *, shape: Any, dtype: Any) -> Array:
    """Uniform in [low, high)."""
    unit = jax.random.uniform(jax.random.wrap_key_data(key), shape, dtype)
    return (unit * (high - low) + low).astype(dtype)


def normal_by_key(key: Array, mean: Any, std: Any, *, shape: Any, dtype: Any) -> Array:
    """Normal."""
    unit = jax.random.normal(jax.random.wrap_key_data(key), shape, dtype)
    return (unit * std + mean).astype(dtype)


def bernoulli_by_key(key: Array, p: Any, *, shape: Any, dtype: Any) -> Array:
    """1 with probability p, else 0."""
    unit = jax.random.uniform(jax.random.wrap_key_data(key), shape, jnp.float32)
    return (unit < p).astype(dtype)


def integers_by_key(key: Array, low: Any, high: Any, *, shape: Any, dtype: Any) -> Array:
    """Whole numbers in low..high-1."""
    found = jax.random.randint(jax.random.wrap_key_data(key), shape, low, high, jnp.int64)
    return found.astype(dtype)


def permutation_by_key(key: Array, *, shape: Any, dtype: Any) -> Array:
    """The numbers from 0 on in random order."""
    return jax.random.permutation(jax.random.wrap_key_data(key), shape[0]).astype(dtype)


BY_KEY: dict[str, Callable[..., Array]] = {
    "uniform": uniform_by_key,
    "normal": normal_by_key,
    "bernoulli": bernoulli_by_key,
    "integers": integers_by_key,
    "permutation": permutation_by_key,
}
TYPED = ("uniform", "normal")  # drawn in the precision in which they are wanted


def drawn(
    name: str, shape: tuple[int, ...], kind: np.dtype, generator: Generator | None, *numbers: Any
) -> Array:
    """Draws in the order of the rows, as an array of a type."""
    source = generator or default_generator
    if tracing():
        if name not in BY_KEY:
            raise RuntimeError(
                f"{name} can't be drawn inside a compiled function: only {', '.join(BY_KEY)} can; "
                "draw before, and pass the tensor"
            )
        return run(BY_KEY[name], source.keys.draw(), *numbers, shape=shape, dtype=kind).array
    if name == "permutation":
        return from_data(source.stream.permutation(shape[0]), kind)
    wide = np.dtype(np.float64 if kind == np.float64 else np.float32)
    options = {"dtype": wide} if name in TYPED else {}
    return from_data(getattr(source.stream, name)(shape, *numbers, **options), kind)


def sampler(name: str, *numbers: float) -> tuple[Callable, Callable]:
    """A function that makes a tensor of draws, and one that makes one like another tensor."""

    def make(
        *size: Any,
        generator: Generator | None = None,
        dtype: dtype | None = None,
        device: Any = None,
        requires_grad: bool = False,
    ) -> Tensor:
        kind = (dtype or get_default_dtype()).numpy
        return made(drawn(name, sizes_of(size), kind, generator, *numbers), device, requires_grad)

    def make_like(input: Tensor, **options: Any) -> Tensor:
        return make(input.shape, **{"dtype": input.dtype, "device": input.device, **options})

    make.__doc__ = f"Draws from the {name} distribution with the numbers {numbers}."
    make_like.__doc__ = f"{make.__doc__[:-1]}, in the shape, type and place of a tensor."
    return make, make_like


rand, rand_like = sampler("uniform", 0, 1)
randn, randn_like = sampler("normal", 0, 1)


def randint(
    low: int,
    high: Any = None,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: dtype = dtypes.int64,
    **options: Any,
) -> Tensor:
    """Whole numbers in low..high-1; `randint(high, size)` starts from 0."""
    if size is None:
        low, high, size = 0, low, high
    shape = shape_of((size,))
    return made(drawn("integers", shape, dtype.numpy, generator, low, high), **options)


def randint_like(input: Tensor, low: int, high: int | None = None, **options: Any) -> Tensor:
    """Whole numbers, in the shape, type and place of a tensor."""
    low, high = (0, low) if high is None else (low, high)
    place = {"dtype": input.dtype, "device": input.device, **options}
    return randint(low, high, input.shape, **place)


def randperm(
    n: int, *, generator: Generator | None = None, dtype: dtype = dtypes.int64, **options: Any
) -> Tensor:
    """The numbers 0..n-1 in random order."""
    return made(drawn("permutation", (n,), dtype.numpy, generator), **options)


def normal(
    mean: Any, std: Any = 1.0, size: Any = None, *, generator: Generator | None = None
) -> Tensor:
    """Normal draws; mean and deviation are numbers, or tensors with one for each draw."""
    if size is not None:
        return randn(size, generator=generator) * std + mean
    like = mean if isinstance(mean, Tensor) else std
    return randn_like(like, generator=generator) * std + mean


@method
def bernoulli(input: Tensor, *, generator: Generator | None = None) -> Tensor:
    """1 with the probabilities that a tensor holds, else 0."""
    p = input.detach() if tracing() else input.detach()._peek()
    return made(drawn("bernoulli", input.geometry.size, input.element_type, generator, p))


@method
def multinomial(
    input: Tensor,
    num_samples: int,
    replacement: bool = False,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Places drawn in proportion to weights, of a vector or of each row of a matrix."""
    weights = input.detach().double()
    if replacement:
        shares = (weights / weights.sum(-1, keepdim=True)).cumsum(-1).unsqueeze(-2)
        u = rand(*input.shape[:-1], num_samples, 1, generator=generator, dtype=dtypes.float64)
        return (u >= shares).sum(-1).clamp(max=input.shape[-1] - 1)
    u = rand(*input.shape, generator=generator, dtype=dtypes.float64)
    return ((-u).log1p() / weights).topk(num_samples).indices


def filler(name: str, *defaults: Any) -> Callable:
    """A method that fills a tensor with draws."""

    def fill(
        self: Tensor, *numbers: Any, generator: Generator | None = None, **named: Any
    ) -> Tensor:
        given = (*numbers, *named.values())
        given = (*given, *defaults[len(given) :])
        kind = np.dtype(self.element_type)
        found = drawn(name, self.geometry.size, kind, generator, *given)
        return rewrite(self, assigned, found)

    fill.__doc__ = f"Fill with draws from the {name} distribution."
    return fill


def random_(
    self: Tensor, low: int = 0, high: int | None = None, *, generator: Generator | None = None
) -> Tensor:
    """Fill with whole numbers below `high`, or in low..high-1, or over the range of the type."""
    low, high = (0, low) if high is None and low else (low, high)
    if high is None:
        kind = self.element_type
        digits = jnp.finfo(kind).nmant + 1 if self.is_floating_point() else 0
        high = 2**digits + 1 if digits else int(jnp.iinfo(kind).max) + 1
    found = drawn("integers", self.geometry.size, self.element_type, generator, low, high)
    return rewrite(self, assigned, found)


method(random_)
for _name, _defaults in {
    "uniform": (0, 1),
    "normal": (0, 1),
    "bernoulli": (0.5,),
    "exponential": (1,),
    "cauchy": (0, 1),
    "log_normal": (1, 2),
    "geometric": (0.5,),
}.items():
    setattr(Tensor, f"{_name}_", filler(_name, *_defaults))

"""Torch's random stream: one Mersenne Twister, and what Torch7 and PyTorch each make of its words.

Both dialects draw number by number in row-major order, so a seed and an order of calls give the
numbers that Torch gives. NumPy only: nothing here is traced or compiled. What a method leaves in
float64 is computed so in Torch too, and then cast to the tensor's type.
"""

import secrets
from abc import ABC, abstractmethod
from math import pi, prod, sin, tau
from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fnn.errors import require

Shape = tuple[int, ...]

# A state's bytes are those of Torch7's `THGenerator`, which PyTorch extends by eight of its own.
# The count of keys lies in what is padding to both.
TORCH7_STATE = [
    ("seed", "<u8"),
    ("left", "<i4"),
    ("seeded", "<i4"),
    ("next", "<u8"),
    ("words", "<u8", 624),
    ("normal_x", "<f8"),
    ("normal_y", "<f8"),
    ("normal_rho", "<f8"),
    ("normal_is_valid", "<i4"),
    ("keys", "<u4"),
]
STATE = np.dtype([*TORCH7_STATE, ("float_normal", "V8")])
SIZES = (np.dtype(TORCH7_STATE).itemsize, STATE.itemsize)


class Generator(ABC):
    """A stream of 32-bit words, MT19937, and the draws on which both dialects agree."""

    def __init__(self, seed: int):
        self._bits: Any = np.random.MT19937(0)
        self.manual_seed(seed)

    def manual_seed(self, seed: int) -> Self:
        """Start again from `seed`, of which the twister takes the low 32 bits."""
        self.initial_seed = int(seed) % 2**64
        self._bits.state = np.random.RandomState(self.initial_seed % 2**32).get_state(legacy=False)
        self._normal: float | None = None
        self._keys = 0
        return self

    def seed(self) -> int:
        """Start again from a seed that nobody chose, and return it; a double holds it exactly."""
        return self.manual_seed(secrets.randbits(53)).initial_seed

    def get_state(self) -> NDArray[np.uint8]:
        """The stream's position and what is kept, in the bytes of PyTorch's own states.

        The first 5048 of the 5056 bytes are a state of Torch7.
        """
        twister = self._bits.state["state"]
        state = np.zeros(1, STATE)
        state["seed"], state["seeded"], state["keys"] = self.initial_seed, 1, self._keys
        state["words"], state["next"], state["left"] = (
            twister["key"],
            twister["pos"],
            625 - twister["pos"],
        )
        if self._normal is not None:  # PyTorch reads y; Torch7 reads rho sin(2 pi x)
            state["normal_is_valid"], state["normal_x"] = 1, 0.25
            state["normal_y"] = state["normal_rho"] = self._normal
        return state.view(np.uint8)

    def set_state(self, state: NDArray[np.uint8]) -> None:
        """Go on from a state of this class, of PyTorch or of Torch7."""
        data = np.asarray(state, np.uint8).tobytes()
        cause = "these bytes aren't a generator's state"
        require(len(data) in SIZES, "set_state", f"{len(data)} bytes", "5056 or 5048", cause)
        torch7 = len(data) == SIZES[0]
        record: Any = np.frombuffer(data.ljust(STATE.itemsize, b"\0"), STATE)[0]
        left = int(record["left"])
        require(0 < left <= 624, "set_state", f"{left} words left", "1..624", cause)
        key = record["words"].astype(np.uint32)
        self._bits.state = {"bit_generator": "MT19937", "state": {"key": key, "pos": 625 - left}}
        self.initial_seed, self._keys = int(record["seed"]), int(record["keys"])
        sine = (
            record["normal_rho"] * sin(tau * record["normal_x"]) if torch7 else record["normal_y"]
        )
        self._normal = float(sine) if record["normal_is_valid"] else None

    def __reduce__(self):
        """Copies and pickles go on independently from the same place."""
        return type(self), (self.initial_seed,), self.get_state()

    __setstate__ = set_state

    def key_data(self) -> NDArray[np.uint32]:
        """The words of the next JAX key, for `jax.random.wrap_key_data`.

        Keys are hashes of the seed and of how many were handed out since. They take nothing from
        the stream, so its numbers are Torch's however much noise compiled programs draw.
        """
        sequence = np.random.SeedSequence(self.initial_seed, spawn_key=(self._keys,))
        self._keys = (self._keys + 1) % 2**32
        return sequence.generate_state(2).astype(np.uint32)

    def words(self, shape: int | Shape) -> NDArray[np.uint64]:
        """The next 32-bit words, held in 64 bits."""
        return self._bits.random_raw(shape)

    @abstractmethod
    def unit(self, shape: Shape) -> NDArray:
        """Uniform in [0, 1), float64."""

    def integers(self, shape: Shape, low: int, high: int) -> NDArray[np.int64]:
        """Integers in low..high-1: a word's remainder."""
        cause = "the bounds are exchanged, or equal"
        require(low < high, "integers", f"low {low}, high {high}", "low < high", cause)
        return (self.words(shape) % (high - low)).astype(np.int64) + low

    def permutation(self, count: int) -> NDArray[np.int64]:
        """The numbers 0..count-1 in random order, by exchanges from the front."""
        order = list(range(count))
        places = np.arange(max(count - 1, 0), dtype=np.uint64)
        for i, j in enumerate((self.words(places.shape) % (count - places) + places).tolist()):
            order[i], order[j] = order[j], order[i]
        return np.array(order, np.int64)

    def uniform(self, shape: Shape = (), low: float = 0, high: float = 1) -> NDArray:
        """Uniform in [low, high)."""
        return self.unit(shape) * (high - low) + low

    def normal(self, shape: Shape = (), mean: float = 0, std: float = 1) -> NDArray:
        """Normal, by Box and Muller's pairs; half a pair that is left comes first next time."""
        count = prod(shape)
        kept = () if self._normal is None else (self._normal,)
        u = self.unit(((max(count - len(kept), 0) + 1) // 2, 2))
        radius, angle = np.sqrt(-2 * np.log1p(-u[:, 1])), tau * u[:, 0]
        pairs = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
        values = np.append(kept, pairs)
        self._normal = float(values[count]) if values.size > count else None
        return values[:count].reshape(shape) * std + mean

    def log_normal(self, shape: Shape = (), mean: float = 1, std: float = 2) -> NDArray:
        """The exponential of a normal with this mean and standard deviation."""
        return np.exp(Generator.normal(self, shape, mean, std))

    def exponential(self, shape: Shape = (), rate: float = 1) -> NDArray:
        """Exponential, of mean 1/rate."""
        return -1 / rate * np.log1p(-self.unit(shape))

    def cauchy(self, shape: Shape = (), median: float = 0, sigma: float = 1) -> NDArray:
        """Cauchy's distribution around `median`, `sigma` wide."""
        return median + sigma * np.tan(pi * (self.unit(shape) - 0.5))


# What Torch7's unbounded `random` divides a word by; other types take the word as it is.
RANGES = {"uint8": 2**8, "int8": 2**7, "int16": 2**15, "int32": 2**31, "float32": 2**24 + 1}


class Torch7Generator(Generator):
    """Torch7's draws: a uniform is one word over 2^32 (lib/TH/THRandom.c)."""

    def unit(self, shape: Shape) -> NDArray:
        """Uniform in [0, 1): one word each."""
        return self.words(shape) / 2**32

    def normal(self, shape: Shape = (), mean: float = 0, std: float = 1) -> NDArray:
        """Normal, by Box and Muller's pairs; `std` is above 0."""
        require_within("normal", "std", std, np.all(np.asarray(std) > 0), "above 0")
        return super().normal(shape, mean, std)

    def log_normal(self, shape: Shape = (), mean: float = 1, std: float = 2) -> NDArray:
        """The exponential of a normal with this mean and standard deviation, above 0."""
        return np.exp(self.normal(shape, mean, std))

    def random(self, shape: Shape = (), dtype: DTypeLike = np.float64) -> NDArray:
        """Whole numbers over the range that Torch7 gives to tensors of this type."""
        return (self.words(shape) % RANGES.get(np.dtype(dtype).name, 2**32)).astype(dtype)

    def bernoulli(self, shape: Shape = (), p: float | NDArray = 0.5) -> NDArray[np.bool_]:
        """True with probability p, a number or one for each element."""
        within = np.all((np.asarray(p) >= 0) & (np.asarray(p) <= 1))
        require_within("bernoulli", "p", p, within, "0 to 1")
        return self.unit(shape) <= p

    def geometric(self, shape: Shape = (), p: float = 0.5) -> NDArray[np.int64]:
        """The first success when p is the probability of failure, so the mean is 1/(1-p)."""
        require_within("geometric", "p", p, 0 < p < 1, "between 0 and 1")
        return (np.log1p(-self.unit(shape)) / np.log(p)).astype(np.int64) + 1


def require_within(draw: str, name: str, given: Any, within: Any, wanted: str) -> None:
    """Raise an error unless a parameter of a distribution is within its bounds."""
    require(bool(within), draw, f"{name} {given}", wanted, "the parameters are exchanged")


class PyTorchGenerator(Generator):
    """PyTorch's draws on the CPU, for float32 and float64 (ATen/core/DistributionsHelper.h)."""

    def unit(self, shape: Shape, dtype: DTypeLike = np.float64) -> NDArray:
        """Uniform in [0, 1): a word's low 24 bits, or the low 53 of two words."""
        if np.dtype(dtype) == np.float32:
            return (self.words(shape) % 2**24).astype(np.float32) / 2**24
        return self._wide(shape) % 2**53 / 2**53

    def _wide(self, shape: Shape) -> NDArray[np.uint64]:
        """64-bit words, the high half drawn first."""
        halves = self.words((*shape, 2))
        return halves[..., 0] << np.uint64(32) | halves[..., 1]

    def integers(self, shape: Shape, low: int, high: int) -> NDArray[np.int64]:
        """Integers in low..high-1: the remainder of a word, or of two from a range of 2^28 on."""
        if high - low < 2**28:
            return super().integers(shape, low, high)
        return (self._wide(shape) % (high - low)).astype(np.int64) + low

    def uniform(
        self, shape: Shape = (), low: float = 0, high: float = 1, dtype: DTypeLike = np.float32
    ) -> NDArray:
        """Uniform in [low, high)."""
        start, end = np.array([low, high], dtype)
        u = self.unit(shape, dtype).astype(np.float64)  # so that scaling rounds float32 but once
        return (u * (end - start) + start).astype(dtype)

    def normal(
        self, shape: Shape = (), mean: float = 0, std: float = 1, dtype: DTypeLike = np.float32
    ) -> NDArray:
        """Normal: sixteen values and more are made eight pairs at a time, in their own precision.

        What the last whole sixteen leave over is made, with what comes before it, from sixteen
        new uniforms.
        """
        count = prod(shape)
        if count < 16:
            return super().normal(shape, mean, std).astype(dtype)
        u = self.unit((count,), dtype)
        if count % 16:
            u = np.append(u[: -(count % 16)], self.unit((16,), dtype))
        u = u.reshape(-1, 2, 8)
        radius, angle = np.sqrt(-2 * np.log(1 - u[:, 0])), tau * u[:, 1]
        values = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).ravel()
        return np.append(values[: count - 16], values[-16:]).reshape(shape) * std + mean

    def bernoulli(self, shape: Shape = (), p: float | NDArray = 0.5) -> NDArray[np.bool_]:
        """True with probability p: a number, or an array, whose type decides the uniforms'."""
        return self.unit(shape, p.dtype if isinstance(p, np.ndarray) else np.float64) < p

    def geometric(self, shape: Shape = (), p: float = 0.5) -> NDArray[np.int64]:
        """The first success when p is its probability, so the mean is 1/p."""
        return np.ceil(np.log(self.unit(shape)) / np.log1p(-p)).astype(np.int64)

"""nn's noise: modules that draw in training, from Torch's stream and in Torch's order."""

from collections.abc import Callable
from typing import Any, ClassVar, Self

import jax.numpy as jnp

from fnn.dropout import dropout, white_noise
from fnn.errors import require
from fnn.gates import rrelu
from fnn.tensor.run import known, run
from fnn.torch7.passing import as_input, type_name
from fnn.torch7.tensor import Tensor
from fnn.torch7.transfer import Transfer

__all__ = ["Dropout", "RReLU", "SpatialDropout", "VolumetricDropout", "WhiteNoise"]


class Noisy(Transfer):
    """The input combined with `noise`, which is drawn anew in each forward.

    The pure layer draws from a key; so does this module in a compiled function.
    """

    combine: ClassVar[Callable] = jnp.multiply

    def __init__(self) -> None:
        self.noise = Tensor()
        super().__init__()

    @property
    def _noisy(self) -> bool:
        return self._mode

    def _find_draws(self) -> bool:
        return False  # where there is noise, it isn't the pure layer that draws it

    def clearState(self) -> Self:
        """Drop results that can be computed again, and the noise."""
        self.noise.set()
        return super().clearState()

    def _draw(self, x: Tensor) -> None:
        """Fill `noise` for an input."""
        raise NotImplementedError  # by hand, as in Shell

    def _forward(self, input: Any) -> Any:
        if not self._noisy:
            return super()._forward(input)
        self._let_go_of_network()
        x = as_input(input)
        self._draw(x)
        return self._hold_output(run(type(self).combine, x, self.noise))

    def updateGradInput(self, input: Any, gradOutput: Any) -> Any:
        """Compute `gradInput` from the noise of the last forward."""
        if not self._noisy:
            return super().updateGradInput(input, gradOutput)
        return self._hold_gradient(run(jnp.multiply, as_input(gradOutput), self._slope))

    @property
    def _slope(self) -> Any:
        """The derivative of the output by the input."""
        return self.noise


class Dropout(Noisy):
    """Zeroes elements with probability p in training, and divides the others by 1 - p."""

    function = dropout
    axes = 0  # the last ones, along which one draw serves all elements

    def __init__(
        self,
        p: float = 0.5,
        v1: bool = False,
        inplace: bool = False,
        stochasticInference: bool = False,
    ):
        self.v2, self.inplace, self.stochastic_inference = not v1, inplace, stochasticInference
        self.setp(p)
        self.train = True
        super().__init__()

    @property
    def _mode(self) -> bool:
        return bool(self.train)

    def _hyper(self) -> dict[str, Any]:
        return {"p": self.p, "shared": self.axes, "rescale": self.v2}

    @property
    def _noisy(self) -> bool:
        return self.p > 0 and (self._mode or self.stochastic_inference)

    def _draw(self, x: Tensor) -> None:
        size = x.geometry.size
        kept = len(size) - self.axes
        self.noise.resize(*size[:kept], *[1] * self.axes).bernoulli(1 - self.p)
        if self.v2:
            self.noise.div(1 - self.p)

    @property
    def _slope(self) -> Any:
        if self._mode:
            return self.noise
        return 1.0 if self.v2 else 1 - self.p  # as in the original, whatever was drawn

    def setp(self, p: float) -> None:
        """Change the probability."""
        require(
            0 <= p < 1,
            type_name(self),
            f"p = {p}",
            "a probability from 0 on, below 1",
            "a percentage, or the probability to keep an element",
        )
        self.p = p

    def __tostring__(self) -> str:
        """The probability."""
        return f"{type_name(self)}({self.p:f})"


class SpatialDropout(Dropout):
    """Dropout of whole images of features; evaluation multiplies by 1 - p instead."""

    axes = 2

    def __init__(self, p: float = 0.5, stochasticInference: bool = False):
        super().__init__(p, True, False, stochasticInference)


class VolumetricDropout(SpatialDropout):
    """Dropout of whole volumes of features."""

    axes = 3


class RReLU(Noisy):
    """x above 0, a random slope between l and u elsewhere; in use their mean."""

    function = rrelu

    def __init__(self, l: float = 1 / 8, u: float = 1 / 3, inplace: bool = False):  # noqa: E741
        require(
            0 <= l <= u,
            type_name(self),
            f"l = {l} and u = {u}",
            "0 <= l <= u",
            "the bounds are exchanged",
        )
        self.lower, self.upper, self.inplace, self.train = l, u, inplace, True
        super().__init__()

    def _hyper(self) -> dict[str, Any]:
        return {"lower": self.lower, "upper": self.upper}

    def _draw(self, x: Tensor) -> None:
        noise, below = self.noise.resizeAs(x), x.le(0)
        if known(below.storage):  # only these take from the stream
            slopes = noise.new(int(below.sum())).uniform(self.lower, self.upper)
            noise.fill(1).maskedCopy(below, slopes)
        else:
            noise.uniform(self.lower, self.upper).maskedFill(x.gt(0), 1)

    def __tostring__(self) -> str:
        """The bounds of the slope."""
        return f"{type_name(self)} (l:{self.lower:f}, u:{self.upper:f})"


class WhiteNoise(Noisy):
    """The input plus Gaussian noise in training, plus its mean in use."""

    function = white_noise
    combine = jnp.add

    def __init__(self, mean: float = 0, std: float = 0.1):
        self.mean, self.std = mean, std
        super().__init__()

    def _hyper(self) -> dict[str, Any]:
        return {"mean": self.mean, "std": self.std}

    def _draw(self, x: Tensor) -> None:
        self.noise.resizeAs(x).normal(self.mean, self.std)

    @property
    def _slope(self) -> Any:
        return 1.0

    def __tostring__(self) -> str:
        """Mean and standard deviation."""
        return f"{type_name(self)} mean: {self.mean:f}, std: {self.std:f}"

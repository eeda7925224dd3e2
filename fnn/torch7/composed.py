"""nn's chains with a name: modules that are made of others."""

from __future__ import annotations

from math import sqrt
from typing import Any

from fnn.parts import Flattened
from fnn.torch7 import nn
from fnn.torch7.containers import Sequential
from fnn.torch7.module import Module
from fnn.torch7.passing import as_input

__all__ = ["CReLU", "LayerNormalization", "Maxout", "SpatialLPPooling"]


class Chain(Sequential):
    """A chain that is printed as one."""

    @property
    def _title(self) -> str:
        return "nn.Sequential"


class Maxout(Chain):
    """The largest of `maxoutNumber` linear functions, for each output."""

    def __init__(self, inputSize: int, outputSize: int, maxoutNumber: int, preprocess: Any = None):
        super().__init__()
        self.add(nn.Linear(inputSize, outputSize * maxoutNumber))
        self.add(nn.View(maxoutNumber, outputSize).setNumInputDims(1))
        if preprocess is not None:
            self.add(preprocess)
        self.add(nn.Max(1, 2))


class LayerNormalization(Chain):
    """Each example less its mean, over its standard deviation; `affine` learns gain and bias."""

    def __init__(self, nOutput: int, bias: float = 0, eps: float = 1e-10, affine: bool = True):
        super().__init__()
        # Behind the mean of a single example there is one number, which stands for a batch of one.
        means = nn.Sequential().add(nn.Mean(1, 1)).add(nn.Replicate(nOutput, 2))
        self.add(nn.ConcatTable().add(nn.Identity()).add(means))
        self.add(nn.CSubTable()).add(nn.Normalize(2, eps)).add(nn.MulConstant(sqrt(nOutput)))
        if affine is not False:
            gain, shift = nn.CMul(nOutput), nn.Add(nOutput, False)
            gain.weight.fill(1)
            shift.bias.fill(bias)
            self.add(gain).add(shift)


class CReLU(Sequential):
    """ReLU of x and of -x, joined along the first dimension of an example's `nInputDims`.

    The modules inside work on a row for each example.
    """

    network = Flattened

    def __init__(self, nInputDims: int, inplace: bool = False):
        super().__init__()
        self.nInputDims, self.inplace = nInputDims, inplace
        self.add(nn.ConcatTable().add(nn.Identity()).add(nn.MulConstant(-1)))
        self.add(nn.JoinTable(2)).add(nn.ReLU(inplace))

    _hold_output, _hold_gradient = Module._hold_output, Module._hold_gradient

    def _hyper(self) -> dict[str, Any]:
        return {"axes": self.nInputDims}

    def _rows(self, x: Any) -> Any:
        """A tensor with a row for each example."""
        x = as_input(x).contiguous()
        return x.view(x.size(1) if x.dim() > self.nInputDims else 1, -1)

    def _through(self, input: Any) -> Any:
        sizes = list(as_input(input).size())
        sizes[-self.nInputDims] *= 2
        return super()._through(self._rows(input)).view(*sizes)

    def _back(self, method: str, input: Any, gradOutput: Any, *rest: float) -> Any:
        found = super()._back(method, self._rows(input), self._rows(gradOutput), *rest)
        return found if found is None else found.view(*as_input(input).size())

    def __tostring__(self) -> str:
        """As the original prints it."""
        return "CReLU()"


class SpatialLPPooling(Chain):
    """(sum over a window of x^p)^(1/p)."""

    def __init__(
        self,
        nInputPlane: int,
        pnorm: float,
        kW: int,
        kH: int,
        dW: int | None = None,
        dH: int | None = None,
    ):
        super().__init__()
        self.kW, self.kH = kW, kH
        self.dW, self.dH = kW if dW is None else dW, kH if dH is None else dH
        power, root = (
            (nn.Square(), nn.Sqrt()) if pnorm == 2 else (nn.Power(pnorm), nn.Power(1 / pnorm))
        )
        self.add(power).add(nn.SpatialAveragePooling(kW, kH, self.dW, self.dH))
        self.add(nn.MulConstant(kW * kH)).add(root)

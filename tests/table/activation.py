"""Rows of fnn.activation."""

from fnn import activation
from tests.table.example import Example
from tests.table.original import F, torch

WIDE = {"x": (-4, 4)}
EXAMPLES = [
    Example(activation.threshold, {"threshold": 0.2, "value": -3.0}),
    Example(activation.relu),
    Example(activation.leaky_relu),
    Example(activation.leaky_relu, {"slope": -0.3}),
    Example(activation.elu, {"alpha": 0.7}),
    Example(activation.selu),
    Example(activation.celu, {"alpha": 0.5}),
    Example(activation.gelu, ranges=WIDE),
    Example(activation.gelu, {"approximate": "tanh"}, ranges=WIDE),
    Example(activation.sigmoid, ranges=WIDE),
    Example(activation.tanh, ranges=WIDE),
    Example(activation.hard_tanh, {"low": -0.6, "high": 0.3}),
    Example(activation.relu6, ranges={"x": (-4, 10)}),
    Example(activation.hard_sigmoid, ranges=WIDE),
    Example(activation.silu, ranges=WIDE),
    Example(activation.hard_swish, ranges=WIDE),
    Example(activation.mish, ranges={"x": (-12, 12)}),
    Example(activation.softplus, ranges=WIDE),
    Example(activation.softplus, {"beta": 2.0, "threshold": 3.0}, ranges=WIDE),
    Example(activation.log_sigmoid, ranges=WIDE),
    Example(activation.softsign, ranges=WIDE),
    Example(activation.soft_shrink),
    Example(activation.hard_shrink, {"threshold": 0.2}),
    Example(activation.tanh_shrink),
    Example(activation.identity),
]


def torch_hard_sigmoid(x):
    # the float64 gradient of `F.hardsigmoid` is off by 3e-8: there 1/6 is a float32
    return F.relu6(x + 3) / 6 if x.dtype == torch.float64 else F.hardsigmoid(x)


TORCH = {
    activation.threshold: F.threshold,
    activation.relu: F.relu,
    activation.leaky_relu: lambda x, slope=0.01: F.leaky_relu(x, slope),
    activation.elu: F.elu,
    activation.selu: F.selu,
    activation.celu: F.celu,
    activation.gelu: F.gelu,
    activation.sigmoid: torch.sigmoid,
    activation.tanh: torch.tanh,
    activation.hard_tanh: lambda x, low=-1.0, high=1.0: F.hardtanh(x, low, high),
    activation.relu6: F.relu6,
    activation.hard_sigmoid: torch_hard_sigmoid,
    activation.silu: F.silu,
    activation.hard_swish: F.hardswish,
    activation.mish: F.mish,
    activation.softplus: F.softplus,
    activation.log_sigmoid: F.logsigmoid,
    activation.softsign: F.softsign,
    activation.soft_shrink: lambda x, threshold=0.5: F.softshrink(x, threshold),
    activation.hard_shrink: lambda x, threshold=0.5: F.hardshrink(x, threshold),
    activation.tanh_shrink: F.tanhshrink,
}

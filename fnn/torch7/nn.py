"""nn: modules and criterions."""

from fnn.torch7.containers import ConcatTable, Container, ParallelTable, Sequential
from fnn.torch7.convolution import SpatialConvolution, SpatialMaxPooling
from fnn.torch7.criterion import ClassNLLCriterion, Criterion, MSECriterion
from fnn.torch7.module import Module
from fnn.torch7.simple import Linear, Pure, View
from fnn.torch7.transfer import (
    ELU,
    GatedLinearUnit,
    HardShrink,
    HardTanh,
    Identity,
    LeakyReLU,
    LogSigmoid,
    LogSoftMax,
    PReLU,
    ReLU,
    ReLU6,
    RReLU,
    Sigmoid,
    SoftMax,
    SoftMin,
    SoftPlus,
    SoftShrink,
    SoftSign,
    Tanh,
    TanhShrink,
    Threshold,
)

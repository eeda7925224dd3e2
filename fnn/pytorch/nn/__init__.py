"""torch.nn: modules, layers, losses."""

from fnn.pytorch.nn import functional
from fnn.pytorch.nn.containers import *
from fnn.pytorch.nn.layers import *
from fnn.pytorch.nn.loss import *
from fnn.pytorch.nn.module import Module
from fnn.pytorch.nn.parameter import Parameter

"""PyTorch's object API: `import fnn.pytorch as torch`."""

from fnn.pytorch import autograd, backends, cuda, nn, optim, random, utils
from fnn.pytorch.functions import *

__version__ = "0.1.0"

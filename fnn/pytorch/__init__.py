"""PyTorch in Python over jax: `import fnn.pytorch as torch; from fnn.pytorch import nn, optim`."""

from fnn.pytorch import autograd, backends, cuda, indexing, nn, optim, taping, utils
from fnn.pytorch.autograd import *
from fnn.pytorch.combining import *
from fnn.pytorch.conversion import *
from fnn.pytorch.creation import *
from fnn.pytorch.dtypes import *
from fnn.pytorch.operations import *
from fnn.pytorch.parts import *
from fnn.pytorch.printing import *
from fnn.pytorch.products import *
from fnn.pytorch.random import *
from fnn.pytorch.rearranging import *
from fnn.pytorch.reductions import *
from fnn.pytorch.selection import *
from fnn.pytorch.tensor import *
from fnn.pytorch.types import *
from fnn.pytorch.views import *
from fnn.tensor.run import eager

__version__ = "2.13.0+fnn"

"""Torch7 in Python: `import fnn.torch7 as torch; from fnn.torch7 import nn, optim`."""

from fnn.tensor.run import eager
from fnn.torch7 import nn, optim
from fnn.torch7.files import *
from fnn.torch7.functions import FUNCTIONS
from fnn.torch7.table import Table

globals().update(FUNCTIONS)

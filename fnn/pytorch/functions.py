"""All that `torch` itself offers beside its submodules."""

from fnn.pytorch.autograd import *
from fnn.pytorch.combining import *
from fnn.pytorch.conversion import *
from fnn.pytorch.creation import *
from fnn.pytorch.dtypes import *
from fnn.pytorch.operations import *
from fnn.pytorch.printing import *
from fnn.pytorch.products import *
from fnn.pytorch.random import *
from fnn.pytorch.rearranging import *
from fnn.pytorch.reductions import *
from fnn.pytorch.selection import *
from fnn.pytorch.tensor import *
from fnn.pytorch.types import *
from fnn.pytorch.views import *

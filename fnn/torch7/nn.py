"""nn: modules and criterions."""

from fnn.torch7 import utils
from fnn.torch7.arithmetic import *
from fnn.torch7.containers import *
from fnn.torch7.convolution import *
from fnn.torch7.criterion import *
from fnn.torch7.deriving import *
from fnn.torch7.distances import *
from fnn.torch7.dropout import *
from fnn.torch7.linear import *
from fnn.torch7.lookup import *
from fnn.torch7.module import Module
from fnn.torch7.passing_on import *
from fnn.torch7.reshaping import *
from fnn.torch7.selection import *
from fnn.torch7.tables import *
from fnn.torch7.transfer import *

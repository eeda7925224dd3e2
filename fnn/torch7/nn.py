"""nn: modules and criterions."""

from fnn.torch7 import connections as tables
from fnn.torch7 import utils
from fnn.torch7.composed import *
from fnn.torch7.connecting import *
from fnn.torch7.containers import *
from fnn.torch7.convolution import *
from fnn.torch7.criterion import *
from fnn.torch7.decorators import *
from fnn.torch7.dropout import *
from fnn.torch7.fractional import *
from fnn.torch7.hessian import *
from fnn.torch7.jacobian import *
from fnn.torch7.module import Module
from fnn.torch7.normalization import *
from fnn.torch7.pooling import *
from fnn.torch7.resizing import *
from fnn.torch7.sides import *
from fnn.torch7.simple import *
from fnn.torch7.temporal import *
from fnn.torch7.trainer import *
from fnn.torch7.transfer import *
from fnn.torch7.unpooling import *
from fnn.torch7.watchers import *

"""nn: modules and criterions."""

from fnn.torch7.containers import *
from fnn.torch7.convolution import *
from fnn.torch7.criterion import *
from fnn.torch7.dropout import *
from fnn.torch7.from_criterion import *
from fnn.torch7.gmodule import *
from fnn.torch7.module import Module
from fnn.torch7.simple import *
from fnn.torch7.transfer import *

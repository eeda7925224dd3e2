"""Torch7 in Python: `import fnn.torch7 as torch; from fnn.torch7 import nn, nngraph, optim`."""

from fnn.tensor.run import eager
from fnn.torch7 import graph, nn, nngraph, optim
from fnn.torch7.command_line import CmdLine
from fnn.torch7.description import describe
from fnn.torch7.files import *
from fnn.torch7.functions import FUNCTIONS
from fnn.torch7.table import Table
from fnn.torch7.tester import Tester, TestSuite
from fnn.torch7.timer import Timer, tic, toc

globals().update(FUNCTIONS)

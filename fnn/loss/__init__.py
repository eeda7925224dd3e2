"""Losses: what training makes small. Inputs, then the target, then optional weights.

`reduction` is "mean", "sum", or "none" for every element's (or example's) own loss. At a kink each
loss has the gradient that it has in PyTorch; an option says so where Torch7's differs.
"""

from fnn.loss.adaptive import *
from fnn.loss.binary import *
from fnn.loss.classification import *
from fnn.loss.distribution import *
from fnn.loss.margin import *
from fnn.loss.regression import *
from fnn.loss.sequence import *
from fnn.loss.similarity import *
from fnn.loss.simplex import *

"""optim: minimise a function that gives its value and its gradient."""

from fnn.torch7.optim.checkgrad import checkgrad
from fnn.torch7.optim.confusion_matrix import ConfusionMatrix
from fnn.torch7.optim.first_order import (
    adadelta,
    adagrad,
    adam,
    adamax,
    asgd,
    nag,
    rmsprop,
    rprop,
    sgd,
)
from fnn.torch7.optim.logger import Logger
from fnn.torch7.optim.minimisers import FistaLS, cg, lbfgs, lswolfe, polyinterp
from fnn.torch7.optim.population import cmaes, de

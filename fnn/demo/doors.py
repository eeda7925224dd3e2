"""The same LeNet and the same step of training, said in each door's own words.

Each door is a function of the initial parameters that returns a `Learner`. The network is that of
"Deep Learning with Torch", with kernels padded for images of 8x8.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax

import fnn
import transforms

RATE, MOMENTUM = 0.03, 0.9

LENET = fnn.serial(
    fnn.layer(fnn.conv, 1, 6, (5, 5), padding=2),
    fnn.relu,
    fnn.layer(fnn.max_pool, window=(2, 2)),
    fnn.layer(fnn.conv, 6, 16, (5, 5), padding=2),
    fnn.relu,
    fnn.layer(fnn.max_pool, window=(2, 2)),
    fnn.flatten,
    fnn.layer(fnn.linear, 16 * 2 * 2, 120),
    fnn.relu,
    fnn.layer(fnn.linear, 120, 84),
    fnn.relu,
    fnn.layer(fnn.linear, 84, 10),
    fnn.log_softmax,
)


class Learner(NamedTuple):
    """A network in training: a step on images and labels that gives the loss, and two questions."""

    step: Callable[[Any, Any], Any]
    scores: Callable[[Any], Any]
    parameters: Callable[[], Any]


def functions(params: Any) -> Learner:
    """Pure functions: everything that changes goes in and comes out."""

    def loss(params: Any, images: Any, labels: Any) -> Any:
        return fnn.loss.nll(LENET(params, images), labels)

    descent = fnn.optim.optimiser(fnn.optim.sgd, learning_rate=RATE, momentum=MOMENTUM)
    compiled = transforms.jit(fnn.training_step(loss, descent))
    forward = transforms.jit(LENET)
    training = fnn.Training(params, {}, descent.init(params), None)

    def step(images: Any, labels: Any) -> Any:
        nonlocal training
        training, value = compiled(training, images, labels)
        return value

    return Learner(step, lambda images: forward(training.params, images), lambda: training.params)


def torch7(params: Any) -> Learner:
    """Torch7: modules with forward and backward, one flat vector of parameters, optim.sgd."""
    import fnn.torch7 as torch
    from fnn.torch7 import nn, optim

    net = nn.Sequential()
    net.add(nn.SpatialConvolution(1, 6, 5, 5, 1, 1, 2, 2))
    net.add(nn.ReLU())
    net.add(nn.SpatialMaxPooling(2, 2, 2, 2))
    net.add(nn.SpatialConvolution(6, 16, 5, 5, 1, 1, 2, 2))
    net.add(nn.ReLU())
    net.add(nn.SpatialMaxPooling(2, 2, 2, 2))
    net.add(nn.View(16 * 2 * 2))
    net.add(nn.Linear(16 * 2 * 2, 120))
    net.add(nn.ReLU())
    net.add(nn.Linear(120, 84))
    net.add(nn.ReLU())
    net.add(nn.Linear(84, 10))
    net.add(nn.LogSoftMax())
    net.load(params)
    criterion = nn.ClassNLLCriterion()
    parameters, gradParameters = net.getParameters()
    config = {"learningRate": RATE, "momentum": MOMENTUM, "dampening": 0}

    @transforms.jit
    def compiled(images: Any, labels: Any) -> Any:
        def feval(x: Any) -> Any:
            gradParameters.zero()
            output = net.forward(images)
            loss = criterion.forward(output, labels)
            net.backward(images, criterion.backward(output, labels))
            return loss, gradParameters

        _, losses = optim.sgd(feval, parameters, config)
        return losses[1]

    def step(images: Any, labels: Any) -> Any:
        return compiled(torch.fromarray(images), torch.fromarray(labels + 1))

    def scores(images: Any) -> Any:
        return net.forward(torch.fromarray(images)).array

    return Learner(step, scores, lambda: net.pure()[1])


def pytorch(params: Any) -> Learner:
    """PyTorch: modules that are called, a tape, an optimiser object."""
    import fnn.pytorch as torch
    from fnn.pytorch import nn, optim

    net = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(16 * 2 * 2, 120),
        nn.ReLU(),
        nn.Linear(120, 84),
        nn.ReLU(),
        nn.Linear(84, 10),
    )
    net.load(params)
    criterion = nn.CrossEntropyLoss()
    optimizer = optim.SGD(net.parameters(), lr=RATE, momentum=MOMENTUM)

    @transforms.jit
    def compiled(images: Any, labels: Any) -> Any:
        optimizer.zero_grad()
        loss = criterion(net(images), labels)
        loss.backward()
        optimizer.step()
        return loss

    def step(images: Any, labels: Any) -> Any:
        return compiled(torch.from_numpy(images), torch.from_numpy(labels).long())

    def scores(images: Any) -> Any:
        with torch.no_grad():
            return net(torch.from_numpy(images)).array

    return Learner(step, scores, lambda: net.pure()[1])


DOORS: dict[str, Callable[[Any], Learner]] = {
    "functions": functions,
    "torch7": torch7,
    "pytorch": pytorch,
}


def initial_parameters(seed: int) -> Any:
    """The parameters that every door starts from."""
    return LENET.init(jax.random.key(seed))

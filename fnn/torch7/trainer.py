"""nn.StochasticGradient: a trainer that takes a step after each example."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fnn.torch7.functions import randperm
from fnn.torch7.printing import number_text
from transforms.changes import Stateful

__all__ = ["StochasticGradient"]


class StochasticGradient(Stateful):
    """Trains a module by a criterion on a data set: `size()` examples `[i]`, (input, target) each.

    In pass k the learning rate is `learningRate / (1 + k learningRateDecay)`; in the first pass it
    is not divided. `maxIteration` of 0 or less means endless.
    """

    hookExample: Callable[[StochasticGradient, Any], Any] | None = None
    hookIteration: Callable[[StochasticGradient, int, float], Any] | None = None

    def __init__(self, module: Any, criterion: Any):
        self.learningRate, self.learningRateDecay = 0.01, 0.0
        self.maxIteration, self.shuffleIndices, self.verbose = 25, True, True
        self.module, self.criterion = module, criterion

    def train(self, dataset: Any) -> None:
        """Go through the data set again and again, in one order drawn at the beginning."""
        iteration, rate = 1, self.learningRate
        size = dataset.size()
        order = [int(i) for i in randperm(size).tolist()]
        if not self.shuffleIndices:
            order.sort()
        print("# StochasticGradient: training")
        while True:
            error = 0.0
            for i in order:
                example = dataset[i]
                input, target = example
                error = error + self.criterion.forward(self.module.forward(input), target)
                gradient = self.criterion.updateGradInput(self.module.output, target)
                self.module.updateGradInput(input, gradient)
                self.module.accUpdateGradParameters(input, gradient, rate)
                if self.hookExample:
                    self.hookExample(self, example)
            error = float(error) / size
            if self.hookIteration:
                self.hookIteration(self, iteration, error)
            if self.verbose:
                print(f"# current error = {number_text(error)}")
            iteration += 1
            rate = self.learningRate / (1 + iteration * self.learningRateDecay)
            if 0 < self.maxIteration < iteration:
                break
        print("# StochasticGradient: you have reached the maximum number of iterations")
        print(f"# training error = {number_text(error)}")

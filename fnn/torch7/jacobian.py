"""nn.Jacobian: derivatives by forward and backward, compared with each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fnn.torch7.functions import FUNCTIONS, rand
from fnn.torch7.tensor import Tensor, fromarray

__all__ = ["Jacobian", "SparseJacobian"]


class Jacobian:
    """Checks of gradients. A Jacobian has a row for each input and a column for each output.

    The checks draw their parameters and, but for `testIO`, their inputs from `minval` to `maxval`,
    and return the largest difference.
    """

    @staticmethod
    def _values(input: Tensor) -> Tensor:
        """The part of an input that is differentiated by."""
        return input

    @classmethod
    def backward(cls, module: Any, input: Any, param: Any = None, dparam: Any = None) -> Tensor:
        """By `updateGradInput`; of a parameter by `accGradParameters`, found in its gradient."""

        def column(gradOutput: Tensor) -> Tensor:
            module.zeroGradParameters()
            gradInput = module.updateGradInput(input, gradOutput)
            module.accGradParameters(input, gradOutput)
            return cls._values(gradInput) if param is None else dparam

        return in_columns(map(column, one_by_one(module.forward(input))))

    @classmethod
    def backwardUpdate(cls, module: Any, input: Any, param: Tensor) -> Tensor:
        """The parameter after steps of size 1 by `accUpdateGradParameters`, one for each output."""
        params = list(module.parameters()[0])
        before = [p.clone() for p in params]

        def restore() -> None:
            for p, old in zip(params, before, strict=True):
                p.copy(old)

        def column(gradOutput: Tensor) -> Tensor:
            restore()
            module.updateGradInput(input, gradOutput)
            module.accUpdateGradParameters(input, gradOutput, 1)
            return param

        found = in_columns(map(column, one_by_one(module.forward(input))))
        restore()
        return found

    @classmethod
    def forward(
        cls, module: Any, input: Any, param: Tensor | None = None, perturbation: float = 1e-6
    ) -> Tensor:
        """By central differences of outputs."""
        changed = cls._values(input) if param is None or param is input else param
        values = np.array(changed)

        def output(place: int, step: float) -> NDArray:
            moved = values.copy()
            moved.reshape(-1)[place] += step
            changed.copy(fromarray(moved))
            return np.array(module.forward(input)).reshape(-1)

        rows = [
            (output(i, perturbation) - output(i, -perturbation)) / (2 * perturbation)
            for i in range(values.size)
        ]
        changed.copy(fromarray(values))
        return Tensor(np.stack(rows))

    @classmethod
    def forwardUpdate(
        cls, module: Any, input: Any, param: Tensor, perturbation: float = 1e-6
    ) -> Tensor:
        """The parameter after steps of size 1, by central differences."""
        slopes = np.asarray(cls.forward(module, input, param, perturbation))
        return Tensor(np.asarray(param).reshape(-1, 1) - slopes)

    @classmethod
    def testJacobian(
        cls,
        module: Any,
        input: Any,
        minval: float = -2,
        maxval: float = 2,
        perturbation: float = 1e-6,
    ) -> float:
        """Check the gradient by the input."""
        shake(cls._values(input), minval, maxval)
        return difference(
            cls.forward(module, input, input, perturbation), cls.backward(module, input)
        )

    @classmethod
    def testJacobianParameters(
        cls,
        module: Any,
        input: Any,
        param: Tensor,
        dparam: Tensor,
        minval: float = -2,
        maxval: float = 2,
        perturbation: float = 1e-6,
    ) -> float:
        """Check the gradient `dparam` by a parameter."""
        shake(cls._values(input), minval, maxval)
        shake(param, minval, maxval)
        by_backward = cls.backward(module, input, param, dparam)
        return difference(cls.forward(module, input, param, perturbation), by_backward)

    @classmethod
    def testJacobianUpdateParameters(
        cls,
        module: Any,
        input: Any,
        param: Tensor,
        minval: float = -2,
        maxval: float = 2,
        perturbation: float = 1e-6,
    ) -> float:
        """Check the step that `accUpdateGradParameters` takes."""
        shake(cls._values(input), minval, maxval)
        shake(param, minval, maxval)
        by_backward = cls.backwardUpdate(module, input, param)
        return difference(cls.forwardUpdate(module, input, param, perturbation), by_backward)

    @classmethod
    def testIO(
        cls, module: Any, input: Any, minval: float = -2, maxval: float = 2
    ) -> tuple[float, float]:
        """Check that a module which was saved and loaded gives the same outputs and gradients."""
        from fnn.torch7.files import deserialize, serialize  # which need all modules

        gradOutput = shake(module.forward(input).clone(), minval, maxval)

        def results(module: Any) -> list[Tensor]:
            output = module.forward(input)
            module.zeroGradParameters()
            module.updateGradInput(input, gradOutput)
            module.accGradParameters(input, gradOutput)
            return [output.clone(), module.gradInput.clone()]

        before = results(module)
        after = results(deserialize(serialize(module.clearState())))
        output, gradInput = map(difference, before, after)
        return output, gradInput

    @classmethod
    def testAllUpdate(
        cls, module: Any, input: Any, weight: str, gradWeight: str
    ) -> dict[str, float]:
        """Compare the ways to take a step, with shared parameters and without."""
        rate = FUNCTIONS["uniform"](0.1, 1)
        start = getattr(module, weight).clone()
        gradOutput = rand(*module.clone().forward(input).size())

        def stepped(count: int, step: Callable[[list[Any]], Any]) -> list[Any]:
            """Clones that share their weight, after forward, backward and a step."""
            first = module.clone()
            clones = [first, *(module.clone().share(first, weight) for _ in range(count - 1))]
            for clone in clones:
                clone.forward(input)
                clone.zeroGradParameters()
                clone.updateGradInput(input, gradOutput)
            step(clones)
            return clones

        def by_gradients(clones: list[Any]) -> None:
            for clone in clones:
                clone.accGradParameters(input, gradOutput)
            for clone in clones:
                clone.updateParameters(rate)

        def at_once(clones: list[Any]) -> None:
            for clone in clones:
                clone.accUpdateGradParameters(input, gradOutput, rate)

        (single,) = stepped(1, by_gradients)
        step = np.asarray(getattr(single, gradWeight)) * rate

        def error(count: int, clones: list[Any]) -> float:
            wanted = np.asarray(start) - count * step
            return float(
                sum(np.linalg.norm(wanted - np.asarray(getattr(m, weight))) for m in clones)
            )

        return {
            "accGradParameters": error(1, [single]),
            "accUpdateGradParameters": error(1, stepped(1, at_once)),
            "accGradParameters [shared]": error(2, stepped(2, by_gradients)),
            "accUpdateGradParameters [shared]": error(2, stepped(2, at_once)),
        }

    @classmethod
    def testDiagHessian(
        cls,
        module: Any,
        input: Any,
        gradParamName: str,
        diagHessianParamName: str,
        minval: float = -2,
        maxval: float = 2,
    ) -> float:
        """Check the diagonal Hessian of half the sum of squared outputs, for a linear module."""
        shake(cls._values(input), minval, maxval)
        module.initDiagHessianParameters()
        ones = module.forward(input).clone().fill(1)
        for name in ("diagHessianWeight", "diagHessianBias"):
            if getattr(module, name, None) is not None:
                getattr(module, name).zero()
        module.updateDiagHessianInput(input, ones)
        module.accDiagHessianParameters(input, ones)

        def slopes(gradOutput: Tensor) -> NDArray:
            module.zeroGradParameters()
            module.updateGradInput(input, gradOutput)
            module.accGradParameters(input, gradOutput)
            return np.array(getattr(module, gradParamName))

        wanted = sum(slopes(single) ** 2 for single in one_by_one(ones))
        return difference(getattr(module, diagHessianParamName), wanted)

    @classmethod
    def testDiagHessianInput(cls, module: Any, input: Any, *bounds: float) -> float:
        """Check the diagonal by the input."""
        return cls.testDiagHessian(module, input, "gradInput", "diagHessianInput", *bounds)

    @classmethod
    def testDiagHessianWeight(cls, module: Any, input: Any, *bounds: float) -> float:
        """Check the diagonal by the weight."""
        return cls.testDiagHessian(module, input, "gradWeight", "diagHessianWeight", *bounds)

    @classmethod
    def testDiagHessianBias(cls, module: Any, input: Any, *bounds: float) -> float:
        """Check the diagonal by the bias."""
        return cls.testDiagHessian(module, input, "gradBias", "diagHessianBias", *bounds)


class SparseJacobian(Jacobian):
    """The same for modules whose input has an index and a value in each row."""

    @staticmethod
    def _values(input: Tensor) -> Tensor:
        return input.select(2, 2)


def one_by_one(output: Tensor) -> Iterator[Tensor]:
    """Gradients of an output, each with a single 1."""
    for i in range(output.nElement()):
        single = np.zeros(output.nElement())
        single[i] = 1
        yield output.new().resizeAs(output).copy(fromarray(single))


def in_columns(gradients: Iterator[Tensor]) -> Tensor:
    """A matrix with these in its columns."""
    return Tensor(np.stack([np.array(g).reshape(-1) for g in gradients], 1))


def shake(x: Tensor, low: float, high: float) -> Tensor:
    """Uniform numbers in a tensor."""
    return x.copy(rand(x.nElement()).mul(high - low).add(low))


def difference(a: Any, b: Any) -> float:
    """The largest difference of two tensors; there is none between empty ones."""
    return float(np.abs(np.asarray(a) - np.asarray(b)).max(initial=0))

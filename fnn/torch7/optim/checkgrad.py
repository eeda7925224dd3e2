"""optim.checkgrad: whether a gradient is right."""

from collections.abc import Callable

from fnn.torch7.optim.objective import number, pair
from fnn.torch7.tensor import Tensor


def checkgrad(opfunc: Callable, x: Tensor, eps: float = 1e-7) -> tuple[float, Tensor, Tensor]:
    """How far a gradient is from central differences, both of them, and what was measured.

    |g - m| / |g + m|, where m[i] is (f(x + eps e_i) - f(x - eps e_i)) / (2 eps). For a gradient
    along random directions, which is one evaluation instead of n, see `transforms.check_gradient`.
    """
    _, given = pair(opfunc(x))
    given = given.clone().resize(x.size())  # opfunc may fill the same tensor again
    measured = given.clone()
    places, slopes = x.view(-1), measured.view(-1)
    for i in range(1, x.nElement() + 1):
        here = places[i]
        values = []
        for there in (here + eps, here - eps):
            places[i] = there
            values.append(number(opfunc(x)[0]))
        places[i] = here
        slopes[i] = (values[0] - values[1]) / (2 * eps)
    return (given - measured).norm() / (given + measured).norm(), given, measured

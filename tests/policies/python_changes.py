"""Settings of plain Python that may change between calls: a function that reads one, and a change.

Each case makes the function, which takes a vector, and the function that changes the setting.
"""

import collections
import functools
import math
import types
from dataclasses import dataclass

import numpy as np

import fnn.pytorch as torch
import fnn.torch7 as torch7
from fnn.pytorch import nn

SETTINGS = types.ModuleType("settings")
RATE = 2.0


def closure_variable():
    rate = 2.0

    def change():
        nonlocal rate
        rate = 3.0

    return lambda x: x * rate, change


def global_variable():
    global RATE
    RATE = 2.0

    def change():
        global RATE
        RATE = 3.0

    return lambda x: x * RATE, change


def global_of_a_module():
    SETTINGS.rate = 2.0
    return lambda x: x * SETTINGS.rate, lambda: setattr(SETTINGS, "rate", 3.0)


def global_of_a_called_function():
    def helper(x):
        return x * RATE

    _, change = global_variable()
    return lambda x: helper(x) + 1, change


def default_argument():
    def f(x, rate=2.0):
        return x * rate

    return f, lambda: setattr(f, "__defaults__", (3.0,))


def default_of_a_called_function():
    def helper(x, *, rate=2.0):
        return x * rate

    return lambda x: helper(x), lambda: setattr(helper, "__kwdefaults__", {"rate": 3.0})


def called_function_is_replaced():
    def helper(x):
        return x * 2

    def change():
        nonlocal helper
        helper = torch.exp

    return lambda x: helper(x), change


def argument():
    rate = [2]

    def f(x):
        return inner(x, flag=rate[0] > 2)

    def inner(x, *, flag):
        return x + 1 if flag else x

    return f, lambda: rate.__setitem__(0, 3)


class Plain:
    """An object without any connection to tensors."""

    __slots__ = ("__dict__", "slot")

    def __init__(self):
        self.rate = self.slot = 2.0
        self.inner = {"rates": [1.0, (2.0, 3.0)]}

    def scale(self, x):
        return x * self.rate

    @property
    def double(self):
        return self.rate * 2


def holder(read, write):
    """A setting in a plain object; in a module; in a list in a dict."""

    def make():
        x = Plain()
        return lambda y: y * read(x), lambda: write(x)

    return make


def attribute_of_a_plain_class():
    class Shared:
        rate = 2.0

    x = Shared()
    return lambda y: y * x.rate, lambda: setattr(Shared, "rate", 3.0)


def bound_method():
    x = Plain()
    return x.scale, lambda: setattr(x, "rate", 3.0)


def method_of_a_class():
    class Module(nn.Module):
        def forward(self, x):
            return x * 2

    net = Module()
    return net, lambda: setattr(Module, "forward", lambda self, x: x * 3)


def attribute_of_a_class():
    class Module(nn.Module):
        rate = 2.0

        def forward(self, x):
            return x * self.rate

    net = Module()
    return lambda x: net(x), lambda: setattr(Module, "rate", 3.0)


def attribute_of_a_module():
    class Module(nn.Module):
        def __init__(self):
            super().__init__()
            self.rate = 2.0

        def forward(self, x):
            return x * self.rate

    net = nn.Sequential(nn.Identity(), Module())
    return net, lambda: setattr(net[1], "rate", 3.0)


@dataclass
class Record:
    rate: float = 2.0


def holding(container, write, read=lambda c: c[0]):
    """A setting in a container that is closed over."""

    def make():
        held = container()
        return lambda x: x * read(held), lambda: write(held)

    return make


def partial():
    options = {"rate": 2.0}
    f = functools.partial(lambda x, options: x * options["rate"], options=options)
    return f, lambda: options.update(rate=3.0)


def array_of_numpy():
    rates = np.array([2.0, 3.0])
    return lambda x: x * float(rates[0]), lambda: rates.__setitem__(0, 5)


def mode_without_gradients():
    w = torch.ones(3).requires_grad_()
    mode = [torch.no_grad, torch.enable_grad]

    def f(x):
        with mode[0]():
            return x * (2 if (x * w).requires_grad else 1)

    return f, mode.reverse


def mode_of_the_thread():
    w = torch.ones(3).requires_grad_()

    def f(x):
        return x * (2 if (x * w).requires_grad else 1)

    return f, lambda: torch.set_grad_enabled(False)


def default_type():
    return lambda x: torch.ones(3), lambda: torch.set_default_dtype(torch.float32)


def default_type_of_torch7():
    def f(x):
        return torch7.Tensor(2).fill(1)

    return f, lambda: torch7.setdefaulttensortype("torch.FloatTensor")


FUNCTIONS = (
    closure_variable,
    global_variable,
    global_of_a_module,
    global_of_a_called_function,
    default_argument,
    default_of_a_called_function,
    called_function_is_replaced,
    argument,
    attribute_of_a_plain_class,
    bound_method,
    method_of_a_class,
    attribute_of_a_class,
    attribute_of_a_module,
    partial,
    array_of_numpy,
    mode_without_gradients,
    mode_of_the_thread,
    default_type,
    default_type_of_torch7,
)
CASES = {f.__name__: f for f in FUNCTIONS} | {
    "attribute": holder(lambda x: x.rate, lambda x: setattr(x, "rate", 3.0)),
    "slot": holder(lambda x: x.slot, lambda x: setattr(x, "slot", 3.0)),
    "property": holder(lambda x: x.double, lambda x: setattr(x, "rate", 3.0)),
    "new attribute": holder(lambda x: getattr(x, "new", 2.0), lambda x: setattr(x, "new", 3.0)),
    "attribute is gone": holder(lambda x: vars(x).get("rate", 5), lambda x: delattr(x, "rate")),
    "tuple in a list in a dict": holder(
        lambda x: x.inner["rates"][1][0], lambda x: x.inner["rates"].__setitem__(1, (4.0, 3.0))
    ),
    "list": holding(lambda: [2.0], lambda c: c.__setitem__(0, 3.0)),
    "longer list": holding(lambda: [2.0], lambda c: c.append(3.0), read=len),
    "dict": holding(lambda: {"a": 2.0}, lambda c: c.update(b=3.0), read=len),
    "set": holding(lambda: {2.0}, lambda c: c.add(3.0), read=max),
    "deque": holding(lambda: collections.deque([2.0]), lambda c: c.appendleft(3.0)),
    "default dict": holding(
        lambda: collections.defaultdict(lambda: 2.0), lambda c: c.update({0: 3.0})
    ),
    "namespace": holding(
        lambda: types.SimpleNamespace(rate=2.0), lambda c: setattr(c, "rate", 3.0), lambda c: c.rate
    ),
    "record": holding(Record, lambda c: setattr(c, "rate", 3.0), lambda c: c.rate),
    "whole number for a float": holding(
        lambda: [2.0], lambda c: c.__setitem__(0, 2), lambda c: 5 if type(c[0]) is int else 3
    ),
    "truth for a whole number": holding(
        lambda: [1], lambda c: c.__setitem__(0, True), lambda c: 5 if c[0] is True else 3
    ),
    "signed zero": holding(
        lambda: [0.0], lambda c: c.__setitem__(0, -0.0), lambda c: math.copysign(1, c[0])
    ),
    "type": holding(
        lambda: [torch.int64],
        lambda c: c.__setitem__(0, torch.int32),
        lambda c: 5 if c[0] is torch.int64 else 3,
    ),
}

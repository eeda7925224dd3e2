"""Settings of networks and optimisers that may change between calls, as in `python_changes`."""

import fnn.pytorch as torch
import fnn.torch7 as torch7
from fnn.pytorch import nn, optim
from fnn.torch7 import nn as nn7
from fnn.torch7 import optim as optim7
from tests.policies.python_changes import Plain
from tests.policies.torch7_training import noise


def net():
    return nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 3))


def changed(make, change):
    """A network that is called, and changed."""

    def case():
        torch.manual_seed(1)
        torch7.manualSeed(1)
        found = make()
        dialect = torch7 if isinstance(found, nn7.Module) else torch
        x = dialect.linspace(-1, 1, 3)
        return lambda _: found.forward(x) + 0, lambda: change(found)

    return case


def dropout():
    return nn.Sequential(nn.Dropout(0.0), nn.Dropout(0.0))


def net7():
    return nn7.Sequential().add(nn7.Linear(3, 3)).add(noise(0.1, 0.1)).add(nn7.Tanh())


def pytorch_step(prepare, change):
    """What a step of training makes of the parameters."""

    def case():
        torch.manual_seed(1)
        found = net()
        optimizer = optim.SGD(found.parameters(), lr=0.1, momentum=0.5)
        prepare(found, optimizer)

        def f(x):
            optimizer.zero_grad()
            (found(x) ** 2).sum().backward()
            optimizer.step()
            return [p.detach().clone() for p in found.parameters()]

        return f, lambda: change(found, optimizer)

    return case


def torch7_step(change):
    def case():
        torch7.manualSeed(1)
        found, config = nn7.Linear(3, 3), {"learningRate": 0.1}
        params, grads = found.getParameters()
        y = torch7.ones(3)

        def feval(_):
            grads.zero()
            loss = found.forward(y).sum()
            found.backward(y, torch7.ones(3))
            return loss, grads

        def f(x):
            optim7.sgd(feval, params, config)
            return params.clone()

        return f, lambda: change(found, config)

    return case


def tensor_attribute(make):
    """A tensor that an object holds is another one, of another shape or type perhaps."""

    def case():
        x = Plain()
        x.tensor = torch.ones(3)
        return lambda y: [y * x.tensor, x.tensor], lambda: setattr(x, "tensor", make())

    return case


def new(*shape):
    return nn.Parameter(torch.ones(*shape))


CASES = {
    "probability": changed(dropout, lambda n: setattr(n[0], "p", 1.0)),
    "training": changed(
        lambda: nn.Sequential(nn.Dropout(1.0), nn.Dropout(0.0)), lambda n: n.eval()
    ),
    "training of a child": changed(
        lambda: nn.Sequential(nn.Dropout(1.0), nn.Dropout(0.0)), lambda n: n[0].eval()
    ),
    "module is added": changed(net, lambda n: n.append(nn.Linear(3, 3))),
    "module is replaced": changed(net, lambda n: setattr(n, "1", nn.ReLU())),
    "module is replaced by its like": changed(net, lambda n: setattr(n, "2", nn.Linear(3, 3))),
    "parameter is replaced": changed(net, lambda n: setattr(n[0], "weight", new(3, 3))),
    "parameter has another size": changed(
        lambda: nn.Linear(3, 2),
        lambda n: (setattr(n, "weight", new(1, 3)), setattr(n, "bias", new(1))),
    ),
    "parameter is shared": changed(net, lambda n: setattr(n[0], "weight", n[2].weight)),
    "bias is gone": changed(net, lambda n: setattr(n[0], "bias", None)),
    "data is assigned": changed(net, lambda n: setattr(n[0].weight, "data", torch.ones(3, 3))),
    "data is a view": changed(
        net, lambda n: setattr(n[0].weight, "data", torch.arange(9.0).reshape(3, 3).t())
    ),
    "module of torch7 is added": changed(net7, lambda n: n.add(nn7.Sigmoid())),
    "module of torch7 is replaced": changed(
        net7, lambda n: n.modules.__setitem__(1, nn7.Linear(3, 3))
    ),
    "module of torch7 is inserted": changed(net7, lambda n: n.modules.insert(1, nn7.Sigmoid())),
    "training in torch7": changed(
        lambda: nn7.Sequential().add(noise(0.0, 1.0)), lambda n: n.get(1).evaluate()
    ),
    "weight of torch7 is assigned": changed(
        net7, lambda n: setattr(n.get(1), "weight", torch7.ones(3, 3))
    ),
    "weight of torch7 is set": changed(net7, lambda n: n.get(1).weight.set(torch7.ones(3, 3).t())),
    "parameters of torch7 are flattened": changed(net7, lambda n: n.getParameters()[0].mul(2)),
    "rate": pytorch_step(lambda n, o: None, lambda n, o: o.param_groups[0].update(lr=0.0)),
    "momentum": pytorch_step(
        lambda n, o: None, lambda n, o: o.param_groups[0].update(momentum=0.0, nesterov=False)
    ),
    "weight decay": pytorch_step(
        lambda n, o: None, lambda n, o: o.param_groups[0].update(weight_decay=0.5)
    ),
    "maximize": pytorch_step(
        lambda n, o: None, lambda n, o: o.param_groups[0].update(maximize=True)
    ),
    "group is smaller": pytorch_step(
        lambda n, o: None, lambda n, o: o.param_groups[0]["params"].pop()
    ),
    "group is added": pytorch_step(
        lambda n, o: o.param_groups[0]["params"].pop(),
        lambda n, o: o.add_param_group({"params": [n[2].bias], "lr": 1.0}),
    ),
    "frozen": pytorch_step(lambda n, o: None, lambda n, o: n[0].requires_grad_(False)),
    "thawed": pytorch_step(
        lambda n, o: n[0].requires_grad_(False), lambda n, o: n[0].requires_grad_(True)
    ),
    "state is gone": pytorch_step(lambda n, o: None, lambda n, o: o.state.clear()),
    "configuration": torch7_step(lambda n, c: c.update(learningRate=0.5)),
    "configuration of momentum": torch7_step(lambda n, c: c.update(momentum=0.5, dampening=0)),
    "configuration of rates": torch7_step(
        lambda n, c: c.update(learningRates=torch7.ones(12).mul(2))
    ),
    "tensor": tensor_attribute(lambda: torch.ones(3) * 2),
    "tensor of another shape": tensor_attribute(lambda: torch.ones(2, 3)),
    "tensor of another type": tensor_attribute(lambda: torch.ones(3, dtype=torch.float32)),
    "tensor of whole numbers": tensor_attribute(lambda: torch.ones(3, dtype=torch.int64)),
    "tensor that is a view": tensor_attribute(lambda: torch.arange(6.0)[::2]),
    "tensor that is a number": tensor_attribute(lambda: 2.0),
}
